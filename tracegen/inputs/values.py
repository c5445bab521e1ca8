"""Plain values, decided by draws: numbers, words and texts as people write them, small and short.

The values of one call share a few numbers, words and letters with each other and with the code's constants, so that
a search can find and a comparison can hold.  Knows no shapes and no source text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tracegen.inputs.constants import Constants
from tracegen.inputs.vocabulary import BYTES, DIGITS, FLOATS, FOREIGN, LARGE, MARKS, PATHS, SMALL, WORDS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mood:
    """How daring the values are: ``sharpness`` raises the weights of unions to a power, ``most`` bounds a container's
    elements, ``astray`` is the percentage of arguments that are of any form at all.
    """

    sharpness: float
    most: int
    astray: int


class Values:
    """The values of one call.  ``below(n)`` draws a number from 0 to n - 1."""

    def __init__(self, below: Callable[[int], int], constants: Constants, mood: Mood) -> None:
        self.below = below
        self.constants = constants
        self.mood = mood
        self.numbers = [self._number() for _ in range(2)]
        self.words = [self.pick(WORDS) for _ in range(2)]
        self.glue: tuple[str, ...] = (" ", " ", ",", ", ", "\n", "-", "_")
        if constants.texts and self.often(60):
            self.glue = tuple(text for text in constants.texts if len(text) < 4) or self.glue
        self.lengths: list[int] = []
        self.texts: list[str] = []
        self.said: list[str] = []

    def pick(self, options: Sequence[T]) -> T:
        """One of several."""
        return options[self.below(len(options))]

    def often(self, percent: int) -> bool:
        """Yes, in so many of a hundred cases; no, if all draws are the simplest."""
        return self.below(100) >= 100 - percent

    def integer(self) -> int:
        """A whole number."""
        if self.numbers and self.often(45):
            return self.pick(self.numbers)
        return self._number()

    def _number(self) -> int:
        known = self.constants.integers
        at = self.below(100)
        if at < 22 and known:
            return self.pick(known) + (0, 0, 1, -1)[self.below(4)]
        if at < 80:
            return self.pick(SMALL)
        if at < 88:
            return -1 - self.below(9)
        return self.below(100) if at < 98 else self.pick(LARGE)

    def natural(self) -> int:
        """A size or a count."""
        if self.lengths and self.often(35):
            return self.below(self.pick(self.lengths) + 1)
        known = [number for number in self.constants.integers if 0 < number < 1000]
        if known and self.often(22):
            return self.pick(known) + (0, 0, 1, -1)[self.below(4)]
        return self.below(13) if self.often(90) else self.pick((20, 25, 64, 100))

    def index(self) -> int:
        """A place in what was written first."""
        if self.lengths and self.often(85):
            return self.below(max(1, self.lengths[0]))
        return self.below(4) if self.often(85) else -1 - self.below(2)

    def fraction(self) -> float:
        """A float that prints short."""
        if self.constants.floats and self.often(20):
            return self.pick(self.constants.floats)
        return self.pick(FLOATS) if self.often(60) else round(self.integer() / self.pick((2, 4, 10)), 3)

    def character(self) -> str:
        """A letter, often one of a text of the same call."""
        if self.texts and self.often(50):
            text = self.pick(self.texts)
            if text:
                return self.pick(text)
        if self.constants.characters and self.often(45):
            return self.pick(self.constants.characters)
        return self.pick("abcxyz0123 AB,.-_") if self.often(90) else self.pick(FOREIGN)

    def word(self) -> str:
        """A word, or a text of the code."""
        at = self.below(100)
        if at < 22 and self.constants.texts:
            return self.pick(self.constants.texts)
        word = self.pick(self.words) if at < 60 else self.pick(WORDS)
        style = self.below(14)
        return (
            (word.title(), word.upper(), word + str(self.below(20)), word[:1], word[::-1])[style] if style < 5 else word
        )

    def text(self) -> str:
        """A text; later arguments may take from it."""
        made = self._text()[:60]
        self.texts.append(made)
        self.lengths.append(len(made))
        return made

    def _text(self) -> str:
        at = self.below(100)
        if at < 4:
            return ""
        if at < 12 and self.texts and self.texts[0]:
            start = self.below(len(self.texts[0]))
            return self.texts[0][start : start + 1 + self.below(4)]
        if at < 45:
            return self.word()
        if at < 60:
            return self.pick(self.glue).join(self.word() for _ in range(2 + self.below(3)))
        if at < 76 and self.constants.texts:
            parts = [
                self.pick(self.constants.texts) if self.often(50) else self.word() for _ in range(2 + self.below(3))
            ]
            return "".join(parts)
        if at < 84:
            return "".join(self.character() for _ in range(1 + self.below(10)))
        if at < 90:
            return str(self.integer())
        if at < 97:
            letters = self.pick(("aab", "abcABC", "01", "abc 123", "xyz" + MARKS))
            return "".join(self.pick(letters) for _ in range(2 + self.below(7)))
        return self.word() + self.pick((" ", "\n", "\t", *FOREIGN))

    def bytestring(self) -> bytes:
        """A few bytes."""
        if self.constants.bytestrings and self.often(30):
            return self.pick(self.constants.bytestrings)
        return self.pick(BYTES) if self.often(40) else self._text()[:20].encode()

    def digits(self) -> str:
        """A text that is a number, or nearly."""
        return self.pick(DIGITS) if self.often(60) else str(abs(self.integer()))

    def path(self) -> str:
        """A path."""
        if self.often(50):
            return self.pick(PATHS)
        return (
            self.pick(("", "/", "./"))
            + "/".join(self.word().strip("/") for _ in range(1 + self.below(3)))
            + self.pick(("", ".txt", "/"))
        )
