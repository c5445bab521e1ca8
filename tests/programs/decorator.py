def logged(function):
    def wrapper(*args):
        result = function(*args)
        return result

    return wrapper


def named(cls):
    cls.name = cls.__name__.lower()
    return cls


@logged
def add(a, b):
    return a + b


@named
class Thing:
    size = 1


add(1, 2)
