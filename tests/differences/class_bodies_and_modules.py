#: traced = module
# The locals of a module and of a class body are a dict, which a metaclass may have made.
import types


class Recording(dict):
    def __setitem__(self, key, value):
        dict.__setitem__(self, key, value)

    def items(self):
        raise ValueError


class Meta(type):
    def __prepare__(name, bases):
        return Recording(given=1)

    def __repr__(cls):
        return "class"


class Made(metaclass=Meta):
    a = [n for n in "ab" if [m for m in "c"]]
    b = {n: [n] for n in range(2)}
    __hidden__ = 1
    del a
    for a in range(2):
        __private = a


n = 5
x = [n for n in "ab" if [m for m in "c"]]
y = [[n, m] for m in range(2) for n in {k for k in "d"}]
globals()["odd name"] = 1
globals()[7] = 8


def main():
    global n, late
    del n
    late = [Made]
    space = types.MappingProxyType({"q": 1})
    exec("q = 2\nz = [q for r in range(2)]\ndel q", {"__name__": "inner"}, {"q": 0})
    Made.__qualname__ = "Renamed"
    return eval("[late for n in (1, 2)]")
