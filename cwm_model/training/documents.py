"""Traces as documents for training: ids, and from where on they are learned.

A document is a trace in one of three forms: whole; with the entry's return at once, as single-step prediction asks
for it; or with one call stepped over, as a debugger's *next* does.  Knows nothing of where traces come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from cwm_model.tokenizer import Tokenizer
from tracegen.frame import Event, Frame
from tracegen.grammar import pieces, prompt
from tracegen.trace import Step, Trace


class Form(Enum):
    """How much of a trace a document tells."""

    WHOLE = "whole"
    SINGLE = "single"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Document:
    """One sequence that stands for itself; ``context`` counts the ids before the first frame, which are given."""

    ids: tuple[int, ...]
    context: int

    def __len__(self) -> int:
        return len(self.ids)


def document(trace: Trace, tokenizer: Tokenizer, form: Form = Form.WHOLE) -> Document:
    """A trace as a document.  A trace that was cut off has no END, and one without a call inside stays whole."""
    head = tokenizer.encode(prompt(trace.context.text))
    frames = _told(trace, form)
    rest = tokenizer.encode(pieces(frames, finished=not trace.ending.cut_off))
    return Document((*head, *rest), len(head))


def _told(trace: Trace, form: Form) -> Sequence[Frame]:
    frames = trace.frames()
    calls = [number for number, step in enumerate(trace.steps) if step.event is Event.CALL]
    wanted = {Form.WHOLE: len(calls), Form.SINGLE: 0, Form.OVER: 1}[form]
    if wanted >= len(calls) or trace.ending.cut_off:
        return frames
    over = calls[wanted]
    back = _left(trace.steps, over)
    return frames if back is None else (*frames[: over + 1], *frames[back:])


def _left(steps: Sequence[Step], call: int) -> int | None:
    """The step with which the activation of a call is left for good; None if it yields, or is never left.

    A generator goes on with a CALL at the line of its last yield.
    """
    depth = steps[call].depth
    back = None
    for number in range(call + 1, len(steps)):
        step = steps[number]
        if step.depth != depth:
            continue
        if back is None and step.event is Event.RETURN:
            back = number
        elif back is not None and step.event is Event.CALL:
            left = steps[back]
            if (step.file, step.line) == (left.file, left.line):
                return None
    return back
