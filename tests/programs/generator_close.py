def numbers():
    try:
        yield 1
        yield 2
    finally:
        done = True


def plain():
    yield 1


held = numbers()
next(held)
held.close()
simple = plain()
next(simple)
simple.close()
