"""Decisions that are the same on every Python: a generator of its own, seeded by a hash.

Knows nothing of programs.  Python's ``random`` is not used: the streams of its methods changed between versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
_MASK = (1 << 64) - 1


class Chance:
    """A stream of decisions, fixed by a key.

    >>> Chance("seed", 1).below(1000) == Chance("seed", 1).below(1000)
    True
    """

    def __init__(self, *key: object) -> None:
        digest = hashlib.sha256("\0".join(map(str, key)).encode()).digest()
        self._state = int.from_bytes(digest[:8], "big")

    def _next(self) -> int:
        """64 bits of splitmix64 (Steele, Lea and Flood 2014)."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        bits = self._state
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
        return bits ^ (bits >> 31)

    def below(self, bound: int) -> int:
        """An int from 0 up to, and without, ``bound``."""
        return self._next() % bound

    def between(self, low: int, high: int) -> int:
        """An int from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def often(self, percent: float) -> bool:
        """True in so many of a hundred cases."""
        return self.below(10_000) < percent * 100

    def pick(self, choices: Sequence[T]) -> T:
        """One of them, all alike."""
        return choices[self.below(len(choices))]

    def weighted(self, choices: Sequence[tuple[int, T]]) -> T:
        """One of ``(weight, choice)``, as likely as its weight says."""
        place = self.below(sum(weight for weight, _ in choices))
        for weight, choice in choices:
            place -= weight
            if place < 0:
                return choice
        raise AssertionError("weights add up")
