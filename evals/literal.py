"""Model text → a value, never evaluated; and when two reprs say the same value.

The reader has a grammar of its own for what reprs of plain values are made of: None, booleans, numbers (``inf``,
``nan`` and complex ones as reprs write them), strings, bytes, tuples, lists, dicts, sets, ``set()``,
``frozenset({1})`` and ``...``.  It goes through the text once, within limits; Python's own parser backtracks, and a
text can be made for which it takes very long.  What it reads is plain text again (`Literal`): no object of a value is
ever built.

The semantics called *literal*: the same exact type at every level (True is not 1, 1 is not 1.0), lists and tuples in
order, dicts and sets in any, the last value of a repeated key, nan equal to nan, -0.0 apart from 0.0.  Texts that are
no literals, such as reprs of objects, are the same if they are equal but for addresses.

Knows nothing of who wrote a text, nor of verdicts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

from evals.lexing import MAX_DIGITS, NoLiteral, Token, decoded, tokens
from tracegen.payload.values import without_addresses


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that was read.  ``kind`` is its type's name; ``exact`` is the same text for the same value by the literal
    semantics, ``equal`` the same for what Python's ``==`` takes for equal (1, True and 1.0; a set and a frozenset).
    """

    kind: str
    exact: str
    equal: str
    hashable: bool = True


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a text is no literal."""

    reason: str


def read(text: str) -> Literal | Unreadable:
    """The value that a text says, as Python would read it as one expression.  Never raises, takes little time.

    >>> read("{'b': [1, 2.0], 'a': None}").kind
    'dict'
    >>> read("__import__('os')").reason
    "not a literal: '__import__' at character 1"
    """
    try:
        return _Reader(text).whole()
    except NoLiteral as error:
        return Unreadable(str(error))
    except RecursionError:
        return Unreadable("the caller's own stack is too deep to read it")


def same(one: str, other: str) -> bool:
    """Whether two reprs say the same value, by the literal semantics.

    >>> same("{1, 2}", "{2, 1}"), same("[1, 2]", "[2, 1]"), same("[1]", "[True]"), same("nan", "nan")
    (True, False, False, True)
    >>> same("<Point object at 0x7f01>", "<Point object at 0x7f02>")
    True
    """
    if one == other:
        return True
    left, right = read(one), read(other)
    if isinstance(left, Literal) and isinstance(right, Literal):
        return left.exact == right.exact
    if isinstance(left, Unreadable) and isinstance(right, Unreadable):
        return without_addresses(one) == without_addresses(other)
    return False


def kind(text: str) -> str:
    """The name of the type of the value that a repr says: ``str``, ``int``, ``NoneType``, …; ``other`` if it is none.

    >>> kind("(1,)"), kind("frozenset()"), kind("<Point object>")
    ('tuple', 'frozenset', 'other')
    """
    found = read(text)
    return found.kind if isinstance(found, Literal) else "other"


_CONSTANTS = {
    "None": Literal("NoneType", "None", "None"),
    "True": Literal("bool", "True", "0x1"),
    "False": Literal("bool", "False", "0x0"),
    "Ellipsis": Literal("ellipsis", "...", "..."),
}
_FLOATS: dict[str, float | complex] = {
    "inf": math.inf,
    "nan": math.nan,
    "infj": complex(0, math.inf),
    "nanj": complex(0, math.nan),
}
_unequal = itertools.count()


class _Reader:
    """Goes through the tokens once; goes as deep as brackets do."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text.strip(" \t\r\n\f"))
        self._next = 0

    def whole(self) -> Literal:
        """The one value of the text; without brackets, commas make a tuple."""
        if not self._tokens:
            raise NoLiteral("an empty text")
        first = self._item()
        if self._sees(","):
            first = _sequence("tuple", [first, *self._items("")])
        if self._next < len(self._tokens):
            raise NoLiteral(f"not a literal: {self._tokens[self._next]}")
        return first

    def _sees(self, *marks: str) -> bool:
        """Whether one of these marks is next; then it is taken."""
        token = self._tokens[self._next] if self._next < len(self._tokens) else None
        if token is None or token.kind != "mark" or token.text not in marks:
            return False
        self._next += 1
        return True

    def _take(self) -> Token:
        if self._next == len(self._tokens):
            raise NoLiteral("it ends too soon")
        self._next += 1
        return self._tokens[self._next - 1]

    def _items(self, closing: str) -> list[Literal]:
        """What stands between commas, up to the bracket that closes it; "" is the end of the text."""
        found: list[Literal] = []
        while not (self._sees(closing) if closing else self._next == len(self._tokens)):
            found.append(self._item())
            if not self._sees(","):
                if closing:
                    self._expect(closing)
                return found
        return found

    def _expect(self, mark: str) -> None:
        token = self._take()
        if token.kind != "mark" or token.text != mark:
            raise NoLiteral(f"not a literal: {token}, where {mark!r} is wanted")

    def _item(self) -> Literal:
        token = self._take()
        if token.kind == "mark":
            if token.text in ("+", "-"):
                number = self._number(self._take())
                return self._complex(-number if token.text == "-" else number, number, token.text == "-")
            if token.text == "...":
                return _CONSTANTS["Ellipsis"]
            if token.text == "(":
                return self._round()
            if token.text == "[":
                return _sequence("list", self._items("]"))
            if token.text == "{":
                return self._curly()
        elif token.kind == "string":
            return self._string(token)
        elif token.kind in ("number", "based") or token.text in _FLOATS:
            number = self._number(token)
            return self._complex(number, number, False)
        elif token.kind == "name":
            return self._named(token)
        raise NoLiteral(f"not a literal: {token}")

    def _named(self, token: Token) -> Literal:
        if token.text in _CONSTANTS:
            return _CONSTANTS[token.text]
        if token.text not in ("set", "frozenset"):
            raise NoLiteral(f"not a literal: {token}")
        self._expect("(")
        if self._sees(")"):
            return _set(token.text, [])
        if token.text == "frozenset":
            start = self._take()
            if start.kind == "mark" and start.text == "{":
                found = self._curly()
                if found.kind == "set":
                    self._expect(")")
                    return Literal("frozenset", "frozen" + found.exact, found.equal)
        raise NoLiteral(f"not a literal: {token}")

    def _number(self, token: Token) -> int | float | complex:
        if token.text in _FLOATS:
            return _FLOATS[token.text]
        if token.kind not in ("number", "based"):
            raise NoLiteral(f"not a literal: {token}, where a number is wanted")
        if token.kind == "number" and len(token.text) > MAX_DIGITS:
            raise NoLiteral(f"a number of more than {MAX_DIGITS} digits")
        try:
            if token.kind == "number" and token.text[-1] in "jJ":
                return complex(0, float(token.text[:-1]))
            if token.kind == "number" and any(mark in token.text for mark in ".eE"):
                return float(token.text)
            return int(token.text, 0)
        except ValueError:
            raise NoLiteral(f"not a number: {token}") from None

    def _complex(self, number: int | float | complex, plain: int | float | complex, minus: bool) -> Literal:
        """A number, or a complex one if an imaginary part follows.

        ``(-0-2j)`` and ``-2j`` are read as the reprs that they are, not as sums: a sum loses the sign of a zero.
        """
        if isinstance(plain, complex):
            return _number(complex(0.0, -plain.imag if minus else plain.imag))
        here = self._next
        if not self._sees("+", "-"):
            return _number(number)
        sign = self._tokens[here].text
        imaginary = self._number(self._take())
        if not isinstance(imaginary, complex):
            raise NoLiteral(f"not a literal: {self._tokens[here]}")
        try:
            real = -float(plain) if minus else float(plain)
        except OverflowError:
            raise NoLiteral("a number too large for a complex one") from None
        return _number(complex(real, -imaginary.imag if sign == "-" else imaginary.imag))

    def _string(self, first: Token) -> Literal:
        """A string, with those behind it that Python joins to it."""
        parts = [decoded(first)]
        while self._next < len(self._tokens) and self._tokens[self._next].kind == "string":
            parts.append(decoded(self._take()))
        if isinstance(parts[0], str):
            whole: str | bytes = "".join(part for part in parts if isinstance(part, str))
        else:
            whole = b"".join(part for part in parts if isinstance(part, bytes))
        if any(type(part) is not type(whole) for part in parts):
            raise NoLiteral(f"strings and bytes in one: {first}")
        return Literal(type(whole).__name__, repr(whole), repr(whole))

    def _round(self) -> Literal:
        if self._sees(")"):
            return _sequence("tuple", [])
        first = self._item()
        if self._sees(")"):
            return first
        self._expect(",")
        return _sequence("tuple", [first, *self._items(")")])

    def _curly(self) -> Literal:
        if self._sees("}"):
            return Literal("dict", "{}", "{}", hashable=False)
        first = self._item()
        if not self._sees(":"):
            rest = [] if self._sees("}") else self._behind_comma()
            return _set("set", [first, *rest])
        pairs = [(first, self._item())]
        while not self._sees("}"):
            self._expect(",")
            if self._sees("}"):
                break
            key = self._item()
            self._expect(":")
            pairs.append((key, self._item()))
        return _dict(pairs)

    def _behind_comma(self) -> list[Literal]:
        self._expect(",")
        return self._items("}")


