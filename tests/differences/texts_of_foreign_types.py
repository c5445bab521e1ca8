# Subclasses of builtins show by their own repr, or by the one they inherit.
import collections
import dataclasses
import enum


class Int(int):
    pass


class Str(str):
    def __repr__(self):
        return str.__repr__(self) + "!"


class List(list):
    pass


class Dict(dict):
    def __repr__(self):
        return "D" + dict.__repr__(self)


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Data:
    x: object
    y: list = dataclasses.field(default_factory=list)


Point = collections.namedtuple("Point", "x y")


def main():
    data = Data(1)
    data.y.append(data)
    items = List([Int(1), Str("a"), data])
    items.append(items)
    table = Dict({Str("k"): items, Colour.RED: Point(1, items)})
    items[0] = Int(2)
    table["d"] = collections.defaultdict(list, {1: items})
    table["q"] = collections.deque([table], 2)
    table["c"] = collections.Counter("aab")
    table["c"]["b"] = 5
    data.x = Point(data, Str(".."))
    items.extra = 1
    del items[1:]
    return [Str(".."), Int(), List(), Dict()]
