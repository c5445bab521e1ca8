"""The task `traces`: does a model write a data set's traces, whole by itself, or each frame behind the true ones?

What is measured of one trace stands in its facts, each averaged over traces (the macro average of CWM's paper, whose
names they bear: output, valid format, state exact match, action exact match, key match, key and value match); what a
fact counts is agreement.py's and comparison.py's.  Frames are compared place by place: frame k against frame k.

In full mode an answer is right if what the entry returns or raises is, by the literal semantics; in teacher-forced mode
if every place is, the end too.  Of an answer that the backend failed to give, nothing is measured.  Knows nothing of
models: how long pieces are in a model's tokens is told by whoever has its tokenizer.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tracegen
from cwm_model.predict import Mode
from cwm_model.predicting.forced import Place
from cwm_model.predicting.prediction import Outcome, Prediction, answer
from cwm_model.predicting.prompts import Prompt, frames_of, prompt_of_trace
from evals.agreement import is_string
from evals.comparison import Comparison, Parting, compare, compare_places, ends_raising, last_raised
from evals.constructs import Construct, constructs_of
from evals.literal import kind, same
from evals.task import Answer, Fact, Forced, Judged, Metric, Question, Sample, Traced, allowed
from evals.verdict import Score, Verdict
from tracegen import CannotRun, Event, Frame, Special, Trace
from tracegen.grammar import Piece, pieces
from tracegen.trace import Ending

Length = Callable[[Sequence[Piece]], int]
"""Pieces → how many ids a model's tokenizer makes of them.  May raise ValueError for what it cannot spell."""

MODES = (Mode.FULL, Mode.TEACHER_FORCED)
LENGTHS = (10, 30, 100, 300)
"""Traces of up to so many frames make a group; longer ones are the last group."""
DEEPEST = 4
"""Traces that are deeper are one group."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A trace that is asked for, and its length behind the prompt, its end included."""

    trace: Trace
    prompt: Prompt
    tokens: int

    def truth(self) -> tuple[Frame, ...]:
        """The frames behind the prompt's head; made when they are needed, since a data set's are many."""
        return frames_of(self.trace)[len(self.prompt.head) :]


class Traces:
    """The traces of a data set, asked for in a mode, of a model whose context holds so many tokens.

    ``left_out`` counts by reason the traces that are not asked for.  Raises CannotRun for a folder that is no data set,
    a mode that is none of MODES, and a data set of which no trace can be asked for.
    """

    name = "traces"
    semantics = "literal"

    def __init__(self, data: Path, mode: Mode, *, length: Length, context: int) -> None:
        if mode not in MODES:
            raise CannotRun(f"traces: mode: wanted {' or '.join(each.value for each in MODES)}, found {mode.value}")
        self._mode, self._length = mode, length
        self._items: dict[str, _Item] = {}
        left_out: Counter[str] = Counter()
        digest = hashlib.sha256()
        for trace in tracegen.read(data):
            digest.update(f"{trace.content}\n".encode())
            found = "twice in the data" if trace.id in self._items else _item(trace, length, context)
            if isinstance(found, _Item):
                self._items[trace.id] = found
            else:
                left_out[found] += 1
        self.left_out: Mapping[str, int] = dict(sorted(left_out.items()))
        self.hashes: Mapping[str, str] = {"data": digest.hexdigest()}
        if not self._items:
            why = ", ".join(f"{count} {reason}" for reason, count in self.left_out.items())
            raise CannotRun(f"{data}: holds no trace that can be asked for: {why or 'it is empty'}")

    @property
    def mode(self) -> str:
        """As the command has it."""
        return self._mode.value

    def questions(self) -> Sequence[Question]:
        """A question a trace, in the order of the data set; its id is the trace's."""
        return [Question(id, self._asked(item)) for id, item in self._items.items()]

    def _asked(self, item: _Item) -> Traced | Forced:
        if self._mode is Mode.FULL:
            return Traced(item.prompt, Mode.FULL, allowed(item.tokens))
        truth = item.truth()
        # Of a frame that goes astray nothing is to be learned beyond that: without a cap, most of the time goes there.
        return Forced(item.prompt, truth, most=allowed(max(self._length(pieces((frame,))) for frame in truth)))

    def judge(self, id: str, answer: Answer) -> Judged:
        """What is said of a predicted trace, or of the predictions in all places of a true one."""
        item = self._items[id]
        if isinstance(answer, Prediction):
            return _judged_whole(item, answer)
        if isinstance(answer, tuple):
            return _judged_places(item, answer)
        raise TypeError(f"a trace was asked for, not a {type(answer).__name__}")

    def metrics(self, samples: Sequence[Sample]) -> Mapping[str, Metric]:
        """None beyond those that every task has: all is in the facts."""
        return {}


