class Raises:
    def __repr__(self):
        raise ValueError("no")


class Dots:
    def __repr__(self):
        return ".."


class Plain:
    pass


class Endless:
    def __repr__(self):
        while True:
            pass


def show(raises, dots, plain, endless):
    inside = [dots, plain]
    return inside


show(Raises(), Dots(), Plain(), Endless())
