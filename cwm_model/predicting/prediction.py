"""What a model answered, as frames: its ids read as pieces, the pieces parsed, and what is no frame kept as it stands.

A malformed frame loses none of those before it.  Knows nothing of how a model is asked (asking.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from cwm_model.backends import Completion, Finish
from cwm_model.tokenizer import Tokenizer
from tracegen.frame import Event, Frame
from tracegen.grammar import GrammarError, Oddity, Parsed, Piece, Special, parse, pieces

ENDS = (Special.END_OF_TEXT, Special.EOM_ID, Special.EOT_ID)
"""What ends a model's text: CWM's own end, and the two others that Hugging Face's configuration of it lists."""

_BEFORE_TEXT = frozenset({Special.CALL_SEP, Special.LINE_SEP, Special.ACTION_SEP, Special.ARG_SEP})
"""Behind these a text stands that more text can complete."""


class Outcome(Enum):
    """How a prediction ends."""

    FINISHED = "finished"
    """The trace's end was written."""

    PAUSED = "paused"
    """As many frames as were asked for are there, whole."""

    LIMIT = "limit"
    """Cut off: no more ids were allowed, or the model's context holds no more."""

    MALFORMED = "malformed"
    """What stands behind the whole frames is no frame."""

    FAILED = "failed"
    """The backend gave none, or none could be asked for."""

    @property
    def whole(self) -> bool:
        """Whether all that was asked for is there, in the format."""
        return self is Outcome.FINISHED or self is Outcome.PAUSED


@dataclass(frozen=True, slots=True)
class Prediction:
    """The frames that a model wrote behind those that it was given.

    ``rest`` is what stands behind the last whole frame, in pieces; ``written`` is all of it, from the first predicted
    frame on, in the model's own spelling.  ``detail`` says why it is not whole.  An oddity's frame is an index into
    ``frames``.  ``ids`` are what the model gave, ``passes`` is in how many forward passes (0: the backend cannot tell).
    """

    frames: tuple[Frame, ...]
    outcome: Outcome
    rest: tuple[Piece, ...] = ()
    detail: str = ""
    oddities: tuple[Oddity, ...] = ()
    written: tuple[Piece, ...] = ()
    ids: tuple[int, ...] = ()
    passes: int = 0

    def then(self, later: Prediction) -> Prediction:
        """This one and what was predicted behind it, as one; this one is whole."""
        return Prediction(
            frames=self.frames + later.frames,
            outcome=later.outcome,
            rest=later.rest,
            detail=later.detail,
            oddities=self.oddities + _moved(later.oddities, len(self.frames)),
            written=self.written + later.written,
            ids=self.ids + later.ids,
            passes=self.passes + later.passes,
        )


def failed(why: str) -> Prediction:
    """What could not be asked for."""
    return Prediction((), Outcome.FAILED, detail=why)


def cut_off(why: str) -> Prediction:
    """What there is no room for."""
    return Prediction((), Outcome.LIMIT, detail=why)


def answer(prediction: Prediction, depth: int = 1) -> str | None:
    """The value of the entry's last RETURN; None if the trace does not come to it.

    ``depth`` scopes are open before the first predicted frame.  In a finished trace, the RETURN before the end counts
    as the entry's, even if the frames before it do not add up.  What an entry raises leaves a RETURN "None" too.
    """
    value = None
    for frame in prediction.frames:
        if frame.event is Event.CALL:
            depth += 1
        elif frame.event is Event.RETURN:
            depth -= 1
            value = frame.value if depth == 0 else value
    if prediction.outcome is Outcome.FINISHED and prediction.frames[-1:]:
        last = prediction.frames[-1]
        value = last.value if last.event is Event.RETURN else value
    return value


def understood(
    completion: Completion,
    tokenizer: Tokenizer,
    context: str,
    before: Sequence[Frame],
    forced: Sequence[Special] = (),
    limit: str = "",
) -> Prediction:
    """A completion as a prediction: ids to pieces to frames.

    ``before`` are the frames that stand before it, ``forced`` the control tokens that were put behind them, which count
    as the model's; ``limit`` says what a completion that is cut off ran into.
    """
    written = (*forced, *tokenizer.decode(completion.ids))
    detail = completion.detail or (limit if completion.finish is Finish.LIMIT else "")
    found = read(written, completion.finish, context, before, detail)
    return replace(found, ids=completion.ids, passes=completion.passes)


def read(written: Sequence[Piece], finish: Finish, context: str, before: Sequence[Frame], detail: str) -> Prediction:
    """What was written behind ``before``, as a prediction; ``detail`` says why it was cut off or failed."""
    # What ".." says depends on one frame alone: a long trace need not be parsed again for each of its frames.
    given = _remembered(before)
    stream = [*pieces(given, context=context), *written]
    parsed, error, rest = _parsed(stream)
    cut = finish is Finish.LIMIT
    if finish is Finish.FAILED:
        outcome = Outcome.FAILED
    elif error is not None and not (cut and _is_begun(stream, error)):
        outcome = Outcome.MALFORMED
        where = len(before) + len(error.frames) - len(given)
        detail = f"frame {where}: wanted {error.wanted}, found {error.found}"
    elif parsed.finished:
        outcome, detail = Outcome.FINISHED, ""
    elif cut:
        outcome = Outcome.LIMIT
    elif len(parsed.frames) == len(given):
        outcome, detail = Outcome.MALFORMED, f"frame {len(before)}: wanted the event of a frame, found nothing"
    else:
        outcome, detail = Outcome.PAUSED, ""
    return Prediction(
        frames=parsed.frames[len(given) :],
        outcome=outcome,
        rest=rest,
        detail=detail,
        oddities=_moved((odd for odd in parsed.oddities if odd.frame >= len(given)), -len(given)),
        written=tuple(written),
    )


def _remembered(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The frame that ``..`` in the next one refers to."""
    for frame in reversed(frames):
        if frame.event is not Event.EXCEPTION:
            return () if frame.event is Event.RETURN else (frame,)
    return ()


def _parsed(stream: Sequence[Piece]) -> tuple[Parsed, GrammarError | None, tuple[Piece, ...]]:
    """What a stream that begins with a context says as far as it is a trace, what is wrong then, and the rest."""
    try:
        return parse(stream), None, ()
    except GrammarError as error:
        ends = [place for place, piece in enumerate(stream, start=1) if piece is Special.FRAME_SEP]
        end = ends[len(error.frames)]
        return parse(stream[:end]), error, tuple(stream[end:])


def _is_begun(stream: Sequence[Piece], error: GrammarError) -> bool:
    """Whether what is wrong with a stream is that it ends too soon, as far as can be told."""
    if error.piece < len(stream) - 1:
        return False
    return error.piece == len(stream) or (isinstance(stream[-1], str) and stream[-2] in _BEFORE_TEXT)


def _moved(oddities: Iterable[Oddity], by: int) -> tuple[Oddity, ...]:
    return tuple(replace(oddity, frame=oddity.frame + by) for oddity in oddities)
