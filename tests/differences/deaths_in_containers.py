# What a container lets go dies then and there: a tracer that remembers items must not keep them.
import weakref


class Mortal:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        gone = self.name
        print("died", gone)


class Shown(Mortal):
    def __repr__(self):
        return f"Shown({self.name})"


def gives():
    try:
        yield 1
    finally:
        print("closed")


def main():
    held = [Mortal("a"), [Shown("b")], (Shown("c"), 1), {"d": Mortal("d")}, gives()]
    ref = weakref.ref(held[1][0], lambda ref: print("callback"))
    next(held[4])
    held[0] = 0
    print(1)
    held[1][0] = 1
    print(2, ref() is None)
    held[2] = ()
    print(3)
    held[3].clear()
    print(4)
    held.pop()
    print(5)
    held[:] = [[Shown("e")]]
    held[0] = [Shown("f")]
    print(6)
    Mortal("temporary")
    held.append({Shown("g"): Mortal("h")})
    del held[1]
    return None
