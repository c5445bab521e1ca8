"""The text of an annotation to the shape of its values.

Knows typing's forms and the module's definitions; a name that it does not know is ANY.  Evaluates nothing.
"""

from __future__ import annotations

import ast

from tracegen.inputs import shapes
from tracegen.inputs.definitions import Class, Definitions, Making, meaning
from tracegen.inputs.shapes import ANY, Form, Shape, choice, listed, mapped, union
from tracegen.inputs.signature import Kind, Parameter

DEEPEST = 4
MOST_PARTS = 400
"""Of one annotation: aliases that hold aliases twice would double with every step."""

SIMPLE: dict[str, Shape] = {
    "int": shapes.INT,
    "integer": shapes.INT,
    "Integral": shapes.INT,
    "SupportsIndex": shapes.NATURAL,
    "float": shapes.FLOAT,
    "double": shapes.FLOAT,
    "Real": union({shapes.INT: 1, shapes.FLOAT: 1}),
    "Number": union({shapes.INT: 2, shapes.FLOAT: 1}),
    "number": union({shapes.INT: 2, shapes.FLOAT: 1}),
    "complex": Shape(Form.COMPLEX),
    "bool": shapes.BOOL,
    "boolean": shapes.BOOL,
    "str": shapes.STR,
    "string": shapes.STR,
    "text": shapes.STR,
    "AnyStr": shapes.STR,
    "LiteralString": shapes.STR,
    "Text": shapes.STR,
    "char": shapes.CHARACTER,
    "PathLike": Shape(Form.PATH),
    "StrPath": Shape(Form.PATH),
    "bytes": shapes.BYTES,
    "bytearray": choice("bytearray(b'abc')", "bytearray()", "bytearray(b'\\x00\\xff')"),
    "memoryview": choice("memoryview(b'abc')"),
    "Buffer": shapes.BYTES,
    "None": shapes.NONE,
    "NoneType": shapes.NONE,
    "object": ANY,
    "Any": ANY,
    "Hashable": union({shapes.INT: 1, shapes.STR: 1}),
    "slice": choice("slice(None)", "slice(1, 3)", "slice(None, None, -1)"),
    "range": choice("range(5)", "range(0)", "range(1, 10, 3)"),
    "type": choice("int", "str", "list"),
    "Exception": choice("ValueError('bad')", "KeyError('a')", "Exception()"),
    "BaseException": choice("ValueError('bad')", "Exception()"),
    "callable": Shape(Form.CALLABLE),
    "function": Shape(Form.CALLABLE),
    "Callable": Shape(Form.CALLABLE),
}
"""By the last part of a name; docstrings' words too."""

GENERIC: dict[str, Form] = {
    **dict.fromkeys(
        [
            "list",
            "List",
            "Sequence",
            "MutableSequence",
            "Collection",
            "Iterable",
            "Reversible",
            "array_like",
            "sequence",
        ],
        Form.LIST,
    ),
    **dict.fromkeys(["iterable", "Container"], Form.LIST),
    **dict.fromkeys(["Iterator", "Generator", "AsyncIterator", "iterator", "generator"], Form.ITERATOR),
    **dict.fromkeys(["set", "Set", "AbstractSet", "MutableSet", "KeysView"], Form.SET),
    **dict.fromkeys(["frozenset", "FrozenSet"], Form.FROZENSET),
    **dict.fromkeys(["dict", "Dict", "Mapping", "MutableMapping", "mapping", "dictionary"], Form.DICT),
}

WRAPPERS = frozenset(
    ["Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "Awaitable", "Coroutine", "InitVar"]
)
"""Forms that say something about their first part."""

FOREIGN: dict[str, tuple[str, ...]] = {
    "datetime.date": ("({y}, {m}, {d})",),
    "datetime.datetime": ("({y}, {m}, {d})", "({y}, {m}, {d}, {h}, {n})"),
    "datetime.time": ("({h}, {n})", "({h}, {n}, {n})"),
    "datetime.timedelta": ("({d})", "(hours={h})", "(days={d}, minutes={n})", "()"),
    "decimal.Decimal": ("('{d}.{n}')", "('0')", "({d})", "('-{h}.5')"),
    "fractions.Fraction": ("({h}, {d})", "({h})", "(-{d}, {m})"),
    "pathlib.Path": ("('a/b.txt')", "('.')", "('data')"),
    "pathlib.PurePath": ("('a/b.txt')", "('.')"),
    "pathlib.PurePosixPath": ("('a/b.txt')", "('/usr/lib')"),
    "uuid.UUID": ("(int={d})",),
    "re.compile": ("('a+')", "('[a-z]+')", "('\\\\d+')", "('(a)(b)?')"),
    "collections.Counter": ("('abca')", "()", "({{'a': {d}, 'b': {h}}})"),
    "collections.defaultdict": ("(int)", "(list)", "(int, {{'a': {d}}})"),
    "collections.deque": ("([{d}, {h}, {n}])", "()", "(['a', 'b'])"),
    "collections.OrderedDict": ("()", "([('a', {d}), ('b', {h})])"),
    "io.StringIO": ("('a b\\nc d\\n')", "()"),
    "io.BytesIO": ("(b'abc')", "()"),
    "random.Random": ("({d})",),
}
"""Constructors of the standard library, and what follows their name."""

NUMBERS = ({"y": 2024, "m": 2, "d": 29, "h": 0, "n": 30}, {"y": 1999, "m": 12, "d": 9, "h": 23, "n": 5},
           {"y": 2023, "m": 7, "d": 1, "h": 12, "n": 45})  # fmt: skip
MEANS = {"re.Pattern": "re.compile", "typing.Pattern": "re.compile", "typing.Deque": "collections.deque",
         "typing.Counter": "collections.Counter", "typing.DefaultDict": "collections.defaultdict",
         "typing.OrderedDict": "collections.OrderedDict", "typing.TextIO": "io.StringIO",
         "typing.BinaryIO": "io.BytesIO", "typing.IO": "io.StringIO"}  # fmt: skip
"""Types that are made by a name other than their own."""


def foreign(full: str, known: Definitions) -> Shape | None:
    """The shape of a type of the standard library, if the module can spell its constructor."""
    full = MEANS.get(full, full)
    if full not in FOREIGN:
        return None
    name = known.spelled(full)
    if name is None:
        # A mapping and a sequence of builtins serve where the module cannot name the type.
        return {"collections.deque": listed(ANY), "collections.OrderedDict": mapped(shapes.STR, ANY)}.get(full, ANY)
    return choice(*dict.fromkeys(name + text.format(**numbers) for numbers in NUMBERS for text in FOREIGN[full]))


def shape_of(text: str | None, known: Definitions) -> Shape:
    """The shape that an annotation means; ANY where it means nothing to us.

    >>> shape_of("list[int]", Definitions()) == listed(shapes.INT)
    True
    """
    if not text or len(text) > 2_000:
        return ANY
    try:
        return _Reader(known).shape(ast.parse(text.strip(), mode="eval").body, 0)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ANY


def shape_of_class(name: str, known: Definitions, depth: int = 0) -> Shape:
    """The shape of the instances of a class of the module."""
    return _Reader(known).instance(known.classes[name], depth)


class _Reader:
    """Reads one annotation; ``depth`` grows with every part and every definition that is entered."""

    def __init__(self, known: Definitions) -> None:
        self.known = known
        self.left = MOST_PARTS

    def shape(self, node: ast.expr, depth: int) -> Shape:
        self.left -= 1
        if depth > 2 * DEEPEST or self.left < 0:
            return ANY
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                try:
                    return self.shape(ast.parse(node.value.strip(), mode="eval").body, depth + 1)
                except (SyntaxError, ValueError):
                    return ANY
            return shapes.NONE if node.value is None else ANY
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return union({self.shape(side, depth + 1): 1.0 for side in (node.left, node.right)})
        if isinstance(node, ast.Subscript):
            inner = node.slice
            parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
            return self.generic(node.value, parts, depth)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self.named(node, depth)
        return ANY

    def named(self, node: ast.expr, depth: int) -> Shape:
        if isinstance(node, ast.Name):
            if node.id in self.known.classes:
                return self.instance(self.known.classes[node.id], depth)
            if node.id in self.known.aliases:
                aliased = ast.parse(self.known.aliases[node.id], mode="eval").body
                return self.shape(aliased, depth + 1)
        full = meaning(node, self.known) or ""
        found = foreign(full, self.known)
        if found is not None:
            return found
        last = full.rpartition(".")[2]
        if last in SIMPLE:
            return SIMPLE[last]
        if last in ("tuple", "Tuple"):
            return Shape(Form.TUPLES, (ANY,))
        if last in GENERIC:
            form = GENERIC[last]
            return mapped(ANY, ANY) if form is Form.DICT else Shape(form, (ANY,))
        return ANY

    def generic(self, origin: ast.expr, parts: list[ast.expr], depth: int) -> Shape:
        last = (meaning(origin, self.known) or "").rpartition(".")[2]
        if last == "Literal":
            return choice(*(ast.unparse(part) for part in parts))
        if last == "Optional":
            return union({self.shape(parts[0], depth + 1): 4.0, shapes.NONE: 1.0})
        if last == "Union":
            members: dict[Shape, float] = {}
            for part in parts:
                shape = self.shape(part, depth + 1)
                members[shape] = members.get(shape, 0) + (0.5 if shape == shapes.NONE else 1)
            return union(members)
        if last == "Callable":
            taken = parts[0]
            return Shape(Form.CALLABLE, arity=len(taken.elts) if isinstance(taken, ast.List) else 1)
        if last in ("Type", "type"):
            if isinstance(parts[0], ast.Name) and parts[0].id in (*self.known.classes, *SIMPLE):
                return choice(parts[0].id)
            return SIMPLE["type"]
        if last in WRAPPERS:
            return self.shape(parts[0], depth + 1)
        if last in ("tuple", "Tuple"):
            if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is Ellipsis:
                return Shape(Form.TUPLES, (self.shape(parts[0], depth + 1),))
            if len(parts) == 1 and isinstance(parts[0], ast.Tuple):
                return Shape(Form.TUPLE)
            return Shape(Form.TUPLE, tuple(self.shape(part, depth + 1) for part in parts))
        form = GENERIC.get(last)
        if form is Form.DICT:
            key, value = (self.shape(part, depth + 1) for part in (parts + parts)[:2])
            return mapped(key, value)
        if form is not None:
            return Shape(form, (self.shape(parts[0], depth + 1),))
        return self.named(origin, depth)

    def instance(self, made: Class, depth: int) -> Shape:
        """A constructor call, a member of an enum, or a dict with a TypedDict's keys."""
        if made.making is Making.MEMBER:
            return choice(*(f"{made.name}.{member}" for member in made.members)) if made.members else ANY
        if made.making is Making.ABSTRACT:
            below = [
                each for each in self.known.classes.values() if made.name in each.bases and each.making is Making.CALLED
            ]
            return union({self.instance(each, depth + 1): 1.0 for each in below[:3]}) if depth < DEEPEST else ANY
        if depth >= DEEPEST:
            return shapes.NONE
        if made.making is Making.RECORD:
            values = tuple(self.field(each, depth) for each in made.fields)
            return Shape(Form.RECORD, values, tuple(each.name for each in made.fields))
        needed = [each for each in made.fields if each.required or (depth == 0 and _plain(each))]
        keywords = [
            "" if each.kind in (Kind.EITHER, Kind.POSITIONAL) and each.required else each.name for each in needed
        ]
        return Shape(Form.CALL, tuple(self.field(each, depth) for each in needed), (made.name, *keywords))

    def field(self, each: Parameter, depth: int) -> Shape:
        from tracegen.inputs.names import by_name

        shape = self.shape(ast.parse(each.annotation, mode="eval").body, depth + 1) if each.annotation else ANY
        return by_name(each) if shape == ANY else shape


def _plain(each: Parameter) -> bool:
    """Whether a field with a default is worth giving: not a factory, not hidden, of a kind that a call can name."""
    return (
        each.kind in (Kind.EITHER, Kind.KEYWORD) and "(" not in (each.default or "") and not each.name.startswith("_")
    )
