"""Arguments for functions: what a function may be called with, proposed from its text alone, best first.

Knows a signature, the function's source and the module around it; never imports or runs either.  Does not know
whether a call returns or what it covers: who runs the calls finds that out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from tracegen.inputs.admission import admitted, call_of
from tracegen.inputs.constants import Constants, constants, reached
from tracegen.inputs.definitions import definitions
from tracegen.inputs.docstrings import documented_types, examples
from tracegen.inputs.drawing import drawn
from tracegen.inputs.guesses import Guesser
from tracegen.inputs.likeness import likenesses
from tracegen.inputs.lists import Plan, lists
from tracegen.inputs.signature import Kind, Parameter, Signature
from tracegen.inputs.values import Mood

__all__ = ["Candidate", "Kind", "Origin", "Parameter", "Signature", "candidates"]

STAGES = ((35, Mood(2.0, 4, 0)), (45, Mood(1.0, 6, 1)), (20, Mood(0.6, 8, 10)))
"""Percent of the candidates, and their mood: the likely first, the far-fetched last."""

MOST_PARAMETERS = 40
"""With more, nothing is drawn: such a function is generated, or a trap."""

ROUNDS = 3
"""How often a stage draws again for what it drew twice."""


class Origin(Enum):
    """What a candidate was known from."""

    HARVESTED = "harvested"
    DOCTEST = "doctest"
    DEFAULTS = "defaults"
    STRATEGY = "strategy"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An argument list as source text: ``[1, 2], key=None``."""

    arguments: str
    origin: Origin


def candidates(signature: Signature, count: int, seed: int, harvested: Sequence[str] = ()) -> list[Candidate]:
    """At most ``count`` argument lists, each once, in the order in which they should be tried.

    Harvested ones come first, then doctests' calls, the call without arguments if there may be one, and what is
    drawn from ``seed``.  A function of few inputs gets fewer candidates than asked for.
    """
    found: dict[str, Candidate] = {}
    for arguments, origin in _told(signature, harvested):
        found.setdefault(arguments, Candidate(arguments, origin))
    if 0 < len(signature.parameters) <= MOST_PARAMETERS:
        many = len(signature.parameters) // 8
        plan = _plan(signature, [each.arguments for each in found.values() if each.arguments])
        for number, (percent, mood) in enumerate(STAGES):
            wanted = len(found) + (count - len(found)) * percent // sum(share for share, _ in STAGES[number:])
            mood = replace(mood, most=max(1, mood.most - 2 * many))
            _draw(plan, mood, min(wanted, count), f"{seed}/{number}", found)
    return list(found.values())[:count]


def _told(signature: Signature, harvested: Sequence[str]) -> Iterator[tuple[str, Origin]]:
    """What need not be drawn."""
    for arguments in harvested:
        if call_of(arguments) is not None:
            yield arguments, Origin.HARVESTED
    known = definitions(signature.module)
    for arguments in examples(signature.docstring, signature.function):
        if admitted(arguments, known.own, known.imports):
            yield arguments, Origin.DOCTEST
    if not any(each.required for each in signature.parameters):
        yield "", Origin.DEFAULTS


def _plan(signature: Signature, told: Sequence[str]) -> Plan:
    """Weigh what is known of each parameter; ``told`` are argument lists that serve as examples."""
    try:
        return _weighed(signature, told)
    except RecursionError:
        # A source that parses, and is too deep to be walked: names alone must do.
        return _weighed(replace(signature, source="", module="", docstring=None), ())


def _weighed(signature: Signature, told: Sequence[str]) -> Plan:
    known = definitions(signature.module)
    alike = likenesses(told, signature.parameters)
    guesser = Guesser(signature, known, documented_types(signature.docstring), alike)
    parameters = tuple((each, guesser.guess(each)) for each in signature.parameters)
    node = guesser.node
    return Plan(parameters, Constants() if node is None else constants(reached(node, known)))


def _draw(plan: Plan, mood: Mood, wanted: int, seed: str, found: dict[str, Candidate]) -> None:
    """Draw until there are so many candidates, or nothing new comes."""
    for again in range(ROUNDS):
        missing = wanted - len(found)
        if missing <= 0:
            return
        for text in drawn(lists(plan, mood), missing + 2, f"{seed}/{again}"):
            if len(found) < wanted and text not in found and call_of(text) is not None:
                found[text] = Candidate(text, Origin.STRATEGY)
