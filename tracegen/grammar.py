r"""CWM's spelling of a trace, once: frames to pieces, pieces to text, pieces back to frames.

    TRACE  = BEGIN_OF_TEXT TRACE_CONTEXT_START context FRAME_SEP FRAME* END_OF_TEXT
    FRAME  = (CALL_SEP | LINE_SEP) locals ACTION_SEP source FRAME_SEP
           | (RETURN_SEP | EXCEPTION_SEP) ACTION_SEP source ARG_SEP value FRAME_SEP

A piece is a control token or text.  Text that looks like a control token is text: nothing here ever
searches for one in a string.  Knows nothing of token ids in a vocabulary other than CWM's, and nothing of
models; docs/format.md is the specification.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from json.encoder import encode_basestring_ascii as _quote

from tracegen.context import lines_of, shown_forms
from tracegen.elision import UNCHANGED, Elision
from tracegen.frame import Event, Frame, Locals


class Special(Enum):
    """CWM's control tokens: their text, and their id in CWM's own vocabulary."""

    BEGIN_OF_TEXT = ("<|begin_of_text|>", 128000)
    END_OF_TEXT = ("<|end_of_text|>", 128001)
    PAD = ("<|pad|>", 128004)
    START_HEADER_ID = ("<|start_header_id|>", 128006)
    END_HEADER_ID = ("<|end_header_id|>", 128007)
    EOM_ID = ("<|eom_id|>", 128008)
    EOT_ID = ("<|eot_id|>", 128009)
    FRAME_SEP = ("<|frame_sep|>", 128100)
    ACTION_SEP = ("<|action_sep|>", 128101)
    RETURN_SEP = ("<|return_sep|>", 128102)
    CALL_SEP = ("<|call_sep|>", 128103)
    LINE_SEP = ("<|line_sep|>", 128104)
    EXCEPTION_SEP = ("<|exception_sep|>", 128105)
    ARG_SEP = ("<|arg_sep|>", 128106)
    TRACE_CONTEXT_START = ("<|trace_context_start|>", 128107)
    REASONING_THINKING_START = ("<|reasoning_thinking_start|>", 128120)
    REASONING_THINKING_END = ("<|reasoning_thinking_end|>", 128121)

    def __init__(self, text: str, cwm_id: int) -> None:
        self.text = text
        self.cwm_id = cwm_id


Piece = Special | str

_SEPARATOR = {
    Event.CALL: Special.CALL_SEP,
    Event.LINE: Special.LINE_SEP,
    Event.RETURN: Special.RETURN_SEP,
    Event.EXCEPTION: Special.EXCEPTION_SEP,
}
_EVENT = {special: event for event, special in _SEPARATOR.items()}
_SPLIT_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class Oddness(Enum):
    """What a trace may say that a tracer never writes, and that is still a trace."""

    LINE_NOT_IN_CONTEXT = "a source line that the context does not have"
    NAME_TWICE = "a local that is named twice in one frame"
    UNSEEN = "'..' for a local that no earlier frame shows"
    WRITTEN_IN_FULL = "an unchanged local that is written in full"
    SPELLING = "JSON that is spelled otherwise than json.dumps does"


@dataclass(frozen=True, slots=True)
class Oddity:
    """One oddness of one frame; ``what`` is the name or the line that is odd."""

    frame: int
    oddness: Oddness
    what: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a stream of pieces says.

    ``context`` is None for a stream that begins with a frame; ``finished`` tells whether END_OF_TEXT was
    there.
    """

    frames: tuple[Frame, ...]
    context: str | None
    finished: bool
    oddities: tuple[Oddity, ...]


class GrammarError(ValueError):
    """A stream of pieces that is no trace: at which piece, what was wanted, what was found.

    ``frames`` are the frames that were whole before it.
    """

    def __init__(self, piece: int, wanted: str, found: str, frames: tuple[Frame, ...]) -> None:
        super().__init__(f"piece {piece}: wanted {wanted}, found {found}")
        self.piece = piece
        self.wanted = wanted
        self.found = found
        self.frames = frames


def prompt(context: str) -> list[Piece]:
    """The pieces that stand before the first frame."""
    return _joined([Special.BEGIN_OF_TEXT, Special.TRACE_CONTEXT_START, context, Special.FRAME_SEP])


def pieces(frames: Iterable[Frame], *, context: str | None = None, finished: bool = False) -> list[Piece]:
    """Spell frames; ``parse(pieces(frames)).frames == tuple(frames)``.

    Raises ValueError for a frame that would be read back as another one (see `Elision.elide`; and text
    with a surrogate pair in two characters, which JSON cannot tell from one character).
    """
    stream: list[Piece] = [] if context is None else prompt(context)
    elision = Elision()
    for frame in frames:
        spelled = elision.elide(frame.event, frame.locals)
        stream.append(_SEPARATOR[frame.event])
        if frame.event.shows_locals:
            stream.append(_locals_json(spelled))
        stream.append(Special.ACTION_SEP)
        stream.append(frame.source)
        if frame.value is not None:
            stream += [Special.ARG_SEP, _text_json(frame.value)]
        stream.append(Special.FRAME_SEP)
    if finished:
        stream.append(Special.END_OF_TEXT)
    return _joined(stream)


def render(stream: Iterable[Piece]) -> str:
    """Pieces as the text that a tokenizer's decoder would show.  Lossy: a control token looks like its text."""
    return "".join(piece.text if isinstance(piece, Special) else piece for piece in stream)


def parse(stream: Iterable[Piece]) -> Parsed:
    """Read frames from pieces, canonical or not.

    What is not canonical is kept as it stands and listed in ``oddities``.  Raises GrammarError for
    pieces that are no trace, with the frames that were whole.
    """
    return _Reader(_joined(stream)).read()


