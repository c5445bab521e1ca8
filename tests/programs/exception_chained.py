def load():
    try:
        [][0]
    except IndexError as cause:
        raise ValueError("empty") from cause


try:
    load()
except ValueError as error:
    why = error.__cause__
    error.__suppress_context__
