def add(a, b):
    total = a + b
    return total


def nothing():
    pass


add(1, 2)
nothing()
