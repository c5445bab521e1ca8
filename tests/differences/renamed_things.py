# Functions, classes, generators and modules take other names, which their texts follow.
import types


def first():
    pass


class Plain:
    pass


def main():
    held = [first, Plain, first.__get__(1), (n for n in ()), types.ModuleType("m"), [].append]
    first.__qualname__ = "renamed"
    first.__name__ = "unseen"
    Plain.__qualname__ = "Outer.Plain"
    Plain.__module__ = "builtins"
    Plain.__module__ = 5
    held[3].__qualname__ = "gen at 0x12"
    held[4].__name__ = "quote'd"
    held[4].__name__ = 5
    held[4].__dict__.clear()
    first.__qualname__ = "é\ud800"
    one = Plain()
    Plain.__name__ = "Other"
    held[0] = held[0]
    return held
