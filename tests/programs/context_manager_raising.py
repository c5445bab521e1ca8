class Opened:
    def __enter__(self):
        pass

    def __exit__(self, *what):
        pass


def use():
    with Opened():
        raise ValueError("goes through")


try:
    use()
except ValueError:
    pass
