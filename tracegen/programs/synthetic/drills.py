"""Drills: straight programs that compute one value after the other, every operation as likely as any other.

For training only.  What a small model gets wrong are values, and programs in CRUXEval's manner (`program`) compute few
of them: most of their lines copy.  Knows nothing of how often a drill is wanted.
"""

from __future__ import annotations

import itertools
import keyword
import re

from . import Program
from .arguments import argument_list
from .chance import Chance
from .literals import WORDS, Literals
from .scope import NAMES
from .shapes import Parameter
from .statements import Statements
from .trial import BUILTINS, Tried

_TAKEN = (
    (40, "str"), (8, "piece"), (16, "int"), (16, "list[int]"), (10, "list[str]"), (4, "dict[str,int]"),
    (3, "dict[int,int]"), (2, "dict[str,str]"), (2, "list[list[int]]"), (2, "tuple[int]"), (2, "list[tuple]"),
)  # fmt: skip
_GIVEN = (
    (40, "str"), (8, "piece"), (22, "int"), (10, "bool"), (16, "list[int]"), (12, "list[str]"), (4, "dict[str,int]"),
    (2, "dict[int,int]"), (2, "tuple"), (2, "list[tuple]"), (1, "list[mixed]"),
)  # fmt: skip
_STRING = re.compile(r"(?:\bb)?(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")")
_NAME = re.compile(r"(?<![.\w])[A-Za-z_]\w*")


def drill(seed: int, ordinal: int) -> Program:
    """One drill of a seed: it returns."""
    for attempt in itertools.count():
        chance = Chance("drill", seed, ordinal, attempt)
        code, parameters, literals = _written(chance)
        tried = Tried(code)
        for _ in range(3):
            arguments = argument_list(parameters, literals)
            if tried.run(arguments).returned:
                return Program(f"drill-{seed}-{ordinal:06}", code, arguments)
    raise AssertionError("unreachable")


def _written(chance: Chance) -> tuple[str, list[Parameter], Literals]:
    literals = Literals(chance, wide=chance.often(70))
    s = Statements(chance, literals, "str")
    s.expressions.evenly = True
    variables = [s.scope.new(kind) for kind in (chance.weighted(_TAKEN) for _ in range(chance.between(1, 3)))]
    parameters = [Parameter(v.name, v.kind) for v in variables]
    with s.block(f"def f({', '.join(p.name for p in parameters)}):"):
        for _ in range(chance.between(2, 7)):
            if not chance.often(30) or not s.deed():
                kind = chance.weighted(_GIVEN)
                text = s.write(kind, 0, chance.weighted([(5, 1), (2, 2)]))
                s.line(f"{s.scope.new(kind, 'new').name} = {text}")
        s.line(f"return {chance.pick(s.scope.variables[-3:]).name}")
    return "\n".join(s.lines), parameters, literals


def renamed(program: Program, chance: Chance) -> Program:
    """The same program with other names, its function's too in most: models should copy names, not know them.

    A program that formats with its names in a text is left as it is.
    """
    if "f'" in program.code or "def f(" not in program.code:
        return program
    strings = [(found.start(), found.end()) for found in _STRING.finditer(program.code)]
    own: dict[str, str] = {}
    taken = {*BUILTINS, *keyword.kwlist, "main", "key", "reverse", "str", *_known(program.code)}
    if chance.often(60):
        own[program.function] = _fresh(chance, taken)
        taken.add(own[program.function])
    parts = []
    end = 0
    for found in _NAME.finditer(program.code):
        name = found[0]
        if any(start <= found.start() < stop for start, stop in strings) or name in _KEYWORDS:
            continue
        if name not in own and name not in _OURS:
            continue
        if name not in own:
            own[name] = _fresh(chance, taken)
            taken.add(own[name])
        parts += [program.code[end : found.start()], own[name]]
        end = found.end()
    code = "".join(parts) + program.code[end:]
    return Program(program.id, code, program.input, own.get(program.function, program.function))


_OURS = frozenset(itertools.chain.from_iterable(NAMES.values())) | {"kv", "p"}
_KEYWORDS = {"key"}
"""Also the name of an argument of ``sorted`` and ``max``."""


def _known(code: str) -> set[str]:
    return set(_NAME.findall(code))


def _fresh(chance: Chance, taken: set[str]) -> str:
    while True:
        style = chance.weighted([(3, "word"), (3, "two"), (2, "nonsense"), (2, "letter"), (1, "number")])
        word = chance.pick(WORDS)
        letters = "".join(chance.pick("abcdefghijklmnopqrstuvwxyz") for _ in range(chance.between(1, 5)))
        name = {
            "word": word,
            "two": f"{word}_{chance.pick(WORDS)}",
            "nonsense": letters,
            "letter": letters[0],
            "number": f"{letters}{chance.below(10)}",
        }[style]
        if name not in taken:
            return name
