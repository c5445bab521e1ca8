"""What the statements of a module do to names: which they bind, which they need, which they change.

A module is cut into chunks, its top-level statements.  Reads and never runs.  Knows nothing of other modules.
"""

from __future__ import annotations

import ast
import re
import symtable
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from tracegen.context import lines_of
from tracegen.programs.declarations import Definition, Module, called_name, flat, never_runs, parsed
from tracegen.programs.effects import (
    ANY,
    NAMESPACES,
    Effects,
    Import,
    aliases_of,
    behind,
    elements,
    imports_of,
    nodes_of,
    touched_by,
)

UNSEEN = "its source cannot be analysed"

_HEADER = re.compile(r"#!|#.*coding[:=]|#\s*(vim|-\*-)")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A top-level statement, or several that share a line; lines ``first`` (comments above it) to ``last``.

    ``plain`` says that it is one import statement, of which a part may be kept; ``spare`` that it only replaces
    definitions by faster ones, if it can; ``defines`` that it is a function or a class.
    """

    first: int
    start: int
    last: int
    plain: bool
    spare: bool
    defines: bool


@dataclass(frozen=True, slots=True)
class Names:
    """What the scopes of a chunk bind, load, and change when they are called; and its imports.

    ``perhaps`` are loaded by a class that binds them too (``name = name``): from the module, if it has them.
    ``imported`` are bound by imports only, not counting those in functions; ``rebound`` by functions (``global``).
    """

    binds: frozenset[str]
    loads: frozenset[str]
    perhaps: frozenset[str]
    writes: frozenset[str]
    imports: tuple[Import, ...]
    imported: frozenset[str]
    rebound: frozenset[str]


class Refused(Exception):
    """Why there is no excerpt."""


class Index:
    """A module's chunks, and which of them bind or change a name.

    What is inside of functions and classes is looked at when they are needed: of most modules that is little.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.lines = lines_of(module.text)
        tree = parsed(module.text)
        self.exported = _exported(tree)
        futures = [node.lineno for node in tree.body if isinstance(node, ast.ImportFrom) and _annotations(node)]
        self.future = futures[0] if futures else None
        self.binders: dict[str, list[int]] = {}
        self.stars: dict[int, Import] = {}
        self.docstring: int | None = None
        self.chunks: list[Chunk] = []
        self._names: dict[int, Names] = {}
        self._changers: dict[str, list[int]] = {}
        self._callers: list[tuple[int, set[str]]] = []
        self._read(tree)

    def of(self, name: str) -> list[int]:
        """The chunks that give a name its value: what replaces a definition by a faster one is not wanted."""
        binders = self.binders.get(name, [])
        needed = [each for each in binders if not self.chunks[each].spare] or binders
        while self._callers:
            number, calls = self._callers.pop()
            for each in self._written(calls):
                self._changers.setdefault(each, []).append(number)
        return needed + [each for each in self._changers.get(name, []) if each not in needed]

    def text(self, number: int) -> str:
        """A chunk without the comments above it."""
        chunk = self.chunks[number]
        return "".join(self.lines[chunk.start - 1 : chunk.last])

    def names(self, number: int) -> Names:
        """The names of a chunk.  Raises Refused if there is no telling."""
        if number not in self._names:
            chunk = self.chunks[number]
            text = self.text(number)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self._names[number] = _names(text, chunk, self.module)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                raise Refused(UNSEEN) from None
        return self._names[number]

    def _read(self, tree: ast.Module) -> None:
        owners: list[tuple[int, set[str]]] = []
        aliases: dict[str, set[str]] = {}
        imported: set[str] = set()
        for number, nodes in enumerate(_grouped(tree.body)):
            chunk = self._chunk(nodes)
            self.chunks.append(chunk)
            effects = Effects(nodes)
            if chunk.defines:
                binds = {node.name for node in nodes if isinstance(node, ast.ClassDef | Definition)}
            else:
                names = self.names(number)
                binds = effects.binds | names.binds
                imported |= {each.bound for each in names.imports}
                self.stars.update((number, each) for each in names.imports if each.name == ANY)
                if nodes[0] is tree.body[0] and ast.get_docstring(tree, clean=False) is not None:
                    binds.add("__doc__")
                    self.docstring = number
            for each in binds:
                self.binders.setdefault(each, []).append(number)
            changes = set(effects.changes).union(*(aliases.get(each, ()) for each in effects.changes | effects.methods))
            for each in changes - binds:
                self._changers.setdefault(each, []).append(number)
            for each in binds:
                aliases.pop(each, None)
            aliases |= aliases_of(nodes[-1])
            self._callers.append((number, effects.calls))
            owners.append((number, effects.methods - binds))
        for number, methods in owners:
            for each in methods - imported:
                self._changers.setdefault(each, []).append(number)

    def _chunk(self, nodes: list[ast.stmt]) -> Chunk:
        [node, *more] = nodes
        start = first = _start(node)
        previous = self.chunks[-1].last if self.chunks else 0
        while first - 1 > previous and self.lines[first - 2].startswith("#"):
            first -= 1
        plain = isinstance(node, (ast.Import, ast.ImportFrom)) and not more
        if first == 1 and plain:
            first = start  # a file's header: a licence, not a remark on what it imports first
        while first < start and _HEADER.match(self.lines[first - 1]):
            first += 1
        defines = all(isinstance(each, ast.ClassDef | Definition) for each in nodes)
        return Chunk(first, start, nodes[-1].end_lineno or start, plain, not more and _spare(node), defines)

    def _written(self, calls: set[str]) -> set[str]:
        """The names that functions of the module change when they are called, by themselves or by what they call."""
        found: set[str] = set()
        waiting = [*calls]
        seen = set(calls)
        while waiting:
            for number in self.binders.get(waiting.pop(), ()):
                if self.chunks[number].defines:
                    names = self.names(number)
                    found |= names.writes
                    waiting += names.loads - seen
                    seen |= names.loads
        return found


