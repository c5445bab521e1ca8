"""The smallest text that defines a function: its own statement, and all that this needs of its module.

A module is cut into chunks, its top-level statements; a name that a kept chunk loads keeps every chunk that binds or
changes it.  What is not importable where programs run is taken over from the sibling modules too.  Reads and never
runs; a name that only a running program can compute (``globals()[…]``) is not seen: the caller asks for it by ``also``.
Knows nothing of arguments.

Longer than 350 lines: what a module's statements do to names (`_Index`) and what one excerpt keeps of them
(`_Gathering`) are two halves of one question, and neither is of use alone.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tracegen.context import lines_of
from tracegen.programs.discovery import Definition, Found, Module, Origin, called_name, flat, never_runs, parsed

WHOLE = "imports a sibling module as a whole"
INSIDE = "imports a sibling module inside a block or a function"
OUTSIDE = "imports a module that is not in the source"
UNDEFINED = "imports a name that its module does not define"
CONFLICT = "two modules give a name two meanings"
UNSEEN = "its source cannot be analysed"

BUILTINS = frozenset(
    {*dir(builtins), "WindowsError", "__builtins__", "__cached__", "__class__", "__file__", "__path__"}
)
"""What a module has without binding it, wherever it runs."""

MUTATORS = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "register",
        "remove",
        "setdefault",
        "sort",
        "update",
    ]
)
SETTERS = ("set", "seed", "register")
UNCHANGING = (BUILTINS - {"setattr", "delattr"}) | {"main"}
NAMESPACES = frozenset({"exec", "globals", "locals", "vars"})
ANY = "*"
"""A name that cannot be told from the text: ``globals().update(…)`` binds any."""

LINE = 100
"""Characters: an import that is put together anew is wrapped beyond this."""

_HEADER = re.compile(r"#!|#.*coding[:=]|#\s*(vim|-\*-)")
_RELATIVE = re.compile(rb"from\s*\.[\s.\w]*?\bimport\b")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A program that defines ``function`` (``f`` or ``Class.method``), and where its lines stand.

    ``line_of`` gives (module, line) for each line of the text, empty lines between statements left out;
    ``body_lines`` are the lines of the text at which the function's own statements begin (`Found.statements`).
    """

    text: str
    function: str
    line_of: Mapping[int, tuple[str, int]]
    body_lines: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Import:
    """One name that an import binds: of ``module``, spelled absolutely; ``name`` is "" for the module itself."""

    module: str
    name: str
    bound: str
    renamed: bool
    relative: bool
    line: int
    column: int

    @property
    def what(self) -> str:
        """As it stands in an import statement."""
        return (self.name or self.module) + (f" as {self.bound}" if self.renamed else "")

    @property
    def meaning(self) -> str:
        """What the bound name is: ``a``, if it is bound by ``import a.b``."""
        return f"{self.module if self.name or self.renamed else self.bound} {self.name}"


@dataclass(frozen=True, slots=True)
class _Chunk:
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
class _Names:
    """What the scopes of a chunk bind, load, and change when they are called; and its imports.

    ``perhaps`` are loaded by a class that binds them too (``name = name``): from the module, if it has them.
    """

    binds: frozenset[str]
    loads: frozenset[str]
    perhaps: frozenset[str]
    writes: frozenset[str]
    imports: tuple[_Import, ...]


class _Refused(Exception):
    """Why there is no excerpt."""


