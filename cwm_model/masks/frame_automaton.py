r"""The text of a frame, byte by byte: where one stands, and what the next byte makes of it.

A place is all that what follows depends on: the part of the frame, the locals that it has named so far, those that the
frame before it showed, how far a name or a source line has come.  Values are not kept: of one it matters only whether
it is empty, ``..``, or within an escape.  Control tokens are no bytes; what they do is constraint.py's.  Knows nothing
of tokens (token_table.py).
"""

from __future__ import annotations

from bisect import bisect_left
from enum import Enum, IntEnum
from typing import NamedTuple

from cwm_model.masks.local_names import LocalNames
from tracegen.frame import Event

QUOTE = ord('"')
_EMPTY_SET: frozenset[bytes] = frozenset()


class At(Enum):
    """What comes next in the stream."""

    EVENT = "the event of a frame"
    OPEN = "locals"
    FIRST = "the first local, or the end of the locals"
    NAME = "a local's name, not twice, that the context has"
    COLON = "': ' and a value"
    BLANK = "a blank and a value"
    VALUE_QUOTE = "a value"
    VALUE = "a value as json.dumps spells it"
    NEXT = "the next local, or the end of the locals"
    NEXT_BLANK = "a blank and the next local"
    NEXT_QUOTE = "the next local"
    ACTION = "ACTION_SEP"
    SOURCE = "a line of the context"
    ARGUMENT = "ARG_SEP"
    RESULT_QUOTE = "a value as a JSON string"
    RESULT = "a returned or raised value as json.dumps spells it"
    FRAME_END = "FRAME_SEP"
    FINISHED = "nothing after END_OF_TEXT"


STRINGS = frozenset((At.NAME, At.VALUE, At.RESULT))
"""Within a JSON string."""


class Content(IntEnum):
    """What a JSON string holds so far, as far as it matters: nothing, ``.``, ``..``, more; or half an escape."""

    EMPTY = 0
    DOT = 1
    DOTS = 2
    MORE = 3
    ESCAPE = 4
    U = 5
    U0 = 6
    U00 = 7
    U000 = 8
    U007 = 9
    HEX3 = 10
    HEX2 = 11
    HEX1 = 12

    @property
    def whole(self) -> bool:
        """Not within an escape."""
        return self <= Content.MORE


CLOSED = -1
REFUSED = -2


def _contents() -> tuple[tuple[int, ...], ...]:
    """For each content and byte: the next content, CLOSED, or REFUSED.  What json.dumps writes, and nothing else.

    It escapes what is not printable ASCII, with two characters where there are such, and with lower-case hex.
    """
    digits = b"0123456789abcdef"
    ends = {
        Content.ESCAPE: {**dict.fromkeys(b'"\\bfnrt', Content.MORE), ord("u"): Content.U},
        Content.U: {**dict.fromkeys(digits, Content.HEX3), ord("0"): Content.U0},
        Content.U0: {**dict.fromkeys(digits, Content.HEX2), ord("0"): Content.U00},
        Content.U00: {
            ord("0"): Content.U000,
            ord("1"): Content.HEX1,
            ord("7"): Content.U007,
            **dict.fromkeys(b"89abcdef", Content.HEX1),
        },
        Content.U000: dict.fromkeys(b"01234567bef", Content.MORE),  # 8, 9, a, c, d: \b \t \n \f \r
        Content.U007: {ord("f"): Content.MORE},
        Content.HEX3: dict.fromkeys(digits, Content.HEX2),
        Content.HEX2: dict.fromkeys(digits, Content.HEX1),
        Content.HEX1: dict.fromkeys(digits, Content.MORE),
    }
    plain: dict[int, int] = {**dict.fromkeys(range(0x20, 0x7F), Content.MORE), ord("\\"): Content.ESCAPE, QUOTE: CLOSED}
    rows: list[dict[int, int]] = []
    for content in Content:
        if content in ends:
            rows.append({byte: int(end) for byte, end in ends[content].items()})
        else:
            dots = {Content.EMPTY: Content.DOT, Content.DOT: Content.DOTS}.get(content, Content.MORE)
            rows.append({**plain, ord("."): dots})
    return tuple(tuple(row.get(byte, REFUSED) for byte in range(256)) for row in rows)


CONTENTS = _contents()


class Place(NamedTuple):
    """Where one stands.

    ``event`` is the frame's (None between frames); ``shown`` are the locals of the call or line frame that this one is
    compared with, ``used`` those that it has named; ``text`` is the name, or as much of the source line, so far;
    ``path`` are the line's ids so far if they are those that the tokenizer itself would give.
    """

    at: At
    event: Event | None = None
    shown: frozenset[bytes] = _EMPTY_SET
    used: frozenset[bytes] = _EMPTY_SET
    text: bytes = b""
    content: int = Content.EMPTY
    path: tuple[int, ...] | None = None


