# Still suspended at the end: its activation is never left.
def numbers():
    yield 1
    yield 2


held = numbers()
next(held)
