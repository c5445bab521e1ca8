class Raises:
    def __repr__(self):
        raise ValueError("no")


class Dots:
    def __repr__(self):
        return ".."


class Plain:
    pass


def show(raises, dots, plain):
    inside = [dots, plain]
    return inside


show(Raises(), Dots(), Plain())