def _number(value: int | float | complex) -> Literal:
    if isinstance(value, complex):
        exact = f"({value.real!r},{value.imag!r}j)"
        equal = _equal(value.real) if value.imag == 0 else f"({_equal(value.real)},{_equal(value.imag)}j)"
        return Literal("complex", exact, equal)
    exact = repr(value) if isinstance(value, float) else hex(value)
    return Literal(type(value).__name__, exact, _equal(value))


def _equal(value: int | float) -> str:
    """One text for all that ``==`` takes for the same number; nan is equal to nothing."""
    if isinstance(value, int):
        return hex(value)
    if math.isnan(value):
        return f"nan {next(_unequal)}"
    return hex(int(value)) if value.is_integer() else value.hex()


def _sequence(kind: str, items: list[Literal]) -> Literal:
    opening, closing = ("[", "]") if kind == "list" else ("(", ",)")
    exact, equal = ",".join(item.exact for item in items), ",".join(item.equal for item in items)
    hashable = kind == "tuple" and all(item.hashable for item in items)
    return Literal(kind, opening + exact + closing, opening + equal + closing, hashable)


def _hashable(items: Iterable[Literal]) -> None:
    for item in items:
        if not item.hashable:
            raise NoLiteral(f"a {item.kind} cannot be hashed")


def _set(kind: str, items: list[Literal]) -> Literal:
    """Of equal items the first stays, as Python has it."""
    _hashable(items)
    first = {item.equal: item.exact for item in reversed(items)}
    exact, equal = ",".join(sorted(first.values())), ",".join(sorted(first))
    return Literal(kind, f"{kind}({exact})", f"set({equal})", kind == "frozenset")


def _dict(pairs: list[tuple[Literal, Literal]]) -> Literal:
    """Of equal keys the first stays, with the last value, as Python has it."""
    _hashable(key for key, _ in pairs)
    keys = {key.equal: key.exact for key, _ in reversed(pairs)}
    values = {key.equal: value for key, value in pairs}
    exact = ",".join(sorted(f"{exact}:{values[equal].exact}" for equal, exact in keys.items()))
    equal = ",".join(sorted(f"{equal}:{values[equal].equal}" for equal in keys))
    return Literal("dict", f"{{{exact}}}", f"{{{equal}}}", hashable=False)
