"""What a module defines and imports, by name: classes and what they are made from, functions, aliases, constants.

Read from the module's text.  Names that the module does not hold are unknown, and nothing is looked up elsewhere.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from tracegen.inputs.admission import full_name
from tracegen.inputs.signature import Kind, Parameter, parameters_of, parsed

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Making(Enum):
    """How a value of a class comes to be."""

    CALLED = "called"
    MEMBER = "member"
    RECORD = "record"
    ABSTRACT = "abstract"


@dataclass(frozen=True, slots=True)
class Class:
    """``fields``: what its constructor takes, or a TypedDict's.  ``members``: an enum's.  ``names``: all it has."""

    name: str
    making: Making
    fields: tuple[Parameter, ...] = ()
    members: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    bases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Definitions:
    """``imports`` maps a name to its full name; ``aliases`` a name to the text of the type that it stands for."""

    classes: dict[str, Class] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    @property
    def own(self) -> frozenset[str]:
        """The names that the module itself defines as classes, functions and literals."""
        literals = [name for name, value in self.constants.items() if isinstance(value, LITERALS)]
        return frozenset([*self.classes, *self.functions, *literals])

    def spelled(self, full: str) -> str | None:
        """How a full name, ``datetime.date``, is spelled in the module; None if it cannot be."""
        outer, _, last = full.rpartition(".")
        for name, means in self.imports.items():
            if means == full:
                return name
        for name, means in self.imports.items():
            if means == outer:
                return f"{name}.{last}"
        return None

    def having(self, names: frozenset[str]) -> list[str]:
        """The classes that have all of these attributes."""
        return [each.name for each in self.classes.values() if names and names <= each.names]


LITERALS = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp)
"""A name that stands for anything else, ``run = os.system``, is not taken for a value."""

ENUMS = {"Enum", "IntEnum", "Flag", "IntFlag", "StrEnum"}
VALUES = {"Exception", "ValueError", "RuntimeError", "KeyError", "TypeError"}
NOT_MEMBERS = {"_ignore_", "_order_"}
ALIAS_CALLS = {"TypeVar", "NewType", "ParamSpec"}
FACTORIES = {"Union", "Optional", "Literal", "Annotated", "Callable", "Type"}


@lru_cache(maxsize=64)
def definitions(module: str) -> Definitions:
    """What the text of a module defines; nothing if it cannot be read."""
    tree = parsed(module)
    found = Definitions()
    if tree is None:
        return found
    try:
        for node in _statements(tree.body):
            _define(node, found)
        _inherit(found)
    except RecursionError:
        # Expressions that parse, and are too deep to be walked: what was found before them stands.
        pass
    return found


def _statements(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a module, those under its ``if`` and ``try`` too."""
    found = []
    for node in body:
        found.append(node)
        if isinstance(node, ast.If):
            found += _statements(node.body) + _statements(node.orelse)
        elif isinstance(node, ast.Try):
            found += _statements(node.body) + [inner for each in node.handlers for inner in _statements(each.body)]
    return found


def _define(node: ast.stmt, found: Definitions) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            full = alias.name if alias.asname else alias.name.partition(".")[0]
            found.imports[alias.asname or full] = full
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            if alias.name != "*":
                found.imports[alias.asname or alias.name] = f"{'.' * node.level}{node.module}.{alias.name}"
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        found.functions[node.name] = node
    elif isinstance(node, ast.ClassDef):
        found.classes[node.name] = _class(node)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                _assign(target.id, node.value, found)
    elif type(node).__name__ == "TypeAlias":
        # ``type X = ...``: CPython 3.12 and later.
        name, value = getattr(node, "name", None), getattr(node, "value", None)
        if isinstance(name, ast.Name) and isinstance(value, ast.expr):
            found.aliases[name.id] = ast.unparse(value)


def _assign(name: str, value: ast.expr, found: Definitions) -> None:
    if isinstance(value, ast.Call):
        maker = (_last(value.func) or "") if value.args else ""
        if maker == "NewType" and len(value.args) == 2:
            found.aliases[name] = ast.unparse(value.args[1])
            return
        if maker == "TypeVar":
            bound = [each.value for each in value.keywords if each.arg == "bound"]
            choices = bound or value.args[1:]
            found.aliases[name] = f"Union[{', '.join(map(ast.unparse, choices))}]" if choices else "Any"
            return
        if maker in ("namedtuple", "NamedTuple") and len(value.args) >= 2:
            found.classes[name] = Class(name, Making.CALLED, _tuple_fields(value.args[1]))
            return
        if maker in ENUMS and len(value.args) == 2:
            found.classes[name] = Class(name, Making.MEMBER, members=_words(value.args[1]))
            return
    if (
        (isinstance(value, ast.Subscript) and (_last(value.value) or "").lower() != "environ")
        or isinstance(value, (ast.Name, ast.Attribute))
        or (isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr))
    ):
        found.aliases[name] = ast.unparse(value)
    found.constants[name] = value


