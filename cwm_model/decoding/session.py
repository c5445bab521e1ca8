"""One sequence, stepped through: read ids, let the model go on, go back to a mark and try otherwise.

Its cache keeps every position in every layer, so that going back is exact at any distance, past the window of local
layers too: what was read up to there is untouched, and everything beyond is out of sight.  Knows nothing of text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cwm_model.backends import Completion, Request, Rules, Sampling
from cwm_model.decoding.forward import Forward
from cwm_model.decoding.kv_cache import KeyValues
from cwm_model.decoding.passes import advance
from cwm_model.decoding.row import Row, checked


class Session:
    """A sequence that begins with a prompt; ``ids`` is all of it, generated and read.

    Made by `Decoder.session`.  Ids that were read cost nothing until the model is to go on.
    """

    def __init__(self, forward: Forward, prompt: Sequence[int], *, context: int, chunk: int, drafts: int) -> None:
        self._forward = forward
        self._context, self._chunk, self._drafts = context, chunk, drafts
        self._cache = KeyValues(forward.weights, 1, chunk, whole=True)
        self._ids: list[int] = []
        self._read = 0
        self.extend(prompt)

    @property
    def ids(self) -> tuple[int, ...]:
        """All of the sequence."""
        return tuple(self._ids)

    def extend(self, ids: Iterable[int]) -> None:
        """Go on with ids that are given.  Raises CannotRun beyond the context."""
        longer = [*self._ids, *ids]
        checked(longer, self._context, self._forward.weights.vocabulary)
        self._ids = longer

    def generate(
        self,
        stop: Iterable[int],
        max_new: int,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        rules: Rules | None = None,
    ) -> Completion:
        """Go on as the model does: the same, whatever was generated and taken back before."""
        request = Request(tuple(self._ids), frozenset(stop), max_new, sampling, rules)
        row = Row(request, context=self._context, chunk=self._chunk, read=self._read)
        while row.completion is None:
            advance(self._forward, self._cache, [row], self._drafts)
        self._ids, self._read = row.ids, row.read
        return row.completion

    def mark(self) -> int:
        """Where the sequence is now, to come back to."""
        return len(self._ids)

    def rollback(self, position: int) -> None:
        """Back to a mark: everything after it never was.  Raises ValueError for one that is ahead."""
        if not 0 < position <= len(self._ids):
            raise ValueError(f"rollback: wanted a position from 1 to {len(self._ids)}, found {position}")
        del self._ids[position:]
        self._read = min(self._read, position - 1)