def _item(trace: Trace, length: Length, context: int) -> _Item | str:
    """A trace that can be asked for, or why it cannot."""
    if trace.ending.cut_off:
        return "cut off when recorded"
    try:
        prompt = prompt_of_trace(trace)
        frames = frames_of(trace)
    except CannotRun:
        return "damaged"
    truth = frames[len(prompt.head) :]
    if trace.ending is Ending.LEFT or not truth or truth[-1].event is not Event.RETURN:
        return "without a value at its end"
    try:
        before = length(prompt.pieces())
        whole = length([*pieces(frames, context=prompt.context), Special.END_OF_TEXT])
    except ValueError:
        return "with text that cannot be spelled"
    return _Item(trace, prompt, whole - before) if whole <= context else "longer than the model's context"


def _judged_whole(item: _Item, prediction: Prediction) -> Judged:
    truth = item.truth()
    value = answer(prediction, item.prompt.depth)
    if prediction.outcome is Outcome.FAILED:
        return Judged(Score(Verdict.UNANSWERED, value, prediction.detail), _groups(item, truth))
    found = compare(truth, prediction, first=len(item.prompt.head))
    right = _is_output(item, truth, _up_to_return(prediction.frames), value)
    if right:
        verdict = Verdict.RIGHT
    elif value is not None:
        verdict = Verdict.WRONG
    elif prediction.outcome is Outcome.LIMIT:
        verdict = Verdict.CUT_OFF
    elif prediction.outcome is Outcome.MALFORMED and prediction.written:
        verdict = Verdict.MALFORMED
    else:
        verdict = Verdict.UNANSWERED
    reason = "" if right or found.divergence is None else found.divergence.text
    facts = {
        "output": int(right),
        "budget ended": int(prediction.outcome is Outcome.LIMIT),
        "predicted frames": len(prediction.frames),
        "predicted tokens": len(prediction.ids),
    }
    return Judged(Score(verdict, value, reason), facts | _facts(item, truth, found))


def _judged_places(item: _Item, places: Sequence[Place]) -> Judged:
    truth = item.truth()
    failed = next((place.prediction for place in places if place.prediction.outcome is Outcome.FAILED), None)
    if failed is not None:
        return Judged(Score(Verdict.UNANSWERED, None, failed.detail), _groups(item, truth))
    found = compare_places(places)
    ordered = sorted(places, key=lambda place: place.number)
    said = [place.prediction.frames[0] for place in ordered if place.true is not None and place.prediction.frames]
    last = next(
        (place.prediction.frames for place in ordered if place.number == len(item.prompt.head) + len(truth) - 1), ()
    )
    value = last[0].value if last and last[0].event is Event.RETURN else None
    parting = None if found.divergence is None else found.divergence.parting
    verdict = _VERDICTS.get(parting, Verdict.WRONG)
    facts = {
        "output": int(_is_output(item, truth, said, value)),
        "budget ended": int(any(place.prediction.outcome is Outcome.LIMIT for place in places)),
        "predicted frames": sum(len(place.prediction.frames) for place in places),
        "predicted tokens": sum(len(place.prediction.ids) for place in places),
    }
    reason = "" if found.divergence is None else found.divergence.text
    return Judged(Score(verdict, value, reason), facts | _facts(item, truth, found))


