"""A true run of frames against a predicted one: what agrees, frame k against frame k, and where they part first.

Behind the first divergence a free-running model goes on from its own frames; what it would say behind the true ones is
what teacher forcing shows, place by place (`compare_places`).  Everything takes linear time, and nothing raises for
what a model wrote.  Knows nothing of programs, models or verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from cwm_model.predicting.forced import Place
from cwm_model.predicting.prediction import Outcome, Prediction
from evals.agreement import Agreement, Share, agreement
from evals.literal import same
from tracegen.frame import Event, Frame
from tracegen.views import visible

SHOWN = 60
"""Characters of a value that a divergence shows, and of a source line."""


class Parting(Enum):
    """How a prediction leaves the truth."""

    WRONG_LINE = "wrong line"
    """Another event, or another source line."""

    WRONG_NAMES = "wrong names"
    """The same place, other locals."""

    WRONG_VALUE = "wrong value"
    """The same place and names; a local, or what is returned or raised, has another value."""

    FORMAT = "format"
    """What was written is no frame."""

    EARLY_STOP = "early stop"
    """The trace was ended, or not gone on with, before the true one ends."""

    TOO_LONG = "too long"
    """It goes on behind the true end."""

    CUT_OFF = "cut off"
    """No more tokens were allowed."""

    FAILED = "failed"
    """The backend gave nothing."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where a prediction leaves the truth: at which frame, how, and a line of text for people.

    ``index`` counts all frames of the trace from 0, the prompt's too, as `Place.number` does; at the end it is the
    number of true frames.  ``names`` are the locals that are missing, too many, or of another value.
    """

    index: int
    parting: Parting
    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What agrees of a trace.

    ``right`` counts the true frames before the divergence (all, where there is none), ``end`` is whether the trace
    ends where it should (of none where the recording does not tell), ``formed`` counts what was written in the format
    among all that was written: frames, ends, and what is neither.  ``path`` is whether every frame that was written
    is at its true place in the program, whatever its values.
    """

    agreement: Agreement
    divergence: Divergence | None
    right: Share
    end: Share
    formed: Share
    path: bool

    @property
    def exact(self) -> bool:
        """Whether the truth was predicted, all of it, and nothing else."""
        return self.divergence is None


def compare(truth: Sequence[Frame], prediction: Prediction, *, first: int = 1, finished: bool = True) -> Comparison:
    """A prediction against the true frames behind the same prompt, of which ``first`` stand in the prompt.

    ``finished``: the true trace ends behind its frames; else the recording was cut off, and what is predicted behind
    it is neither right nor wrong.
    """
    predicted = prediction.frames
    each = [agreement(true, found) for true, found in zip(truth, predicted, strict=False)]
    right = next((index for index, one in enumerate(each) if not one.exact.right), len(each))
    ended = prediction.outcome is Outcome.FINISHED
    malformed = prediction.outcome is Outcome.MALFORMED
    there = finished and len(predicted) == len(truth)
    # An end stands at a place of its own, and so does what is written behind the true one.
    beyond = finished and len(predicted) > len(truth)
    misplaced = ended and not there and (finished or len(predicted) <= len(truth))
    path = all(one.step.right for one in each) and not beyond and not misplaced
    each += [agreement(true, None) for true in truth[len(predicted) :]]
    return Comparison(
        agreement=Agreement.sum(each),
        divergence=_divergence(right, truth, prediction, first, finished),
        right=Share(right, len(truth)),
        end=Share(ended and there, 1) if finished else Share(),
        formed=Share(len(predicted) + ended, len(predicted) + ended + malformed),
        path=path,
    )


def compare_place(place: Place) -> Comparison:
    """What was predicted in one place of a true trace, the true frames before it given."""
    found = compare(() if place.true is None else (place.true,), place.prediction, first=place.number, finished=True)
    if place.true is None:
        return found
    # One frame was asked for: behind it nothing is missing.
    whole = found.agreement.exact.right and place.prediction.outcome is Outcome.PAUSED
    return replace(found, end=Share(), divergence=None if whole else found.divergence)


def compare_places(places: Iterable[Place]) -> Comparison:
    """Teacher-forced predictions as one comparison: every place stands alone, the divergence is the first.

    In ``right`` are the frames before that divergence.
    """
    ordered = sorted(places, key=lambda place: place.number)
    found = [compare_place(place) for place in ordered]
    frames = sum(place.true is not None for place in ordered)
    right = next((index for index, one in enumerate(found) if not one.exact), frames)
    return Comparison(
        agreement=Agreement.sum(one.agreement for one in found),
        divergence=next((one.divergence for one in found if not one.exact), None),
        right=Share(right, frames),
        end=sum((one.end for one in found), Share()),
        formed=sum((one.formed for one in found), Share()),
        path=all(one.path for one in found),
    )


