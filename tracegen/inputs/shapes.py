"""What a value is like: a form, and the shapes of its parts.  Does not know where a shape is known from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Form(Enum):
    """The forms that `writing` knows how to spell."""

    INT = "int"
    NATURAL = "natural"
    INDEX = "index"
    FLOAT = "float"
    COMPLEX = "complex"
    BOOL = "bool"
    STR = "str"
    CHARACTER = "character"
    DIGITS = "digits"
    PATH = "path"
    BYTES = "bytes"
    NONE = "none"
    ANY = "any"
    LIST = "list"
    SORTED = "sorted"
    MATRIX = "matrix"
    TUPLE = "tuple"
    TUPLES = "tuples"
    SET = "set"
    FROZENSET = "frozenset"
    DICT = "dict"
    RECORD = "record"
    ITERATOR = "iterator"
    CALLABLE = "callable"
    CHOICE = "choice"
    CALL = "call"
    UNION = "union"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Shape:
    """A form with its parts.

    ========= =======================================================================
    LIST …    one part: its elements.  TUPLES: a tuple of any length.  TUPLE: its members
    DICT      two parts: keys, values.  RECORD: values, under the keys in ``texts``
    CALLABLE  ``arity``
    CHOICE    ``texts``: spellings to choose from
    CALL      ``texts``: the name to call, then a keyword or "" for each part
    MEMBER    an element or key of a container that was written before; else one of its one part
    UNION     ``parts``, each as often as its number in ``weights`` says
    ========= =======================================================================
    """

    form: Form
    parts: tuple[Shape, ...] = ()
    texts: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    arity: int = 1


ANY = Shape(Form.ANY)
INT = Shape(Form.INT)
NATURAL = Shape(Form.NATURAL)
INDEX = Shape(Form.INDEX)
FLOAT = Shape(Form.FLOAT)
BOOL = Shape(Form.BOOL)
STR = Shape(Form.STR)
CHARACTER = Shape(Form.CHARACTER)
BYTES = Shape(Form.BYTES)
NONE = Shape(Form.NONE)


def listed(part: Shape) -> Shape:
    """A list of such elements."""
    return Shape(Form.LIST, (part,))


def mapped(key: Shape, value: Shape) -> Shape:
    """A dict of such keys and values."""
    return Shape(Form.DICT, (key, value))


def choice(*texts: str) -> Shape:
    """One of these spellings."""
    return Shape(Form.CHOICE, texts=texts)


def called(name: str, *parts: Shape) -> Shape:
    """A call of a name with such arguments."""
    return Shape(Form.CALL, parts, (name, *[""] * len(parts)))


def union(parts: dict[Shape, float]) -> Shape:
    """One of several, by weight; unions in it are flattened."""
    flat: dict[Shape, float] = {}
    for part, weight in parts.items():
        if part.form is Form.UNION:
            total = sum(part.weights)
            for inner, share in zip(part.parts, part.weights, strict=True):
                flat[inner] = flat.get(inner, 0) + weight * share / total
        elif weight > 0:
            flat[part] = flat.get(part, 0) + weight
    if not flat:
        return ANY
    if len(flat) == 1:
        return next(iter(flat))
    return Shape(Form.UNION, tuple(flat), weights=tuple(flat.values()))
