def inner(n):
    got = yield n
    return got


def outer():
    first = yield from inner(1)
    # What is yielded here is None: a return of None that nobody unwound.
    second = yield from [None]
    return second


stream = outer()
next(stream)
stream.send("sent")
next(stream, None)
