"""What happens to names when a statement runs: which it imports, and whose values it changes.

Sees one statement at a time.  Knows nothing of chunks and modules: see statements.py.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tracegen.programs.declarations import Module

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


@dataclass(frozen=True, slots=True)
class Import:
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


def nodes_of(tree: ast.AST, outside: bool = False) -> Iterator[ast.AST]:
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


def aliases_of(node: ast.stmt) -> dict[str, set[str]]:
    """The names that an assignment gives one value: a change of one is a change of the others."""
    if not isinstance(node, ast.Assign):
        return {}
    several = {each.id for each in (*node.targets, node.value) if isinstance(each, ast.Name)}
    return {each: several - {each} for each in several if len(several) > 1}


def behind(tree: ast.AST, touched: set[str]) -> set[str]:
    """The names whose values may be what is changed by way of others: ``for each in TABLES: each[0] = 1``."""
    sources: dict[str, set[str]] = {}
    for node in nodes_of(tree):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.For):
            targets, value = [node.target], node.iter
        else:
            continue
        reached = set(map(root_of, elements(elements([value]))))
        for target in elements(targets):
            if isinstance(target, ast.Name):
                sources.setdefault(target.id, set()).update(reached)
    found = set(touched)
    waiting = [*touched]
    while waiting:
        further = sources.get(waiting.pop(), set()) - found
        found |= further
        waiting += further
    return found


class Effects:
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
            for node in nodes_of(statement, outside=True):
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
                self.changes |= touched_by(node)
        if self.calls & NAMESPACES:
            self.changes.add(ANY)
        for loop in loops:
            if root_of(loop.target) in self.changes:  # ``for table in (A, B): table[0] = 1``
                self.changes |= {root_of(each) for each in elements([loop.iter])}
        self.changes.discard("")

    def _called(self, call: ast.Call) -> None:
        """A call as a statement may change what its method is of, or what its function is given."""
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if isinstance(call.func, ast.Attribute):
            if call.func.attr.startswith(SETTERS) or call.func.attr in MUTATORS:
                self.changes.add(root_of(call.func))
            else:
                self.methods.add(root_of(call.func))
            if any(isinstance(each, ast.Name) and each.id == "__name__" for each in given):
                self.changes.add(ANY)  # ``IntEnum._convert_("Name", __name__, …)`` makes names of the module
        elif isinstance(call.func, ast.Name) and call.func.id not in UNCHANGING:
            self.changes |= {root_of(each) for each in given}

    def _decorated(self, decorators: list[ast.expr]) -> None:
        for each in decorators:
            function = each.func if isinstance(each, ast.Call) else each
            if isinstance(function, ast.Name):
                self.calls.add(function.id)
            else:
                self.methods.add(root_of(function))


def elements(several: Iterable[ast.expr]) -> list[ast.expr]:
    """Expressions, and what stands in tuples and lists among them."""
    found = [each.elts if isinstance(each, (ast.Tuple, ast.List)) else [each] for each in several]
    return [each for elements in found for each in elements]


def touched_by(node: ast.AST) -> set[str]:
    """The name whose value a node changes in place."""
    if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
        return {root_of(node)}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        return {root_of(node.func)}
    return set()


def root_of(node: ast.AST) -> str:
    """``a`` of ``a.b[0].c()``; "" if there is none."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def imports_of(node: ast.Import | ast.ImportFrom, module: Module, above: int) -> Iterator[Import]:
    """The names that an import binds; ``above`` lines stand above the text that its place is counted in."""
    for alias in node.names:
        renamed, line = alias.asname is not None, node.lineno + above
        if isinstance(node, ast.Import):
            bound = alias.asname or alias.name.partition(".")[0]
            yield Import(alias.name, "", bound, renamed, False, line, node.col_offset)
        else:
            bound, base = alias.asname or alias.name, _absolute(node, module)
            yield Import(base, alias.name, bound, renamed, node.level > 0, line, node.col_offset)


def _absolute(node: ast.ImportFrom, module: Module) -> str:
    """The module that is imported from; "" if it lies above what is known."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    kept = parts[: len(parts) - node.level + module.package]
    return ".".join([*kept, node.module] if node.module else kept) if kept else ""
