"""Which of Python's constructs a trace goes through: those of its context's syntax tree that stand on lines it shows.

Recursion is a function that calls itself by its name; what calls back by another way is not seen.  Knows nothing of
frames.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Set
from enum import Enum

from tracegen.trace import Trace


class Construct(Enum):
    """What programs are told apart by."""

    BRANCH = "branch"
    LOOP = "loop"
    COMPREHENSION = "comprehension"
    LAMBDA = "lambda"
    GENERATOR = "generator"
    RECURSION = "recursion"
    EXCEPTION = "exception"
    WITH = "with"
    CLASS = "class"


_NODES: dict[Construct, tuple[type[ast.AST], ...]] = {
    Construct.BRANCH: (ast.If, ast.IfExp),
    Construct.LOOP: (ast.For, ast.AsyncFor, ast.While),
    Construct.COMPREHENSION: (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
    Construct.LAMBDA: (ast.Lambda,),
    Construct.GENERATOR: (ast.Yield, ast.YieldFrom, ast.GeneratorExp),
    Construct.EXCEPTION: (ast.Try, ast.Raise, *([ast.TryStar] if hasattr(ast, "TryStar") else [])),
    Construct.WITH: (ast.With, ast.AsyncWith),
}


def constructs_of(trace: Trace) -> frozenset[Construct] | None:
    """The constructs of a recorded trace; None for a context that is no Python (one that was compressed, perhaps)."""
    shown = {(step.file, step.line) for step in trace.steps}
    lines = {number for number, place in enumerate(trace.context.places, start=1) if place in shown}
    return constructs(trace.context.text, lines)


def constructs(source: str, lines: Set[int]) -> frozenset[Construct] | None:
    """The constructs on these lines (from 1) of a source; None if it does not parse.

    >>> sorted(each.value for each in constructs("x = [y for y in 'ab']\\nif x:\\n    pass\\n", {1}) or ())
    ['comprehension']
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of the program's own spelling, such as "\d".
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found: set[Construct] = set()
    ahead: list[tuple[ast.AST, frozenset[str]]] = [(tree, frozenset())]
    while ahead:
        node, inside = ahead.pop()
        line = getattr(node, "lineno", 0)
        if line in lines:
            found |= {construct for construct, kinds in _NODES.items() if isinstance(node, kinds)}
            if isinstance(node, ast.Call) and _name(node.func) in inside:
                found.add(Construct.RECURSION)
        if isinstance(node, ast.ClassDef) and not lines.isdisjoint(range(line, (node.end_lineno or line) + 1)):
            found.add(Construct.CLASS)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside |= {node.name}
        ahead += [(child, inside) for child in ast.iter_child_nodes(node)]
    return frozenset(found)


def _name(called: ast.expr) -> str | None:
    """The name by which something is called: ``f``, or the method's of ``self.f``."""
    if isinstance(called, ast.Name):
        return called.id
    is_own = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "self"
    return called.attr if isinstance(called, ast.Attribute) and is_own else None
