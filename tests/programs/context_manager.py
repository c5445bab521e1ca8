class Opened:
    def __enter__(self):
        return 1

    def __exit__(self, kind, error, traceback):
        return kind is KeyError


def use():
    with Opened() as one, Opened():
        return one


use()
with Opened() as outside:
    raise KeyError("swallowed")
after = True
