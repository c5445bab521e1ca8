"""Teacher forcing: each frame of a true trace predicted behind the true frames before it.

All requests of a trace have prompts that begin each other, which a decoder reads once.  Greedy and local, one pass over
the true trace tells for every place whether the model would go on as the truth does: a frame that agrees throughout
need not be decoded, and of another only what stands behind the first place that differs.  What comes is what comes
without this: the same ids to the token in fp32, and elsewhere up to what the decoder itself promises (decoder.py).
Knows nothing of how a prediction is judged.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cwm_model.backends import Backend, Completion, Finish, Request, Rules, Sampling
from cwm_model.backends.local import LocalBackend
from cwm_model.decoder import Decoder
from cwm_model.decoding.kv_cache import KeyValues, Segment
from cwm_model.decoding.sampling import Pick, picked
from cwm_model.predicting.asking import Asking, Beginning, beginning, limit, request, stops
from cwm_model.predicting.prediction import Outcome, Prediction, understood
from cwm_model.predicting.prompts import Prompt
from tracegen.frame import Frame
from tracegen.grammar import Special, pieces


@dataclass(frozen=True, slots=True)
class Place:
    """A true frame and what is predicted in its place; ``true`` is None behind the last one, where the end stands.

    ``number`` counts all frames of the trace from 0, the head's too.
    """

    number: int
    true: Frame | None
    prediction: Prediction

    @property
    def exact(self) -> bool:
        """Whether the very frame was predicted, or the end in its place."""
        if self.true is None:
            return self.prediction.outcome is Outcome.FINISHED and not self.prediction.frames
        return self.prediction.outcome is Outcome.PAUSED and self.prediction.frames == (self.true,)


def teacher_forced(
    backend: Backend,
    prompt: Prompt,
    frames: Sequence[Frame],
    asking: Asking = Asking(),  # noqa: B008 - frozen
    *,
    finished: bool = True,
    ahead: bool = True,
) -> Iterator[Place]:
    """What is predicted in the place of each of ``frames``, which go on behind the prompt's head, as it becomes known.

    ``finished``: the trace ends behind them, which is predicted too.  ``ahead=False`` asks for every frame, also where
    one pass over the truth could tell.  Frame k is drawn with the seed plus k.  Raises ValueError for frames that have
    no ids or, constrained, that the grammar does not know, CannotRun for a constraint that the backend does not obey.
    """
    asking.check(backend)
    truth = _Truth(backend, prompt, frames, finished, asking)
    likeliest: Sequence[int] | None = None
    if ahead and asking.sampling.greedy and isinstance(backend, LocalBackend):
        likeliest = _likeliest(backend.decoder, truth)
    return _places(backend, truth, asking, likeliest)


class _Truth:
    """A true trace in ids: ``begins[k]`` is where the frame stands in whose place the k-th is predicted.

    ``states`` is the grammar's before each id from the first of these on; without a constraint it is empty.
    """

    def __init__(
        self, backend: Backend, prompt: Prompt, frames: Sequence[Frame], finished: bool, asking: Asking
    ) -> None:
        tokenizer = backend.tokenizer
        self.prompt = prompt
        self.frames = (*prompt.head, *frames)
        self.begin: Beginning = beginning(tokenizer, prompt, asking.constrained)
        self.ids = tokenizer.encode(pieces(self.frames, context=prompt.context, finished=finished))
        separator = tokenizer.id_of(Special.FRAME_SEP)
        ends = [place for place, id in enumerate(self.ids, start=1) if id == separator]
        self.begins = ends[len(prompt.head) :]
        if not finished:
            self.begins.pop()
        self.states: list[Rules] = []
        if self.begin.rules is not None:
            self.states.append(self.begin.rules)
            for id in self.ids[len(self.begin.ids) :]:
                self.states.append(self.states[-1].after(id))

    def rules(self, place: int) -> Rules | None:
        """The grammar's state before the id at a place."""
        return self.states[place - len(self.begin.ids)] if self.states else None

    def own(self, frame: int) -> list[int]:
        """The true ids of the k-th frame that is predicted."""
        end = self.begins[frame + 1] if frame + 1 < len(self.begins) else len(self.ids)
        return self.ids[self.begins[frame] : end]


