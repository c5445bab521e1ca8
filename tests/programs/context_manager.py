class Opened:
    def __enter__(self):
        return 1

    def __exit__(self, kind, error, traceback):
        return kind is KeyError


def use(fail):
    with Opened() as one, Opened():
        if fail:
            raise ValueError("goes through")
        return one


use(False)
with Opened() as outside:
    raise KeyError("swallowed")
try:
    use(True)
except ValueError:
    pass
