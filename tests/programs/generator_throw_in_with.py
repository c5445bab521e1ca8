class Opened:
    def __enter__(self):
        pass

    def __exit__(self, *what):
        pass


def held():
    with Opened():
        # The `with` raises anew what is thrown in here: an unwinding that stands on a `yield`.
        yield


def delegated():
    with Opened(): yield from held()


for make in held, delegated:
    stream = make()
    next(stream)
    try:
        stream.throw(KeyError("k"))
    except KeyError:
        pass
stream = delegated()
next(stream)
stream.close()