def _places(backend: Backend, truth: _Truth, asking: Asking, likeliest: Sequence[int] | None) -> Iterator[Place]:
    waiting: dict[int, tuple[int, list[int], str]] = {}
    settled: deque[Place] = deque()
    count = itertools.count()

    def requests() -> Iterator[Request]:
        for frame, begin in enumerate(truth.begins):
            this = asking.reseeded(len(truth.prompt.head) + frame)
            prompt = truth.ids[:begin]
            most = limit(backend, prompt, this, one_frame=True)
            known = _known(truth, frame, likeliest) if likeliest is not None else []
            wanted = _rest(backend, truth, frame, known, this)
            if isinstance(wanted, Completion):
                settled.append(_place(backend, truth, frame, wanted, most))
                continue
            waiting[next(count)] = (frame, known, most)
            yield wanted

    for index, completion in backend.complete(requests()):
        frame, known, most = waiting.pop(index)
        whole = Completion((*known, *completion.ids), completion.finish, completion.detail, completion.passes)
        yield _place(backend, truth, frame, whole, most)
        while settled:
            yield settled.popleft()
    yield from settled


def _place(backend: Backend, truth: _Truth, frame: int, completion: Completion, most: str) -> Place:
    number = len(truth.prompt.head) + frame
    read = understood(completion, backend.tokenizer, truth.prompt.context, truth.frames[:number], limit=most)
    return Place(number, truth.frames[number] if number < len(truth.frames) else None, read)


def _known(truth: _Truth, frame: int, likeliest: Sequence[int]) -> list[int]:
    """What the model writes in a frame's place, as far as one pass tells: up to the first id that is not the true."""
    known: list[int] = []
    offset = truth.begins[frame] - len(truth.begin.ids)
    for true, id in zip(truth.own(frame), likeliest[offset:], strict=False):
        known.append(id)
        if id != true:
            break
    return known


def _rest(backend: Backend, truth: _Truth, frame: int, known: list[int], asking: Asking) -> Request | Completion:
    """What is still to be asked for behind what is known of a frame, or all of it."""
    begin = truth.begins[frame]
    stop = stops(backend.tokenizer, one_frame=True)
    whole = request(backend, truth.ids[:begin], asking, truth.rules(begin), one_frame=True)
    if not known or isinstance(whole, Completion):
        return whole
    if len(known) >= whole.max_new or known[-1] in stop:
        ids = tuple(known[: whole.max_new])
        return Completion(ids, Finish.STOPPED if ids[-1] in stop else Finish.LIMIT)
    rules = truth.rules(begin + len(known) - 1)
    return request(
        backend,
        [*truth.ids[:begin], *known],
        asking,
        rules.after(known[-1]) if rules is not None else None,
        one_frame=True,
        written=len(known),
    )


def _likeliest(decoder: Decoder, truth: _Truth) -> list[int]:
    """The greedy pick at the place of every true id behind the head, the true ids before it read; in one pass.

    As far as the model's context reaches.
    """
    first = len(truth.begin.ids)
    ids = truth.ids[: decoder.context][:-1]
    cache = KeyValues(decoder.forward.weights, 1, decoder.chunk)
    found: list[int] = []
    for start in range(0, len(ids), decoder.chunk):
        part = ids[start : start + decoder.chunk]
        # Behind the id at a place comes the one at the next.
        wanted = [place for place in range(len(part)) if start + place + 1 >= first]
        logits_MV = decoder.forward(part, [Segment(cache, 0, len(part), [start])], wanted)
        if wanted:
            states = [truth.rules(start + place + 1) for place in wanted]
            found += picked(logits_MV, [Pick(Sampling(), s.allowed().ids if s is not None else None) for s in states])
    return found