def _tuple_fields(node: ast.expr) -> tuple[Parameter, ...]:
    if isinstance(node, (ast.List, ast.Tuple)):
        pairs = [each.elts for each in node.elts if isinstance(each, ast.Tuple) and len(each.elts) == 2]
        if pairs and len(pairs) == len(node.elts):
            return tuple(
                Parameter(str(key.value), annotation=ast.unparse(kind))
                for key, kind in pairs
                if isinstance(key, ast.Constant)
            )
    return tuple(Parameter(word) for word in _words(node))


def _words(node: ast.expr) -> tuple[str, ...]:
    """The names in ``"a b"``, ``"a, b"``, ``["a", "b"]`` or ``{"a": 1}``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return tuple(node.value.replace(",", " ").split())
    parts = node.keys if isinstance(node, ast.Dict) else node.elts if isinstance(node, (ast.List, ast.Tuple)) else []
    return tuple(each.value for each in parts if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _class(node: ast.ClassDef) -> Class:
    bases = tuple(name for base in node.bases if (name := _last(base)))
    body = {each.name: each for each in node.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))}
    annotated = tuple(
        Parameter(each.target.id, annotation=ast.unparse(each.annotation), default=_default(each.value))
        for each in node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    )
    assigned = tuple(
        target.id
        for each in node.body
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    )
    own = {
        each.attr for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "self"
    }  # fmt: skip
    names = frozenset([*body, *assigned, *own, *(each.name for each in annotated)])
    if ENUMS & set(bases):
        members = tuple(name for name in assigned if name not in NOT_MEMBERS and not name.startswith("__"))
        return Class(node.name, Making.MEMBER, members=members, names=names, bases=bases)
    if "TypedDict" in bases:
        return Class(node.name, Making.RECORD, annotated, names=names, bases=bases)
    if (
        any(isinstance(each, ast.Name) and each.id == "abstractmethod" for each in ast.walk(node))
        or "Protocol" in bases
    ):
        return Class(node.name, Making.ABSTRACT, names=names, bases=bases)
    decorated = {_last(each.func if isinstance(each, ast.Call) else each) for each in node.decorator_list}
    if "__init__" in body:
        return Class(node.name, Making.CALLED, parameters_of(body["__init__"])[1:], names=names, bases=bases)
    if decorated & {"dataclass", "define", "frozen", "attrs", "s"} or "NamedTuple" in bases or "BaseModel" in bases:
        fields = tuple(each for each in annotated if "ClassVar" not in (each.annotation or ""))
        return Class(node.name, Making.CALLED, fields, names=names, bases=bases)
    return Class(node.name, Making.CALLED, names=names, bases=bases)


def _default(value: ast.expr | None) -> str | None:
    """A field's default; ``field(init=False)`` and the like count as one, for it need not be given."""
    return None if value is None else ast.unparse(value)


def _inherit(found: Definitions) -> None:
    """Give classes the fields, members and names of the bases that stand in the same module."""
    for name, each in list(found.classes.items()):
        for base in each.bases:
            above = found.classes.get(base)
            if above is None or base == name:
                continue
            own = {one.name for one in each.fields}
            inherits = not each.fields or (each.making is Making.RECORD)
            fields = (
                tuple(one for one in above.fields if one.name not in own) + each.fields if inherits else each.fields
            )
            making = (
                above.making if each.making is Making.CALLED and above.making is not Making.ABSTRACT else each.making
            )
            each = Class(name, making, fields, each.members or above.members, each.names | above.names, each.bases)
            found.classes[name] = each


def _last(node: ast.expr) -> str | None:
    """``Enum`` of ``enum.Enum`` and of ``Enum``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        return _last(node.value)
    return node.id if isinstance(node, ast.Name) else None


def meaning(node: ast.expr, found: Definitions) -> str | None:
    """The full name of a foreign name in the module, or its last part if it is not imported."""
    return full_name(node, found.imports) or _last(node)


__all__ = ["Class", "Definitions", "Function", "Kind", "Making", "definitions", "meaning"]
