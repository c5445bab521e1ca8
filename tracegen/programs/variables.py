"""The variables of a statement: in which scope each name is bound, by what, and where it is used.

A scope analysis as the compiler does it, with what symtable does not say: the places, what is read of a variable
(``a.b.c``), what no run reaches on this platform.  Knows nothing of modules.
"""

from __future__ import annotations

import ast
import os
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum

Flag = Callable[[str], bool | None]
"""Whether a module's name is true in every run on this platform, in none (False), or who knows (None)."""

PLATFORM = {"sys.platform": sys.platform, "os.name": os.name, "platform.system()": platform.system()}
"""What programs find where they run: on this machine."""

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LEAVING = (ast.Raise, ast.Return, ast.Break, ast.Continue)


class Region(Enum):
    """What kind of scope: names of a class are not seen from the functions in it."""

    MODULE = "module"
    CLASS = "class"
    FUNCTION = "function"


class Guard(Enum):
    """Whether a statement runs if its scope does: surely, perhaps, or in a ``try`` that goes on without it."""

    NONE = 0
    BRANCH = 1
    TRY = 2


class Scope:
    """A scope and its names; ``deferred`` says that its code does not run when the module is loaded."""

    def __init__(self, region: Region, parent: Scope | None, deferred: bool, comprehension: bool = False) -> None:
        self.region = region
        self.parent = parent
        self.deferred = deferred
        self.comprehension = comprehension
        self.binds: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()

    def home(self, name: str) -> Scope:
        """The scope whose variable a name is here; the module's for what is bound nowhere."""
        around = [self]
        while around[-1].parent is not None:
            around.append(around[-1].parent)
        for here in around:
            if name in here.globals:
                break
            seen = here is self or here.region is not Region.CLASS
            if seen and name in here.binds and name not in here.nonlocals:
                return here
        return around[-1]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands; ``string`` is the f-string around it, whose positions are wrong before Python 3.12."""

    scope: Scope
    dead: bool = False
    guard: Guard = Guard.NONE
    string: ast.expr | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """A name as an expression, and the attributes that are read of it, from the first to the last."""

    node: ast.Name
    place: Place
    attributes: tuple[ast.Attribute, ...]

    @property
    def home(self) -> Scope:
        """The scope of its variable."""
        return self.place.scope.home(self.node.id)


@dataclass(frozen=True, slots=True)
class Binding:
    """What gives a variable a value: ``node`` is a name, or the statement, handler or pattern that has it."""

    name: str
    node: ast.AST
    place: Place

    @property
    def home(self) -> Scope:
        """The scope of its variable."""
        return self.place.scope.home(self.name)


class Variables:
    """All uses and bindings in a tree, in the order of the text or nearly so."""

    def __init__(self, tree: ast.Module, flag: Flag) -> None:
        self.top = Scope(Region.MODULE, None, False)
        self.uses: list[Use] = []
        self.bindings: list[Binding] = []
        self.globals: list[ast.Global] = []
        self._flag = flag
        self._run(tree.body, Place(self.top))

    def of(self, home: Scope, name: str) -> list[Binding]:
        """What binds a variable."""
        return [each for each in self.bindings if each.name == name and each.home is home]

    def _run(self, body: Iterable[ast.stmt], place: Place) -> None:
        for statement in body:
            self._visit(statement, place)
            if self._leaves(statement, place):
                place = replace(place, dead=True)

    def _holds(self, test: ast.expr, place: Place) -> bool | None:
        names = [each.id for each in ast.walk(test) if isinstance(each, ast.Name)]
        local = {each for each in names if place.scope.home(each) is not self.top}
        if not local.isdisjoint(each.partition(".")[0] for each in PLATFORM):
            return None
        return truth(test, lambda name: None if name in local else self._flag(name))

    def _leaves(self, node: ast.stmt, place: Place) -> bool:
        if isinstance(node, ast.If):
            holds = self._holds(node.test, place)
            taken = [] if holds is None else node.body if holds else node.orelse
            return any(self._leaves(each, place) for each in taken)
        return isinstance(node, LEAVING)

    def _bind(self, name: str | None, node: ast.AST, place: Place) -> None:
        if name is not None:
            place.scope.binds.add(name)
            self.bindings.append(Binding(name, node, place))

    def _visit(self, node: ast.AST, place: Place) -> None:
        if isinstance(node, (ast.Name, ast.Attribute)):
            self._name(node, place)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            self._scope(node, place)
        elif isinstance(node, COMPREHENSIONS):
            self._comprehension(node, place)
        elif isinstance(node, ast.NamedExpr):
            self._visit(node.value, place)
            scope = place.scope
            while scope.comprehension and scope.parent is not None:
                scope = scope.parent
            self._visit(node.target, replace(place, scope=scope))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                plain = alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
                self._bind(alias.asname or plain, node, place)
        elif isinstance(node, ast.Global):
            place.scope.globals.update(node.names)
            self.globals.append(node)
        elif isinstance(node, ast.Nonlocal):
            place.scope.nonlocals.update(node.names)
        elif isinstance(node, ast.stmt):
            self._statement(node, place)
        else:
            if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
                self._bind(node.name, node, place)
            elif isinstance(node, ast.MatchMapping):
                self._bind(node.rest, node, place)
            elif isinstance(node, ast.JoinedStr) and place.string is None:
                place = replace(place, string=node)
            self._fields(node, place)

    def _fields(self, node: ast.AST, place: Place, *besides: str) -> None:
        """Everything in a node; lists of statements are bodies."""
        for field, value in ast.iter_fields(node):
            if field in besides:
                continue
            if isinstance(value, ast.AST):
                self._visit(value, place)
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                self._run(value, place)
            elif isinstance(value, list):
                for each in value:
                    if isinstance(each, ast.AST):
                        self._visit(each, place)

    def _statement(self, node: ast.stmt, place: Place) -> None:
        """A statement that may run others, or not run them."""
        perhaps = replace(place, guard=max(place.guard, Guard.BRANCH, key=lambda each: each.value))
        if isinstance(node, ast.If):
            holds = self._holds(node.test, place)
            self._visit(node.test, place)
            inside = perhaps if holds is None else place
            self._run(node.body, replace(inside, dead=place.dead or holds is False))
            self._run(node.orelse, replace(inside, dead=place.dead or holds is True))
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.Match)):
            self._fields(node, perhaps)
        elif hasattr(node, "handlers"):  # TryStar is of 3.11
            self._run(getattr(node, "body", []), replace(place, guard=Guard.TRY) if node.handlers else place)
            self._fields(node, perhaps, "body")
        else:
            self._fields(node, place)

    def _name(self, node: ast.Name | ast.Attribute, place: Place) -> None:
        attributes: list[ast.Attribute] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            attributes.insert(0, inner)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            self._visit(inner, place)
            return
        if not isinstance(inner.ctx, ast.Load):
            self._bind(inner.id, inner, place)
        self.uses.append(Use(inner, place, tuple(attributes)))

    def _scope(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef, place: Place) -> None:
        if not isinstance(node, ast.Lambda):
            self._bind(node.name, node, place)
            for each in node.decorator_list:
                self._visit(each, place)
        parameters = getattr(node, "type_params", [])
        if parameters:  # of 3.12: in a scope of their own, around
            place = replace(place, scope=Scope(Region.FUNCTION, place.scope, place.scope.deferred))
            for each in parameters:
                self._bind(each.name, each, place)
                self._fields(each, place)
        if isinstance(node, ast.ClassDef):
            self._fields(node, place, "body", "decorator_list", "type_params")
            self._run(node.body, Place(Scope(Region.CLASS, place.scope, place.scope.deferred), place.dead, place.guard))
            return
        inside = Place(Scope(Region.FUNCTION, place.scope, True), place.dead, string=place.string)
        declared = node.args
        for argument in (
            *(*declared.posonlyargs, *declared.args, *declared.kwonlyargs),
            *(each for each in (declared.vararg, declared.kwarg) if each is not None),
        ):
            self._bind(argument.arg, argument, inside)
            if argument.annotation is not None:
                self._visit(argument.annotation, place)
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self._visit(default, place)
        if isinstance(node, ast.Lambda):
            self._visit(node.body, inside)
        else:
            if node.returns is not None:
                self._visit(node.returns, place)
            self._run(node.body, inside)

    def _comprehension(self, node: ast.AST, place: Place) -> None:
        scope = Scope(Region.FUNCTION, place.scope, place.scope.deferred, True)
        inside = replace(place, scope=scope)
        generators: list[ast.comprehension] = getattr(node, "generators", [])
        for number, each in enumerate(generators):
            self._visit(each.iter, inside if number else place)
            self._fields(each, inside, "iter")
        self._fields(node, inside, "generators")


def truth(test: ast.expr, flag: Flag) -> bool | None:
    """Whether a condition on the platform holds here; ``flag`` says it for a name.

    >>> truth(ast.parse("sys.platform == 'no such' and x", mode="eval").body, lambda name: None)
    False
    """
    if isinstance(test, ast.Name):
        return False if test.id == "TYPE_CHECKING" else flag(test.id)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        said = truth(test.operand, flag)
        return None if said is None else not said
    if isinstance(test, ast.BoolOp):
        decisive = isinstance(test.op, ast.Or)
        each = [truth(value, flag) for value in test.values]
        return decisive if decisive in each else None if None in each else not decisive
    text, literal = "", None
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        text = ast.unparse(test.left)
        literal = test.comparators[0]
    elif isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and len(test.args) == 1:
        text = ast.unparse(test.func.value) if test.func.attr == "startswith" else ""
        literal = test.args[0]
    elif isinstance(test, ast.Attribute):
        return False if test.attr == "TYPE_CHECKING" else None
    if isinstance(test, ast.Compare) and text == "__name__" and isinstance(test.ops[0], ast.Eq):
        return False
    try:
        here, there = PLATFORM[text], ast.literal_eval(literal) if literal is not None else None
        if isinstance(test, ast.Call):
            return here.startswith(there if isinstance(there, tuple) else str(there))
        compared = test.ops[0] if isinstance(test, ast.Compare) else None
        if isinstance(compared, (ast.Eq, ast.NotEq)):
            return (here == there) is isinstance(compared, ast.Eq)
        if isinstance(compared, (ast.In, ast.NotIn)) and isinstance(there, (tuple, list, set)):
            return (here in there) is isinstance(compared, ast.In)
    except (KeyError, ValueError, TypeError):
        pass
    return None
