def fails():
    try:
        {}["key"]
    except KeyError:
        raise


def passes_on():
    try:
        fails()
    except KeyError as error:
        raise error


try:
    passes_on()
except LookupError:
    pass
