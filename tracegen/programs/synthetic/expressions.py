"""Writes an expression of a wanted kind from what is in scope: `ROWS` is the grammar, this chooses and fills in.

Knows nothing of statements.
"""

from __future__ import annotations

import functools
import itertools
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .chance import Chance
from .deeds import ROWS as DEEDS
from .literals import Literals
from .productions import AND, KINDS_OF
from .productions import ROWS as EXPRESSIONS
from .scope import Scope, Variable, element

_HOLE = re.compile(r"<([a-zA-Z][\w:\[\],]*)([.*+=!]?)>")
_RANKS = {"": 0, ".": 8, "*": 6, "+": 5, "=": 5, "!": 3}
_VOWELS = ("'aeiou'", "'aeiouAEIOU'", "'0123456789'", "'xyz'", "'.,!?'")
_FORMATS = ("'<{}>'", "'{} '", "'{}!'")
ROWS = EXPRESSIONS | DEEDS
_FILLED = ("x", "fn", "pairs", "at", "var", "own", "same", "type")
SCALE = 1000


@dataclass(frozen=True, slots=True)
class Hole:
    """A place to be filled: with what, and how tightly that must bind."""

    wanted: str
    rank: int


@dataclass(frozen=True, slots=True)
class Production:
    """A row of the grammar, taken apart: texts, holes between them."""

    weight: int
    rank: int
    texts: tuple[str, ...]
    holes: tuple[Hole, ...]
    variables: frozenset[str]
    deep: bool


_ELSE = {
    "list": "[]", "dict": "{}", "tuple": "()", "mixed": "None", "bytes": "b''", "float": "0.5",
    "deed": "pass", "change": "pass",
}  # fmt: skip
"""What is written of a kind where the grammar gives nothing else."""
_LITERALS = ("str", "piece", "int", "bool", *_ELSE)


def _is_kind(wanted: str) -> bool:
    """Whether something of it can always be written; other parts of the grammar may need a variable."""
    return wanted.partition("[")[0] in _LITERALS


def _production(weight: float, rank: int, template: str) -> Production:
    texts, holes, start = [], [], 0
    for found in _HOLE.finditer(template):
        texts.append(template[start : found.start()])
        holes.append(Hole(found[1], _RANKS[found[2]]))
        start = found.end()
    texts.append(template[start:])
    variables = frozenset(v for hole in holes if (v := _needed(hole.wanted)))
    deep = any(
        hole.wanted in ROWS or (":" in hole.wanted and not hole.wanted.startswith(("var:", "own:", "at:")))
        for hole in holes
    )
    return Production(round(weight * SCALE), rank, tuple(texts), tuple(holes), variables, deep)


def _needed(wanted: str) -> str:
    """The kind of the variable without which a hole cannot be filled, or nothing."""
    if wanted.startswith("var:"):
        return wanted[4:]
    if wanted.startswith("own:"):
        return wanted
    if wanted.startswith("x:"):
        return wanted.split(":")[2]
    return wanted if wanted.startswith("at:") else ""


def instances(text: str) -> list[str]:
    """A text with ``T``, or ``K`` and ``V``, for each of what they stand for."""
    letter = next((key for key in KINDS_OF if re.search(rf"[<\[:]{key}(?=[\],:.*+=!>]|$)", text)), None)
    if letter is None:
        return [text]
    found = []
    for meaning in KINDS_OF[letter]:
        given = text
        for key, kind in meaning.items():
            given = re.sub(rf"([<\[,:]){key}(?=[\],:.*+=!>]|$)", rf"\g<1>{kind}", given)
        found.append(given)
    return found


def _table() -> Iterator[tuple[str, Production]]:
    for kind, rows in ROWS.items():
        for weight, rank, template in rows:
            for instance in instances(f"<{kind}>\0{template}"):
                head, _, body = instance.partition("\0")
                bodies = instances(body)
                for each in bodies:
                    yield head[1:-1], _production(weight / len(bodies), rank, each)


TABLE: dict[str, list[Production]] = {}
for _kind, _each in _table():
    TABLE.setdefault(_kind, []).append(_each)


@functools.lru_cache(maxsize=1 << 14)
def _rows(kind: str, deep: bool, there: frozenset[str]) -> tuple[list[int], list[Production]]:
    """The productions of a kind that what is there allows, with the running sums of their weights."""
    rows = [row for row in TABLE.get(kind, ()) if (deep or not row.deep) and _possible(row, there)]
    return list(itertools.accumulate(row.weight for row in rows)), rows


def _possible(production: Production, there: frozenset[str]) -> bool:
    """Whether all holes can be filled from what is there."""
    parts = (hole.wanted for hole in production.holes if hole.wanted in TABLE and not _is_kind(hole.wanted))
    return production.variables <= there and all(_rows(part, True, there)[1] for part in parts)


def _repetitive(production: Production, filled: list[str]) -> bool:
    """Whether two holes were filled with the same, numbers apart."""
    pairs = zip(production.holes, filled, strict=True)
    known = [text for hole, text in pairs if hole.wanted != "same" and not text.lstrip("-").isdigit()]
    return len(set(known)) < len(known)


