"""The wire, read by the parent: validated, and turned into columns without an object for each step.

What is read comes from a process that ran somebody else's code: docs/wire.md says what is checked.  Knows
nothing of contexts, programs or files on disk; see harvest.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracegen.frame import Event
from tracegen.payload import wire as layout
from tracegen.trace import Ending

RECORD = np.dtype(
    [
        ("text_end", "<u8"),
        ("line", "<u4"),
        ("file", "<u4"),
        ("depth", "<u4"),
        ("thread", "<u2"),
        ("event", "u1"),
        ("flags", "u1"),
    ]
)
assert RECORD.itemsize == layout.STEP.size

EVENTS = (Event.CALL, Event.LINE, Event.RETURN, Event.EXCEPTION)
"""By the codes of the wire."""

STEP = pa.struct(
    [
        pa.field("event", pa.string(), nullable=False),
        pa.field("file", pa.int32(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        pa.field("depth", pa.int32(), nullable=False),
        pa.field("locals", pa.string()),
        pa.field("value", pa.string()),
        pa.field("unwinding", pa.bool_(), nullable=False),
    ]
)

_TEXT = r'"(?:[ !#-\[\]-~]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
LOCALS_PATTERN = rf"\A\{{(?:{_TEXT}: (?:{_TEXT}|null)(?:, {_TEXT}: (?:{_TEXT}|null))*)?\}}\z"
"""A JSON object of texts and nulls as json.dumps spells it, for RE2."""

MAX_TEXT = 2**31 - 1


class WireError(ValueError):
    """A wire that no tracer of this project wrote, or that the traced program has damaged."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Steps ``start`` up to ``stop`` of one thread."""

    thread: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """One trace as the wire tells it; ``ending`` is None if the process died before it ended."""

    number: int
    name: str
    file: int
    line: int
    node: str
    call: int
    segments: tuple[Segment, ...]
    ending: Ending | None
    detail: str


@dataclass(frozen=True, slots=True)
class Calls:
    """How often a function of the program was called, and how many traces that gave."""

    file: int
    line: int
    name: str
    calls: int
    traces: int


@dataclass(slots=True)
class Wire:
    """Everything that a traced process left behind."""

    version: str = ""
    tracer: str = ""
    values: str = ""
    hash_seed: str = ""
    files: list[str] = field(default_factory=list)
    traces: list[Recorded] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)
    calls: list[Calls] = field(default_factory=list)
    tests: int = 0
    outcomes: dict[str, str] = field(default_factory=dict)
    error: tuple[str, str] | None = None
    finished: bool = False
    records: np.ndarray = field(default_factory=lambda: np.zeros(0, RECORD))
    text: pa.Buffer = field(default_factory=lambda: pa.py_buffer(b""))

    @property
    def python(self) -> str:
        """The minor version, which is part of a trace's identity: ``3.11``."""
        return ".".join(self.version.split(".")[:2])

    def texts(self) -> pa.StringArray:
        """One text a step, over the wire's own memory."""
        offsets = np.zeros(len(self.records) + 1, np.int32)
        offsets[1:] = self.records["text_end"]
        return pa.StringArray.from_buffers(len(self.records), pa.py_buffer(offsets), self.text)


def read(buffer: bytes | bytearray | memoryview) -> Wire:
    """Validate a wire and take it apart.  Raises WireError; the buffer must outlive what is returned."""
    view = memoryview(buffer)
    (steps_at, _), (text_at, text_bytes), _ = _lanes(view)
    found = notes_so_far(view)
    count = view[: layout.HEADER_BYTES].cast("Q")[layout.STEPS_COMMITTED]
    found.records = np.frombuffer(view, RECORD, count, steps_at)
    found.text = pa.py_buffer(view[text_at : text_at + text_bytes])
    _check_records(found, min(text_bytes, MAX_TEXT))
    for trace in found.traces:
        _check_depths(found.records, trace)
    return found


def notes_so_far(view: memoryview) -> Wire:
    """What the notes say, of a process that may still run; without the steps.  Raises WireError."""
    (_, steps_bytes), _, (notes_at, notes_bytes) = _lanes(view)
    words = view[: layout.HEADER_BYTES].cast("Q")
    # Notes first: the steps that a note speaks of are committed before it.
    noted, count = words[layout.NOTES_COMMITTED], words[layout.STEPS_COMMITTED]
    if count * RECORD.itemsize > steps_bytes or noted > notes_bytes:
        raise WireError(f"{count} steps and {noted} bytes of notes are more than their lanes hold")
    found = Wire()
    _Notes(found, count).read(view[notes_at : notes_at + noted])
    return found


def _lanes(view: memoryview) -> list[tuple[int, int]]:
    """(offset, bytes) of the lanes for steps, text and notes."""
    if len(view) < layout.HEADER_BYTES:
        raise WireError(f"a wire of {len(view)} bytes: shorter than its header")
    magic, version, *lanes = layout.HEADER.unpack_from(view, 0)
    if magic != layout.MAGIC or version != layout.VERSION:
        raise WireError(f"wanted a wire of version {layout.VERSION}, found {magic!r}, version {version}")
    pairs = [(lanes[0], lanes[1]), (lanes[2], lanes[3]), (lanes[4], lanes[5])]
    for at, size in pairs:
        if at < layout.HEADER_BYTES or at + size > len(view):
            raise WireError(f"a lane of {size} bytes at {at} in a wire of {len(view)} bytes")
    return pairs


