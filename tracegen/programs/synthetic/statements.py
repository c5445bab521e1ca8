"""Writes the statements of one function: blocks, assignments, what a loop gathers, what is returned.

Knows nothing of how a whole function is put together: see shapes.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from .chance import Chance
from .expressions import Expressions
from .literals import Literals
from .scope import Scope, Variable, element, value_of

_GATHERED = {
    "str": ((12, "str"), (10, "list[str]"), (2, "int")),
    "int": ((12, "int"), (2, "list"), (1, "dict")),
    "bool": ((5, "int"), (2, "list")),
    "list of int": ((12, "list[int]"), (1, "dict")),
    "list of str": ((12, "list[str]"), (1, "dict")),
    "list": ((4, "list[tuple]"), (4, "list[list[int]]"), (6, "list[mixed]"), (1, "dict")),
    "dict": ((1, "dict"),),
    "tuple": ((3, "list"), (3, "int"), (2, "str")),
    "other": ((1, "int"),),
}
"""What is gathered, for what is wanted in the end."""


class Statements:
    """The lines of a function, written one after the other; ``wanted`` is what it is to return (see wish.py)."""

    def __init__(self, chance: Chance, literals: Literals, wanted: str) -> None:
        self.chance = chance
        self.literals = literals
        self.scope = Scope(chance)
        self.expressions = Expressions(chance, self.scope, literals)
        self.wanted = wanted
        self.lines: list[str] = []
        self.depth = 0

    def line(self, text: str) -> None:
        """One line at the present depth."""
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """A block; the variables that come in it go with it."""
        self.line(header)
        before, there = len(self.lines), len(self.scope.variables)
        self.depth += 1
        yield
        if len(self.lines) == before:
            self.line("pass")
        self.depth -= 1
        self.scope.leave(there)

    def write(self, kind: str, rank: int = 0, depth: int = 2) -> str:
        """An expression."""
        return self.expressions.write(kind, rank, depth)

    def about(self, x: Variable | None, kind: str, percent: int = 80) -> str:
        """An expression, which in most cases mentions ``x``."""
        if x is not None and kind == x.kind and self.chance.often(45):
            x.uses += 1
            return x.name
        text = self.write(kind)
        for _ in range(8):
            if x is None or re.search(rf"\b{x.name}\b", text) or not self.chance.often(percent):
                break
            text = self.write(kind)
        return text

    def let(self, kind: str, role: str = "new") -> Variable:
        """Assign an expression that is more than a variable to a new name."""
        text = self.write(kind)
        for _ in range(4):
            if not text.isidentifier() or self.chance.often(15):
                break
            text = self.write(kind)
        variable = self.scope.new(kind, role)
        self.line(f"{variable.name} = {text}")
        return variable

    def prepare(self) -> None:
        """A first assignment: something shorter, counted, copied or changed, of what came in."""
        kinds = [(weight, kind) for weight, kind in self._preparations() if weight]
        kind = self.chance.weighted(kinds)
        if kind == "table":
            self.line(f"{self.scope.new('table').name} = str.maketrans({self.expressions.equal()})")
        elif kind == "unpack":
            names = [self.scope.new(k, "new").name for k in ("str", "str", "str")]
            self.line(f"{', '.join(names)} = {self.write('tuple[str]')}")
        elif kind == "pop an item":
            held = self.scope.choose([v for v in self.scope.may_change() if v.kind.startswith("dict")])
            names = [
                self.scope.new(k, role).name
                for k, role in ((element(held.kind), "key"), (value_of(held.kind), "value"))
            ]
            self.line(f"{', '.join(names)} = {held.name}.popitem()")
        elif kind == "change":
            self.line(self.write("change"))
        else:
            self.let(kind)

    def _preparations(self) -> list[tuple[int, str]]:
        there = {v.kind for v in self.scope.variables}
        text = "str" in there
        dicts = sorted(kind for kind in there if kind.startswith("dict"))
        return [
            (24 if text else 0, "list[str]"),
            (30 if text else 3, "str"),
            (14 if text and self.scope.of("str", own=True) else 0, "change"),
            (22, "int"),
            (20 if "list[int]" in there else 0, "list[int]"),
            (20 if "list[str]" in there else 0, "list[str]"),
            (14 if text else 0, "table"),
            (5 if text else 0, "unpack"),
            (3, "bool"),
            (14 if any(v.kind.startswith("dict") for v in self.scope.may_change()) else 0, "pop an item"),
            *((20, kind) for kind in dicts),
        ]

    def deed(self) -> bool:
        """Change something in place; False where nothing can be."""
        if not any(v.kind.startswith(("list", "dict", "str", "int")) for v in self.scope.may_change()):
            return False
        if self.chance.often(14) and self._guarded():
            return True
        self.line(self.write("deed"))
        return True

    def _guarded(self) -> bool:
        """Take something out of a container, if it is there."""
        held = [v for v in self.scope.may_change() if v.kind.startswith(("list[int]", "list[str]", "dict"))]
        if not held:
            return False
        container = self.scope.choose(held)
        member = self.write(element(container.kind), 5, 1)
        with self.block(f"if {member} in {container.name}:"):
            if container.kind.startswith("dict"):
                self.line(self.chance.pick((f"{container.name}.pop({member})", f"del {container.name}[{member}]")))
            else:
                self.line(f"{container.name}.remove({member})")
        return True

    def accumulator(self) -> Variable:
        """Something empty to gather in."""
        kind = self.chance.weighted(_GATHERED[self.wanted.partition(",")[0]])
        there = {element(v.kind) for v in self.scope.variables if "[" in v.kind or v.kind == "str"}
        word = "int" if there == {"int"} and self.chance.often(85) else "str"
        if kind == "list":
            kind = f"list[{word}]"
        elif kind == "dict":
            kind = f"dict[{word},{'int' if self.chance.often(75) else 'str'}]"
        if kind == "int":
            variable = self.scope.new(kind)
            text = self.chance.weighted([(12, "0"), (1, "1"), (1, "-1")])
        else:
            variable = self.scope.new(kind, "dict" if kind.startswith("dict") and self.chance.often(30) else "result")
            text = {"s": "''", "l": "[]", "d": self.chance.weighted([(9, "{}"), (1, "dict()")])}[kind[0]]
        self.line(f"{variable.name} = {text}")
        variable.uses = 1
        return variable

    def gather(self, acc: Variable, x: Variable | None) -> None:
        """Put something more into what is gathered."""
        acc.uses += 1
        a = acc.name
        acc.fixed = True
        if acc.kind.startswith("dict"):
            self._gather_dict(acc, x)
        elif acc.kind == "str":
            new = self.about(x, "piece" if self.chance.often(40) else "str")
            loose = f"({new})" if " if " in new else new
            self.line(
                self.chance.weighted([(14, f"{a} += {new}"), (2, f"{a} = {loose} + {a}"), (3, f"{a} = {a} + {loose}")])
            )
        elif acc.kind == "int":
            new = self.about(x, "int")
            self.line(
                self.chance.weighted(
                    [
                        (40, f"{a} += 1"),
                        (26, f"{a} += {new}"),
                        (7, f"{a} -= 1"),
                        (3, f"{a} = max({a}, {new})"),
                        (6, f"{a} = {new}"),
                    ]
                )
            )
        else:
            self._gather_list(acc, x)
        acc.fixed = False

    def _gather_list(self, acc: Variable, x: Variable | None) -> None:
        a, inner = acc.name, element(acc.kind)
        new = f"({self.about(x, 'str')}, {self.write('int')})" if inner == "tuple" else self.about(x, inner)
        self.line(
            self.chance.weighted(
                [
                    (70, f"{a}.append({new})"),
                    (9, f"{a}.insert(0, {new})"),
                    (4, f"{a}.insert(len({a}) // 2, {new})"),
                    (2, f"{a} += [{new}]"),
                    (3, f"{a}.extend([{new}, {new}])"),
                    (3, f"{a} = [{new}] + {a}"),
                ]
            )
        )

    def _gather_dict(self, acc: Variable, x: Variable | None) -> None:
        a, key = acc.name, self.about(x, element(acc.kind))
        new = self.about(x, value_of(acc.kind), 30)
        forms = [(20, "set"), (5, "update"), (3, "if")]
        if value_of(acc.kind) == "int":
            forms += [(12, "get"), (8, "count")]
        form = self.chance.weighted(forms)
        if form == "set":
            self.line(f"{a}[{key}] = {new}")
        elif form == "update":
            self.line(f"{a}.update({{{key}: {new}}})")
        elif form == "get":
            more = self.chance.weighted([(8, "1"), (3, self.write("int", 6, 1))])
            self.line(f"{a}[{key}] = {a}.get({key}, 0) + {more}")
        elif form == "count":
            with self.block(f"if {key} in {a}:"):
                self.line(f"{a}[{key}] += 1")
            with self.block("else:"):
                self.line(f"{a}[{key}] = {self.chance.pick(('1', '0', '1'))}")
        else:
            with self.block(f"if {key} not in {a}:"):
                self.line(f"{a}[{key}] = {new}")

    def condition(self, x: Variable | None = None) -> str:
        """A condition, in most cases about ``x``."""
        text = self.about(x, "bool", 90)
        return text if text not in ("True", "False") else self.write("bool")

    def returns(self, kind: str, constant: int = 0) -> None:
        """Return an expression; in so many of a hundred cases a literal."""
        self.line(f"return {self.literal(kind) if self.chance.often(constant) else self.write(kind)}")

    def literal(self, kind: str) -> str:
        """What is returned where there is nothing to say: a short literal, or a variable of the kind."""
        if kind == "str":
            return self.chance.weighted(
                [
                    (3, "''"),
                    (3, repr(self.literals.word())),
                    (2, "'yes'"),
                    (2, "'no'"),
                    (1, "'none'"),
                    (2, self.write("str", 0, 0)),
                ]
            )
        if kind == "int":
            return self.chance.weighted([(4, "-1"), (3, "0"), (1, "1"), (1, str(self.literals.small()))])
        if kind == "bool":
            return self.chance.pick(("True", "False"))
        return self.write(kind, 0, 0)
