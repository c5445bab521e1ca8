#: policy = fields
# Attributes, slots, subclasses of builtins; cycles; a __dict__ that lies or holds odd keys.
class Base:
    __slots__ = ("low", "unset", "__private")

    def __init__(self):
        self.low = [self]
        self.__private = 1


class Both(Base):
    more = 1

    @property
    def value(self):
        raise ValueError


class Lies:
    __slots__ = ("a",)

    @property
    def __dict__(self):
        return {"lie": 1}

    @property
    def __class__(self):
        return int


class Items(list):
    def __iter__(self):
        raise ValueError

    def __len__(self):
        raise ValueError


class Number(int):
    pass


class Name(str):
    pass


class Error(Exception):
    def __init__(self, *args):
        self.code = args


class Keys(dict):
    pass


def main():
    both = Both()
    both.late = {"both": both}
    both.__dict__.update({1: 2, "__hidden": 3, Name("odd"): 4, "x y": 5})
    both.__dict__ = Keys(new=both)
    lies = Lies()
    lies.a = lies
    items = Items([1, both])
    items.extra = items
    number = Number(10**4300)
    number.unit = Name("m")
    error = Error("a", items)
    plain = [Error(), Base, Lies, object(), 1j, range(3), b"x", bytearray(b"y"), slice(1), {1}.__iter__]
    try:
        raise error
    except Error as caught:
        pass
    del both.new
    return [number, Keys(k=lies)]
