"""Bodies of functions: random statements on locals whose kinds are known, so that most of them go well.

A local keeps its kind within the body of an ``if`` or a loop; what such a body does to a name that it cannot keep is
forgotten behind it.
"""

from __future__ import annotations

from typing import Sequence

from .chance import Chance
from .changes import CHANGES, COMPREHENSIONS, FAILURES, HANDLERS, LOOP_ENDS, LOOPS, SAYINGS, WITHS
from .literals import BOOLS, BYTEARRAYS, FLOATS, INTS, SMALL_INTS, STRINGS, container, hashable, leaf, value
from .program import block

NAMES = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "k",
    "m",
    "p",
    "q",
    "r",
    "s",
    "u",
    "v",
    "w",
    "x",
    "y",
    "z",
    "_",
    "ab",
    "é",
    "__d",
    "name",
]
KINDS = ["int", "list", "list", "list", "dict", "dict", "dict", "set", "str", "float", "tuple", "bytearray", "any"]


class Soup:
    """Writes the body of one function."""

    def __init__(self, chance: Chance, known: dict[str, str], instances: Sequence[str], calls: Sequence[str]) -> None:
        self._chance = chance
        self.known = dict(known)
        """Names that are bound for certain, and their kinds."""
        self._instances = instances
        """Expressions that make objects of the program's classes."""
        self._calls = list(calls)
        """Expressions that call the program's functions; each is used once."""
        self._aliases = 3
        self.outer = "nonlocal"
        """How an inner function says that a name is of here; a module says ``global``."""

    def body(self, count: int, depth: int = 2) -> list[str]:
        """So many statements."""
        lines: list[str] = []
        for _ in range(count):
            lines += self._statement(depth)
        return lines

    def value(self, depth: int = 2) -> str:
        """A value; sometimes an object of the program's own."""
        if self._instances and self._chance.once_in(7):
            made = self._chance.pick(self._instances)
            return self._chance.pick([made, made, f"[{made}]", "{'o': " + made + "}", f"({made}, 1)"])
        names: list[str] = []
        if self._aliases and self._chance.once_in(6):
            names = [name for name, kind in self.known.items() if kind in ("list", "dict", "any", "set")]
            self._aliases -= 1
        return value(self._chance, names, depth)

    def _new(self, kind: str) -> str:
        chance = self._chance
        if kind in ("list", "dict", "set", "tuple"):
            return container(chance, kind, [])
        plain = {"int": INTS if chance.once_in(9) else SMALL_INTS, "float": FLOATS, "str": STRINGS}
        if kind in plain:
            return chance.pick([*plain[kind], *BOOLS] if kind == "int" else plain[kind])
        return chance.pick(BYTEARRAYS) if kind == "bytearray" else self.value()

    def bind(self, depth: int) -> list[str]:
        """Give a name a new value; of its own kind, where other paths meet."""
        chance = self._chance
        kind = chance.pick(KINDS)
        fitting = [name for name in NAMES if name not in self.known or self.known[name] == kind or depth >= 2]
        name = chance.pick(fitting or ["o"])
        new = self._new(kind)
        form = chance.below(12)
        if form == 3 and kind == "list":
            new = f"{self.value(1)}, {self.value(1)}, {self.value(1)}"
            self.known[name] = kind
            return [f"o, *{name} = {new}"]
        self.known[name] = kind
        if form == 0:
            second = chance.pick(NAMES)
            if second != name and second not in self.known:
                self.known[second] = kind
                return [chance.pick([f"{name} = {second} = {new}", f"{second} = {name} = {new}"])]
        if form == 1:
            return [f"({name} := {new})"]
        if form == 2:
            return [f"{name} = (", f"    {new}", ")"]
        return [f"{name} = {new}"]

    def _change(self) -> list[str]:
        chance = self._chance
        if not self.known:
            return self.bind(1)
        name = chance.pick(list(self.known))
        template = chance.pick(CHANGES[self.known[name]])
        return self._filled(template, name).split("\n")

    def _filled(self, template: str, name: str) -> str:
        chance = self._chance
        return template.format(n=name, v=self.value(1), h=hashable(chance), i=chance.pick(SMALL_INTS))

    def _alias(self) -> list[str]:
        """One container in another, or in itself."""
        chance = self._chance
        names = [name for name, kind in self.known.items() if kind in ("list", "dict")]
        if not self._aliases or not names:
            return self._change()
        self._aliases -= 1
        outer, inner = chance.pick(names), chance.pick(names)
        held = chance.pick(
            [inner, f"({inner},)", f"[{inner}]", "{'in': " + inner + "}", f"types.SimpleNamespace(a={inner})"]
        )
        if chance.once_in(4):
            held = f"collections.deque([{inner}])"
        return [f"{outer}[0:1] = [{held}]" if self.known[outer] == "list" else f"{outer}['in'] = {held}"]

    def _gone(self, depth: int) -> list[str]:
        """Unbind a name, and perhaps bind it again."""
        chance = self._chance
        if not self.known:
            return ["pass"]
        name = chance.pick(list(self.known))
        kind = self.known.pop(name)
        if depth < 2 or chance.once_in(3):
            return block("try:", [f"del {name}"]) + block("except NameError as error:", [f"{name} = {leaf(chance)}"])
        if chance.once_in(2):
            return [f"del {name}"]
        self.known[name] = kind
        return [f"del {name}", f"{name} = {self._new(kind)}"]

    @property
    def left(self) -> list[str]:
        """The calls that were not used."""
        return self._calls

    def _call(self) -> list[str]:
        chance = self._chance
        if not self._calls:
            return self.bind(1)
        call = self._calls.pop(chance.below(len(self._calls)))
        name = chance.pick(["got", "x_", "_"])
        lines = [chance.pick([f"{name} = {call}", call, f"{name} = [{call}, 1]", f"print(type({call}).__name__)"])]
        if chance.once_in(3):
            return lines
        handler = chance.pick(
            ["Exception as error", "BaseException as error", "(ValueError, KeyError, TypeError)", "Exception"]
        )
        return block("try:", lines) + block(f"except {handler}:", [chance.pick(["got = None", "pass", "got = [1]"])])

    def _branch(self, depth: int) -> list[str]:
        """A compound statement, with bodies of their own."""
        chance = self._chance
        count = chance.between(1, 3)
        form = chance.pick(
            ["if", "for", "while", "try", "with", "else", "comprehension", "function", "class", "finally"]
        )
        if form == "comprehension":
            return [chance.pick(COMPREHENSIONS).format(n=chance.pick(["cs", "ct"]), v=leaf(chance), h=hashable(chance))]
        before = dict(self.known)
        if form == "function":
            inner = self._inner(before, count)
            return inner
        lines: list[str] = []
        if form == "class":
            attributes = [f"{name} = {self._new(chance.pick(KINDS[:6]))}" for name in chance.some(NAMES[:8], 3)]
            lines = block("class Local:", attributes + chance.pick([[], ["del " + attributes[0].split()[0]]]))
            lines += chance.pick([[], ["o = Local()"], ["o = Local"], ["o = [Local(), Local]"]])
        elif form in ("if", "else"):
            test = chance.pick(["True", "0 < 1 < 2", "0 < 2 < 1", "not SHARED", "len(SHARED) > 1", "(t := 3) > 2"])
            lines = block(f"if {test}:", self._kept(before, count, depth))
            if form == "else":
                lines += block(chance.pick(["else:", "elif len(TABLE) != 1:"]), self._kept(before, count, depth))
        elif form == "for":
            lines = block(chance.pick(LOOPS), [*self._kept(before, count, depth), *chance.pick(LOOP_ENDS)])
            lines += chance.pick([[], ["else:", "    last = 1"]])
        elif form == "while":
            lines = ["n_ = 0", *block("while n_ < 3:", ["n_ += 1", *self._kept(before, count, depth)])]
            lines += chance.pick([[], ["else:", "    n_ = None"]])
        elif form == "try":
            lines = block("try:", [*self._kept(before, count, depth), chance.pick(FAILURES)])
            handler = chance.pick(HANDLERS)
            before.pop(handler.rpartition(" ")[2], None)  # unbound behind its handler
            lines += block(f"except {handler}:", self._kept(before, 1, depth))
            lines += chance.pick([[], ["else:", "    last = 2"], ["finally:", "    last = [3]"]])
        elif form == "finally":
            lines = block("try:", self._kept(before, count, depth)) + block("finally:", self._kept(before, 1, depth))
        else:
            lines = block(
                chance.pick(WITHS), [*self._kept(before, count, depth), chance.pick(["pass", "raise KeyError('w')"])]
            )
        self.known = {name: kind for name, kind in before.items() if self.known.get(name) == kind}
        return lines

    def _kept(self, before: dict[str, str], count: int, depth: int) -> list[str]:
        """A body that leaves the names that were known before with their kinds."""
        gone = {name for name in before if self.known.get(name) != before[name]}
        self.known = {name: kind for name, kind in before.items() if name not in gone}
        lines = self.body(count, depth - 1)
        for name in gone:
            self.known.pop(name, None)
        return lines

    def _inner(self, before: dict[str, str], count: int) -> list[str]:
        """A function inside, that shares variables."""
        chance = self._chance
        names = list(before)
        shared = chance.some(names, chance.between(1, 2)) if names else []
        inside = Soup(chance, {name: before[name] for name in shared}, self._instances, ())
        inside._aliases = 0
        body = [f"{self.outer} {', '.join(shared)}"] if shared else []
        body += [*inside.body(count, 0), chance.pick(["return 1", "pass", "return [1]"])]
        for name in shared:
            if inside.known.get(name) != before[name]:
                self.known.pop(name, None)
        lines = block("def inner(p_=1, *args_, k_=2):", body)
        return lines + chance.pick([["inner()"], ["inner(3, 4, k_=5)", "inner()"], [], ["keep = inner", "keep()"]])

    def _statement(self, depth: int) -> list[str]:
        chance = self._chance
        form = chance.weighted(
            [
                (5, "bind"),
                (10, "change"),
                (1, "alias"),
                (1, "gone"),
                (2, "call"),
                (2 if depth else 0, "branch"),
                (1, "say"),
                (1, "shared"),
            ]
        )
        if form == "bind":
            return self.bind(depth)
        if form == "gone":
            return self._gone(depth)
        if form == "branch":
            return self._branch(depth)
        if form == "shared":
            return [self._filled(chance.pick(CHANGES["list"][:8]), "SHARED")]
        if form == "say":
            return self._filled(chance.pick(SAYINGS), chance.pick(list(self.known) or ["SHARED"])).split("\n")
        return {"change": self._change, "alias": self._alias, "call": self._call}[form]()
