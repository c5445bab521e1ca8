"""What is known of a function before it runs: its parameters, its text, and the module that it stands in.

Text only: nothing here comes from an object that was imported.  Does not know who found the function.
"""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from enum import Enum

LONGEST_SOURCE = 400_000
"""Characters: what is longer is data, and is not read."""


class Kind(Enum):
    """How a parameter takes its argument."""

    POSITIONAL = "positional"
    EITHER = "either"
    VAR_POSITIONAL = "var_positional"
    KEYWORD = "keyword"
    VAR_KEYWORD = "var_keyword"


@dataclass(frozen=True, slots=True)
class Parameter:
    """``annotation`` and ``default`` are source text; None where there is none."""

    name: str
    kind: Kind = Kind.EITHER
    annotation: str | None = None
    default: str | None = None

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is None and self.kind not in (Kind.VAR_POSITIONAL, Kind.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Signature:
    """``function`` is the name to call, ``f`` or ``Class.method``; ``source`` its own text; ``module`` the text around.

    ``module`` holds what annotations and calls refer to: helpers, constants, classes, aliases, imports.
    """

    function: str
    parameters: tuple[Parameter, ...]
    docstring: str | None = None
    source: str = ""
    module: str = ""


def parsed(text: str) -> ast.Module | None:
    """The tree of a source, dedented if need be; None if it has none that we can hold."""
    if len(text) > LONGEST_SOURCE:
        return None
    for attempt in (text, textwrap.dedent(text)):
        try:
            return ast.parse(attempt)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def function_in(tree: ast.Module, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The definition of ``f`` or ``Class.method`` in a tree; else the last function with that last name."""
    last = name.rpartition(".")[2]
    found: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    bodies: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
    while bodies:
        prefix, node = bodies.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if prefix + node.name == name:
                return node
            if node.name == last:
                found = node
        elif isinstance(node, ast.ClassDef):
            bodies += [(f"{prefix}{node.name}.", child) for child in node.body]
    return found


def parameters_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> tuple[Parameter, ...]:
    """The parameters of a definition, in order."""
    given = node.args
    places = [(each, Kind.POSITIONAL) for each in given.posonlyargs] + [(each, Kind.EITHER) for each in given.args]
    bare: list[ast.expr | None] = [None] * (len(places) - len(given.defaults))
    rows = [(each, kind, default) for (each, kind), default in zip(places, bare + list(given.defaults), strict=True)]
    if given.vararg:
        rows.append((given.vararg, Kind.VAR_POSITIONAL, None))
    rows += [(each, Kind.KEYWORD, default) for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    if given.kwarg:
        rows.append((given.kwarg, Kind.VAR_KEYWORD, None))
    return tuple(
        Parameter(
            each.arg,
            kind,
            ast.unparse(each.annotation) if each.annotation else None,
            ast.unparse(default) if default else None,
        )
        for each, kind, default in rows
    )