_VERDICTS = {None: Verdict.RIGHT, Parting.FORMAT: Verdict.MALFORMED, Parting.CUT_OFF: Verdict.CUT_OFF}


def _facts(item: _Item, truth: Sequence[Frame], found: Comparison) -> dict[str, Fact]:
    """The measures of a trace, under the names that results have."""
    agreed, parted = found.agreement, found.divergence
    wrong_state = parted is not None and parted.parting in (Parting.WRONG_VALUE, Parting.WRONG_NAMES)
    exact = {f"exact {event.value} frames": agreed.exact_of(event).rate for event in Event}
    return {
        "valid format": int(found.formed.right == found.formed.of),
        "valid frames": found.formed.rate,
        "event exact match": agreed.event.rate,
        "action exact match": agreed.action.rate,
        "event and action match": agreed.step.rate,
        "state exact match": agreed.state.rate,
        "key match": agreed.keys.rate,
        "key and value match": agreed.pairs.rate,
        "string values": agreed.strings.rate,
        "other values": agreed.others.rate,
        "return value": agreed.returned.rate,
        "exception value": agreed.raised.rate,
        "exact frames": agreed.exact.rate,
        **exact,
        "end": found.end.rate,
        "exact trace": int(found.exact),
        "stays right": found.right.rate,
        "first divergence": None if parted is None else parted.index,
        "right path, wrong state": int(found.path and wrong_state),
        "wrong path": int(not found.path),
        "true frames": len(truth),
        "true tokens": item.tokens,
        "parting": "none" if parted is None else parted.parting.value,
        "wrong value of": _type_of_wrong(item, truth, found),
        **_groups(item, truth),
    }


def _type_of_wrong(item: _Item, truth: Sequence[Frame], found: Comparison) -> str | None:
    """Where the first divergence is a wrong value: whether the true one is a string."""
    parted = found.divergence
    if parted is None or parted.parting is not Parting.WRONG_VALUE:
        return None
    frame = truth[parted.index - len(item.prompt.head)]
    true = frame.value if frame.value is not None else dict(frame.locals)[parted.names[0]]
    return "string" if is_string(true) else "other"


def _groups(item: _Item, truth: Sequence[Frame]) -> dict[str, Fact]:
    """What traces are told apart by, whatever was predicted."""
    raised = item.trace.ending is Ending.RAISED
    depth = max(step.depth for step in item.trace.steps)
    there = constructs_of(item.trace)
    has: dict[str, Fact] = {
        f"with {each.value}": None if there is None else "yes" if each in there else "no" for each in Construct
    }
    return {
        "length": _bucket(len(truth)),
        "depth": str(depth) if depth <= DEEPEST else f"more than {DEEPEST}",
        "output type": "raised" if raised else kind(truth[-1].value or ""),
        **has,
    }


def _bucket(frames: int) -> str:
    low = 1
    for high in LENGTHS:
        if frames <= high:
            return f"{low} to {high} frames"
        low = high + 1
    return f"{low} frames or more"


def _is_output(item: _Item, truth: Sequence[Frame], said: Sequence[Frame], value: str | None) -> bool:
    """Whether what comes out is right: the value that is returned, or the exception that is raised."""
    if value is None or not same(value, truth[-1].value or ""):
        return False
    if item.trace.ending is Ending.RAISED and not same(last_raised(said), last_raised(truth)):
        return False
    return ends_raising(said) == ends_raising(truth)


def _up_to_return(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The frames up to the last RETURN."""
    behind = next((place for place, frame in enumerate(reversed(frames)) if frame.event is Event.RETURN), len(frames))
    return frames[: len(frames) - behind]
