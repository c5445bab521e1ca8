"""What is said of one answer, and counts of it that add up.

Wrong, malformed, cut off and unanswered are four things, and all of them stay in the denominator.  Knows nothing of
how an answer is judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What is said of one answer."""

    RIGHT = "right"
    WRONG = "wrong"
    """An answer that can be read, and says something else."""

    MALFORMED = "malformed"
    """An answer that cannot be read: no literal, no trace of the grammar, none of the choices."""

    CUT_OFF = "cut off"
    """No more tokens were allowed before an answer was there."""

    UNANSWERED = "unanswered"
    """The model ended without an answer, or abstained."""


@dataclass(frozen=True, slots=True)
class Score:
    """One judgement: ``answer`` is what was extracted of the raw text, ``reason`` says why it is not right."""

    verdict: Verdict
    answer: str | None = None
    reason: str = ""

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.verdict is Verdict.RIGHT


@dataclass(frozen=True, slots=True)
class Tally:
    """How many answers got which verdict; tallies add.

    >>> one, nine = Tally.of([Score(Verdict.RIGHT)]), Tally.of([Score(Verdict.MALFORMED)] * 9)
    >>> (one + nine).accuracy
    0.1
    """

    right: int = 0
    wrong: int = 0
    malformed: int = 0
    cut_off: int = 0
    unanswered: int = 0

    @classmethod
    def of(cls, scores: Iterable[Score]) -> Tally:
        """The counts of these."""
        counts = dict.fromkeys(Verdict, 0)
        for score in scores:
            counts[score.verdict] += 1
        return cls(**{verdict.name.lower(): count for verdict, count in counts.items()})

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def n(self) -> int:
        """All answers."""
        return self.right + self.wrong + self.malformed + self.cut_off + self.unanswered

    @property
    def accuracy(self) -> float:
        """The share of right ones among all; nan of none."""
        return self.right / self.n if self.n else float("nan")
