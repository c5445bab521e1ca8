"""Documents into rows of a fixed length, best fit, never cut.

Knows nothing of what documents say.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from cwm_model.training.documents import Document

POOL = 256
"""Documents at hand when a row is packed: with so many, less than a hundredth of a row stays empty."""


class Packer:
    """Rows from a stream of documents.  ``waiting`` is all of its state, oldest first; ``dropped`` were too long."""

    def __init__(self, length: int, documents: Iterator[Document], waiting: list[Document] | None = None) -> None:
        self.length = length
        self._documents = documents
        self.waiting: list[Document] = list(waiting or ())
        self.dropped = 0

    def row(self) -> list[Document]:
        """The next row: the document that waited longest, then whatever fits best; empty at the end of the stream."""
        while len(self.waiting) < POOL:
            document = next(self._documents, None)
            if document is None:
                break
            if len(document) > self.length:
                self.dropped += 1
            else:
                self.waiting.append(document)
        if not self.waiting:
            return []
        row = [self.waiting.pop(0)]
        left = self.length - len(row[0])
        by_length = sorted(range(len(self.waiting)), key=lambda place: len(self.waiting[place]))
        lengths = [len(self.waiting[place]) for place in by_length]
        taken = []
        while (fits := bisect_right(lengths, left)) > 0:
            left -= lengths.pop(fits - 1)
            taken.append(by_length.pop(fits - 1))
        row += [self.waiting[place] for place in sorted(taken)]
        gone = set(taken)
        self.waiting = [document for place, document in enumerate(self.waiting) if place not in gone]
        return row
