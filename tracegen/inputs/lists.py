"""A function's argument lists as a strategy: which parameters are given, in which way, and what they are.

Knows parameters and their shapes; values are spelled by `writing`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tracegen.inputs.constants import Constants
from tracegen.inputs.guesses import Guess
from tracegen.inputs.shapes import ANY
from tracegen.inputs.signature import Kind, Parameter
from tracegen.inputs.values import Mood
from tracegen.inputs.writing import Writer

GIVEN, GIVEN_EXTRA, BY_NAME = 45, 10, 12
"""Percent of calls that give an optional parameter, one of ``**kwargs``, and name an optional one without need."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the lists of one function are drawn from."""

    parameters: tuple[tuple[Parameter, Guess], ...]
    constants: Constants


@lru_cache(maxsize=1024)
def _below(count: int) -> SearchStrategy[int]:
    return st.integers(0, count - 1)


@st.composite
def lists(draw: DrawFn, plan: Plan, mood: Mood) -> str:
    """The strategy of a function's argument lists."""
    return written(plan, Writer(lambda count: draw(_below(count)) if count > 1 else 0, plan.constants, mood))


def written(plan: Plan, writer: Writer) -> str:
    """One argument list."""
    given: list[str] = []
    by_name = False
    for parameter, guess in plan.parameters:
        if parameter.kind is Kind.VAR_POSITIONAL:
            if not by_name:
                given += [writer.argument(guess.shape) for _ in range(writer.below(4))]
            by_name = True
        elif parameter.kind is Kind.VAR_KEYWORD:
            for name, shape in zip(guess.shape.texts, guess.shape.parts, strict=True):
                if writer.often(GIVEN_EXTRA):
                    given.append(f"{name}={writer.argument(shape)}")
            if not guess.shape.parts and writer.often(2 * GIVEN_EXTRA):
                given.append(f"{writer.pick(EXTRA)}={writer.argument(ANY)}")
        elif not parameter.required and not writer.often(GIVEN):
            by_name = True
        elif parameter.kind is Kind.POSITIONAL and by_name:
            continue
        else:
            named = by_name or parameter.kind is Kind.KEYWORD
            if not named and not parameter.required and parameter.kind is Kind.EITHER:
                by_name = named = writer.often(BY_NAME)
            text = writer.argument(guess.shape, guess.told)
            given.append(f"{parameter.name}={text}" if named else text)
    return ", ".join(given)


EXTRA = ("extra", "name", "x", "key")
Below = Callable[[int], int]
