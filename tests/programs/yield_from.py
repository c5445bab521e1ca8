def inner(n):
    got = yield n
    return got


def outer():
    first = yield from inner(1)
    second = yield from [first]
    return second


stream = outer()
next(stream)
stream.send("sent")
next(stream, None)