BEGIN = Place(At.EVENT)

_EXPECTED = {
    At.COLON: (ord(":"), At.BLANK),
    At.BLANK: (ord(" "), At.VALUE_QUOTE),
    At.VALUE_QUOTE: (QUOTE, At.VALUE),
    At.NEXT_BLANK: (ord(" "), At.NEXT_QUOTE),
    At.NEXT_QUOTE: (QUOTE, At.NAME),
    At.RESULT_QUOTE: (QUOTE, At.RESULT),
}
_LEAD = {
    At.COLON: b': "',
    At.BLANK: b' "',
    At.VALUE_QUOTE: b'"',
    At.VALUE: b"",
    At.RESULT_QUOTE: b'"',
    At.RESULT: b"",
}


class FrameAutomaton:
    """The frames' texts of one context: its ``names``, its ``lines`` (sorted), and whether a repr may be empty."""

    def __init__(self, names: LocalNames, lines: tuple[bytes, ...], may_be_empty: bool) -> None:
        self.names = names
        self.lines = lines
        self._may_be_empty = may_be_empty

    def step(self, place: Place, byte: int) -> Place | None:
        """The place behind one more byte; None if the byte is wrong."""
        at = place.at
        expected = _EXPECTED.get(at)
        if expected is not None:
            return place._replace(at=expected[1]) if byte == expected[0] else None
        if at is At.VALUE or at is At.RESULT:
            content = CONTENTS[place.content][byte]
            if content == CLOSED:
                return self.closed(place)
            return place._replace(content=content) if content != REFUSED else None
        if at is At.NAME:
            return self._name(place, byte)
        if at is At.SOURCE:
            return self.source(place, bytes((byte,)))
        if at is At.OPEN:
            return place._replace(at=At.FIRST) if byte == ord("{") else None
        if at is At.FIRST or at is At.NEXT:
            if byte == ord("}"):
                return Place(At.ACTION, place.event, shown=place.used)
            another = self.names.any or self.names.leaves(b"", place.used)
            if at is At.FIRST and byte == QUOTE and another:
                return place._replace(at=At.NAME)
            if at is At.NEXT and byte == ord(",") and another:
                return place._replace(at=At.NEXT_BLANK)
        return None

    def read(self, place: Place, text: bytes) -> tuple[Place, int | None] | None:
        """The place behind a text, and how many bytes ago its last string was opened, if that was within it.

        None if the text is wrong.
        """
        if place.at is At.SOURCE:
            found = self.source(place, text)
            return (found, None) if found else None
        opened = None
        for index, byte in enumerate(text):
            after = self.step(place, byte)
            if after is None:
                return None
            if after.at is not place.at and after.at in STRINGS:
                opened = index + 1
            place = after
        return place, None if opened is None else len(text) - opened

    def closed(self, place: Place) -> Place | None:
        """The place behind the quote that ends a value, if the value may be what it is."""
        if not Content(place.content).whole or (place.content == Content.EMPTY and not self._may_be_empty):
            return None
        if place.at is At.RESULT:
            return Place(At.FRAME_END, place.event, place.shown)
        if place.content == Content.DOTS and place.text not in place.shown:
            return None
        return Place(At.NEXT, place.event, place.shown, place.used | {place.text})

    def source(self, place: Place, text: bytes) -> Place | None:
        """The place behind a piece of a source line, if a line of the context goes on so."""
        text = place.text + text
        first = bisect_left(self.lines, text)
        if first == len(self.lines) or not self.lines[first].startswith(text):
            return None
        # No line is the beginning of another: all end in their only newline.
        if self.lines[first] == text:
            assert place.event is not None
            return Place(At.FRAME_END if place.event.shows_locals else At.ARGUMENT, place.event, place.shown)
        return place._replace(text=text, path=None)

    def rests(self, place: Place) -> list[bytes]:
        """What may still come of a source line: of each line that goes on so, the rest."""
        first = bisect_left(self.lines, place.text)
        rests = []
        for line in self.lines[first:]:
            if not line.startswith(place.text):
                break
            rests.append(line[len(place.text) :])
        return rests

    def lead(self, place: Place) -> bytes | None:
        """What stands between here and a value's text; None where no value is near."""
        return _LEAD.get(place.at)

    def _name(self, place: Place, byte: int) -> Place | None:
        text = place.text + bytes((byte,))
        if self.names.any:
            content = CONTENTS[place.content][byte]
            if content >= 0:
                return place._replace(text=text, content=content)
            ends = content == CLOSED and place.text not in place.used
        elif byte != QUOTE:
            # No name as JSON spells it has a bare quote, so what begins a name is never its end.
            return place._replace(text=text) if self.names.leaves(text, place.used) else None
        else:
            ends = self.names.has(place.text) and place.text not in place.used
        return place._replace(at=At.COLON, content=Content.EMPTY) if ends else None
