def explicit():
    try:
        [][0]
    except IndexError as cause:
        raise ValueError("empty") from cause


def implicit():
    try:
        explicit()
    except ValueError:
        {}["key"]
    finally:
        cleaned = True


try:
    implicit()
except KeyError as error:
    context = error.__context__
    cause = context.__cause__
