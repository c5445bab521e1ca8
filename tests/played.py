"""A backend that plays sequences that are known: what a model would write, without one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cwm_model.backends import Completion, Finish, Request
from cwm_model.tokenizer import Tokenizer, small
from tracegen.grammar import Piece


class Played:
    """Goes on behind any prompt that one of the sequences begins with, the first of them, to the first stop.

    Where none does, or the sequence is over, the request fails.  Answers come last first, ``at_once`` at a time.
    """

    def __init__(
        self,
        *streams: Sequence[Piece],
        context: int = 4096,
        constrains: bool = False,
        at_once: int = 3,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self.tokenizer = tokenizer or small()
        self.context, self.constrains, self._at_once = context, constrains, at_once
        self.sequences = [self.tokenizer.encode(stream) for stream in streams]
        self.asked: list[Request] = []

    def complete(self, requests: Iterable[Request]) -> Iterator[tuple[int, Completion]]:
        waiting: list[tuple[int, Request]] = []
        for index, request in enumerate(requests):
            self.asked.append(request)
            waiting.append((index, request))
            if len(waiting) == self._at_once:
                yield from [(place, self._completed(each)) for place, each in reversed(waiting)]
                waiting.clear()
        yield from [(place, self._completed(each)) for place, each in reversed(waiting)]

    def _completed(self, request: Request) -> Completion:
        prompt = list(request.prompt)
        assert len(prompt) < self.context
        for ids in self.sequences:
            if ids[: len(prompt)] == prompt:
                new = ids[len(prompt) :][: min(request.max_new, self.context - len(prompt))]
                for place, id in enumerate(new, start=1):
                    if id in request.stop:
                        return Completion(tuple(new[:place]), Finish.STOPPED, passes=place)
                if len(new) == request.max_new:
                    return Completion(tuple(new), Finish.LIMIT, passes=len(new))
        return Completion((), Finish.FAILED, "the sequence is over")
