"""Programs that nobody wrote: small functions of text, lists and dicts, with arguments, from a seed.

Program k of a seed is the same however many are made, on every Python and under every hash seed.  Each was tried
before it is given out: it returns, soon, and all its lines are reached by one of its candidate arguments.
Needs the standard library only, and runs no program but its own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .arguments import argument_list
from .chance import Chance
from .relevance import matters
from .shapes import Shaped, shaped
from .trial import Trial, Tried
from .wish import Wish, drawn

CANDIDATES = 7
PATIENCE = 40
"""Candidates for one wish; a wish that none fulfils is dropped for another."""

_IDLE = re.compile(r"^ +(?!except)\w.*:\n +pass$", re.MULTILINE)
_METHOD = re.compile(r"\.\w+\(")
REWARDED = 55
"""In so many of a hundred programs, the arguments are those that reach the most lines; otherwise any that return."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program: a function in its source, and the argument list to call it with."""

    id: str
    code: str
    input: str
    function: str = "f"


def programs(count: int, seed: int) -> Iterator[Program]:
    """The first ``count`` programs of a seed."""
    for ordinal in range(count):
        yield program(seed, ordinal)


def program(seed: int, ordinal: int) -> Program:
    """One program of a seed: the first candidate that is as wished for, and worth a trace."""
    for round in itertools.count():
        wish = drawn(Chance("wish", seed, ordinal, round))
        for attempt in range(PATIENCE):
            chance = Chance("synthetic", seed, ordinal, round, attempt)
            function = shaped(chance, wish)
            if _formed(function.code, wish):
                arguments = _chosen(function, chance, wish)
                if arguments is not None:
                    return Program(f"synthetic-{seed}-{ordinal:06}", function.code, arguments)
    raise AssertionError("unreachable")


def _formed(code: str, wish: Wish) -> bool:
    """Whether the source alone is as wished for."""
    if code.count("\n") + 1 < wish.lines or (wish.method and not _METHOD.search(code)):
        return False
    if _IDLE.search(code):
        return False
    return wish.waste or matters(code)


def _chosen(function: Shaped, chance: Chance, wish: Wish) -> str | None:
    """Arguments under which the program returns what was wished for; None if there are none, or it is not worth it."""
    tried = Tried(function.code)
    runs: dict[str, Trial] = {}
    for _ in range(CANDIDATES):
        arguments = argument_list(function.parameters, function.literals)
        runs[arguments] = tried.run(arguments)
    good = {arguments: run for arguments, run in runs.items() if run.returned}
    reached = frozenset[int]().union(*(run.lines for run in good.values()))
    if len(good) < CANDIDATES // 2 or not tried.statements <= reached:
        return None
    if len({run.result for run in good.values()}) == 1 and not wish.constant:
        return None
    fitting = {arguments: run for arguments, run in good.items() if run.kind == wish.result and run.steps >= wish.steps}
    if not fitting:
        return None
    if chance.often(REWARDED):
        most = max(len(run.lines) for run in fitting.values())
        return chance.pick([arguments for arguments, run in fitting.items() if len(run.lines) == most])
    return chance.pick(list(fitting))
