"""The literals in a function and in the helpers that it calls: numbers, texts, characters, keys.

They are what comparisons in the code can come out true for.  Takes them from trees, and runs nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from tracegen.inputs.definitions import Definitions

MOST = 60
LONGEST_TEXT = 40
LARGEST = 10**12


@dataclass(frozen=True, slots=True)
class Constants:
    """In the order in which they stand in the code; ``keys`` are subscripts and arguments of ``get``."""

    integers: tuple[int, ...] = ()
    floats: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()
    characters: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    bytestrings: tuple[bytes, ...] = ()


def constants(nodes: Iterable[ast.AST]) -> Constants:
    """The literals in some trees, docstrings apart."""
    integers: dict[int, None] = {}
    floats: dict[float, None] = {}
    texts: dict[str, None] = {}
    keys: dict[str, None] = {}
    raw: dict[bytes, None] = {}
    for node in nodes:
        said = {id(each.value) for each in ast.walk(node) if isinstance(each, ast.Expr)}
        for each in ast.walk(node):
            if isinstance(each, ast.Subscript) and isinstance(each.slice, ast.Constant):
                if isinstance(each.slice.value, str):
                    keys[each.slice.value] = None
            elif isinstance(each, ast.Constant) and id(each) not in said:
                value = each.value
                if isinstance(value, bool) or value is None:
                    continue
                if isinstance(value, int) and abs(value) <= LARGEST:
                    integers[value] = None
                elif isinstance(value, float):
                    floats[value] = None
                elif isinstance(value, str) and len(value) <= 4 * LONGEST_TEXT:
                    texts[value] = None
                elif isinstance(value, bytes) and len(value) <= LONGEST_TEXT:
                    raw[value] = None
    characters = dict.fromkeys(
        letter
        for text in texts
        if len(text) <= 3 or not text.isalpha()
        for letter in text
        if letter.isprintable() or letter in "\n\t"
    )
    short = [text for text in texts if 0 < len(text) <= LONGEST_TEXT]
    return Constants(
        tuple(integers)[:MOST],
        tuple(floats)[:MOST],
        tuple(short)[:MOST],
        tuple(characters)[:MOST],
        tuple(keys)[:MOST],
        tuple(raw)[:MOST],
    )


def reached(function: ast.AST, known: Definitions) -> list[ast.AST]:
    """A function, the helpers of its module that it names, and the values of the constants that both name."""
    found: list[ast.AST] = [function]
    names = dict.fromkeys(each.id for each in ast.walk(function) if isinstance(each, ast.Name))
    helpers = [
        known.functions[name] for name in names if name in known.functions and known.functions[name] is not function
    ]
    found += helpers[:8]
    for helper in helpers[:8]:
        names.update(dict.fromkeys(each.id for each in ast.walk(helper) if isinstance(each, ast.Name)))
    found += [known.constants[name] for name in names if name in known.constants][:16]
    return found