class Expressions:
    """Expressions of one program; ``evenly``: every production of a kind is as likely as the others."""

    def __init__(self, chance: Chance, scope: Scope, literals: Literals) -> None:
        self.chance = chance
        self.evenly = False
        self.scope = scope
        self.literals = literals
        self._same = ""
        self._leaves: dict[str, Callable[[], str]] = {
            "quote": lambda: repr(literals.character()),
            "quoted": lambda: repr(literals.word() if chance.often(50) else chance.pick(["", " ", literals.piece()])),
            "loose": lambda: chance.pick(["-", ":", " ", "=", "#", ", "]),
            "small": lambda: str(literals.small()),
            "known": lambda: str(chance.pick(literals.numbers)),
            "wide": lambda: str(chance.between(3, 20)),
            "vowels": lambda: chance.pick(_VOWELS),
            "format": lambda: chance.pick(_FORMATS),
            "percent": lambda: chance.pick(["'%s'", "'<%s>'", "'%s.'", "'-%s'"]),
            "equal": self.equal,
        }

    def write(self, kind: str, rank: int = 0, depth: int = 2) -> str:
        """An expression of a kind, in parentheses if it binds more loosely than ``rank``."""
        for last in (False, False, False, True):
            production = self._choose(kind, depth)
            if production is None:
                return self._literal(kind)
            before = [(v, v.uses) for v in self.scope.variables]
            filled = [self._fill(hole, depth - 1) for hole in production.holes]
            if last or not _repetitive(production, filled):
                break
            # Compared with itself, added to itself: try another.
            for variable, uses in before:
                variable.uses = uses
        assert production is not None
        rest = zip(filled, production.texts[1:], strict=True)
        text = production.texts[0] + "".join(part + after for part, after in rest)
        return text if production.rank >= rank else f"({text})"

    def _choose(self, kind: str, depth: int) -> Production | None:
        sums, rows = _rows(kind, depth > 0, self.scope.offered())
        if self.evenly and rows:
            return self.chance.pick(rows)
        return rows[bisect_right(sums, self.chance.below(sums[-1]))] if rows else None

    def _fill(self, hole: Hole, depth: int) -> str:
        name, _, rest = hole.wanted.partition(":")
        if name in self._leaves:
            return self._leaves[name]()
        if name not in _FILLED:
            return self.write(hole.wanted, hole.rank, depth if _is_kind(hole.wanted) else depth + 1)
        if name == "var":
            return self.scope.choose(self.scope.of(rest)).name
        if name == "own":
            self._same = self.scope.choose(self.scope.of(rest, own=True)).name
            return self._same
        if name == "same":
            return self._same
        if name == "at":
            index, sequence = self.chance.pick(self.scope.indexed(rest))
            index.uses += 1
            place = self.chance.weighted(
                [(20, index.name), (2, f"{index.name} - 1"), (1, f"-{index.name}"), (1, f"-{index.name} - 1")]
            )
            return f"{sequence.name}[{place}]"
        if name == "type":
            return self.chance.pick(("str", "int", "list", rest))
        if name == "fn":
            return self._lambda(rest)
        if name == "pairs":
            return self._dict_comprehension(*rest.split(":"))
        return self._comprehension(*rest.split(":"))

    def _comprehension(self, body: str, source: str, test: str) -> str:
        """``x for x in xs if condition``: what of each element, of what, and whether there is a condition."""
        sequence = self.scope.choose(self.scope.of(source))
        before = len(self.scope.variables)
        x = self.scope.new(element(sequence.kind), role="word" if sequence.kind == "list[str]" else "element")
        condition = f" if {self._about(x, 'bool')}" if test else ""
        if body == "same":
            text = x.name
        elif body == "one":
            text = "1"
        else:
            text = self._about(x, body)
        self.scope.leave(before)
        return f"{text} for {x.name} in {sequence.name}{condition}"

    def _about(self, x: Variable, kind: str) -> str:
        """An expression that mentions ``x``, if that comes about soon."""
        text = ""
        for _ in range(6):
            text = self.write(kind, AND if kind == "bool" else 1, 1)
            if text != x.name and re.search(rf"\b{x.name}\b", text):
                break
        return text

    def _dict_comprehension(self, key: str, value: str) -> str:
        held = self.scope.of(f"dict[{key},{value}]")
        if held:
            source = self.scope.choose(held).name
            return self.chance.pick(("k: v for k, v in {}.items() if v", "k: v for k, v in sorted({}.items())")).format(
                source
            )
        lists = self.scope.of(f"list[{key}]")
        literal = self._literal(value)
        return f"e: {literal} for e in {self.scope.choose(lists).name}" if lists else f"{self._literal(key)}: {literal}"

    def _lambda(self, spec: str) -> str:
        if spec == "pair":
            return self.chance.pick(("p: p[1]", "p: (p[1], p[0])", "p: p[0]", "kv: str(kv[1])"))
        result, kind = spec.split(":")
        before = len(self.scope.variables)
        x = self.scope.new(kind, role="element", fixed=True)
        body = self._about(x, result)
        self.scope.leave(before)
        return f"{x.name}: {body}"

    def equal(self) -> str:
        """Two texts of the same length, as str.maketrans wants them."""
        count = self.chance.between(1, 3)
        two = ["".join(self.literals.character() for _ in range(count)) for _ in range(2)]
        return ", ".join(map(repr, two))

    def _literal(self, kind: str) -> str:
        """What there is of a kind where the grammar gives nothing else."""
        if kind in ("str", "piece"):
            return repr(self.literals.piece())
        if kind == "bool":
            return self.chance.pick(("True", "False"))
        if kind == "int":
            return str(self.literals.small())
        if kind in ("list[int]", "list[str]"):
            return repr([self.literals.value(element(kind)) for _ in range(self.chance.between(1, 3))])
        return _ELSE[kind.partition("[")[0]]
