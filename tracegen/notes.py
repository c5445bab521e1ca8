"""The note lane of the wire, read by the parent: validated JSON to plain values (docs/wire.md).

Knows nothing of steps but how many there are; see columns.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tracegen.payload import wire as layout
from tracegen.trace import Ending


class WireError(ValueError):
    """A wire that no tracer of this project wrote, or that the traced program has damaged."""


@dataclass(frozen=True, slots=True)
class Calls:
    """How often a function of the program was called, and how many traces that gave."""

    file: int
    line: int
    name: str
    calls: int
    traces: int


@dataclass(slots=True)
class Begun:
    """A trace as its notes tell it: ``start`` and ``stop`` are record numbers, ``stop`` None if it never ended."""

    thread: int
    start: int
    file: int
    line: int
    name: str
    node: str
    call: int
    stop: int | None = None
    ending: Ending | None = None
    detail: str = ""


@dataclass(slots=True)
class Said:
    """What the notes say."""

    version: str = ""
    tracer: str = ""
    values: str = ""
    hash_seed: str = ""
    files: list[str] = field(default_factory=list)
    begun: list[Begun] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)
    calls: list[Calls] = field(default_factory=list)
    tests: int = 0
    outcomes: dict[str, str] = field(default_factory=dict)
    error: tuple[str, str] | None = None
    finished: bool = False

    @property
    def python(self) -> str:
        """The minor version, which is part of a trace's identity: ``3.11``."""
        return ".".join(self.version.split(".")[:2])


_KEYS: dict[str, dict[str, type]] = {
    "python": {"version": str, "tracer": str, "values": str, "hash_seed": str},
    "file": {"path": str},
    "begin": {
        "trace": int,
        "thread": int,
        "step": int,
        "file": int,
        "line": int,
        "name": str,
        "node": str,
        "call": int,
    },
    "end": {"trace": int, "step": int, "ending": str, "detail": str},
    "odd": {"what": str},
    "tests": {"tests": int},
    "test": {"node": str, "outcome": str},
    "calls": {"file": int, "line": int, "name": str, "calls": int, "traces": int},
    "error": {"kind": str, "message": str},
    "finish": {},
}


def read(data: memoryview, steps: int) -> Said:
    """Every note of the lane, which speaks of ``steps`` records.  Raises WireError."""
    said = Said()
    at = 0
    while at < len(data):
        kind, note, next_at = _note(data, at)
        try:
            _take(said, kind, note, steps)
        except (IndexError, ValueError) as error:
            raise WireError(f"note at {at}: {kind} {note} makes no sense: {error}") from None
        at = next_at
    return said


def _note(data: memoryview, at: int) -> tuple[str, dict[str, Any], int]:
    start = at + layout.LENGTH.size
    size = layout.LENGTH.unpack_from(data, at)[0] if start <= len(data) else len(data) + 1
    if size > layout.MAX_NOTE_BYTES or start + size > len(data):
        raise WireError(f"note at {at}: {size} bytes do not fit")
    try:
        note = json.loads(bytes(data[start : start + size]))
    except (ValueError, RecursionError):
        raise WireError(f"note at {at} is not JSON") from None
    kind = note.pop("note", None) if isinstance(note, dict) else None
    keys = _KEYS.get(kind) if isinstance(kind, str) else None
    if keys is None or {key: type(value) for key, value in note.items()} != keys:
        raise WireError(f"note at {at}: no such note: {kind!r} {str(note)[:100]}")
    if any(isinstance(value, int) and not 0 <= value < 2**53 for value in note.values()):
        raise WireError(f"note at {at}: a number out of range: {note}")
    # A path is what the file system says.  Other texts go into columns, which hold no lone surrogates.
    texts = {key: value for key, value in note.items() if isinstance(value, str) and key != "path"}
    note |= {key: text.encode("utf-8", "backslashreplace").decode("utf-8") for key, text in texts.items()}
    return str(kind), note, start + size


def _take(said: Said, kind: str, note: dict[str, Any], steps: int) -> None:
    if kind == "python":
        said.version, said.tracer = note["version"], note["tracer"]
        said.values, said.hash_seed = note["values"], note["hash_seed"]
    elif kind == "file":
        said.files.append(note["path"])
    elif kind == "begin":
        if note.pop("trace") != len(said.begun) or note["file"] >= len(said.files):
            raise ValueError("no such trace or file")
        if not 1 <= note["line"] < 2**31:
            raise ValueError("no such line")
        said.begun.append(Begun(start=_step(note.pop("step"), steps), **note))
    elif kind == "end":
        trace = said.begun[note["trace"]]
        if trace.ending is not None or note["step"] < trace.start:
            raise ValueError("the trace has ended before, or has not begun")
        trace.stop = _step(note["step"], steps)
        trace.ending, trace.detail = Ending(note["ending"]), note["detail"]
    elif kind == "odd":
        said.oddities.append(note["what"])
    elif kind == "tests":
        said.tests = note["tests"]
    elif kind == "test":
        said.outcomes[note["node"]] = note["outcome"]
    elif kind == "calls":
        said.calls.append(Calls(**note))
    elif kind == "error":
        said.error = (note["kind"], note["message"])
    else:
        said.finished = True


def _step(step: int, steps: int) -> int:
    if step > steps:
        raise ValueError(f"there are {steps} steps")
    return step
