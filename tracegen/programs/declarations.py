"""What a module declares: its text, and the functions that can be called.

Parses and compiles, and runs nothing, since it is a stranger's.  Knows nothing of where modules lie (discovery.py), nor
of what a function needs to run (excerpt.py).
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

BLOCKS = ("cases", "body", "handlers", "orelse", "finalbody")

Definition = ast.FunctionDef | ast.AsyncFunctionDef


class Origin(Enum):
    """Where a module was found.  What is installed can be imported where programs run; the others cannot."""

    FILE = "file"
    PACKAGE = "package"
    INSTALLED = "installed"


class Kind(Enum):
    """How a parameter takes its argument."""

    POSITIONAL_ONLY = "positional only"
    POSITIONAL_OR_KEYWORD = "positional or keyword"
    VAR_POSITIONAL = "*"
    KEYWORD_ONLY = "keyword only"
    VAR_KEYWORD = "**"


@dataclass(frozen=True, slots=True)
class Module:
    """A source file that compiles; ``package`` says that it is the ``__init__`` of ``name``."""

    name: str
    path: str
    text: str
    package: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as it is declared; ``annotation`` and ``default`` are source text."""

    name: str
    kind: Kind
    annotation: str | None = None
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A function that can be called by its qualified name alone: ``f``, or ``Class.method`` if static or a class's.

    ``first`` is the line of its first decorator, or of its ``def``; ``parameters`` are what a caller passes (no
    ``cls``); ``statements`` are the lines at which its statements begin, nested functions' too, docstring left out:
    those that have code here, which is nearly what a LINE event may name on any supported Python.
    """

    module: str
    qualname: str
    first: int
    last: int
    is_async: bool
    is_generator: bool
    parameters: tuple[Parameter, ...]
    returns: str | None
    docstring: str | None
    statements: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name in its ``def``."""
        return self.qualname.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a compiler says of a module: the lines that have code, and (first line, name) of its generators."""

    lines: frozenset[int]
    generators: frozenset[tuple[int, str]]


@functools.lru_cache(maxsize=16)
def parsed(text: str) -> ast.Module:
    """A module's tree, kept for a while: it is ten times the size of its text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


@functools.lru_cache(maxsize=4096)
def compiled(text: str) -> Compiled:
    """Compile a module, and do not run it.

    Raises SyntaxError, ValueError, RecursionError or MemoryError: what a stranger's text may do to a compiler.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        codes = [compile(text, "<source>", "exec", dont_inherit=True)]
    lines: set[int] = set()
    generators = set()
    while codes:
        code = codes.pop()
        lines.update(line for _, _, line in code.co_lines() if line)
        if code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
            generators.add((code.co_firstlineno, code.co_name))
        codes += [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return Compiled(frozenset(lines), frozenset(generators))


def functions(module: Module, dropped: Counter[str] | None = None) -> list[Found]:
    """A module's functions in order, and its classes' static and class methods; the last definition of a name wins.

    ``dropped`` counts those that are left out, by reason: instance methods among them, which need an instance.
    """
    dropped = Counter() if dropped is None else dropped
    found: dict[str, Found] = {}
    for node in flat(parsed(module.text).body):
        if isinstance(node, Definition):
            _take(module, "", node, found, dropped)
        elif isinstance(node, ast.ClassDef):
            for member in flat(node.body):
                if isinstance(member, Definition):
                    _take(module, f"{node.name}.", member, found, dropped)
    return sorted(found.values(), key=lambda each: each.first)


def flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements in order, those of blocks too, but not of functions and classes, nor of blocks that never run."""
    waiting: list[ast.AST] = [*reversed(list(body))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            fields = ("orelse",) if never_runs(node) else BLOCKS
            waiting += reversed([each for field in fields for each in getattr(node, field, [])])


def never_runs(node: ast.AST) -> bool:
    """Whether a statement is an ``if`` whose body is for type checkers, or for a module that is run as a script."""
    if not isinstance(node, ast.If):
        return False
    test = node.test
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name):
        return test.left.id == "__name__" and isinstance(test.ops[0], ast.Eq)
    return called_name(test) == "TYPE_CHECKING"


def called_name(node: ast.expr) -> str:
    """The last name of a decorator or of what is called: ``overload`` of ``@typing.overload``."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _take(module: Module, owner: str, node: Definition, found: dict[str, Found], dropped: Counter[str]) -> None:
    decorators = {called_name(each) for each in node.decorator_list}
    reason = _unfit(node, decorators, bool(owner))
    try:
        parameters, returns = tuple(_parameters(node.args)), _text(node.returns)
    except RecursionError:
        reason = "declared too deeply"
    if reason:
        dropped[reason] += 1
        return
    code = compiled(module.text)
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    documented = ast.get_docstring(node, clean=False) is not None
    inside = list(_inside(node.body[documented:]))
    dropped["nested"] += sum(isinstance(each, Definition) for each in inside)
    begins = {each.pattern.lineno if isinstance(each, ast.match_case) else each.lineno for each in inside}
    found[owner + node.name] = Found(
        module=module.name,
        qualname=owner + node.name,
        first=first,
        last=node.end_lineno or node.lineno,
        is_async=isinstance(node, ast.AsyncFunctionDef),
        is_generator=(first, node.name) in code.generators,
        parameters=parameters[1:] if "classmethod" in decorators else parameters,
        returns=returns,
        docstring=ast.get_docstring(node),
        statements=tuple(sorted(begins & code.lines)),
    )


def _inside(body: Iterable[ast.stmt]) -> Iterator[ast.stmt | ast.ExceptHandler | ast.match_case]:
    """All statements below, those of functions and classes too, and what opens a branch on a line of its own."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield node
        for field in BLOCKS:
            waiting += getattr(node, field, [])


def _unfit(node: Definition, decorators: set[str], method: bool) -> str:
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if "overload" in decorators or all(_says_nothing(each) for each in body):
        return "no body"
    if "abstractmethod" in decorators or (len(body) == 1 and _refuses(body[0])):
        return "abstract"
    if method and not decorators & {"staticmethod", "classmethod"}:
        return "instance method"
    if method and node.name.startswith("__") and not node.name.endswith("__"):
        return "private to its class"
    return "test" if node.name.startswith("test_") or node.name in ("test", "_test") else ""


def _says_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _refuses(node: ast.stmt) -> bool:
    return isinstance(node, ast.Raise) and node.exc is not None and called_name(node.exc) == "NotImplementedError"


def _parameters(declared: ast.arguments) -> Iterator[Parameter]:
    positional = [*declared.posonlyargs, *declared.args]
    defaults = [None] * (len(positional) - len(declared.defaults)) + [*declared.defaults]
    for index, (each, default) in enumerate(zip(positional, defaults, strict=True)):
        kind = Kind.POSITIONAL_ONLY if index < len(declared.posonlyargs) else Kind.POSITIONAL_OR_KEYWORD
        yield Parameter(each.arg, kind, _text(each.annotation), _text(default))
    if declared.vararg:
        yield Parameter(declared.vararg.arg, Kind.VAR_POSITIONAL, _text(declared.vararg.annotation))
    for each, default in zip(declared.kwonlyargs, declared.kw_defaults, strict=True):
        yield Parameter(each.arg, Kind.KEYWORD_ONLY, _text(each.annotation), _text(default))
    if declared.kwarg:
        yield Parameter(declared.kwarg.arg, Kind.VAR_KEYWORD, _text(declared.kwarg.annotation))


def _text(node: ast.expr | None) -> str | None:
    return None if node is None else ast.unparse(node)
