"""The functions of files, folders and installed modules: what can be called, and how it is declared.

Reads and compiles; nothing that is found here is imported or run, since it is a stranger's.  Knows nothing of what a
function needs to run (excerpt.py), nor of values to call it with.

Longer than 350 lines: where modules lie and what functions they declare are asked together, of one parse.
"""

from __future__ import annotations

import ast
import functools
import inspect
import json
import os
import subprocess
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tracegen.context import decoded
from tracegen.settings import CannotRun

SKIPPED = frozenset({"__pycache__", "node_modules", "build"})
TESTS = frozenset({"test", "tests"})
BLOCKS = ("cases", "body", "handlers", "orelse", "finalbody")
LARGEST = 2 << 20
"""Bytes: a larger file is a table, and takes minutes and gigabytes to parse."""

SECONDS = 20

# find_spec of a top-level name runs what any start of that interpreter runs (site, the .pth files of what is installed)
# and the finders that those put in sys.meta_path.  Of a dotted name it would import the parents: never asked.
_ASK = """
import importlib.machinery, importlib.util, json, sys
try:
    spec = importlib.util.find_spec(sys.argv[1])
    if spec is not None and spec.origin == "frozen":
        spec = importlib.machinery.PathFinder.find_spec(sys.argv[1]) or spec
except (ImportError, ValueError):
    spec = None
print()
print(json.dumps(spec and [spec.origin or "", list(spec.submodule_search_locations or [])]))
"""

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


def modules(source: str, python: str, dropped: Counter[str] | None = None) -> list[Module]:
    """The modules of a file, a folder, or a name that ``python`` can import: a package's with all below it.

    A path that exists is a path, whatever else has its name.  ``dropped`` counts the files of a folder that are
    left out, by reason.  Raises CannotRun.
    """
    path = Path(source)
    dropped = Counter() if dropped is None else dropped
    if path.is_file():
        path = path.absolute()
        return [_read(path, source, _dotted(path, path.parent, {}), Origin.FILE)]
    if path.is_dir():
        tops: dict[str, Path] = {}
        root = path.absolute()
        found = list(_tree(root, source, lambda file: _dotted(file, root, tops), Origin.PACKAGE, dropped))
    elif source.endswith(".py") or not all(part.isidentifier() for part in source.split(".")):
        raise CannotRun(f"{source}: no such file or folder")
    else:
        found = _installed(source, python, dropped)
    if not found:
        left = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items()))
        raise CannotRun(f"{source}: no Python files in it" + (f" but {left}" if left else ""))
    return found


def _read(path: Path, shown: str, name: str, origin: Origin) -> Module:
    try:
        if path.stat().st_size > LARGEST:
            raise CannotRun(f"{shown}: larger than {LARGEST >> 20} MiB")
        text = decoded(path.read_bytes())
    except OSError as error:
        raise CannotRun(f"{shown}: cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        raise CannotRun(f"{shown}: cannot be decoded: {error}") from None
    try:
        compiled(text)
        parsed(text)
    except SyntaxError as error:
        raise CannotRun(f"{shown}:{error.lineno or 1}: not Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise CannotRun(f"{shown}: not Python: {error or type(error).__name__}") from None
    return Module(name, str(path), text, path.name == "__init__.py", origin)


def _tree(
    root: Path, shown: str, named: Callable[[Path], str], origin: Origin, dropped: Counter[str]
) -> Iterator[Module]:
    names: set[str] = set()
    for folder, below, files in os.walk(root):
        here = Path(folder)
        below[:] = sorted(
            name
            for name in below
            if name not in SKIPPED and not name.startswith(".") and not (here / name / "pyvenv.cfg").exists()
        )
        inside = here.relative_to(root)
        for file in sorted(name for name in files if name.endswith(".py") and not name.startswith(".")):
            if not TESTS.isdisjoint(inside.parts) or _is_test_file(file):
                dropped["test files"] += 1
                continue
            try:
                module = _read(here / file, str(Path(shown) / inside / file), named(here / file), origin)
            except CannotRun:
                dropped["files that are not Python"] += 1
                continue
            if module.name in names:
                dropped["files of a name that another has"] += 1
                continue
            names.add(module.name)
            yield module


def _is_test_file(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


def _dotted(path: Path, root: Path, tops: dict[str, Path]) -> str:
    """A file's name as Python would import it: from the folder that holds its topmost package, or else from ``root``.

    ``tops`` keeps the folder of each topmost package: a second one of the same name is named from ``root``.
    """
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        parts.insert(0, folder.name)
        folder = folder.parent
    packaged = folder != path.parent and tops.setdefault(parts[0], folder) == folder
    if not packaged and folder.is_relative_to(root):
        parts = [*folder.relative_to(root).parts, *parts]
    return ".".join(parts)


def _installed(source: str, python: str, dropped: Counter[str]) -> list[Module]:
    top, *rest = source.split(".")
    try:
        done = subprocess.run(
            [python, "-I", "-c", _ASK, top], capture_output=True, text=True, timeout=SECONDS, check=True
        )
        answer = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    except (OSError, subprocess.SubprocessError, ValueError):
        raise CannotRun(f"{python} does not say where {top} is") from None
    if answer is None:
        raise CannotRun(f"{source}: no such file or folder, and no module of {python}")
    origin, places = str(answer[0]), [Path(place) for place in answer[1]]
    name = top
    for part in rest:
        candidates = [
            file for place in places for file in (place / part / "__init__.py", place / f"{part}.py") if file.is_file()
        ]
        compiled = [file for place in places for file in place.glob(f"{part}.*") if file.suffix in (".so", ".pyd")]
        spaces = [place / part for place in places if (place / part).is_dir()]
        if not candidates and not compiled and not spaces:
            raise CannotRun(f"{source}: there is no {part} in {name}")
        origin = str([*candidates, *compiled][0]) if candidates or compiled else ""
        places = [Path(origin).parent] if origin.endswith("__init__.py") else [] if origin else spaces
        name = f"{name}.{part}"
    if places:
        found = []
        for place in places:
            found += list(_tree(place, str(place), functools.partial(_below, place, source), Origin.INSTALLED, dropped))
        return found
    if not origin.endswith(".py") or not Path(origin).is_file():
        raise CannotRun(f"{source}: no Python source: {origin or 'it has no file'}")
    return [_read(Path(origin), origin, source, Origin.INSTALLED)]


def _below(place: Path, name: str, path: Path) -> str:
    parts = path.relative_to(place).with_suffix("").parts
    return ".".join((name, *(parts[:-1] if parts[-1] == "__init__" else parts)))


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
