"""Programs to predicted frames, over any backend: ids in, ids out.

Nothing is executed.  How a trace is stepped through is stepping.py's, how each true frame is followed by a predicted
one forced.py's.  Knows nothing of what is right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from cwm_model.backends import Backend, Completion, Request
from cwm_model.predicting.asking import Asking, Beginning, beginning, limit, request
from cwm_model.predicting.prediction import Prediction, failed, understood
from cwm_model.predicting.prompts import Prompt
from cwm_model.predicting.stepping import Stepper
from tracegen.grammar import Special


class Mode(Enum):
    """How a model is driven."""

    FULL = "full"
    """All frames up to the trace's end in one request."""

    SINGLE = "single"
    """The entry's RETURN is forced: the model says at once what comes out."""

    STEPPING = "stepping"
    """One frame a request, up to the trace's end; behind a CALL a LINE is forced."""

    TEACHER_FORCED = "teacher-forced"
    """Each frame is predicted behind the true ones before it (forced.py)."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """A prediction, and what it is of: which prompt, which sample of it."""

    prompt: int
    sample: int
    prediction: Prediction


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a completion is needed for to be understood."""

    number: int
    sample: int
    prompt: Prompt
    begin: Beginning
    forced: tuple[Special, ...]
    limit: str


def predict(
    backend: Backend,
    prompts: Iterable[Prompt],
    mode: Mode = Mode.FULL,
    asking: Asking = Asking(),  # noqa: B008 - frozen
    *,
    samples: int = 1,
) -> Iterator[Predicted]:
    """The predictions of all samples of all prompts, in the order in which they finish.

    Sample i is drawn with the seed plus i.  A prompt that cannot be asked gives FAILED, with the reason.  Raises
    CannotRun for a constraint that the backend does not obey, ValueError for teacher forcing, which needs frames.
    """
    if mode is Mode.TEACHER_FORCED:
        raise ValueError("teacher forcing needs the true frames: see forced.py")
    asking.check(backend)
    if mode is Mode.STEPPING:
        return _stepped(backend, prompts, asking, samples)
    return _asked(backend, prompts, mode, asking, samples)


def _asked(
    backend: Backend, prompts: Iterable[Prompt], mode: Mode, asking: Asking, samples: int
) -> Iterator[Predicted]:
    waiting: dict[int, _Asked] = {}
    settled: deque[Predicted] = deque()
    forced = (Special.RETURN_SEP,) if mode is Mode.SINGLE else ()
    single = mode is Mode.SINGLE

    def requests() -> Iterator[Request]:
        count = 0
        for number, prompt in enumerate(prompts):
            try:
                begin = _forced(backend, beginning(backend.tokenizer, prompt, asking.constrained), forced)
            except ValueError as error:
                settled.extend(Predicted(number, sample, failed(str(error))) for sample in range(samples))
                continue
            for sample in range(samples):
                this = asking.reseeded(sample)
                most = limit(backend, begin.ids, this, one_frame=single)
                asked = _Asked(number, sample, prompt, begin, forced, most)
                wanted = request(backend, begin.ids, this, begin.rules, one_frame=single)
                if isinstance(wanted, Completion):
                    settled.append(_understood(asked, wanted, backend))
                    continue
                waiting[count] = asked
                count += 1
                yield wanted

    for index, completion in backend.complete(requests()):
        yield _understood(waiting.pop(index), completion, backend)
        while settled:
            yield settled.popleft()
    yield from settled


def _understood(asked: _Asked, completion: Completion, backend: Backend) -> Predicted:
    prompt = asked.prompt
    read = understood(completion, backend.tokenizer, prompt.context, prompt.head, asked.forced, asked.limit)
    return Predicted(asked.number, asked.sample, read)


def _forced(backend: Backend, begin: Beginning, forced: Iterable[Special]) -> Beginning:
    """The same with control tokens behind it."""
    ids, rules = begin.ids, begin.rules
    for special in forced:
        id = backend.tokenizer.id_of(special)
        ids, rules = (*ids, id), rules.after(id) if rules is not None else None
    return Beginning(ids, rules)


def _stepped(backend: Backend, prompts: Iterable[Prompt], asking: Asking, samples: int) -> Iterator[Predicted]:
    for number, prompt in enumerate(prompts):
        for sample in range(samples):
            try:
                stepper = Stepper(backend, prompt, asking.reseeded(sample))
            except ValueError as error:
                yield Predicted(number, sample, failed(str(error)))
                continue
            yield Predicted(number, sample, stepper.run())
