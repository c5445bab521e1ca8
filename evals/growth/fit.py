"""Seven classes of growth, and which of them a row of counts belongs to, if it is clear.

A class fits by least squares: count = a + b g(n) with the smallest relative errors.  Counts say what they say about
the sizes that were measured; that they go on so is the reader's to judge.  Knows nothing of programs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import numpy as np


class Growth(Enum):
    """A class of growth, as it is written."""

    CONSTANT = "O(1)"
    LOGARITHMIC = "O(log n)"
    LINEAR = "O(n)"
    LINEARITHMIC = "O(n log n)"
    QUADRATIC = "O(n^2)"
    CUBIC = "O(n^3)"
    EXPONENTIAL = "O(2^n)"

    def log2(self, n: int) -> float:
        """The binary logarithm of its function at n > 1, which does not overflow as the function does."""
        power = math.log2(n)
        return {
            Growth.CONSTANT: 0.0,
            Growth.LOGARITHMIC: math.log2(power),
            Growth.LINEAR: power,
            Growth.LINEARITHMIC: power + math.log2(power),
            Growth.QUADRATIC: 2 * power,
            Growth.CUBIC: 3 * power,
            Growth.EXPONENTIAL: float(n),
        }[self]


ERROR = 0.05
"""The largest relative error (root mean square) of a class that fits."""
MARGIN = 2.5
"""How many times larger every other class's error must be."""
FINEST = 0.005
"""Errors below are taken for this one: a margin is finite, and rounding decides nothing."""
POINTS = 5
"""The fewest sizes that can show a class."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The class that fits, its error, and how many times larger the next best one's is."""

    growth: Growth
    error: float
    margin: float


def fitted(sizes: Sequence[int], counts: Sequence[int]) -> Fit | None:
    """The class of these counts, or None where none is clear: too large an error, or too small a margin.

    At least `POINTS` ascending sizes from 2 on, a positive count for each; ValueError otherwise.

    >>> fitted([4, 8, 16, 32, 64], [21, 37, 69, 133, 261])
    Fit(growth=<Growth.LINEAR: 'O(n)'>, error=0.0, margin=16.5)
    """
    if len(sizes) < POINTS or len(sizes) != len(counts):
        raise ValueError(f"wanted {POINTS} sizes or more and a count for each, found {len(sizes)} and {len(counts)}")
    if sizes[0] < 2 or any(low >= high for low, high in pairwise(sizes)) or min(counts) < 1:
        raise ValueError("wanted ascending sizes from 2 on and positive counts")
    ordered = sorted((error(growth, sizes, counts), index, growth) for index, growth in enumerate(Growth))
    (best, _, growth), (second, _, _) = ordered[:2]
    margin = round(max(second, FINEST) / max(best, FINEST), 2)
    return Fit(growth, round(best, 4), margin) if best <= ERROR and margin >= MARGIN else None


def error(growth: Growth, sizes: Sequence[int], counts: Sequence[int]) -> float:
    """The root mean square of (a + b g(n)) / count - 1 at the best a and b.

    At the largest size b g(n) must be at least half of the count, or growth could not be told from none: |a| <= b g(n).
    """
    logs = np.array([growth.log2(n) for n in sizes])
    grown = np.exp2(logs - logs[-1])  # 1 at the largest size
    weights = 1 / np.array(counts, float)
    ones = np.ones(len(sizes))
    if growth is Growth.CONSTANT:
        return _least((ones,), weights)[1]
    (a, b), free = _least((ones, grown), weights)
    if abs(a) <= b:
        return free
    return min(_least((grown + sign,), weights)[1] for sign in (-1, 1))


def _least(columns: Sequence[np.ndarray], weights: np.ndarray) -> tuple[list[float], float]:
    """Coefficients, and the root mean square of the weighted columns' distance to 1."""
    matrix = np.stack(columns, axis=1) * weights[:, None]
    found = np.linalg.lstsq(matrix, np.ones(len(weights)), rcond=None)[0]
    return found.tolist(), float(np.sqrt(np.mean((matrix @ found - 1) ** 2)))