class Library:
    """The modules of one source, by name; what is found out about each is found out once."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules = {module.name: module for module in modules}
        self._tops = {name.partition(".")[0] for name in self.modules}
        self._indices: dict[str, _Index] = {}

    def index(self, name: str) -> _Index:
        """A module's chunks by the names that they bind and change."""
        if name not in self._indices:
            self._indices[name] = _Index(self.modules[name])
        return self._indices[name]

    def sibling(self, user: Module, wanted: _Import) -> str | None:
        """The module that an import finds in this library, if what it finds cannot be imported: None otherwise."""
        if user.origin is Origin.INSTALLED:
            return None
        if wanted.module in self.modules:
            return wanted.module
        folder = user.name.rpartition(".")[0]
        if folder not in self.modules and f"{folder}.{wanted.module}" in self.modules:
            return f"{folder}.{wanted.module}"  # a script, not of a package, finds what lies beside it
        if wanted.relative or wanted.module.partition(".")[0] in self._tops:
            below = any(name.startswith(f"{wanted.module}.") for name in self.modules)
            raise _Refused(WHOLE if below else OUTSIDE)
        return None

    def exports(self, name: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        """What ``from name import *`` binds, if the module is in the library."""
        if name not in self.modules or name in seen:
            return frozenset()
        index = self.index(name)
        if index.exported is not None:
            return index.exported
        bound = {each for each in index.binders if not each.startswith("_")}
        return frozenset(bound).union(*(self.exports(star.module, seen | {name}) for star in index.stars.values()))


class _Index:
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
        self.stars: dict[int, _Import] = {}
        self.docstring: int | None = None
        self.chunks: list[_Chunk] = []
        self._names: dict[int, _Names] = {}
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

    def names(self, number: int) -> _Names:
        """The names of a chunk.  Raises _Refused if there is no telling."""
        if number not in self._names:
            chunk = self.chunks[number]
            text = "".join(self.lines[chunk.start - 1 : chunk.last])
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self._names[number] = _names(text, chunk, self.module)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                raise _Refused(UNSEEN) from None
        return self._names[number]

    def _read(self, tree: ast.Module) -> None:
        owners: list[tuple[int, set[str]]] = []
        aliases: dict[str, set[str]] = {}
        imported: set[str] = set()
        for number, nodes in enumerate(_grouped(tree.body)):
            chunk = self._chunk(nodes)
            self.chunks.append(chunk)
            effects = _Effects(nodes)
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
            aliases |= _aliases(nodes[-1])
            self._callers.append((number, effects.calls))
            owners.append((number, effects.methods - binds))
        for number, methods in owners:
            for each in methods - imported:
                self._changers.setdefault(each, []).append(number)

    def _chunk(self, nodes: list[ast.stmt]) -> _Chunk:
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
        return _Chunk(first, start, nodes[-1].end_lineno or start, plain, not more and _spare(node), defines)

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


def _names(text: str, chunk: _Chunk, module: Module) -> _Names:
    binds, loads, perhaps, inner, declared = set[str](), set[str](), set[str](), set[str](), set[str]()
    top = symtable.symtable(text, "<source>", "exec")
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
    imports: list[_Import] = []
    tree = ast.parse(text)
    for node in _nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports += _imports(node, module, chunk.start - 1)
        elif isinstance(node, (ast.AugAssign, ast.Delete)):
            # Both need the name to be there; symtable says that they bind it.
            targets = [node.target] if isinstance(node, ast.AugAssign) else _elements(node.targets)
            loads |= {each.id for each in targets if isinstance(each, ast.Name)} & binds
        else:
            touched |= _touched(node)
    if chunk.defines:
        touched = _behind(tree, touched)
    writes = declared | touched & inner | ({ANY} if inner & NAMESPACES else set())
    return _Names(frozenset(binds), frozenset(loads | inner), frozenset(perhaps), frozenset(writes), tuple(imports))


def _nodes(tree: ast.AST, outside: bool = False) -> Iterator[ast.AST]:
    """A tree's nodes that may say something, faster than ast.walk; ``outside``: not what is in functions."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if type(node) is ast.Name or type(node) is ast.Constant:
            continue
        yield node
        if outside and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        for field in node._fields:
            value = getattr(node, field, None)
            if type(value) is list:
                waiting += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST) and value._fields:
                waiting.append(value)


def _aliases(node: ast.stmt) -> dict[str, set[str]]:
    """The names that an assignment gives one value: a change of one is a change of the others."""
    if not isinstance(node, ast.Assign):
        return {}
    several = {each.id for each in (*node.targets, node.value) if isinstance(each, ast.Name)}
    return {each: several - {each} for each in several if len(several) > 1}


def _behind(tree: ast.AST, touched: set[str]) -> set[str]:
    """The names whose values may be what is changed by way of others: ``for each in TABLES: each[0] = 1``."""
    sources: dict[str, set[str]] = {}
    for node in _nodes(tree):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.For):
            targets, value = [node.target], node.iter
        else:
            continue
        reached = set(map(_root, _elements(_elements([value]))))
        for target in _elements(targets):
            if isinstance(target, ast.Name):
                sources.setdefault(target.id, set()).update(reached)
    found = set(touched)
    waiting = [*touched]
    while waiting:
        further = sources.get(waiting.pop(), set()) - found
        found |= further
        waiting += further
    return found


class _Effects:
    """What happens to names when the module runs: not what is in functions.

    ``changes`` are the names whose values are changed, ``calls`` those that are called; ``methods`` those of which a
    method is called or decorates, which changes them if they are the module's own: ``f`` of ``@f.register(int)``, but
    not ``os`` of ``os.makedirs(…)``.
    """

    def __init__(self, nodes: list[ast.stmt]) -> None:
        self.binds: set[str] = set()
        self.changes: set[str] = set()
        self.calls: set[str] = set()
        self.methods: set[str] = set()
        loops: list[ast.For] = []
        for statement in nodes:
            for node in _nodes(statement, outside=True):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    self._decorated(node.decorator_list)
                elif isinstance(node, ast.NamedExpr):
                    self.binds.add(node.target.id)
                elif isinstance(node, ast.For):
                    loops.append(node)
                elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                    self._called(node.value)
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    self.calls.add(node.func.id)
                self.changes |= _touched(node)
        if self.calls & NAMESPACES:
            self.changes.add(ANY)
        for loop in loops:
            if _root(loop.target) in self.changes:  # ``for table in (A, B): table[0] = 1``
                self.changes |= {_root(each) for each in _elements([loop.iter])}
        self.changes.discard("")

    def _called(self, call: ast.Call) -> None:
        """A call as a statement may change what its method is of, or what its function is given."""
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if isinstance(call.func, ast.Attribute):
            if call.func.attr.startswith(SETTERS) or call.func.attr in MUTATORS:
                self.changes.add(_root(call.func))
            else:
                self.methods.add(_root(call.func))
            if any(isinstance(each, ast.Name) and each.id == "__name__" for each in given):
                self.changes.add(ANY)  # ``IntEnum._convert_("Name", __name__, …)`` makes names of the module
        elif isinstance(call.func, ast.Name) and call.func.id not in UNCHANGING:
            self.changes |= {_root(each) for each in given}

    def _decorated(self, decorators: list[ast.expr]) -> None:
        for each in decorators:
            function = each.func if isinstance(each, ast.Call) else each
            if isinstance(function, ast.Name):
                self.calls.add(function.id)
            else:
                self.methods.add(_root(function))


def _elements(several: Iterable[ast.expr]) -> list[ast.expr]:
    """Expressions, and what stands in tuples and lists among them."""
    found = [each.elts if isinstance(each, (ast.Tuple, ast.List)) else [each] for each in several]
    return [each for elements in found for each in elements]


def _touched(node: ast.AST) -> set[str]:
    """The name whose value a node changes in place."""
    if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
        return {_root(node)}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        return {_root(node.func)}
    return set()


def _root(node: ast.AST) -> str:
    """``a`` of ``a.b[0].c()``; "" if there is none."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


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


def _imports(node: ast.Import | ast.ImportFrom, module: Module, above: int) -> Iterator[_Import]:
    """The names that an import binds; ``above`` lines stand above the text that its place is counted in."""
    for alias in node.names:
        renamed, line = alias.asname is not None, node.lineno + above
        if isinstance(node, ast.Import):
            bound = alias.asname or alias.name.partition(".")[0]
            yield _Import(alias.name, "", bound, renamed, False, line, node.col_offset)
        else:
            bound, base = alias.asname or alias.name, _absolute(node, module)
            yield _Import(base, alias.name, bound, renamed, node.level > 0, line, node.col_offset)


def _absolute(node: ast.ImportFrom, module: Module) -> str:
    """The module that is imported from; "" if it lies above what is known."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    kept = parts[: len(parts) - node.level + module.package]
    return ".".join([*kept, node.module] if node.module else kept) if kept else ""


def excerpt(found: Found, library: Library, also: frozenset[str] = frozenset()) -> Excerpt | str:
    """The text that defines a function of the library, or the reason why there is none.

    ``also`` are top-level names that it must define besides: those that a run of a first excerpt missed.
    """
    gathering = _Gathering(library)
    try:
        gathering.want(found.module, found.qualname.partition(".")[0])
        gathering.run()
        for name in sorted(also):
            gathering.want_besides(found.module, name)
        gathering.run()
        return gathering.written(found)
    except _Refused as refusal:
        return str(refusal)
    except (RecursionError, MemoryError):
        return UNSEEN


@dataclass(frozen=True, slots=True)
class _Piece:
    """Consecutive lines of an excerpt, each with its line in the module; ``blanks`` empty ones stand above it there.

    ``binds`` says what each name means: the same in two modules if the text is.
    """

    module: str
    lines: tuple[tuple[str, int], ...]
    binds: Mapping[str, str]
    blanks: int
    imports: bool
    defines: bool

    @property
    def text(self) -> str:
        """The lines as they are shown."""
        return "".join(line for line, _ in self.lines)


class _Gathering:
    """What one excerpt keeps: chunks, and the names of the import statements among them."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.kept: dict[str, set[int]] = {}
        self.names: dict[tuple[str, int], dict[str, _Import]] = {}
        self.inlined: dict[tuple[str, str], tuple[str, str]] = {}
        self.needs: dict[str, dict[str, None]] = {}
        self.wanted: dict[str, set[str]] = {}
        self._waiting: list[tuple[str, str]] = []

    def want(self, module: str, name: str) -> None:
        """Define a name of a module."""
        names = self.wanted.setdefault(module, set())
        if name not in names:
            names.add(name)
            self._waiting.append((module, name))

    def want_besides(self, module: str, name: str) -> None:
        """Define a name in the module, or in those that are taken over if it is one of theirs."""
        for each in (module, *self.wanted):
            if self.library.index(each).of(name):
                self.want(each, name)
                return

    def run(self) -> None:
        """Keep what the wanted names need, until nothing more is needed."""
        while self._waiting:
            module, name = self._waiting.pop()
            index = self.library.index(module)
            places = index.of(name)
            if name not in index.binders and name not in BUILTINS:
                self._from_elsewhere(index, name)
            for number in places:
                if index.chunks[number].plain:
                    self._keep_import(index, number, name)
                else:
                    self._keep(index, number)

    def _keep(self, index: _Index, number: int) -> None:
        name = index.module.name
        kept = self.kept.setdefault(name, set())
        if number in kept:
            return
        kept.add(number)
        names = index.names(number)
        if not index.chunks[number].plain:
            if any(self.library.sibling(index.module, each) is not None for each in names.imports):
                raise _Refused(INSIDE)
            # In an order of its own: which reason is found first, and which sibling, is the same in every run.
            for load in sorted(names.loads | (names.perhaps & index.binders.keys())):
                self.want(name, load)

    def _keep_import(self, index: _Index, number: int, name: str) -> None:
        for each in index.names(number).imports:
            if each.bound == name:
                self._use(index, number, each)

    def _from_elsewhere(self, index: _Index, name: str) -> None:
        """A name that nothing binds: a star import may, or what reaches into ``globals()``."""
        for number, star in index.stars.items():
            if index.chunks[number].plain and name in self.library.exports(star.module):
                self._use(index, number, replace(star, name=name, bound=name))
                return
        for number, star in index.stars.items():
            if not index.chunks[number].plain:
                self._keep(index, number)
                continue
            source = self.library.sibling(index.module, star)
            if source is None:
                self._use(index, number, star)
            elif self.library.index(source).of(ANY):
                self._use(index, number, replace(star, name=name, bound=name))
        for number in index.of(ANY):
            if not index.chunks[number].plain:
                self._keep(index, number)

    def _use(self, index: _Index, number: int, wanted: _Import) -> None:
        """Keep one name of an import; what cannot be imported is defined in its sibling module, and taken over."""
        user = index.module.name
        self._keep(index, number)
        self.names.setdefault((user, number), {})[wanted.bound] = wanted
        source = self.library.sibling(index.module, wanted)
        if source is None:
            if not wanted.module:
                raise _Refused(OUTSIDE)
            return
        if not wanted.name:
            raise _Refused(WHOLE)
        there = self.library.index(source)
        bound = wanted.name in there.binders or wanted.name in self.library.exports(source)
        if f"{source}.{wanted.name}" in self.library.modules and (source == user or not bound):
            raise _Refused(WHOLE)
        if source == user or not (bound or there.of(ANY)):
            raise _Refused(UNDEFINED)
        self.inlined[user, wanted.bound] = (source, wanted.name)
        self.needs.setdefault(user, {})[source] = None
        self.want(source, wanted.name)

    def written(self, found: Found) -> Excerpt:
        """The excerpt.  Raises _Refused where two modules do not go into one."""
        pieces = self._pieces(found.module)
        self._check(pieces)
        text: list[str] = []
        line_of: dict[int, tuple[str, int]] = {}
        body = set()
        statements = set(found.statements)
        previous = None
        for piece in pieces:
            text += ["\n"] * _gap(previous, piece)
            for line, number in piece.lines:
                text.append(line)
                line_of[len(text)] = (piece.module, number)
                if piece.module == found.module and number in statements and not piece.imports:
                    body.add(len(text))
            previous = piece
        return Excerpt("".join(text), found.qualname, line_of, frozenset(body))

    def _pieces(self, root: str) -> list[_Piece]:
        """In the order of the text: a module's after those of the modules that it needs, imports above all."""
        order = _ordered(root, self.needs)
        docstring: list[_Piece] = []
        imports: list[_Piece] = []
        rest: list[_Piece] = []
        seen: set[str] = set()
        for name in order:
            index = self.library.index(name)
            leading = True
            for number in sorted(self.kept.get(name, ())):
                piece = self._piece(index, number)
                leading = leading and piece.imports
                if number == index.docstring:
                    docstring.append(piece)
                elif not piece.imports or len(order) == 1:
                    rest.append(piece)
                elif piece.text not in seen:
                    (imports if leading else rest).append(piece)
                    seen.add(piece.text)
        futures = [(name, self.library.index(name).future) for name in (root, *order)]
        for name, line in [(name, line) for name, line in futures if line is not None][:1]:
            text = "from __future__ import annotations\n"
            imports.insert(0, _Piece(name, ((text, line),), {}, 0, True, False))
        return [piece for piece in [*docstring[-1:], *imports, *rest] if piece.lines]

    def _piece(self, index: _Index, number: int) -> _Piece:
        """A chunk as it is shown: an import statement cut down to the names that are needed."""
        module, chunk, names = index.module, index.chunks[number], index.names(number)
        blanks = 0
        while chunk.first - blanks >= 2 and not index.lines[chunk.first - blanks - 2].strip():
            blanks += 1
        lines = [(index.lines[line - 1], line) for line in range(chunk.first, chunk.last + 1)]
        lines[0] = (lines[0][0].lstrip("\x0c"), lines[0][1])
        if not chunk.plain:
            binds = {name: f"{module.name}:{name}" for name in names.binds}
            return _Piece(
                module.name,
                tuple(_without_dots(lines, chunk.first, names.imports)),
                binds,
                blanks,
                False,
                chunk.defines,
            )
        used = self.names.get((module.name, number), {})
        used = {ANY: used[ANY]} if ANY in used else used
        inlined = {name: self.inlined[module.name, name] for name in used if (module.name, name) in self.inlined}
        if inlined:
            renamed = {name: (source, what) for name, (source, what) in inlined.items() if name != what}
            shown = tuple((f"{name} = {what}\n", chunk.start) for name, (_, what) in renamed.items())
            binds = {name: f"= {source}:{what}" for name, (source, what) in renamed.items()}
            return _Piece(module.name, shown, binds, blanks, False, False)
        whole = set(used.values()) == set(names.imports) and not names.imports[0].relative
        if not whole:
            needed = sorted(used.values(), key=lambda each: (each.line, each.column, each.what))
            lines = [(line, chunk.start) for line in _import_lines(needed)]
        binds = {name: each.meaning for name, each in used.items()}
        return _Piece(module.name, tuple(lines), binds, blanks, True, False)

    def _check(self, pieces: list[_Piece]) -> None:
        """Several modules share one namespace: no name may mean two things in it."""
        meanings: dict[str, dict[str, str]] = {}
        for piece in pieces:
            for name, meaning in piece.binds.items():
                meanings.setdefault(name, {})[piece.module] = meaning
        if any(len(set(each.values())) > 1 for each in meanings.values()):
            raise _Refused(CONFLICT)
        for module, numbers in self.kept.items():
            index = self.library.index(module)
            for name in frozenset[str]().union(*(index.names(number).loads for number in numbers)):
                own = name in index.binders or (module, name) in self.inlined
                if not own and not meanings.get(name, {module: ""}).keys() <= {module}:
                    raise _Refused(CONFLICT)


def _ordered(root: str, needs: dict[str, dict[str, None]]) -> list[str]:
    """Modules, each after those that it needs."""
    order: dict[str, None] = {}
    seen = {root}
    path = [(root, iter(needs.get(root, ())))]
    while path:
        name, further = path[-1]
        following = next((each for each in further if each not in seen), None)
        if following is None:
            order[name] = None
            path.pop()
        else:
            seen.add(following)
            path.append((following, iter(needs.get(following, ()))))
    return list(order)


def _gap(previous: _Piece | None, piece: _Piece) -> int:
    """The empty lines above a piece: as many as above it in its module, but at least one about a definition."""
    if previous is None:
        return 0
    if previous.imports and piece.imports:
        return min(1, piece.blanks) if previous.module == piece.module else 0
    apart = previous.imports != piece.imports or previous.defines or piece.defines or previous.module != piece.module
    return max(int(apart), min(2, piece.blanks))


def _import_lines(needed: list[_Import]) -> Iterator[str]:
    """Import statements for names; those of one module in one."""
    for each in needed:
        if not each.name:
            yield f"import {each.what}\n"
    named = [each for each in needed if each.name]
    if named:
        start, names = f"from {named[0].module} import ", [each.what for each in named]
        line = start + ", ".join(names)
        yield from [line + "\n"] if len(line) <= LINE else [start + "(\n", *(f"    {name},\n" for name in names), ")\n"]


def _without_dots(lines: list[tuple[str, int]], first: int, imports: tuple[_Import, ...]) -> list[tuple[str, int]]:
    """The relative imports of an installed module, in its blocks and functions, as absolute ones."""
    places = {(each.line, each.column): each.module for each in imports if each.relative}
    for (line, column), module in sorted(places.items(), reverse=True):
        text = lines[line - first][0].encode("utf-8")
        matched = _RELATIVE.match(text, column)
        if matched is None or not module:
            raise _Refused(INSIDE)
        changed = text[:column] + f"from {module} import".encode() + text[matched.end() :]
        lines[line - first] = (changed.decode("utf-8"), line)
    return lines
