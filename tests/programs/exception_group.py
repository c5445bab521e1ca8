# needs 3.11
def check():
    try:
        raise ExceptionGroup("two", [ValueError(1), KeyError(2)])
    except* ValueError as values:
        first = values
    except* KeyError:
        second = True


check()
