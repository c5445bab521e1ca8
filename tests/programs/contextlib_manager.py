from contextlib import contextmanager


@contextmanager
def opened(name):
    handle = name.upper()
    try:
        yield handle
    finally:
        handle = None


with opened("a") as got:
    used = got
try:
    with opened("b"):
        raise KeyError
except KeyError:
    pass
