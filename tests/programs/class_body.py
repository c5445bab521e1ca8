class Shape:
    """Docstring."""

    sides = 0
    names = [n for n in "ab"]

    class Corner:
        angle = 90

    def area(self):
        return 0

    _private = __hidden = sides
    del sides


Shape()
