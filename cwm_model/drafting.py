"""Guesses at what comes next, from what stands before: traces repeat source lines, names and values.

Prompt lookup: what followed the last time that the latest ids stood together (Saxena 2023,
github.com/apoorvumang/prompt-lookup-decoding).  Knows nothing of models; a guess costs little and is checked.
"""

from __future__ import annotations

_GRAM = 3


class Lookup:
    """The places of all runs of three ids in a sequence that grows.

    >>> seen = [7, 1, 2, 3, 9, 8, 1, 2, 3]
    >>> Lookup().guesses(seen, 4)
    [9, 8, 1, 2]
    """

    def __init__(self) -> None:
        self._end: dict[tuple[int, ...], int] = {}
        self._read = _GRAM

    def guesses(self, ids: list[int], most: int) -> list[int]:
        """Up to ``most`` ids that may follow; ``ids`` are those of the last call and more."""
        while self._read < len(ids):
            self._end[tuple(ids[self._read - _GRAM : self._read])] = self._read
            self._read += 1
        end = self._end.get(tuple(ids[-_GRAM:]))
        return [] if end is None else ids[end : end + most]