def _check_records(found: Wire, text_bytes: int) -> None:
    records = found.records
    if not len(records):
        return
    ends = records["text_end"]
    returns = records["event"] == EVENTS.index(Event.RETURN)
    checks = (
        ("text_end", (ends > text_bytes) | (np.diff(ends.astype(np.int64), prepend=0) < 0)),
        ("event", records["event"] >= len(EVENTS)),
        ("flags", (records["flags"] > layout.UNWINDING) | ((records["flags"] != 0) & ~returns)),
        ("file", records["file"] >= len(found.files)),
        ("line", (records["line"] < 1) | (records["line"] > MAX_TEXT)),
        ("depth", (records["depth"] < 1) | (records["depth"] > MAX_TEXT)),
    )
    for name, wrong in checks:
        if wrong.any():
            at = int(np.argmax(wrong))
            raise WireError(f"step {at}: {name} {int(records[name][at])} cannot be")
    texts = found.texts()
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        raise WireError(f"the text of a step is not UTF-8: {error}") from None
    shows_locals = pa.array(records["event"] <= EVENTS.index(Event.LINE))
    wrong_json = pc.and_(shows_locals, pc.invert(pc.match_substring_regex(texts, LOCALS_PATTERN)))
    if pc.any(wrong_json).as_py():
        at = pc.index(wrong_json, True).as_py()
        raise WireError(f"step {at}: wanted the JSON of locals, found {texts[at].as_py()[:60]!r}")


def _check_depths(records: np.ndarray, trace: Recorded) -> None:
    for segment in trace.segments:
        index = indices(records, segment)
        if not len(index):
            continue
        events, depths = records["event"][index], records["depth"][index].astype(np.int64)
        calls = np.cumsum(events == 0)
        returned = np.cumsum(events == 2) - (events == 2)
        level = calls - returned + (0 if events[0] == 0 else 1)
        wrong = (depths - depths[0] + 1 != level) | (level < 1)
        if wrong.any():
            at = int(index[np.argmax(wrong)])
            raise WireError(f"step {at}: depth {records['depth'][at]} does not follow from calls and returns")


def indices(records: np.ndarray, segment: Segment) -> np.ndarray:
    """Where a segment's steps lie among all records."""
    mine = records["thread"][segment.start : segment.stop] == segment.thread
    return np.flatnonzero(mine) + segment.start


@dataclass(slots=True)
class _Open:
    begin: dict[str, int | str]
    segments: list[Segment]
    running: tuple[int, int] | None
    ending: Ending | None = None
    detail: str = ""


