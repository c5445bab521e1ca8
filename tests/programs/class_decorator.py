def named(cls):
    cls.name = cls.__name__.lower()
    return cls


class Once:
    def __init__(self, function):
        self.function = function

    def __call__(self):
        return self.function()


@named
class Thing:
    size = 1


@Once
def answer():
    return 42


answer()
