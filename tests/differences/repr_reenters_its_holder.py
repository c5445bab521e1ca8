# CPython's own guard against cycles knows only containers whose repr CPython began.
import collections
import types


class Holds:
    def __init__(self, holder):
        self.holder = holder

    def __repr__(self):
        return f"H({self.holder!r})"


def main():
    a = [1]
    a.append(Holds(a))
    b = {"b": collections.deque([a])}
    a.append(b)
    c = types.SimpleNamespace(a=a, b=b)
    a.append(collections.OrderedDict(c=c))
    d = ([a], (b,), {"d": Holds(b)})
    a.append(d)
    c.d = d
    del a[1]
    a[:] = [d]
    b["b"] = Holds(c)
    return c
