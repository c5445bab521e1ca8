def inner():
    try:
        yield 1
    except KeyError:
        yield 2


def outer():
    yield from inner()


stream = outer()
next(stream)
stream.throw(KeyError("k"))
try:
    stream.throw(OSError("o"))
except OSError:
    pass
