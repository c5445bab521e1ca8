"""A predicted trace, one frame at a time: step, step over, step out, go back.

The model reads its own ids again, not the frames spelled anew.  Where the backend keeps a session, nothing is read
twice; elsewhere each frame is a request of its own, and the frames are the same.  Knows nothing of what is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from cwm_model.backends import Backend, Completion, Request, Rules, Sampling
from cwm_model.predicting.asking import Asking, beginning, limit, request
from cwm_model.predicting.prediction import Outcome, Prediction, failed, understood
from cwm_model.predicting.prompts import Prompt
from tracegen.frame import Event, Frame
from tracegen.grammar import Special


class Session(Protocol):
    """A sequence that a backend keeps (cwm_model/decoding/session.py)."""

    def extend(self, ids: Sequence[int]) -> None:
        """Go on with ids that are given."""

    def generate(
        self, stop: frozenset[int], max_new: int, sampling: Sampling = ..., rules: Rules | None = None
    ) -> Completion:
        """Go on as the model does."""

    def rollback(self, position: int) -> None:
        """Back to a length that the sequence had."""


@runtime_checkable
class Sessions(Protocol):
    """A backend that keeps sequences."""

    def session(self, prompt: Sequence[int]) -> Session:
        """A sequence to step through."""


@dataclass(frozen=True, slots=True)
class _Boundary:
    """The end of a frame: how many ids and frames stand before it, and the grammar's state."""

    ids: int
    frames: int
    rules: Rules | None


class Stepper:
    """A trace in the making: ``frames`` are the head's and those predicted since.

    A frame that is malformed, cut off or not given leaves the trace where it was.  With a temperature, a frame's seed
    is the seed plus its number: gone back to and predicted again, it is the same.  Raises ValueError for a prompt that
    cannot be asked, CannotRun for a constraint that the backend does not obey.
    """

    def __init__(self, backend: Backend, prompt: Prompt, asking: Asking = Asking()) -> None:  # noqa: B008 - frozen
        asking.check(backend)
        self._backend, self._prompt, self._asking = backend, prompt, asking
        begin = beginning(backend.tokenizer, prompt, asking.constrained)
        self._ids = list(begin.ids)
        self._frames = list(prompt.head)
        self._boundaries = [_Boundary(len(self._ids), len(self._frames), begin.rules)]
        self._session: Session | None = None
        self.finished = False

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The head's frames, and those predicted since."""
        return tuple(self._frames)

    @property
    def depth(self) -> int:
        """How many scopes are open."""
        return replace(self._prompt, head=self.frames).depth

    def step(self) -> Prediction:
        """The next frame; behind a CALL its first LINE is forced.  Without frames once the trace is finished."""
        return self._frame(Special.LINE_SEP if self._at_call else None)

    def next(self) -> Prediction:
        """The next frame at which no call begins: behind a CALL its RETURN is forced, and what follows is shown."""
        if not self._at_call:
            made = self._frame(None)
        else:
            made = Prediction((), Outcome.PAUSED)
        while made.outcome is Outcome.PAUSED and self._at_call:
            made = made.then(self._frame(Special.RETURN_SEP))
            if made.outcome is Outcome.PAUSED:
                made = made.then(self._frame(None))
        return made

    def out(self) -> Prediction:
        """All frames up to the RETURN that leaves the present scope, or to where there is no going on."""
        home = self.depth - 1
        made = self._frame(None)
        while made.outcome is Outcome.PAUSED and self.depth > home:
            made = made.then(self._frame(None))
        return made

    def run(self) -> Prediction:
        """All frames up to the trace's end, or to where there is no going on."""
        made = self.step()
        while made.outcome is Outcome.PAUSED:
            made = made.then(self.step())
        return made

    def back(self) -> Frame | None:
        """Take the last predicted frame away, and the trace's end with it; the frame, or None if there is none."""
        self.finished = False
        if len(self._boundaries) == 1:
            return None
        self._boundaries.pop()
        self._return_to(self._boundaries[-1])
        taken = self._frames[-1]
        del self._frames[self._boundaries[-1].frames :]
        return taken

    @property
    def _at_call(self) -> bool:
        return not self.finished and bool(self._frames) and self._frames[-1].event is Event.CALL

    def _frame(self, forced: Special | None) -> Prediction:
        """Ask for one frame that begins so, and keep it if it is one."""
        if self.finished:
            return Prediction((), Outcome.FINISHED)
        here = self._boundaries[-1]
        tokenizer = self._backend.tokenizer
        rules = here.rules
        begun = [tokenizer.id_of(forced)] if forced is not None else []
        try:
            for id in begun:
                rules = rules.after(id) if rules is not None else None
        except ValueError as error:
            return failed(str(error))
        asking = self._asking.reseeded(len(self._frames))
        most = limit(self._backend, [*self._ids, *begun], asking, one_frame=True)
        wanted = request(self._backend, [*self._ids, *begun], asking, rules, one_frame=True)
        completion = wanted if isinstance(wanted, Completion) else self._completed(wanted, begun)
        read = understood(
            completion, tokenizer, self._prompt.context, self._frames, [forced] if forced is not None else [], most
        )
        if read.outcome is Outcome.FINISHED:
            self.finished = True
        elif read.outcome is Outcome.PAUSED:
            for id in completion.ids:
                rules = rules.after(id) if rules is not None else None
            self._ids += [*begun, *completion.ids]
            self._frames += read.frames
            self._boundaries.append(_Boundary(len(self._ids), len(self._frames), rules))
            return read
        self._return_to(here)
        return read

    def _completed(self, wanted: Request, begun: Sequence[int]) -> Completion:
        if not isinstance(self._backend, Sessions):
            [(_, completion)] = self._backend.complete([wanted])
            return completion
        if self._session is None:
            self._session = self._backend.session(self._ids)
        self._session.extend(begun)
        return self._session.generate(wanted.stop, wanted.max_new, wanted.sampling, wanted.rules)

    def _return_to(self, boundary: _Boundary) -> None:
        del self._ids[boundary.ids :]
        if self._session is not None:
            self._session.rollback(boundary.ids)
