"""The whole state of a machine as one value, and runs in which it comes twice: those never end.

A state is the whole stack (function, next statement and locals of every activation) and the graph of objects that it
reaches, in which one list under two names is not two equal lists.  A state with a live iterator anywhere, with a
half-done expression, or with a value that is not plain proves nothing and is none.  Knows nothing of labels.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from evals.termination.machine import STEPS, Activation, Machine, Program
from evals.termination.operations import PLAIN


@dataclass(frozen=True, slots=True)
class Returned:
    """A run that ended: its result, the line of every step."""

    value: object
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """The steps (from 0) before which the state was the same."""

    first: int
    second: int


class NoState(Exception):
    """Why a moment has no state that proves something."""


class _Stopped(Exception):
    pass


def state(stack: Sequence[Activation]) -> Hashable:
    """The state of a stack.  Two stacks with equal states behave alike for ever.  Raises NoState."""
    numbers: dict[int, int] = {}
    return tuple(_activation(each, numbers) for each in stack)


def _activation(here: Activation, numbers: dict[int, int]) -> Hashable:
    if here.iterators:
        raise NoState(f"an iterator is alive in {here.function}")
    if not here.whole:
        raise NoState(f"an expression of {here.function} is half done")
    # Statements are nodes of one tree that is alive throughout the run, so that an address names one.
    names = tuple((name, _value(here.locals[name], numbers)) for name in sorted(here.locals))
    return here.function, id(here.statement), names


def _value(value: object, numbers: dict[int, int]) -> Hashable:
    if type(value) not in PLAIN:
        raise NoState(f"a {type(value).__name__} has hidden state")
    kind = type(value).__name__
    if isinstance(value, tuple):
        return kind, tuple(_value(each, numbers) for each in value)
    if not isinstance(value, (list, dict)):
        return kind, value
    if id(value) in numbers:
        return "the object", numbers[id(value)]
    numbers[id(value)] = len(numbers)
    if isinstance(value, list):
        return kind, tuple(_value(each, numbers) for each in value)
    return kind, tuple((_value(key, numbers), _value(each, numbers)) for key, each in value.items())


def observed(program: Program, seen: Callable[[Machine], bool], steps: int = STEPS) -> Returned | None:
    """Run a program until ``seen``, which is called before each step, is true; None then.

    Raises Unproven and Raised, as the machine does.
    """
    lines: list[int] = []

    def step(machine: Machine) -> None:
        if seen(machine):
            raise _Stopped
        lines.append(machine.stack[-1].statement.lineno)

    try:
        return Returned(Machine(program, step, steps).run(), tuple(lines))
    except _Stopped:
        return None


def run(program: Program, steps: int = STEPS) -> Returned:
    """Run a program to its end.  Raises Unproven and Raised."""
    ended = observed(program, lambda machine: False, steps)
    assert ended is not None
    return ended


def search(program: Program, steps: int = STEPS) -> Returned | Repeated:
    """Run a program to its end or to the first state that was there before.  Raises Unproven and Raised."""
    before: dict[Hashable, int] = {}
    found: list[Repeated] = []

    def seen(machine: Machine) -> bool:
        try:
            first = before.setdefault(state(machine.stack), machine.steps)
        except NoState:
            return False
        if first != machine.steps:
            found.append(Repeated(first, machine.steps))
        return bool(found)

    ended = observed(program, seen, steps)
    return found[0] if ended is None else ended


def states(program: Program, first: int, second: int) -> tuple[Hashable, Hashable]:
    """The states before two steps of a run.  Raises NoState, Unproven and Raised."""
    found: dict[int, Hashable] = {}

    def seen(machine: Machine) -> bool:
        if machine.steps in (first, second):
            found[machine.steps] = state(machine.stack)
        return machine.steps >= max(first, second)

    if observed(program, seen, max(first, second) + 1) is not None:
        raise NoState(f"the run ends before step {max(first, second)}")
    return found[first], found[second]
