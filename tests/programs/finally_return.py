def swallow():
    # The return in `finally` swallows the exception: a return of None is no unwinding here.
    try:
        raise ValueError("gone")
    finally:
        return


def override():
    try:
        return 1
    finally:
        return 2


swallow()
override()
