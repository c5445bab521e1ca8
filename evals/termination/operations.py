"""Operators, builtins and methods of the small machine: a closed list, every operand bounded, no floats, no sets.

What is in the list behaves as CPython's does, because it is CPython's.  Nothing here looks up an attribute by a name
that a program chose.  Knows nothing of statements: see machine.py.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LIMIT = 10_000
"""Elements and characters in an operand, those of nested containers counted."""
BITS = 512
"""Bits of an integer."""
PLAIN = (int, bool, str, list, tuple, dict, type(None))
"""The types of a value that a state can hold.  Floats and sets are left out: a set's order is hidden state."""


class Unproven(Exception):
    """Nothing can be said: the program leaves the machine's subset of Python or its bounds."""


class Raised(Exception):
    """The program raised this."""


BINARY: Mapping[type[ast.operator], Callable[[object, object], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
IN_PLACE: Mapping[type[ast.operator], Callable[[object, object], object]] = {**BINARY, ast.Add: operator.iadd}
UNARY: Mapping[type[ast.unaryop], Callable[[Any], object]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}
COMPARING: Mapping[type[ast.cmpop], Callable[[Any, Any], object]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, many: item in many,
    ast.NotIn: lambda item, many: item not in many,
}
BUILTINS: Mapping[str, Callable[..., object]] = {
    each.__name__: each
    for each in (len, range, abs, min, max, sum, sorted, list, tuple, str, int, bool, ord, chr, divmod, any, all)
} | {"enumerate": enumerate, "zip": zip, "reversed": reversed}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


METHODS: Mapping[type, frozenset[str]] = {
    str: _words(
        "lower upper strip lstrip rstrip split rsplit splitlines join replace startswith endswith find rfind index "
        "rindex count isdigit isalpha isalnum isupper islower isspace istitle isdecimal isnumeric title capitalize "
        "swapcase casefold partition rpartition removeprefix removesuffix zfill ljust rjust center"
    ),
    list: _words("append pop insert remove reverse sort index count extend clear copy"),
    tuple: frozenset(("index", "count")),
    dict: _words("get keys values items pop popitem setdefault update clear copy"),
}
PADDING = frozenset(("zfill", "ljust", "rjust", "center"))


def binary(kind: ast.operator, left: object, right: object, in_place: bool = False) -> object:
    """``left`` and ``right`` under an operator of integers, texts and lists."""
    table = IN_PLACE if in_place else BINARY
    if type(kind) not in table:
        raise Unproven(f"{type(kind).__name__} is not in the machine's subset")
    bounded(left, right)
    if isinstance(kind, ast.Mod) and type(left) is str:
        raise Unproven("formatting with % is not in the machine's subset")
    if isinstance(kind, (ast.Pow, ast.LShift)) and not (isinstance(right, int) and 0 <= right <= BITS):
        raise Unproven("a power or a shift beyond the machine's bounds")
    for many, times in ((left, right), (right, left)):
        if not (isinstance(kind, ast.Mult) and isinstance(many, (str, list, tuple)) and isinstance(times, int)):
            continue
        if len(many) * times > LIMIT:
            raise Unproven("a repetition beyond the machine's bounds")
    return _done(table[type(kind)], left, right)


def unary(kind: ast.unaryop, value: object) -> object:
    """``-``, ``+``, ``~`` and ``not``."""
    bounded(value)
    return _done(UNARY[type(kind)], value)


def compared(kind: ast.cmpop, left: object, right: object) -> object:
    """One comparison.  ``is`` looks at None alone: what else is the same object, Python does not promise."""
    if isinstance(kind, (ast.Is, ast.IsNot)):
        if left is not None and right is not None:
            raise Unproven("`is` between two values is not in the machine's subset")
        return (left is right) == isinstance(kind, ast.Is)
    bounded(left, right)
    return _done(COMPARING[type(kind)], left, right)


def builtin(name: str, given: Sequence[object]) -> object:
    """What a builtin gives."""
    if name not in BUILTINS:
        raise Unproven(f"{name}() is not in the machine's subset")
    bounded(*given)
    if name == "str" and not (len(given) == 1 and type(given[0]) in (int, bool, str)):
        raise Unproven("str() of anything but an integer or a text is not in the machine's subset")
    return _done(BUILTINS[name], *given)


def method(receiver: object, name: str, given: Sequence[object]) -> object:
    """What a method of a text, list, tuple or dict gives."""
    if name not in METHODS.get(type(receiver), ()):
        raise Unproven(f"{type(receiver).__name__}.{name}() is not in the machine's subset")
    bounded(receiver, *given)
    if name in PADDING and any(isinstance(each, int) and each > LIMIT for each in given):
        raise Unproven(f"{name}() beyond the machine's bounds")
    return _done(getattr(receiver, name), *given)


def subscript(many: object, key: object) -> object:
    """``many[key]``."""
    bounded(many, key)
    return _done(operator.getitem, many, key)


def _done(action: Callable[..., object], *given: object) -> object:
    try:
        found = action(*given)
    except Exception as error:
        raise Raised(f"{type(error).__name__}: {error}") from None
    if type(found) in (float, complex, set, bytes):
        raise Unproven(f"a {type(found).__name__} is not in the machine's subset")
    return found


def bounded(*values: object) -> None:
    """Refuse values that are too large, shared parts counted every time: a list in itself is endless."""
    ahead, weight = list(values), 0
    while ahead:
        value = ahead.pop()
        weight += 1
        if isinstance(value, int):
            if value.bit_length() > BITS:
                raise Unproven(f"an integer of more than {BITS} bits")
        elif isinstance(value, (str, range)):
            weight += len(value)
        elif isinstance(value, (list, tuple)):
            weight += len(value)
            ahead += value if weight <= LIMIT else ()
        elif isinstance(value, dict):
            weight += len(value)
            ahead += (*value.keys(), *value.values()) if weight <= LIMIT else ()
        elif isinstance(value, (float, complex, set, frozenset, bytes)):
            raise Unproven(f"a {type(value).__name__} is not in the machine's subset")
        if weight > LIMIT:
            raise Unproven(f"a value of more than {LIMIT} parts")


def store(many: object, key: object, value: object) -> None:
    """``many[key] = value``, of a list or a dict."""
    bounded(many, key)
    _done(operator.setitem, many, key, value)


def remove(many: object, key: object) -> None:
    """``del many[key]``."""
    bounded(many, key)
    _done(operator.delitem, many, key)


def table(pairs: Sequence[tuple[object, object]]) -> object:
    """A dict."""
    return _done(dict, pairs)
