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
class Wanted:
    """One prediction that is asked for."""

    prompt: Prompt
    mode: Mode = Mode.FULL
    asking: Asking = Asking()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a completion is needed for to be understood."""

    number: int
    prompt: Prompt
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

    Sample i is drawn with the seed plus i.  Raises as `predict_each` does.
    """
    wanted = (Wanted(prompt, mode, asking.reseeded(sample)) for prompt in prompts for sample in range(samples))
    _check(backend, mode, asking)
    return (Predicted(*divmod(number, samples), found) for number, found in predict_each(backend, wanted))


def predict_each(backend: Backend, wanted: Iterable[Wanted]) -> Iterator[tuple[int, Prediction]]:
    """The index of each wanted prediction and what it came to, in the order in which they finish.

    A prompt that cannot be asked gives FAILED, with the reason.  Raises CannotRun for a constraint that the backend
    does not obey, ValueError for teacher forcing, which needs frames.
    """
    waiting: dict[int, _Asked] = {}
    settled: deque[tuple[int, Prediction]] = deque()

    def requests() -> Iterator[Request]:
        count = 0
        for number, each in enumerate(wanted):
            _check(backend, each.mode, each.asking)
            if each.mode is Mode.STEPPING:
                settled.append((number, _stepped(backend, each)))
                continue
            single = each.mode is Mode.SINGLE
            forced = (Special.RETURN_SEP,) if single else ()
            try:
                begin = _forced(backend, beginning(backend.tokenizer, each.prompt, each.asking.constrained), forced)
            except ValueError as error:
                settled.append((number, failed(str(error))))
                continue
            most = limit(backend, begin.ids, each.asking, one_frame=single)
            asked = _Asked(number, each.prompt, forced, most)
            made = request(backend, begin.ids, each.asking, begin.rules, one_frame=single)
            if isinstance(made, Completion):
                settled.append((number, _understood(asked, made, backend)))
                continue
            waiting[count] = asked
            count += 1
            yield made

    for index, completion in backend.complete(requests()):
        asked = waiting.pop(index)
        yield asked.number, _understood(asked, completion, backend)
        while settled:
            yield settled.popleft()
    yield from settled


def _check(backend: Backend, mode: Mode, asking: Asking) -> None:
    if mode is Mode.TEACHER_FORCED:
        raise ValueError("teacher forcing needs the true frames: see forced.py")
    asking.check(backend)


def _understood(asked: _Asked, completion: Completion, backend: Backend) -> Prediction:
    prompt = asked.prompt
    return understood(completion, backend.tokenizer, prompt.context, prompt.head, asked.forced, asked.limit)


def _forced(backend: Backend, begin: Beginning, forced: Iterable[Special]) -> Beginning:
    """The same with control tokens behind it."""
    ids, rules = begin.ids, begin.rules
    for special in forced:
        id = backend.tokenizer.id_of(special)
        ids, rules = (*ids, id), rules.after(id) if rules is not None else None
    return Beginning(ids, rules)


def _stepped(backend: Backend, wanted: Wanted) -> Prediction:
    try:
        return Stepper(backend, wanted.prompt, wanted.asking).run()
    except ValueError as error:
        return failed(str(error))
