# sys.settrace inside a repr, with and without an exception behind it.
import sys


def nothing(*given):
    return None


class Takes:
    def __repr__(self):
        sys.settrace(None)
        return "takes"


class Sets:
    def __repr__(self):
        sys.settrace(nothing)
        return "sets"


class Raises:
    def __repr__(self):
        sys.settrace(None)
        raise KeyError


def inner(value):
    kept = [value]
    return kept


def main():
    a = Takes()
    inner(a)
    del a
    b = {"b": Sets()}
    inner(b)
    c = (Raises(), Takes())
    return inner(c)
