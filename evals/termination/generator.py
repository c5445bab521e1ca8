"""Minimal pairs of items, drawn of the families: the same seed gives the same items on every Python.

A pair is kept if its two programs do what was meant, each with a certificate that was found by running it in the
machine, and if they are near in length; what does not come out as meant is drawn again.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from string import Template

from evals.termination.families import FAMILIES, LETTERS, NAMES, Drawn, Family
from evals.termination.items import Certificate, Completed, Item, Label, Lasso, Recurrent
from evals.termination.lasso import Returned, search
from evals.termination.machine import FUNCTION, Program
from evals.termination.operations import Raised, Unproven
from evals.termination.recurrent import Refused, prove
from tracegen import CannotRun

LONGEST, SHORTEST = 150, 6
"""Steps of a run that halts."""
SEARCHED = 600
"""Steps in which a lasso is looked for."""
TRIES = 2_000


def make(pairs: int, seed: int) -> list[Item]:
    """So many pairs, the families in turn.  Raises CannotRun if a family has no more of them."""
    items: list[Item] = []
    known: set[tuple[str, str]] = set()
    for number in range(pairs):
        family = FAMILIES[number % len(FAMILIES)]
        random = Random(f"{seed}/{number}")
        found = None
        for _ in range(TRIES):
            found = _pair(family, random, number)
            if found and not known & {(each.code, each.input) for each in found}:
                break
            found = None
        if found is None:
            raise CannotRun(f"{number} pairs are all that there are with seed {seed}: {family.name}: nothing new found")
        known |= {(each.code, each.input) for each in found}
        items += found
    return items


def _pair(family: Family, random: Random, number: int) -> tuple[Item, Item] | None:
    filling = _filling(family, random)
    made: list[Item] = []
    for label, reading in ((Label.HALTS, 0), (Label.LOOPS, 1)):
        holes = filling | {hole: readings[reading] for hole, readings in family.edits.items()}
        code, input = _filled(family.code, holes).strip("\n"), _filled(family.input, holes)
        try:
            certificate = certified(code, input, [_filled(each, holes) for each in family.members])
        except (Unproven, Raised, Refused):
            return None
        if isinstance(certificate, Completed) is not (label is Label.HALTS):
            return None
        made.append(Item("", code, input, label, family.name, "", certificate))
    # Which of the two comes first says nothing.
    if random.random() < 0.5:
        made.reverse()
    names = [f"halting-{number:03d}{letter}" for letter in "ab"]
    one, other = (replace(each, id=id, pair=pair) for each, id, pair in zip(made, names, names[::-1], strict=True))
    return one, other


def certified(code: str, input: str, members: Sequence[str]) -> Certificate:
    """The certificate of a program: its run, a lasso, or the recurrent set at one of its loops.

    Raises Unproven, Raised and Refused where there is none.
    """
    program = Program.of(code, input)
    try:
        found = search(program, SEARCHED)
    except Unproven:
        if not members:
            raise
        return _recurrent(program, members)
    if isinstance(found, Returned):
        steps = len(found.lines)
        if not SHORTEST <= steps <= LONGEST:
            raise Unproven(f"a run of {steps} steps is not wanted")
        return Completed(steps)
    return Lasso(found.first, found.second)


def _recurrent(program: Program, members: Sequence[str]) -> Recurrent:
    why: Refused | None = None
    for node in ast.walk(program.functions[FUNCTION]):
        if isinstance(node, ast.While):
            try:
                prove(program, node.lineno, members)
                return Recurrent(node.lineno, tuple(members))
            except Refused as error:
                why = error
    raise why or Refused("no loop")


def _filling(family: Family, random: Random) -> dict[str, str]:
    """A name, a number, a list or a text for every hole but the edits."""
    holes: dict[str, str] = {}
    text = " ".join([family.code, family.input, *family.members, *(x for pair in family.edits.values() for x in pair)])
    for hole in sorted(NAMES):
        if f"${hole}" in text and hole not in family.numbers:
            holes[hole] = random.choice([name for name in NAMES[hole] if name not in holes.values()])
    for hole, (low, high) in family.numbers.items():
        holes[hole] = str(random.randint(low, high))
    for hole, drawn in family.drawn.items():
        holes[hole] = _drawn(drawn, random)
    for hole, some in family.choices.items():
        holes[hole] = random.choice(some)
    return holes


def _drawn(drawn: Drawn, random: Random) -> str:
    size = random.randint(*drawn.sizes)
    if drawn.text:
        # Few letters, so that some come again.
        some = [random.choice(LETTERS) for _ in range(4)] if size > 1 else LETTERS[:6]
        return "".join(random.choice(some) for _ in range(size))
    return repr([random.randint(*drawn.numbers) for _ in range(size)])


def _filled(text: str, holes: dict[str, str]) -> str:
    """A hole may stand in what fills another."""
    for _ in range(3):
        text = Template(text).substitute(holes)
    return text
