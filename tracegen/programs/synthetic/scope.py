"""The variables that stand at a place of a program, with their kinds, and names for new ones.

A kind is a type in text: ``str``, ``int``, ``list[int]``, ``dict[str,int]``; and ``piece``, a short string such
as a character, a separator or a prefix, which serves as a ``str`` too.
"""

from __future__ import annotations

from dataclasses import dataclass

from .chance import Chance

NAMES = {
    "str": ("text", "s", "string", "line", "phrase", "message", "body", "label", "title", "source", "word"),
    "piece": ("char", "c", "ch", "letter", "sep", "mark", "part", "token", "x", "sub"),
    "int": ("n", "num", "count", "size", "total", "number", "value", "limit", "amount", "step"),
    "given piece": ("char", "prefix", "suffix", "sep", "sub", "old", "new", "c", "fill"),
    "given int": ("n", "num", "index", "width", "size", "limit", "k", "target", "value", "count"),
    "call": ("helper", "change", "convert", "score", "adjust"),
    "index": ("i", "i", "i", "i", "j", "k", "idx", "pos"),
    "bool": ("found", "flag", "ok", "seen", "done"),
    "list[int]": ("nums", "array", "numbers", "values", "arr", "lst", "xs", "digits"),
    "list[str]": ("words", "items", "parts", "names", "lines", "strings", "tokens", "chunks"),
    "list[list[int]]": ("rows", "matrix", "grid", "groups", "table"),
    "list[tuple]": ("pairs", "entries", "records", "tuples"),
    "tuple[int]": ("point", "triple", "nums", "values"),
    "set": ("unique", "distinct", "known", "members"),
    "dict": ("d", "counts", "mapping", "dic", "data", "index", "table", "lookup"),
    "table": ("trans", "table", "mapping"),
    "result": ("result", "res", "out", "output", "new", "ans", "acc", "answer", "collected"),
    "key": ("key", "k", "name", "entry"),
    "value": ("value", "v", "val", "item"),
    "element": ("x", "item", "e", "n", "num", "el", "a", "v"),
    "word": ("word", "w", "item", "name", "part", "line", "x", "s"),
    "new": ("new_text", "copy", "rest", "changed", "left", "tmp", "t", "other", "a", "b"),
}


def element(kind: str) -> str:
    """The kind of what iterating gives.

    >>> element("str"), element("list[list[int]]"), element("dict[str,int]")
    ('piece', 'list[int]', 'str')
    """
    if kind in ("str", "piece"):
        return "piece"
    inner = kind[kind.index("[") + 1 : -1]
    return inner.partition(",")[0] if kind.startswith("dict") else inner


def value_of(kind: str) -> str:
    """The kind of a dict's values."""
    return kind[kind.index(",") + 1 : -1]


@dataclass(slots=True)
class Variable:
    """A variable; ``indexes`` names the sequence whose index it is, ``fixed`` says that it may not change now."""

    name: str
    kind: str
    indexes: str = ""
    fixed: bool = False
    uses: int = 0


class Scope:
    """Variables in the order in which they came; those of an inner block go when it ends."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.variables: list[Variable] = []
        self._taken = {"f", "in", "is", "or", "if"}

    def new(self, kind: str, role: str = "", indexes: str = "", fixed: bool = False) -> Variable:
        """A variable with a name of its own."""
        names = NAMES.get(role or kind) or NAMES.get(kind.partition("[")[0], NAMES["new"])
        free = [name for name in names if name not in self._taken]
        name = self._chance.pick(free) if free else next(n for k in range(2, 99) if (n := f"{names[0]}{k}"))
        while name in self._taken:
            name += "2"
        self._taken.add(name)
        variable = Variable(name, kind, indexes, fixed)
        self.variables.append(variable)
        return variable

    def of(self, kind: str, own: bool = False) -> list[Variable]:
        """The variables that serve as this kind; ``own``: those that may change.

        A piece does not change: it stays as short as it is, so that no replacement multiplies a text by much.
        """
        kinds = ("str", "piece") if kind == "str" and not own else (kind,)
        return [v for v in self.variables if v.kind in kinds and not (own and (v.fixed or v.indexes))]

    def indexed(self, kind: str) -> list[tuple[Variable, Variable]]:
        """Index variables, and the sequences with elements of this kind that they index."""
        known = {v.name: v for v in self.variables}
        pairs = [(v, known[v.indexes]) for v in self.variables if v.indexes in known]
        return [(index, sequence) for index, sequence in pairs if element(sequence.kind) == kind]

    def offered(self) -> frozenset[str]:
        """What an expression can use here: kinds, ``own:`` kinds that may change, ``at:`` kinds that are indexed."""
        found: set[str] = set()
        kinds = {v.name: v.kind for v in self.variables}
        for v in self.variables:
            found.add(v.kind)
            if v.kind == "piece":
                found.add("str")
            if v.indexes in kinds:
                found.add(f"at:{element(kinds[v.indexes])}")
            elif not v.fixed and not v.indexes:
                found.add(f"own:{v.kind}")
        return frozenset(found)

    def may_change(self) -> list[Variable]:
        """The variables that may change."""
        return [v for v in self.variables if not v.fixed and not v.indexes]

    def choose(self, candidates: list[Variable]) -> Variable:
        """One of them: rather a late one, rather one that nothing has used yet."""
        late = len(self.variables)
        weights = [(2 + (16 if not v.uses else 0) + (3 if v is self.variables[late - 1] else 0), v) for v in candidates]
        chosen = self._chance.weighted(weights)
        chosen.uses += 1
        return chosen

    def leave(self, depth: int) -> None:
        """Forget the variables that came after the first ``depth``; their names stay taken."""
        del self.variables[depth:]
