"""The modules of files, folders and installed packages.

Reads and compiles; nothing that is found here is imported or run, since it is a stranger's.  What a module declares is
asked of declarations.py.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tracegen.context import decoded
from tracegen.programs.declarations import Found, Kind, Module, Origin, Parameter, compiled, functions, parsed
from tracegen.settings import CannotRun

__all__ = ["Found", "Kind", "Module", "Origin", "Parameter", "functions", "modules"]

SKIPPED = frozenset({"__pycache__", "node_modules", "build"})
TESTS = frozenset({"test", "tests"})
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
        extensions = [file for place in places for file in place.glob(f"{part}.*") if file.suffix in (".so", ".pyd")]
        spaces = [place / part for place in places if (place / part).is_dir()]
        if not candidates and not extensions and not spaces:
            raise CannotRun(f"{source}: there is no {part} in {name}")
        origin = str([*candidates, *extensions][0]) if candidates or extensions else ""
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
