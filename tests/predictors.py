"""Models whose every answer is known: one that knows real traces by heart, and others that are wrong in one known way.

`Knowing(traces)` is perfect: behind a prompt it goes on as the trace does that the prompt begins, whether all of it is
asked for, one frame behind the true ones, or the RETURN of the scope that was entered last.  With a fault it writes in
one place of each trace what the fault makes of it, wherever the prompt leads to that place; asked behind the true
frames elsewhere, it writes the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cwm_model.backends import Completion, Finish, Request
from cwm_model.predicting.prompts import frames_of, prompt_of_trace
from cwm_model.tokenizer import Tokenizer, small
from tracegen import Event, Frame, Special, Trace
from tracegen.grammar import Piece, pieces


@dataclass(frozen=True, slots=True)
class Told:
    """What is written behind a prompt: ``pieces``, and then ``again`` over and over.

    Without ``again`` the model stops there, also without an end; or it ``fails``.
    """

    pieces: tuple[Piece, ...]
    again: tuple[Piece, ...] = ()
    fails: bool = False


Fault = Callable[[tuple[Frame, ...]], Told | None]
"""The true frames behind a prompt's head → what is told instead; None where there is no place for this fault."""


class Knowing:
    """A backend that knows these traces; see above.  ``asked`` are the requests so far."""

    def __init__(
        self,
        traces: Iterable[Trace],
        fault: Fault | None = None,
        *,
        context: int = 1 << 17,
        tokenizer: Tokenizer | None = None,
        at_once: int = 3,
    ) -> None:
        self.tokenizer = tokenizer or small()
        self.context, self.constrains, self._at_once = context, False, at_once
        self.asked: list[Request] = []
        self._known: dict[tuple[int, ...], list[_Sequence]] = {}
        for trace in traces:
            self._learn(trace, fault)

    def complete(self, requests: Iterable[Request]) -> Iterator[tuple[int, Completion]]:
        """Answers come last first, ``at_once`` at a time."""
        waiting: list[tuple[int, Request]] = []
        for index, request in enumerate(requests):
            self.asked.append(request)
            waiting.append((index, request))
            if len(waiting) == self._at_once:
                yield from [(place, self._completed(each)) for place, each in reversed(waiting)]
                waiting.clear()
        yield from [(place, self._completed(each)) for place, each in reversed(waiting)]

    def _learn(self, trace: Trace, fault: Fault | None) -> None:
        prompt = prompt_of_trace(trace)
        truth = frames_of(trace)[len(prompt.head) :]
        begin = tuple(self.tokenizer.encode(prompt.pieces()))
        known = self._known.setdefault(self._context_of(begin), [])
        stepped_over = truth[-1:] if truth and truth[-1].event is Event.RETURN else ()
        for frames in (truth, stepped_over):
            end = () if trace.ending.cut_off else (Special.END_OF_TEXT,)
            told = [Told((*pieces(frames), *end))] if frames is truth or frames else []
            wrong = fault(frames) if fault is not None and frames else None
            if wrong is not None:
                # Behind a RETURN_SEP that is forced, it is there before anything is written.
                forced = frames is not truth and wrong.pieces[:1] != (Special.RETURN_SEP,)
                told.insert(0, replace(wrong, pieces=(Special.RETURN_SEP, *wrong.pieces)) if forced else wrong)
            known += [self._sequence(begin, each) for each in told]

    def _sequence(self, begin: Sequence[int], told: Told) -> _Sequence:
        ids = (*begin, *self.tokenizer.encode(told.pieces))
        return _Sequence(ids, tuple(self.tokenizer.encode(told.again)), told.fails)

    def _context_of(self, ids: Sequence[int]) -> tuple[int, ...]:
        return tuple(ids[: ids.index(self.tokenizer.id_of(Special.FRAME_SEP))])

    def _completed(self, request: Request) -> Completion:
        prompt = request.prompt
        assert len(prompt) < self.context
        most = min(request.max_new, self.context - len(prompt))
        # A fault stands before its truth; whoever leaves both is followed nowhere.
        known = self._known.get(self._context_of(prompt), [])
        found = next((each for each in known if each.ids_to(len(prompt)) == prompt), None)
        if found is None:
            stepped = self._stepped_over(prompt, known)
            if stepped is None:
                return Completion((), Finish.FAILED, "no trace begins so")
            found = stepped
        if found.fails and len(prompt) == len(found.ids):
            return Completion((), Finish.FAILED, "it fails, as it was told to")
        new = found.ids_to(len(prompt) + most)[len(prompt) :]
        for place, id in enumerate(new, start=1):
            if id in request.stop:
                return Completion(new[:place], Finish.STOPPED, passes=place)
        return Completion(new, Finish.LIMIT if len(new) == most else Finish.STOPPED, passes=len(new))

    def _stepped_over(self, prompt: tuple[int, ...], known: Sequence[_Sequence]) -> _Sequence | None:
        """What stands behind a RETURN_SEP that is forced behind a CALL: the RETURN that leaves its scope."""
        returns, calls = self.tokenizer.id_of(Special.RETURN_SEP), self.tokenizer.id_of(Special.CALL_SEP)
        before = prompt[:-1]
        for each in known:
            if prompt[-1:] != (returns,) or each.ids_to(len(before)) != before:
                continue
            depth = 1
            for place in range(len(before), len(each.ids)):
                depth += {calls: 1, returns: -1}.get(each.ids[place], 0)
                if depth == 0:
                    return replace(each, ids=before + each.ids[place:])
        return None


