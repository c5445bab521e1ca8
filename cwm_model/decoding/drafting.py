"""Guesses at what comes next, from what stands before: traces repeat source lines, names and values.

Prompt lookup: what followed the last time that the latest ids stood together (Saxena 2023,
github.com/apoorvumang/prompt-lookup-decoding), with as many of them as were ever seen together: in traces, guesses by
six ids or fewer come true 1.3 times as far as by three, and the further the longer the run was (docs/model.md).  Knows
nothing of models; a guess costs little and is checked.
"""

from __future__ import annotations

from collections.abc import Sequence

GRAMS = (6, 4, 3, 2, 1)
LONGEST = GRAMS[0]
"""Ids of a tail that are looked at."""
TRUST = 4
"""Ids that are worth guessing for each id of the run by which they are guessed (`python -m benchmarks.drafts`)."""


class Lookup:
    """Where runs of ids stood last in a sequence that grows; ``grams`` are their lengths, the longest first.

    >>> lookup = Lookup()
    >>> lookup.read([7, 1, 2, 3, 9, 8, 2, 1, 2, 3])
    >>> lookup.after([2, 1, 2, 3]), lookup.after([5, 2]), lookup.after([3])
    ((4, 3), (9, 1), (4, 1))
    """

    def __init__(self, grams: Sequence[int] = GRAMS) -> None:
        self._grams = grams
        self._last: dict[tuple[int, ...], int] = {}
        self._read = 1

    def read(self, ids: Sequence[int]) -> None:
        """The sequence so far: that of the last call, and more."""
        for end in range(self._read, len(ids)):
            for gram in self._grams:
                if gram <= end:
                    self._last[tuple(ids[end - gram : end])] = end
        self._read = max(self._read, len(ids))

    def after(self, tail: Sequence[int]) -> tuple[int, int] | None:
        """The place behind the last run like the longest end of a tail that was seen, and how many ids that is."""
        for gram in self._grams:
            if gram <= len(tail) and (place := self._last.get(tuple(tail[len(tail) - gram :]))) is not None:
                return place, gram
        return None
