"""Wires written out by hand, from docs/wire.md alone: no line of the payload's writer is used."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field

CALL, LINE, RETURN, EXCEPTION, PAUSE, RESUME = range(6)
HEADER = 4096
ROOM = 1 << 16
"""Bytes of each lane."""

STEPS_AT, TEXT_AT, NOTES_AT = HEADER, HEADER + ROOM, HEADER + 2 * ROOM


@dataclass
class HandWritten:
    """Records, their text and notes; ``bytes()`` lays them out."""

    records: list[bytes] = field(default_factory=list)
    text: bytes = b""
    notes: list[bytes] = field(default_factory=list)

    def note(self, kind: str, /, **values: str | int) -> HandWritten:
        """Append a note, as it is spelled."""
        return self.raw_note(json.dumps({"note": kind, **values}, separators=(",", ":")).encode("ascii"))

    def raw_note(self, data: bytes) -> HandWritten:
        """Append a note of any bytes."""
        self.notes.append(struct.pack("<I", len(data)) + data)
        return self

    def step(
        self,
        event: int,
        line: int,
        text: str | bytes,
        depth: int = 1,
        *,
        file: int = 0,
        thread: int = 0,
        flags: int = 0,
    ) -> HandWritten:
        """Append a step."""
        self.text += text if isinstance(text, bytes) else text.encode("utf-8")
        self.records.append(struct.pack("<QIIIHBB", len(self.text), line, file, depth, thread, event, flags))
        return self

    def mark(self, event: int, trace: int, thread: int = 0) -> HandWritten:
        """Append a pause or a resumption of a trace."""
        return self.step(event, trace, "", 0, thread=thread)

    def begin(self, trace: int = 0, **values: str | int) -> HandWritten:
        """Append a note that a trace begins here."""
        given: dict[str, str | int] = {"thread": 0, "step": len(self.records), "file": 0, "line": 1}
        given |= {"name": f"f{trace}", "node": "", "call": 1}
        return self.note("begin", trace=trace, **{**given, **values})

    def end(self, trace: int = 0, ending: str = "returned", detail: str = "") -> HandWritten:
        """Append a note that a trace ends here."""
        return self.note("end", trace=trace, step=len(self.records), ending=ending, detail=detail)

    def bytes(self) -> bytearray:
        """The whole file."""
        steps, notes = b"".join(self.records), b"".join(self.notes)
        lanes = (STEPS_AT, ROOM, TEXT_AT, ROOM, NOTES_AT, ROOM)
        header = struct.pack("<8sQ6Q", b"FORETRAC", 1, *lanes) + struct.pack("<QQ", len(self.records), len(notes))
        return bytearray(
            header.ljust(HEADER, b"\0") + b"".join(p.ljust(ROOM, b"\0") for p in (steps, self.text, notes))
        )


def begun() -> HandWritten:
    """What stands before the first step: who writes, one file, one trace."""
    wire = HandWritten().note("python", version="3.11.7", tracer="reference", values="repr", hash_seed="0")
    return wire.note("file", path="/p/a.py").begin(name="f")


def small() -> HandWritten:
    """``def f(n): / return g(n)`` and ``def g(m): / raise E`` caught nowhere: seven steps, one trace."""
    wire = begun()
    wire.step(CALL, 1, '{"n": "1"}')
    wire.step(LINE, 2, "{}")
    wire.step(CALL, 3, '{"m": "1"}', 2)
    wire.step(LINE, 4, '{"m": null}', 2)
    wire.step(EXCEPTION, 4, "E('é')", 2)
    wire.step(RETURN, 4, "None", 2, flags=1)
    wire.step(EXCEPTION, 2, "E('é')")
    wire.step(RETURN, 2, "None", flags=1)
    return wire.end(ending="raised").note("finish")