class _Notes:
    """Reads the note lane into a Wire."""

    _KEYS: ClassVar[dict[str, dict[str, type]]] = {
        "python": {"version": str, "tracer": str, "values": str, "hash_seed": str},
        "file": {"path": str},
        "begin": dict.fromkeys(("trace", "thread", "step", "file", "line", "call"), int) | {"name": str, "node": str},
        "pause": {"trace": int, "step": int},
        "resume": {"trace": int, "thread": int, "step": int},
        "end": {"trace": int, "step": int, "ending": str, "detail": str},
        "odd": {"what": str},
        "tests": {"tests": int},
        "test": {"node": str, "outcome": str},
        "calls": {"file": int, "line": int, "name": str, "calls": int, "traces": int},
        "error": {"kind": str, "message": str},
        "finish": {},
    }

    def __init__(self, found: Wire, steps: int) -> None:
        self._found = found
        self._steps = steps
        self._open: list[_Open] = []

    def read(self, data: memoryview) -> None:
        at = 0
        while at < len(data):
            note, next_at = self._note(data, at)
            kind = str(note.pop("note"))
            try:
                getattr(self, f"_{kind}")(note)
            except (IndexError, ValueError) as error:
                raise WireError(f"note at {at}: {kind} {note} makes no sense: {error}") from None
            at = next_at
        for number, trace in enumerate(self._open):
            if trace.running:
                self._stop(trace, self._steps)
            begin = trace.begin
            self._found.traces.append(
                Recorded(
                    number,
                    str(begin["name"]),
                    int(begin["file"]),
                    int(begin["line"]),
                    str(begin["node"]),
                    int(begin["call"]),
                    tuple(trace.segments),
                    trace.ending,
                    trace.detail,
                )
            )

    def _note(self, data: memoryview, at: int) -> tuple[dict[str, int | str], int]:
        start = at + layout.LENGTH.size
        size = layout.LENGTH.unpack_from(data, at)[0] if start <= len(data) else len(data) + 1
        if size > layout.MAX_NOTE_BYTES or start + size > len(data):
            raise WireError(f"note at {at}: {size} bytes do not fit")
        try:
            note = json.loads(bytes(data[start : start + size]))
        except (ValueError, RecursionError):
            raise WireError(f"note at {at} is not JSON") from None
        keys = self._KEYS.get(note.get("note", "")) if isinstance(note, dict) else None
        if keys is None or {k: type(v) for k, v in note.items()} != {"note": str, **keys}:
            raise WireError(f"note at {at}: no such note: {str(note)[:100]}")
        if any(isinstance(value, int) and not 0 <= value < 2**53 for value in note.values()):
            raise WireError(f"note at {at}: a number out of range: {note}")
        return note, start + size

    def _python(self, note: dict[str, str]) -> None:
        for key, value in note.items():
            setattr(self._found, key, value)

    def _file(self, note: dict[str, str]) -> None:
        self._found.files.append(note["path"])

    def _begin(self, note: dict[str, int | str]) -> None:
        if note["trace"] != len(self._open) or int(note["file"]) >= len(self._found.files):
            raise ValueError("no such trace or file")
        self._open.append(_Open(note, [], (int(note["thread"]), self._step(note))))

    def _pause(self, note: dict[str, int]) -> None:
        self._stop(self._open[note["trace"]], self._step(note))

    def _resume(self, note: dict[str, int]) -> None:
        trace = self._open[note["trace"]]
        if trace.running or trace.ending:
            raise ValueError("the trace is not paused")
        trace.running = (note["thread"], self._step(note))

    def _end(self, note: dict[str, int | str]) -> None:
        trace = self._open[int(note["trace"])]
        if trace.ending:
            raise ValueError("the trace has ended before")
        if trace.running:
            self._stop(trace, self._step(note))
        trace.ending, trace.detail = Ending(note["ending"]), str(note["detail"])

    def _stop(self, trace: _Open, step: int) -> None:
        if trace.running is None:
            raise ValueError("the trace is paused")
        thread, start = trace.running
        if step < start:
            raise ValueError("steps run backwards")
        trace.segments.append(Segment(thread, start, step))
        trace.running = None

    def _step(self, note: dict[str, int] | dict[str, int | str]) -> int:
        if int(note["step"]) > self._steps:
            raise ValueError(f"there are {self._steps} steps")
        return int(note["step"])

    def _odd(self, note: dict[str, str]) -> None:
        self._found.oddities.append(note["what"])

    def _tests(self, note: dict[str, int]) -> None:
        self._found.tests = note["tests"]

    def _test(self, note: dict[str, str]) -> None:
        self._found.outcomes[note["node"]] = note["outcome"]

    def _calls(self, note: dict[str, int | str]) -> None:
        values = {key: note[key] for key in ("file", "line", "name", "calls", "traces")}
        self._found.calls.append(Calls(**values))  # type: ignore[arg-type]

    def _error(self, note: dict[str, str]) -> None:
        self._found.error = (note["kind"], note["message"])

    def _finish(self, note: dict[str, str]) -> None:
        self._found.finished = True


FileMap = Callable[[int], Sequence[int]]


def steps(found: Wire, traces: Sequence[Recorded], files: Sequence[Sequence[int]]) -> pa.ListArray:
    """The steps of each trace as one list column of `STEP`.

    ``files[i]`` lists, in the order of trace i's own files, their indices on the wire.  Depths count from
    0 in the entry point.
    """
    records = found.records
    chosen = [np.zeros(0, np.int64)]
    depth_parts = [np.zeros(0, np.int32)]
    file_parts = [np.zeros(0, np.int32)]
    offsets = [0]
    for trace, order in zip(traces, files, strict=True):
        own = np.full(len(found.files) + 1, -1, np.int32)
        own[list(order)] = np.arange(len(order), dtype=np.int32)
        length = 0
        for segment in trace.segments:
            index = indices(records, segment)
            if len(index):
                chosen.append(index)
                depth_parts.append((records["depth"][index] - records["depth"][index[0]]).astype(np.int32))
                file_parts.append(own[records["file"][index]])
                length += len(index)
        offsets.append(offsets[-1] + length)
    index, depths, files_of = np.concatenate(chosen), np.concatenate(depth_parts), np.concatenate(file_parts)
    if (files_of < 0).any():
        raise ValueError("a trace enters a file that its order does not list")
    events = records["event"][index]
    texts = found.texts().take(pa.array(index))
    shows_locals = pa.array(events <= EVENTS.index(Event.LINE))
    nothing = pa.scalar(None, pa.string())
    columns = [
        pa.array([event.value for event in EVENTS]).take(pa.array(events)),
        pa.array(files_of),
        pa.array(records["line"][index].astype(np.int32)),
        pa.array(depths),
        pc.if_else(shows_locals, texts, nothing),
        pc.if_else(shows_locals, nothing, texts),
        pa.array((records["flags"][index] & layout.UNWINDING).astype(bool)),
    ]
    struct = pa.StructArray.from_arrays(columns, fields=list(STEP))
    return pa.ListArray.from_arrays(pa.array(np.array(offsets, np.int32)), struct)
