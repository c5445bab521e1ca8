"""What the text of an assertion proves without running it: its verdict, or that it is harmless.

Two plain literals behind definitions compare as Python compares them.  A call with literal arguments, of code that
names nothing but harmless builtins and methods of plain types, can do no more than take time and memory.  What is not
proved is not suspect, it only has to run by itself.  Knows nothing of how anything runs: see executed.py.
"""

from __future__ import annotations

import ast
import builtins
import functools
from dataclasses import dataclass

from evals.arguments import arguments
from evals.literal import Literal, read

MAX_CODE, MAX_BRACKETS = 1 << 16, 30
"""Code beyond is not parsed: Python's parser backtracks in what is nested deeply."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """``assert left == right`` behind a program; all three are texts that nobody has checked."""

    code: str
    left: str
    right: str

    @property
    def statement(self) -> str:
        """The statement."""
        return f"assert {self.left} == {self.right}"


def proved(assertion: Assertion) -> bool | None:
    """Whether an assertion holds, where its text proves it; None where it must run.

    >>> code = "def f(x): return x"
    >>> proved(Assertion(code, "[1, 2]", "[1.0, True + 1]")), proved(Assertion(code, "{1, 2}", "{2, 1.0}"))
    (None, True)
    """
    left, right = read(assertion.left), read(assertion.right)
    if not (isinstance(left, Literal) and isinstance(right, Literal)):
        return None
    # Both are short and balanced by now: Python's parser has no trouble with them.
    if not (_compares_constants(assertion.statement) and _only_defines(assertion.code)):
        return None
    return left.equal == right.equal


_PLAIN = (
    ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.USub, ast.UAdd, ast.BinOp, ast.Add, ast.Sub,
    ast.Load,
)  # fmt: skip


def harmless(assertion: Assertion) -> bool:
    """Whether an assertion can touch nothing outside of its own process, and end it in no other way than by raising.

    >>> code = "def f(x): return x.upper()"
    >>> harmless(Assertion(code, "'A'", "f('a')")), harmless(Assertion(code, "'A'", "0 or True"))
    (True, False)
    >>> harmless(Assertion("def f(x): return eval(x)", "'A'", "f('a')"))
    False
    """
    return _names_nothing_else(assertion.code) and _plain(assertion.left) and _plain(assertion.right)


def _plain(side: str) -> bool:
    """Whether one side is a literal, or a call of a function with literal arguments."""
    return isinstance(read(side), Literal) or isinstance(arguments(side), str)


_HARMLESS = frozenset((
    "abs", "all", "any", "ascii", "bin", "bool", "bytes", "callable", "chr", "complex", "dict", "divmod", "enumerate",
    "filter", "float", "format", "frozenset", "hash", "hex", "int", "isinstance", "issubclass", "iter", "len", "list",
    "map", "max", "min", "next", "oct", "ord", "pow", "print", "range", "repr", "reversed", "round", "set", "slice",
    "sorted", "str", "sum", "tuple", "zip",
))  # fmt: skip
_REACHING = frozenset(
    name
    for name, value in vars(builtins).items()
    if not (isinstance(value, type) and issubclass(value, BaseException)) and value not in (None, True, False, ...)
)
"""All builtins but exceptions and constants."""
_METHODS = frozenset(
    name
    for kind in (str, bytes, int, float, complex, list, tuple, dict, set, frozenset)
    for name in dir(kind)
    if not name.startswith("_")
)
_OPAQUE = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.Match, ast.With, ast.AsyncWith, ast.AsyncFunctionDef)


@functools.lru_cache(maxsize=1024)
def _names_nothing_else(code: str) -> bool:
    """Whether a program names no builtin but harmless ones, no attribute but methods of plain types, and no module.

    Whatever else there is must be reached by a name of some kind: a frame by ``gi_frame``, a class by ``__class__``.
    """
    tree = _parsed(code)
    if tree is None:
        return False
    for node in ast.walk(tree):
        if isinstance(node, _OPAQUE):
            return False
        if (
            isinstance(node, ast.Name)
            and node.id not in _HARMLESS
            and (node.id in _REACHING or node.id.startswith("__"))
        ):
            return False
        if isinstance(node, ast.Attribute) and node.attr not in _METHODS:
            return False
    return True


def _compares_constants(statement: str) -> bool:
    """Whether the tree of a statement is one comparison of two displays of constants: no name, no message, no more."""
    try:
        match ast.parse(statement).body:
            case [ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]), msg=None)]:
                return all(isinstance(node, _PLAIN) for side in (left, right) for node in ast.walk(side))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    return False


@functools.lru_cache(maxsize=1024)
def _parsed(code: str) -> ast.Module | None:
    """The tree of a program that compiles, and is small enough to try."""
    if len(code) > MAX_CODE or _deepest(code) > MAX_BRACKETS:
        return None
    try:
        compile(code, "<program>", "exec", dont_inherit=True)
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@functools.lru_cache(maxsize=1024)
def _only_defines(code: str) -> bool:
    """Whether a program is nothing but plain ``def`` statements, which cannot fail, nor change what a literal is."""
    tree = _parsed(code)
    return tree is not None and all(
        isinstance(each, ast.FunctionDef)
        and not each.decorator_list
        and each.returns is None
        and not any(node.annotation for node in ast.walk(each.args) if isinstance(node, ast.arg))
        and all(
            isinstance(default, ast.Constant) for default in [*each.args.defaults, *each.args.kw_defaults] if default
        )
        for each in tree.body
    )


def _deepest(code: str) -> int:
    depth = deepest = 0
    for character in code:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest
