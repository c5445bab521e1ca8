"""Which value an expression stands for: a parameter, an element or a member of one, or something made on the way.

Follows names through assignments and loops, and knows no evidence but the form that an expression shows.
"""

from __future__ import annotations

import ast
from collections import Counter

from tracegen.inputs import evidence
from tracegen.inputs.evidence import Row
from tracegen.inputs.shapes import Form

EACH, KEY, VALUE = "each", "key", "value"
SAME = frozenset(["strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "swapcase", "copy", "casefold"])
"""Methods whose value is of the same form."""

VIEWS = frozenset(["sorted", "list", "set", "tuple", "reversed", "iter", "frozenset", "deque"])
"""Calls whose value has the elements of their argument."""

TYPES = {"int": Form.INT, "float": Form.FLOAT, "str": Form.STR, "bool": Form.BOOL, "list": Form.LIST,
         "tuple": Form.TUPLES, "dict": Form.DICT, "set": Form.SET, "bytes": Form.BYTES}  # fmt: skip
RETURNS = {
    **dict.fromkeys(["len", "ord", "int", "index", "find", "count", "range"], Form.INT),
    **dict.fromkeys(["str", "join", "chr", "replace", "lower", "upper"], Form.STR),
}
"""The forms of what calls return."""

LITERALS = ((bool, Form.BOOL), (int, Form.INT), (float, Form.FLOAT), (str, Form.STR), (bytes, Form.BYTES))


class Use:
    """What was seen of one value; ``parts`` are its elements, keys, values, or members by place."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.parts: dict[str | int, Use] = {}
        self.texts: dict[str, None] = {}
        self.flavours: Counter[Form] = Counter()
        self.attributes: set[str] = set()
        self.tested: dict[Form, None] = {}
        self.arity = 1
        self.name: str | None = None
        self.like: list[Use] = []
        self.same: list[Use] = []
        self.member_of: list[Use] = []

    def part(self, name: str | int) -> Use:
        """The use of a part, made when it is first asked for."""
        return self.parts.setdefault(name, Use())

    def saw(self, seen: Row) -> None:
        """Note evidence about the value of an expression, if it is followed."""
        """Note evidence; what is seen often counts no more than a few times."""
        if self.rows.count(seen) < 3:
            self.rows.append(seen)


class Followed:
    """Names and what they stand for.  ``uses`` are those of the parameters."""

    def __init__(self, parameters: list[str]) -> None:
        self.uses = {name: Use() for name in parameters}
        self.env: dict[str, Use] = dict(self.uses)

    def use(self, node: ast.expr) -> Use | None:
        """The value that an expression stands for, if it is one that is followed."""
        if isinstance(node, ast.Name):
            return self.env.get(node.id)
        if isinstance(node, ast.Subscript):
            base = self.use(node.value)
            if base is None or isinstance(node.slice, ast.Slice):
                return base
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                return base.part(f"[{node.slice.value}]")
            return base.part(EACH)
        if isinstance(node, ast.Call):
            return self.of_call(node)
        if isinstance(node, ast.BoolOp):
            return self.use(node.values[0])
        if isinstance(node, ast.NamedExpr):
            return self.use(node.value)
        if isinstance(node, ast.IfExp):
            return self.use(node.body) or self.use(node.orelse)
        return self.made(node)

    def of_call(self, node: ast.Call) -> Use | None:
        """What a call returns, if that is followed."""
        if isinstance(node.func, ast.Attribute):
            base = self.use(node.func.value)
            if base is not None:
                if node.func.attr in SAME:
                    return base
                if node.func.attr in ("get", "setdefault"):
                    return base.part(VALUE)
                if node.func.attr in ("pop", "popleft"):
                    return base.part(EACH)
            return self.made(node)
        if isinstance(node.func, ast.Name) and node.args:
            base = self.use(node.args[0])
            if node.func.id in VIEWS and base is not None:
                made = Use()
                made.parts = {EACH: base.part(EACH)}
                return made
            if node.func.id in ("abs", "round", "max", "min", "sum"):
                return base if len(node.args) > 1 or node.func.id in ("abs", "round") else base and base.part(EACH)
            if node.func.id in ("len", "int", "ord"):
                made = Use()
                made.saw(evidence.WHOLE)
                return made
        return self.made(node)

    def made(self, node: ast.expr) -> Use | None:
        """A value that has nothing to do with a parameter, if its form shows."""
        form = self.form(node)
        if form is None:
            return None
        found = Use()
        found.saw(Row(((form, 1.0),), 0.01))
        return found

    def form(self, node: ast.expr) -> Form | None:
        """The form of an expression whose form shows."""
        if isinstance(node, ast.Constant):
            value = node.value
            for kind, form in (
                (bool, Form.BOOL),
                (int, Form.INT),
                (float, Form.FLOAT),
                (str, Form.STR),
                (bytes, Form.BYTES),
            ):
                if isinstance(value, kind):
                    return form
        if isinstance(node, ast.JoinedStr):
            return Form.STR
        if isinstance(node, (ast.List, ast.ListComp)):
            return Form.LIST
        if isinstance(node, ast.Dict):
            return Form.DICT
        if isinstance(node, ast.Call):
            called = called_name(node.func)
            if called in ("list", "dict", "set") and not node.args:
                return TYPES[called]
            return RETURNS.get(called)
        if isinstance(node, ast.BinOp):
            return self.form(node.left) or self.form(node.right)
        return None

    def elements(self, node: ast.expr) -> Use | None:
        """What a loop over an expression gives."""
        if isinstance(node, ast.Call):
            name = called_name(node.func)
            if isinstance(node.func, ast.Attribute):
                base = self.use(node.func.value)
                if base is not None and name in ("items", "keys", "values"):
                    pair = Use()
                    pair.parts = {0: base.part(KEY), 1: base.part(VALUE)}
                    return {"items": pair, "keys": base.part(KEY), "values": base.part(VALUE)}[name]
                if name in ("split", "splitlines", "rsplit"):
                    made = Use()
                    made.saw(evidence.TEXTUAL)
                    return made
            elif name == "enumerate" and node.args:
                pair = Use()
                inner = self.elements(node.args[0])
                pair.part(0).saw(evidence.WHOLE)
                pair.parts.update({1: inner} if inner else {})
                return pair
            elif name == "zip":
                pair = Use()
                pair.parts = {at: inner for at, each in enumerate(node.args) if (inner := self.elements(each))}
                return pair
            elif name == "range":
                made = Use()
                made.saw(evidence.WHOLE)
                return made
        if isinstance(node, (ast.Tuple, ast.List)):
            shared = Use()
            for each in node.elts:
                found = self.use(each)
                if found is not None:
                    found.same.append(shared)
            return shared
        base = self.use(node)
        return None if base is None else base.part(EACH)

    def bind(self, target: ast.expr, value: Use | None) -> None:
        """Let the names of a target stand for a value, or for nothing that is known."""
        if isinstance(target, ast.Name):
            # A parameter that is assigned anew keeps its evidence so far, and gets no more.
            self.env[target.id] = value if value is not None else Use()
            if value is not None and value not in self.uses.values():
                value.name = value.name or target.id
        elif isinstance(target, (ast.Tuple, ast.List)):
            if value is not None and not any(isinstance(each, ast.Starred) for each in target.elts):
                value.saw(evidence.PAIRS)
            for at, each in enumerate(target.elts):
                self.bind(each, value.part(at) if value is not None else None)
        elif isinstance(target, ast.Subscript):
            self.saw(target.value, evidence.STORED)

    def saw(self, node: ast.expr, seen: Row) -> None:
        """Note evidence about the value of an expression, if it is followed."""
        found = self.use(node)
        if found is not None:
            found.saw(seen)


def called_name(node: ast.expr) -> str:
    """The last part of a name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
