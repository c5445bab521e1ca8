"""How the entry's scope of a trace is entered and left, and what a context says of it.

Knows nothing of frames but where the last one may stand (constraint.py).
"""

from __future__ import annotations

import ast
from enum import Enum

from tracegen.context import MARKER, lines_of
from tracegen.programs.declarations import parsed


class Entrance(Enum):
    """How the entry's scope is entered and left, which says where END_OF_TEXT may stand."""

    ONCE = "a function, a class body or a module"
    """The first frame is its CALL; behind its RETURN, END_OF_TEXT is forced."""

    PAUSING = "a generator or a coroutine"
    """Its RETURN may be a yield, or an await: behind it stands END_OF_TEXT, or the CALL with which it goes on."""

    BLOCK = "a recorded block (`tracegen.record`)"
    """It has no CALL, and END_OF_TEXT may stand behind any frame at its own depth."""


def entrance_of(context: str) -> Entrance:
    r"""How the entry of a context is entered, as its marked ``def`` says; without one it is a module, entered once.

    A context that cannot be parsed (one that was cut) may pause if anything in it yields or is ``async``.  Never a
    BLOCK: the context does not show it.

    >>> entrance_of("def f():  # << START_OF_TRACE\n    yield 1\n")
    <Entrance.PAUSING: 'a generator or a coroutine'>
    """
    marked = [number for number, line in enumerate(lines_of(context), start=1) if line.endswith(MARKER + "\n")]
    if not marked:
        return Entrance.ONCE
    try:
        tree = parsed(context)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Entrance.PAUSING if "yield" in context or "async" in context else Entrance.ONCE
    pauses = any(
        isinstance(node, ast.AsyncFunctionDef) or (isinstance(node, ast.FunctionDef) and _yields(node))
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.lineno in marked
    )
    return Entrance.PAUSING if pauses else Entrance.ONCE


def _yields(function: ast.FunctionDef) -> bool:
    """Whether a function's own body yields, those within it left out."""
    ahead: list[ast.AST] = list(function.body)
    while ahead:
        node = ahead.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            ahead += ast.iter_child_nodes(node)
    return False
