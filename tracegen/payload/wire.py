"""The record that leaves the process: layout and writer, as docs/wire.md specifies it.

Appends steps and notes to shared memory that somebody else owns.  Knows nothing of frames, limits or
tracing: see recorder.py.  The parent's reading side is tracegen/columns.py.
"""

from __future__ import annotations

import struct
from _thread import allocate_lock
from json.encoder import encode_basestring_ascii
from typing import Union

MAGIC = b"FORETRAC"
VERSION = 1
HEADER_BYTES = 4096
HEADER = struct.Struct("<8sQQQQQQQ")
STEP = struct.Struct("<QIIIHBB")
LENGTH = struct.Struct("<I")
_WORD = struct.Struct("<Q")
STEPS_COMMITTED = 8
"""Index of the 8-byte word that counts the steps committed."""
NOTES_COMMITTED = 9
MAX_NOTE_BYTES = 65536
CALL, LINE, RETURN, EXCEPTION, PAUSE, RESUME = range(6)
UNWINDING = 1
RAW = "\ufdd0"
"""Before a JSON string, where the bare text is not to be had in UTF-8."""

Buffer = Union[bytearray, memoryview]
NoteValue = Union[str, int]

quote = encode_basestring_ascii
"""A text as a JSON string.  Taken at import: the program may put something else in ``json``."""


def lay_out(buffer: Buffer, steps: int, text: int, notes: int) -> None:
    """Write the header for lanes of so many bytes; the buffer must hold ``wire_bytes`` of them."""
    first = HEADER_BYTES
    HEADER.pack_into(buffer, 0, MAGIC, VERSION, first, steps, first + steps, text, first + steps + text, notes)


def wire_bytes(steps: int, text: int, notes: int) -> int:
    """The size of a wire with lanes of so many bytes (multiples of 8)."""
    return HEADER_BYTES + steps + text + notes


def encoded(text: str) -> bytes:
    """A bare text for the text lane."""
    if text.isascii():
        return text.encode("ascii")
    if not text.startswith(RAW):
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError:
            pass
    return (RAW + quote(text)).encode("utf-8")


def notes_written(buffer: Buffer, start: int) -> bytes:
    """The notes on a wire from byte ``start`` of their lane on."""
    at = HEADER.unpack_from(buffer, 0)[6]
    return bytes(buffer[at + start : at + notes_committed(buffer)])


def notes_committed(buffer: Buffer) -> int:
    """How many bytes of notes there are."""
    committed: int = _WORD.unpack_from(buffer, 8 * NOTES_COMMITTED)[0]
    return committed


class Full(Exception):
    """A lane has no room for what was to be written."""


class Writer:
    """Appends to a wire that is laid out.  Several threads may call; nothing is half committed."""

    def __init__(self, buffer: Buffer) -> None:
        view = memoryview(buffer)
        magic, version, *lanes = HEADER.unpack_from(view, 0)
        if magic != MAGIC or version != VERSION:
            raise ValueError(f"not a wire of version {VERSION}: {magic!r}, version {version}")
        self._view = view
        self._words = view[:HEADER_BYTES].cast("Q")
        self._steps_at, self._steps_bytes, self._text_at, self._text_bytes, self._notes_at, self._notes_bytes = lanes
        self._text = 0
        self._lock = allocate_lock()
        self.open = True
        """False once this process must not write any more."""

    @property
    def steps(self) -> int:
        """Steps committed so far."""
        return self._words[STEPS_COMMITTED] if self.open else 0

    def step(self, event: int, flags: int, file: int, line: int, depth: int, thread: int, text: bytes) -> None:
        """Append and commit one step.  Raises Full."""
        if not self.open:
            return
        with self._lock:
            count = self._words[STEPS_COMMITTED]
            start, end = self._text, self._text + len(text)
            if end > self._text_bytes or (count + 1) * STEP.size > self._steps_bytes:
                raise Full
            self._view[self._text_at + start : self._text_at + end] = text
            at = self._steps_at + count * STEP.size
            STEP.pack_into(self._view, at, end, line, file, depth, thread, event, flags)
            self._text = end
            self._words[STEPS_COMMITTED] = count + 1

    def mark(self, event: int, trace: int, thread: int) -> None:
        """Append and commit a PAUSE or RESUME of a trace.  Raises Full."""
        self.step(event, 0, 0, trace, 0, thread, b"")

    def note(self, kind: str, /, last: bool = False, **values: NoteValue) -> None:
        """Append and commit one note; ``last`` ones may use what is kept back.  Raises Full."""
        if not self.open:
            return
        members = [f'"note":{quote(kind)}']
        for key, value in values.items():
            members.append(f'"{key}":{quote(_clipped(value)) if type(value) is str else value}')
        data = ("{" + ",".join(members) + "}").encode("ascii")
        with self._lock:
            used = self._words[NOTES_COMMITTED]
            end = used + LENGTH.size + len(data)
            if end > (self._notes_bytes if last else self._notes_bytes - self._notes_bytes // 8):
                raise Full
            LENGTH.pack_into(self._view, self._notes_at + used, len(data))
            self._view[self._notes_at + used + LENGTH.size : self._notes_at + end] = data
            self._words[NOTES_COMMITTED] = end

    def let_go(self) -> None:
        """Never write again, and give the memory back: for a forked child, and for the end."""
        self.open = False


def _clipped(text: NoteValue) -> str:
    """A note's text, short enough for a note even if every character is escaped."""
    assert isinstance(text, str)
    return text if len(text) <= 4000 else text[:4000] + "..."