def _locals_json(locals: Locals) -> str:
    return "{" + ", ".join(f"{_text_json(name)}: {_text_json(text)}" for name, text in locals) + "}"


def _text_json(text: str) -> str:
    if not text.isascii() and _SPLIT_PAIR.search(text):
        raise ValueError(f"a surrogate pair in two characters cannot be spelled in JSON: {text!r}")
    return _quote(text)


def _joined(stream: Iterable[Piece]) -> list[Piece]:
    """The same text in the fewest pieces: no empty text, no text beside text."""
    joined: list[Piece] = []
    run: list[str] = []
    for piece in stream:
        if isinstance(piece, str):
            run.append(piece)
            continue
        if text := "".join(run):
            joined.append(text)
        run.clear()
        joined.append(piece)
    if text := "".join(run):
        joined.append(text)
    return joined


class _Reader:
    """One pass over joined pieces."""

    def __init__(self, stream: Sequence[Piece]) -> None:
        self._stream = stream
        self._at = 0
        self._frames: list[Frame] = []
        self._oddities: list[Oddity] = []
        self._elision = Elision()
        self._known_lines: frozenset[str] | None = None

    def read(self) -> Parsed:
        context = self._context() if self._peek() is Special.BEGIN_OF_TEXT else None
        while (piece := self._peek()) is not None and piece is not Special.END_OF_TEXT:
            self._frames.append(self._frame())
        finished = piece is Special.END_OF_TEXT
        if finished:
            self._at += 1
            if self._peek() is not None:
                raise self._error("nothing after END_OF_TEXT")
        return Parsed(tuple(self._frames), context, finished, tuple(self._oddities))

    def _context(self) -> str:
        self._take(Special.BEGIN_OF_TEXT)
        self._take(Special.TRACE_CONTEXT_START)
        context = self._text()
        self._take(Special.FRAME_SEP)
        self._known_lines = frozenset(form for line in lines_of(context) for form in shown_forms(line))
        return context

    def _frame(self) -> Frame:
        piece = self._peek()
        event = _EVENT.get(piece) if isinstance(piece, Special) else None
        if event is None:
            raise self._error("the event of a frame")
        self._at += 1
        locals: Locals = ()
        value = None
        if event.shows_locals:
            locals = self._locals(event)
        self._take(Special.ACTION_SEP)
        source = self._text()
        if self._known_lines is not None and source not in self._known_lines:
            self._odd(Oddness.LINE_NOT_IN_CONTEXT, source)
        if not event.shows_locals:
            self._take(Special.ARG_SEP)
            value = self._value()
            self._elision.restore(event, ())
        self._take(Special.FRAME_SEP)
        return Frame(event, source, locals, value)

    def _locals(self, event: Event) -> Locals:
        wanted = "locals as a JSON object of strings"
        at, text = self._at, self._text()
        pairs = self._json(text, wanted, at)
        if not isinstance(pairs, _Pairs):
            raise self._error(wanted, at)
        spelled = tuple((name, value) for name, value in pairs if isinstance(value, str))
        if len(spelled) < len(pairs):
            raise self._error(wanted, at)
        # The elision is asked before it moves on: at a call everything is new.
        if event is Event.LINE:
            for name, value in spelled:
                if self._elision.repeats(name, value):
                    self._odd(Oddness.WRITTEN_IN_FULL, name)
        unseen = [n for n, v in spelled if v == UNCHANGED and not (event is Event.LINE and self._elision.knows(n))]
        for name in unseen:
            self._odd(Oddness.UNSEEN, name)
        names = [name for name, _ in spelled]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                self._odd(Oddness.NAME_TWICE, name)
        if _spelled_otherwise(text, lambda: _locals_json(spelled)):
            self._odd(Oddness.SPELLING, text)
        return self._elision.restore(event, spelled)

    def _value(self) -> str:
        wanted = "a value as a JSON string"
        at, text = self._at, self._text()
        value = self._json(text, wanted, at)
        if not isinstance(value, str):
            raise self._error(wanted, at)
        if _spelled_otherwise(text, lambda: _text_json(value)):
            self._odd(Oddness.SPELLING, text)
        return value

    def _json(self, text: str, wanted: str, at: int) -> object:
        # RecursionError: a model, or a hostile file, may nest brackets without end.
        try:
            return json.loads(text, object_pairs_hook=_Pairs)
        except (ValueError, RecursionError):
            raise self._error(wanted, at) from None

    def _peek(self) -> Piece | None:
        return self._stream[self._at] if self._at < len(self._stream) else None

    def _take(self, special: Special) -> None:
        if self._peek() is not special:
            raise self._error(special.name)
        self._at += 1

    def _text(self) -> str:
        piece = self._peek()
        if not isinstance(piece, str):
            return ""
        self._at += 1
        return piece

    def _odd(self, oddness: Oddness, what: str) -> None:
        self._oddities.append(Oddity(len(self._frames), oddness, what))

    def _error(self, wanted: str, at: int | None = None) -> GrammarError:
        at = self._at if at is None else at
        piece = self._stream[at] if at < len(self._stream) else None
        if isinstance(piece, Special):
            found = piece.name
        else:
            found = "the end" if piece is None else _clipped(piece)
        return GrammarError(at, wanted, found, tuple(self._frames))


class _Pairs(list[tuple[str, object]]):
    """The members of a JSON object in their order, a name said twice kept twice."""


def _spelled_otherwise(text: str, spell: Callable[[], str]) -> bool:
    try:
        return text != spell()
    except ValueError:
        return True


def _clipped(text: str, limit: int = 60) -> str:
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}... ({len(text)} characters)"
