"""Choices that a seed decides, the same on every version of Python."""

from __future__ import annotations

import random
from typing import Sequence, TypeVar

Item = TypeVar("Item")


class Chance:
    """One stream of choices.  Uses ``Random.random`` alone: what the other methods draw changed over the years."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, count: int) -> int:
        """A number from 0 to ``count - 1``."""
        return int(self._random.random() * count)

    def between(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def once_in(self, count: int) -> bool:
        """True once in so many times."""
        return self.below(count) == 0

    def pick(self, items: Sequence[Item]) -> Item:
        """One of several."""
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[tuple[int, Item]]) -> Item:
        """One of several, each as often as its weight says."""
        at = self.below(sum(weight for weight, _ in items))
        for weight, item in items:
            at -= weight
            if at < 0:
                return item
        raise AssertionError("weights are positive")

    def some(self, items: Sequence[Item], count: int) -> list[Item]:
        """So many different ones, in a random order; all, if there are fewer."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]