def ends_raising(frames: Sequence[Frame]) -> bool:
    """Whether an exception leaves the last scope: its RETURN "None", which nobody returned, stands right behind it."""
    return [frame.event for frame in frames[-2:]] == [Event.EXCEPTION, Event.RETURN] and frames[-1].value == "None"


def last_raised(frames: Sequence[Frame]) -> str:
    """The last exception that was raised; empty if none was."""
    return next((frame.value or "" for frame in reversed(frames) if frame.event is Event.EXCEPTION), "")


def _divergence(
    right: int, truth: Sequence[Frame], prediction: Prediction, first: int, finished: bool
) -> Divergence | None:
    """Where the prediction parts, of which so many frames are right from the first on."""
    index = first + right
    if right < len(prediction.frames):
        if right < len(truth):
            return _wrong(index, truth[right], prediction.frames[right])
        if not finished:
            return None
        return Divergence(
            index,
            Parting.TOO_LONG,
            f"frame {index}: the trace ends here, predicted is {_said(prediction.frames[right])}",
        )
    wanted = _said(truth[right]) if right < len(truth) else "the end" if finished else "more of it"
    ended = prediction.outcome
    if ended is Outcome.FINISHED or ended is Outcome.PAUSED:
        if right == len(truth) and (ended is Outcome.FINISHED) is finished:
            return None
        how = "the trace was ended" if ended is Outcome.FINISHED else "nothing more was written"
        return Divergence(index, Parting.EARLY_STOP, f"frame {index}: {how}, it is {wanted}")
    if not finished and right == len(truth) and ended is Outcome.LIMIT:
        return None
    parting = {Outcome.MALFORMED: Parting.FORMAT, Outcome.LIMIT: Parting.CUT_OFF, Outcome.FAILED: Parting.FAILED}[ended]
    detail = prediction.detail.removeprefix(f"frame {index}: ")
    why = ended.value + (f": {visible(detail)}" if detail else "")
    return Divergence(index, parting, f"frame {index}: it is {wanted}; {why}")


def _wrong(index: int, true: Frame, predicted: Frame) -> Divergence:
    """What differs in a frame: its place, or its names, or its values."""
    if (true.event, true.source) != (predicted.event, predicted.source):
        text = f"frame {index}: it is {_said(true)}, predicted {_said(predicted)}"
        return Divergence(index, Parting.WRONG_LINE, text)
    where = f"frame {index}, {_said(true)}"
    if true.value is not None:
        verb = "returns" if true.event.value == "return" else "raises"
        one, other = _apart(true.value, predicted.value or "")
        return Divergence(index, Parting.WRONG_VALUE, f"{where}: {verb} {one}, predicted {other}")
    wanted, found = dict(true.locals), dict(predicted.locals)
    missing, extra = [name for name in wanted if name not in found], [name for name in found if name not in wanted]
    if missing or extra:
        said = [f"{name} is missing" for name in missing] + [f"{name} is too many" for name in extra]
        return Divergence(index, Parting.WRONG_NAMES, f"{where}: {visible(', '.join(said))}", (*missing, *extra))
    names = tuple(name for name, text in wanted.items() if not same(found[name], text))
    one, other = _apart(wanted[names[0]], found[names[0]])
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return Divergence(
        index, Parting.WRONG_VALUE, f"{where}: {visible(names[0])} is {one}, predicted {other}{more}", names
    )


def _said(frame: Frame) -> str:
    """A frame's place in the program, for people."""
    source = frame.source.removesuffix("\n")
    shown = source if len(source) <= SHOWN else source[:SHOWN] + "…"
    return f'{frame.event.value} "{visible(shown)}"'


def _apart(one: str, other: str) -> tuple[str, str]:
    """Two texts, cut so that it is seen where they differ."""
    common = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    parts = min(len(one), len(other)) if common is None else common
    start = max(parts - SHOWN // 2, 0) if max(len(one), len(other)) > SHOWN else 0

    def cut(text: str) -> str:
        behind = "…" if len(text) > start + SHOWN else ""
        return visible(("…" if start else "") + text[start : start + SHOWN] + behind)

    return cut(one), cut(other)