def _names(text: str, chunk: Chunk, module: Module) -> Names:
    binds, loads, perhaps, inner, declared = set[str](), set[str](), set[str](), set[str](), set[str]()
    top = symtable.symtable(text, "<source>", "exec")
    imported = {each.get_name() for each in top.get_symbols() if each.is_imported() and not each.is_assigned()}
    for symbol in top.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            binds.add(symbol.get_name())
        if symbol.is_referenced():
            loads.add(symbol.get_name())
    tables = top.get_children()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        in_class = table.get_type() == "class"
        for symbol in table.get_symbols():
            if symbol.is_global():
                inner.add(symbol.get_name())
                if symbol.is_declared_global() and symbol.is_assigned():
                    declared.add(symbol.get_name())
            elif in_class and symbol.is_referenced():
                perhaps.add(symbol.get_name())
    touched: set[str] = set()
    imports: list[Import] = []
    tree = ast.parse(text)
    for node in nodes_of(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports += imports_of(node, module, chunk.start - 1)
        elif isinstance(node, (ast.AugAssign, ast.Delete)):
            # Both need the name to be there; symtable says that they bind it.
            targets = [node.target] if isinstance(node, ast.AugAssign) else elements(node.targets)
            loads |= {each.id for each in targets if isinstance(each, ast.Name)} & binds
        else:
            touched |= touched_by(node)
    if chunk.defines:
        touched = behind(tree, touched)
    writes = declared | touched & inner | ({ANY} if inner & NAMESPACES else set())
    return Names(
        binds=frozenset(binds),
        loads=frozenset(loads | inner),
        perhaps=frozenset(perhaps),
        writes=frozenset(writes),
        imports=tuple(imports),
        imported=frozenset(imported),
        rebound=frozenset(declared),
    )


def _grouped(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Statements that share a line are together; those that no excerpt needs are left out."""
    group: list[ast.stmt] = []
    for node in body:
        if group and _start(node) > (group[-1].end_lineno or 0):
            yield group
            group = []
        if not _idle(node):
            group.append(node)
    if group:
        yield group


def _idle(node: ast.stmt) -> bool:
    """Blocks that never run, overloads, ``from __future__``; ``del name``, which would take away what is called."""
    if isinstance(node, ast.If):
        return never_runs(node) and not node.orelse
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return any(called_name(each) == "overload" for each in node.decorator_list)
    if isinstance(node, ast.Delete):
        return all(isinstance(target, (ast.Name, ast.Tuple)) for target in node.targets)
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _start(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _spare(node: ast.stmt) -> bool:
    """``try: from _fast import f; except ImportError: pass``, and what is tidied up if there is one."""
    return (
        isinstance(node, ast.Try)
        and all(isinstance(each, (ast.Import, ast.ImportFrom)) for each in node.body)
        and all(isinstance(each, ast.Pass) for handler in node.handlers for each in handler.body)
        and all(isinstance(each, (ast.Import, ast.ImportFrom, ast.Delete)) for each in node.orelse)
        and not node.finalbody
    )


def _annotations(node: ast.ImportFrom) -> bool:
    return node.module == "__future__" and any(alias.name == "annotations" for alias in node.names)


def _exported(tree: ast.Module) -> frozenset[str] | None:
    """``__all__``, where it is written as a list of names."""
    for node in flat(tree.body):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            try:
                return frozenset(map(str, ast.literal_eval(node.value)))
            except (ValueError, TypeError, RecursionError, MemoryError):
                return None
    return None
