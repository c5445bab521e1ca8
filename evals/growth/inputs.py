"""Arguments of a wanted size, of a closed list of kinds: what a data file names, and never spells.

The same kind and size give the same text on every Python.  Knows nothing of the functions that they are for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Input:
    """A kind of input.  ``says`` is what a model is told, ``make`` gives a call's arguments of size n as source."""

    says: str
    make: Callable[[int], str]


def _shuffled(n: int, seed: int = 0) -> list[int]:
    values = list(range(1, n + 1))
    Random(seed * 1_000_003 + n).shuffle(values)
    return values


def _text(n: int, seed: int = 0) -> str:
    random = Random(seed * 1_000_003 + n)
    return "".join(LETTERS[int(random.random() * 26)] for _ in range(n))


def _rows(n: int, seed: int = 0) -> list[list[int]]:
    values = _shuffled(n * n, seed)
    return [values[start : start + n] for start in range(0, n * n, n)]


INPUTS: Mapping[str, Input] = {
    "integer": Input("the integer n", str),
    "numbers": Input("a list of the integers from 1 to n in random order", lambda n: repr(_shuffled(n))),
    "ascending": Input("an ascending list of n integers", lambda n: repr(list(range(2, 2 * n + 1, 2)))),
    "searched": Input(
        "an ascending list of n integers, and an integer near its end that is not in it",
        lambda n: f"{list(range(2, 2 * n + 1, 2))!r}, {2 * n - 1}",
    ),
    "two lists": Input(
        "two ascending lists of n integers each",
        lambda n: f"{list(range(2, 2 * n + 1, 2))!r}, {list(range(1, 2 * n, 2))!r}",
    ),
    "text": Input("a string of n random letters", lambda n: repr(_text(n))),
    "two texts": Input(
        "two strings of n random letters each", lambda n: f"{_text(n)!r}, {_text(n, 1)!r}"
    ),
    "matrix": Input("an n by n matrix of different integers, a list of rows", lambda n: repr(_rows(n))),
    "two matrices": Input(
        "two n by n matrices of different integers, each a list of rows",
        lambda n: f"{_rows(n)!r}, {_rows(n, 1)!r}",
    ),
    "ring": Input(
        "the neighbour lists of n nodes in a ring (node i is joined to i - 1 and i + 1)",
        lambda n: repr([[(node - 1) % n, (node + 1) % n] for node in range(n)]),
    ),
}  # fmt: skip
"""By the name that a data file has."""
