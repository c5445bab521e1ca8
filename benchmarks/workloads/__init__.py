"""The six workloads on which tracers are compared: plain deterministic functions, frozen.

Each module has a ``run()`` without arguments and states what a run does: line events, call events (each resumption
of a generator is one), and container operations, counted as the source spells them: every subscript, and every call
of a method in `CONTAINER_METHODS`.  The numbers hold from CPython 3.8 to 3.13; tests/test_workloads.py counts them.
Imports nothing but the standard library: the workloads run in processes whose memory is measured.

A workload that changes is another workload: figures of before and after cannot be compared.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

CONTAINER_METHODS = frozenset({"add", "append", "discard", "extend", "insert", "pop", "remove", "setdefault", "update"})


class Workload(NamedTuple):
    """A module of this package, and the letter by which tables call it."""

    letter: str
    name: str
    what: str

    @property
    def module(self) -> Any:
        """The module, with ``run``, ``LINES``, ``CALLS`` and ``CONTAINER_OPERATIONS``."""
        return import_module(f"{__name__}.{self.name}")


WORKLOADS = {
    workload.letter: workload
    for workload in (
        Workload("a", "integers", "integer loop, 5 locals"),
        Workload("b", "growth", "growing containers: sieve, breadth-first search, 50×50 table"),
        Workload("c", "recursion", "recursion: Fibonacci, quicksort, permutations"),
        Workload("d", "strings", "string building and parsing"),
        Workload("e", "objects", "objects and methods"),
        Workload("f", "failures", "exceptions and generators"),
    )
}