@dataclass(frozen=True, slots=True)
class _Sequence:
    """What is told in ids, the prompt before it."""

    ids: tuple[int, ...]
    again: tuple[int, ...]
    fails: bool

    def ids_to(self, length: int) -> tuple[int, ...]:
        """The first so many, fewer if it stops before."""
        times = -(-max(length - len(self.ids), 0) // len(self.again)) if self.again else 0
        return (self.ids + self.again * times)[:length]


# Faults: each changes one thing at one place.


def wrong_line(frames: tuple[Frame, ...]) -> Told | None:
    """A line frame in the middle shows another line of the program."""
    index = _middle(frames, lambda frame: frame.event is Event.LINE and _other_line(frames, frame) is not None)
    return None if index is None else _with(frames, index, source=str(_other_line(frames, frames[index])))


def wrong_event(frames: tuple[Frame, ...]) -> Told | None:
    """A line frame in the middle is a call, of the same line with the same locals."""
    index = _middle(frames, lambda frame: frame.event is Event.LINE)
    return None if index is None else _with(frames, index, event=Event.CALL)


def wrong_value(frames: tuple[Frame, ...]) -> Told | None:
    """One local that is no string has another value in one line frame."""
    return _wrong_local(frames, lambda text: text[:1] not in "'\"", "-98765")


def wrong_string(frames: tuple[Frame, ...]) -> Told | None:
    """One local that is a string has another value in one line frame."""
    return _wrong_local(frames, lambda text: text[:1] in "'\"", "'another'")


def missing_local(frames: tuple[Frame, ...]) -> Told | None:
    """The last local of one line frame is not there."""
    index = _middle(frames, lambda frame: frame.event is Event.LINE and bool(frame.locals))
    return None if index is None else _with(frames, index, locals=frames[index].locals[:-1])


def extra_local(frames: tuple[Frame, ...]) -> Told | None:
    """One line frame shows a local too many."""
    index = _middle(frames, lambda frame: frame.event is Event.LINE and bool(frame.locals))
    return None if index is None else _with(frames, index, locals=(*frames[index].locals, ("never_seen", "1")))


def kept_value(frames: tuple[Frame, ...]) -> Told | None:
    """``..`` is written for a local that changed."""
    for index in range(1, len(frames)):
        frame, before = frames[index], dict(frames[index - 1].locals)
        changed = [name for name, text in frame.locals if before.get(name, text) != text]
        if frame.event is Event.LINE and frames[index - 1].event is not Event.EXCEPTION and changed:
            name = changed[0]
            locals = tuple((each, before[name] if each == name else text) for each, text in frame.locals)
            return _with(frames, index, locals=locals)
    return None


def wrong_return(frames: tuple[Frame, ...]) -> Told | None:
    """The entry's RETURN has another value; nothing else is wrong."""
    if not frames or frames[-1].event is not Event.RETURN:
        return None
    return _with(frames, len(frames) - 1, value="'never returned'")


def wrong_exception(frames: tuple[Frame, ...]) -> Told | None:
    """An exception is another one."""
    index = _middle(frames, lambda frame: frame.event is Event.EXCEPTION)
    return None if index is None else _with(frames, index, value="NeverRaised()")


def malformed(frames: tuple[Frame, ...]) -> Told:
    """The frame in the middle has locals that are no JSON."""
    head = pieces(frames[: len(frames) // 2])
    broken = (Special.LINE_SEP, '{"x": "1', Special.ACTION_SEP, "    pass\n", Special.FRAME_SEP)
    return Told((*head, *broken, Special.END_OF_TEXT))


def early_end(frames: tuple[Frame, ...]) -> Told:
    """The trace is ended in its middle."""
    return Told((*pieces(frames[: len(frames) // 2]), Special.END_OF_TEXT))


def early_pause(frames: tuple[Frame, ...]) -> Told:
    """Behind the frame in the middle nothing more is written."""
    return Told(tuple(pieces(frames[: len(frames) // 2])))


def no_end(frames: tuple[Frame, ...]) -> Told:
    """Before the entry's RETURN one line is shown again and again; asked for it alone, its value never ends."""
    if len(frames) == 1:
        return Told((Special.RETURN_SEP, Special.ACTION_SEP, frames[0].source, Special.ARG_SEP, '"'), ("a",))
    line = next((frame for frame in reversed(frames) if frame.event is Event.LINE), Frame(Event.LINE, "    pass\n"))
    return Told(tuple(pieces(frames[:-1])), tuple(pieces([line])))


def too_long(frames: tuple[Frame, ...]) -> Told:
    """The trace is right, and goes on behind its end."""
    return Told(tuple(pieces(frames)), tuple(pieces([Frame(Event.LINE, "    pass\n")])))


def nothing(frames: tuple[Frame, ...]) -> Told:
    """The answer is empty."""
    return Told(())


def failing(frames: tuple[Frame, ...]) -> Told:
    """The backend fails at once."""
    return Told((), fails=True)


FAULTS: tuple[Fault, ...] = (
    wrong_line,
    wrong_event,
    wrong_value,
    wrong_string,
    missing_local,
    extra_local,
    kept_value,
    wrong_return,
    wrong_exception,
    malformed,
    early_end,
    early_pause,
    no_end,
    too_long,
    nothing,
    failing,
)


def _with(frames: tuple[Frame, ...], index: int, **changes: object) -> Told:
    """The trace with one frame changed, and all others as they are."""
    changed = replace(frames[index], **changes)  # type: ignore[arg-type]
    return Told((*pieces((*frames[:index], changed, *frames[index + 1 :])), Special.END_OF_TEXT))


def _middle(frames: Sequence[Frame], wanted: Callable[[Frame], bool]) -> int | None:
    """The index of one of the frames that are wanted, as near to the middle as there is one."""
    found = [index for index, frame in enumerate(frames) if wanted(frame)]
    return min(found, key=lambda index: abs(index - len(frames) // 2), default=None)


def _other_line(frames: Sequence[Frame], frame: Frame) -> str | None:
    return next((each.source for each in frames if each.source != frame.source), None)


def _wrong_local(frames: tuple[Frame, ...], wanted: Callable[[str], bool], wrong: str) -> Told | None:
    index = _middle(frames, lambda frame: frame.event is Event.LINE and any(wanted(text) for _, text in frame.locals))
    if index is None:
        return None
    locals = list(frames[index].locals)
    place = next(place for place, (_, text) in enumerate(locals) if wanted(text))
    locals[place] = (locals[place][0], wrong)
    return _with(frames, index, locals=tuple(locals))
