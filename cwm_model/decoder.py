"""Decoding with our own loop over the weights of a transformers Cwm or Llama: many requests at a time, or step by step.

Rows are decoded together, each from its own position; one that is done is replaced at once.  What comes out for
a request depends on that request alone: its prompt, its rules, its seed.  In fp32 that holds to the token.  In bf16 and
fp16 the number of rows and of tokens in a pass changes how products are rounded, and where two tokens are all but
equally likely either may come.  Knows nothing of text or traces.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from transformers import PreTrainedModel

from cwm_model.backends import Completion, Request
from cwm_model.decoding.forward import Forward
from cwm_model.decoding.kv_cache import KeyValues
from cwm_model.decoding.passes import advance
from cwm_model.decoding.prefixes import Prefixes
from cwm_model.decoding.row import Row, checked
from cwm_model.decoding.session import Session

_CHUNK = 128


class Decoder:
    """A model, ready to complete ids.

    ``slots`` rows are decoded together; ``context`` is the longest sequence, the model's own if None; ``drafts`` is how
    many ids are guessed and checked in one pass where decoding is greedy and a row is alone (0: none; fewer beside
    others, see passes.py), which changes the speed and not what comes; ``chunk`` is the most ids of a prompt that are
    read in one pass.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        slots: int = 32,
        context: int | None = None,
        drafts: int = 0,
        chunk: int = _CHUNK,
    ) -> None:
        self.forward = Forward(model)
        self.slots = slots
        self.context = min(context or self.forward.weights.context, self.forward.weights.context)
        self.drafts = drafts
        self.chunk = chunk
        self._prefixes = Prefixes(self.forward, chunk)

    def session(self, prompt: Sequence[int]) -> Session:
        """A sequence to step through.  Raises CannotRun for a prompt that the context does not hold."""
        return Session(self.forward, prompt, context=self.context, chunk=self.chunk, drafts=self.drafts)

    def complete(self, requests: Iterable[Request]) -> Iterator[tuple[int, Completion]]:
        """The index of a request and its completion, in the order in which they finish.

        Requests are taken from the iterable as slots fall free, and one for each slot ahead, to find prompts that begin
        each other.  A completion's passes are those after its prompt was read.  Raises CannotRun for a prompt that
        the context does not hold.
        """
        coming = enumerate(requests)
        waiting: deque[tuple[int, Request]] = deque()
        cache = KeyValues(self.forward.weights, self.slots, self.chunk)
        rows: list[tuple[int, Row]] = []
        while True:
            while len(waiting) < 2 * self.slots - len(rows) and (pulled := next(coming, None)) is not None:
                checked(pulled[1].prompt, self.context, self.forward.weights.vocabulary)
                waiting.append(pulled)
            begun: list[tuple[int, tuple[int, ...]]] = []
            while waiting and len(rows) < self.slots:
                index, request = waiting.popleft()
                row = self._row(request)
                if row.completion is not None:
                    yield index, row.completion
                    continue
                begun.append((len(rows), request.prompt[:-1]))
                rows.append((index, row))
            if not rows:
                return
            self._prefixes.begin(cache, begun, [request.prompt[:-1] for _, request in waiting])
            advance(self.forward, cache, [row for _, row in rows], self.drafts)
            for place in range(len(rows) - 1, -1, -1):
                index, row = rows[place]
                if row.completion is not None:
                    yield index, row.completion
                    last = rows.pop()
                    if place < len(rows):
                        cache.move(len(rows), place)
                        rows[place] = last

    def _row(self, request: Request) -> Row:
        """A row whose cache holds all of the prompt but its last id, which is read with the first pass."""
        read = len(request.prompt) - 1
        return Row(request, context=self.context, chunk=self.chunk, read=read)
