"""Comprehensions that share a name in the body of a module, class or function: a cell in one, a value in the other."""

import sys

lst = range(3)
x = -1
funcs = [lambda: x for x in lst]
inc = [x + 1 for x in lst]
nested = [[x for x in range(y)] for y in inc]
print([f() for f in funcs], inc, nested, x)


class Body:
    x = 10
    funcs = [lambda: x for x in [1, 2]]
    inc = [x for x in [3, 4]]
    names = sorted(name for name in locals() if name[0] != "_")


def function():
    def inner():
        return k

    k = 1
    first = [k for k in [5]]
    made = [lambda: k for k in [6, 7]]
    return inner(), first, [f() for f in made], k


class Mocked:
    @property
    def __class__(self):
        return super().__class__ and int

    def method(self):
        return __class__.__name__


print([f() for f in Body.funcs], Body.inc, Body.names, Body.x)
print(function())
print(isinstance(Mocked(), int), Mocked().method())
print([name for name in sorted(globals()) if name[0] != "_"])
