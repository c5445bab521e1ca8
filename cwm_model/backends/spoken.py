"""A language model over a backend of ids: a talk's text to ids, and the ids that come back to text.

A chat is spelled as CWM's (Llama 3's): header, text, EOT_ID.  Headers and ends are control tokens; texts never become
any, whatever they look like.  The other way, a model's control tokens are left out of its text, as servers leave them
out, but for those around an SFT model's reasoning, which are written ``<think>`` and ``</think>`` as the RL model
writes them itself.  Bytes that are no UTF-8 become U+FFFD.  Knows nothing of what is asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch

from cwm_model.backends import Allowed, Backend, Completion, Finish, Request, Sampling
from cwm_model.talking import Said, Talk
from cwm_model.tokenizer import Tokenizer
from tracegen.grammar import Piece, Special

ENDS = (Special.END_OF_TEXT, Special.EOM_ID, Special.EOT_ID)
"""What ends an answer: transformers' configuration of CWM names all three."""
_WRITTEN = {Special.REASONING_THINKING_START: b"<think>", Special.REASONING_THINKING_END: b"</think>"}


def pieces(talk: Talk) -> list[Piece]:
    """What a model reads of a talk, up to where its answer goes on.

    >>> pieces(Talk((), "2 + 2 ="))
    [<Special.BEGIN_OF_TEXT: ('<|begin_of_text|>', 128000)>, '2 + 2 =']
    """
    found: list[Piece] = [Special.BEGIN_OF_TEXT]
    for message in talk.messages:
        found += [*_header(message.role), message.text, Special.EOT_ID]
    return [*found, *(_header("assistant") if talk.messages else []), talk.begin]


def _header(role: str) -> list[Piece]:
    return [Special.START_HEADER_ID, role, Special.END_HEADER_ID, "\n\n"]


def text_of(tokenizer: Tokenizer, ids: Iterable[int]) -> str:
    """What a model's ids say."""
    return b"".join(_written(tokenizer, id) for id in ids).decode("utf-8", "replace")


def _written(tokenizer: Tokenizer, id: int) -> bytes:
    special = tokenizer.special_of(id)
    return tokenizer.bytes_of(id) or b"" if special is None else _WRITTEN.get(special, b"")


def cut(text: str, stop: Iterable[str]) -> str | None:
    """A text up to the first of the texts that stop it; None if there is none of them."""
    places = [place for each in stop if each and (place := text.find(each)) >= 0]
    return text[: min(places)] if places else None


@dataclass(frozen=True, slots=True)
class _Ending:
    """What all states of `StopRules` share: everything, and the end alone."""

    tokenizer: Tokenizer
    stop: tuple[bytes, ...]
    anything: Allowed
    end: Allowed

    @classmethod
    def of(cls, tokenizer: Tokenizer, stop: Iterable[str]) -> _Ending:
        """A stop text is looked for in bytes: UTF-8 has no character's bytes within another's."""
        end = tokenizer.id_of(Special.END_OF_TEXT)
        return cls(
            tokenizer,
            tuple(each.encode("utf-8", "replace") for each in stop if each),
            Allowed(torch.arange(tokenizer.size)),
            Allowed(torch.tensor([end]), end),
        )


@dataclass(frozen=True, slots=True)
class StopRules:
    """Anything may come until a stop text has been written; then the end must.

    ``recent`` are the last bytes of the answer, as many as may begin a stop text.
    """

    _ending: _Ending
    recent: bytes = b""
    stopped: bool = False

    @classmethod
    def start(cls, tokenizer: Tokenizer, stop: Iterable[str]) -> StopRules:
        """The state before the answer: a stop text that the prompt begins is none."""
        return cls(_Ending.of(tokenizer, stop))

    def allowed(self) -> Allowed:
        """What may come next."""
        return self._ending.end if self.stopped else self._ending.anything

    def after(self, id: int) -> StopRules:
        """The state behind one more id."""
        ending = self._ending
        recent = self.recent + _written(ending.tokenizer, id)
        if self.stopped or any(each in recent for each in ending.stop):
            return replace(self, recent=b"", stopped=True)
        longest = max(map(len, ending.stop), default=1)
        return replace(self, recent=recent[max(0, len(recent) - longest + 1) :])


class LocalTalker:
    """A language model over a backend.

    Where the backend obeys rules a stop text ends an answer as soon as it is written; where it does not, what came
    behind it is dropped.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._stops = frozenset(backend.tokenizer.id_of(special) for special in ENDS)

    def say(self, talks: Iterable[tuple[Talk, Sampling]]) -> Iterator[tuple[int, Said]]:
        """The index of a talk and what was said, in the order in which they finish.

        A talk that cannot be asked, since it has no ids or the context has no room behind it, gives FAILED.
        """
        waiting: dict[int, tuple[int, Talk]] = {}
        settled: deque[tuple[int, Said]] = deque()

        def requests() -> Iterator[Request]:
            count = 0
            for number, (talk, sampling) in enumerate(talks):
                try:
                    request = self.request(talk, sampling)
                except ValueError as error:
                    settled.append((number, Said("", Finish.FAILED, detail=str(error))))
                    continue
                waiting[count] = (number, talk)
                count += 1
                yield request

        for index, completion in self.backend.complete(requests()):
            number, talk = waiting.pop(index)
            yield number, self._said(talk, completion)
            while settled:
                yield settled.popleft()
        yield from settled

    def request(self, talk: Talk, sampling: Sampling) -> Request:
        """What the backend is asked.  Raises ValueError for a talk that cannot be asked."""
        tokenizer, context = self.backend.tokenizer, self.backend.context
        ids = tuple(tokenizer.encode(pieces(talk)))
        room = context - len(ids)
        if room < 1:
            raise ValueError(f"the prompt has {len(ids)} ids, the model's context holds {context}: no room to answer")
        rules = StopRules.start(tokenizer, talk.stop) if talk.stop and self.backend.constrains else None
        return Request(ids, self._stops, min(talk.most, room), sampling, rules)

    def _said(self, talk: Talk, completion: Completion) -> Said:
        if completion.finish is Finish.FAILED:
            return Said("", Finish.FAILED, detail=completion.detail)
        ids = completion.ids
        text = text_of(self.backend.tokenizer, ids)
        before = cut(text, talk.stop)
        finish = completion.finish if before is None else Finish.STOPPED
        return Said(text if before is None else before, finish, ids, len(ids), completion.detail)
