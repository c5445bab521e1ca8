"""The wire, read by the parent: validated, and turned into columns without an object for each step.

What is read comes from a process that ran somebody else's code: docs/wire.md says what is checked.  Knows
nothing of contexts, programs or files on disk; see harvest.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracegen import notes
from tracegen.frame import Event
from tracegen.notes import Begun, Said, WireError
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

VALUE_PATTERN = rf"\A(?:[^{layout.RAW}]|\z|{layout.RAW}{_TEXT}\z)"
"""A bare text, or `layout.RAW` and a JSON string, for RE2."""

MAX_TEXT = 2**31 - 1

CHUNK = 1 << 20
"""Steps whose depths are checked at once."""

MAX_TOLD = 1 << 28
FEW_TOLD, NESTED = 1 << 24, 256
"""Steps of all traces together, those of nested ones counted again: what a damaged wire may make us hold.  A small wire
may tell fewer, each record so many times."""

_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One trace as the wire tells it; ``ending`` is None if the process died before it ended.

    ``index`` are its steps' places among all records, in their order; ``segment`` numbers, for each of
    them, the run of steps between two pauses that it belongs to.
    """

    number: int
    name: str
    file: int
    line: int
    node: str
    call: int
    ending: Ending | None
    detail: str
    index: np.ndarray
    segment: np.ndarray


@dataclass(slots=True)
class Wire(Said):
    """Everything that a traced process left behind: what its notes say, its records and their text."""

    records: np.ndarray = field(default_factory=lambda: np.zeros(0, RECORD))
    text: pa.Buffer = field(default_factory=lambda: pa.py_buffer(b""))
    traces: list[Recorded] = field(default_factory=list)
    _starts: np.ndarray | None = field(default=None, init=False, repr=False, compare=False)
    _texts: pa.StringArray | None = field(default=None, init=False, repr=False, compare=False)

    def starts(self) -> np.ndarray:
        """Where in the text each step's text starts, and at last where the last one ends."""
        if self._starts is None:
            self._starts = np.zeros(len(self.records) + 1, np.int64)
            self._starts[1:] = self.records["text_end"]
        return self._starts

    def texts(self) -> pa.StringArray:
        """One text a step, over the wire's own memory."""
        if self._texts is None:
            offsets = pa.py_buffer(self.starts().astype(np.int32))
            self._texts = pa.StringArray.from_buffers(len(self.records), offsets, self.text)
        return self._texts


def read(buffer: bytes | bytearray | memoryview) -> Wire:
    """Validate a wire and take it apart.  Raises WireError; the buffer must outlive what is returned."""
    view = memoryview(buffer)
    (steps_at, _), (text_at, text_bytes), _ = _lanes(view)
    said = notes_so_far(view)
    count = view[: layout.HEADER_BYTES].cast("Q")[layout.STEPS_COMMITTED]
    found = Wire(**{each.name: getattr(said, each.name) for each in fields(said)})
    found.records = np.frombuffer(view, RECORD, count, steps_at)
    found.text = pa.py_buffer(view[text_at : text_at + text_bytes])
    _check_records(found, min(text_bytes, MAX_TEXT))
    marks = _marks_by_trace(found.records, len(said.begun))
    stretches = _Stretches(found.records)
    told = checked = unchecked = 0
    most = min(MAX_TOLD, max(FEW_TOLD, NESTED * len(found.records)))
    for number, begun in enumerate(said.begun):
        told += (count if begun.stop is None else begun.stop) - begun.start
        if told > most:
            raise WireError(f"trace {number}: more than {most} steps in all, with those of nested traces")
        trace = stretches.whole(number, begun) if number not in marks else None
        found.traces.append(trace or _recorded(found.records, number, begun, marks.get(number, _NONE)))
        unchecked += len(found.traces[-1].index)
        if unchecked > CHUNK:
            _check_depths(found.records, found.traces[checked:])
            checked, unchecked = len(found.traces), 0
    _check_depths(found.records, found.traces[checked:])
    return found


def notes_so_far(view: memoryview) -> Said:
    """What the notes say, of a process that may still run.  Raises WireError."""
    (_, steps_bytes), _, (notes_at, notes_bytes) = _lanes(view)
    words = view[: layout.HEADER_BYTES].cast("Q")
    # Notes first: the steps that a note speaks of are committed before it.
    noted, count = words[layout.NOTES_COMMITTED], words[layout.STEPS_COMMITTED]
    if count * RECORD.itemsize > steps_bytes or noted > notes_bytes:
        raise WireError(f"{count} steps and {noted} bytes of notes are more than their lanes hold")
    return notes.read(view[notes_at : notes_at + noted], count)


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


def _marks_by_trace(records: np.ndarray, traces: int) -> dict[int, np.ndarray]:
    places = np.flatnonzero(records["event"] > layout.EXCEPTION)
    named = records["line"][places]
    if (named >= traces).any():
        raise WireError(f"step {int(places[np.argmax(named >= traces)])}: a mark of a trace that never began")
    order = np.argsort(named, kind="stable")
    numbers, starts = np.unique(named[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(places[order], starts[1:]), strict=bool(len(numbers))))


def _check_records(found: Wire, text_bytes: int) -> None:
    records = found.records
    if not len(records):
        return
    ends = records["text_end"]
    returns = records["event"] == layout.RETURN
    marks = records["event"] > layout.EXCEPTION
    lengths = np.diff(ends.astype(np.int64), prepend=0)
    checks = (
        ("event", records["event"] > layout.RESUME),
        ("text_end", (ends > text_bytes) | (lengths < 0) | (marks & (lengths != 0))),
        ("flags", (records["flags"] > layout.UNWINDING) | ((records["flags"] != 0) & ~returns)),
        ("file", ~marks & (records["file"] >= len(found.files))),
        ("line", ~marks & ((records["line"] < 1) | (records["line"] > MAX_TEXT))),
        ("depth", ~marks & ((records["depth"] < 1) | (records["depth"] > MAX_TEXT))),
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
    shows_locals = pa.array(records["event"] <= layout.LINE)
    wrong_json = pc.and_(shows_locals, pc.invert(pc.match_substring_regex(texts, LOCALS_PATTERN)))
    if pc.any(wrong_json).as_py():
        at = pc.index(wrong_json, True).as_py()
        raise WireError(f"step {at}: wanted the JSON of locals, found {texts[at].as_py()[:60]!r}")
    wrong_value = pc.and_not(pc.invert(pc.match_substring_regex(texts, VALUE_PATTERN)), shows_locals)
    if pc.any(wrong_value).as_py():
        at = pc.index(wrong_value, True).as_py()
        raise WireError(f"step {at}: wanted JSON after U+FDD0, found {texts[at].as_py()[:60]!r}")


def _check_depths(records: np.ndarray, traces: Sequence[Recorded]) -> None:
    """Within each segment, depth rises by one at a call and falls by one after a return."""
    index, starts = _joined(traces)
    events, depths = records["event"][index], records["depth"][index].astype(np.int64)
    calls, returns = events == layout.CALL, events == layout.RETURN
    # Of the traces before a segment both sides have the same: only what happens within it is compared.
    level = np.cumsum(calls) - (np.cumsum(returns) - returns)
    first = _at_start(depths, starts)
    wrong = (depths - first != level - _at_start(level, starts)) | (depths < first)
    if wrong.any():
        at = int(index[np.argmax(wrong)])
        raise WireError(f"step {at}: depth {records['depth'][at]} does not follow from calls and returns")


def _joined(traces: Sequence[Recorded]) -> tuple[np.ndarray, np.ndarray]:
    """The steps of all traces, one after another, and where in them a segment of a trace starts."""
    index = np.concatenate([_NONE, *(trace.index for trace in traces)])
    segment = np.concatenate([_NONE, *(trace.segment for trace in traces)])
    starting = np.ones(len(index), bool)
    np.not_equal(segment[1:], segment[:-1], out=starting[1:])
    ends = np.cumsum([len(trace.index) for trace in traces], dtype=np.int64)
    starting[ends[ends < len(index)]] = True
    return index, np.flatnonzero(starting)


def _at_start(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """For each step, the value at the first step of its segment; ``starts`` are the places of those."""
    return np.repeat(values[starts], np.diff(starts, append=len(values)))


class _Stretches:
    """Finds traces that are one unbroken run of records, as nearly all are."""

    def __init__(self, records: np.ndarray) -> None:
        self._thread = records["thread"]
        self._event = records["event"]
        breaks = np.zeros(len(records) + 1, np.int64)
        breaks[1:] = self._event > layout.EXCEPTION
        breaks[2:] += self._thread[1:] != self._thread[:-1]
        self._breaks = np.cumsum(breaks)
        self._places = np.arange(len(records))
        self._segment = np.zeros(len(records), np.int64)

    def whole(self, number: int, begun: Begun) -> Recorded | None:
        """The trace, if no other thread's steps and no marks lie between its first step and its last."""
        start, stop = begun.start, len(self._places) if begun.stop is None else begun.stop
        if start < stop:
            foreign = self._thread[start] != begun.thread or self._event[start] > layout.EXCEPTION
            if foreign or self._breaks[stop] != self._breaks[start + 1]:
                return None
        return _told(number, begun, self._places[start:stop], self._segment[start:stop])


def _recorded(records: np.ndarray, number: int, trace: Begun, marks: np.ndarray) -> Recorded:
    """A trace's own steps: those of its thread, from its begin to its end, without its pauses.

    ``marks`` are the records of all marks that name this trace.
    """
    stop = len(records) if trace.stop is None else trace.stop
    places = marks[(marks >= trace.start) & (marks < stop)]
    kinds = records["event"][places]
    expected = np.where(np.arange(len(places)) % 2 == 0, layout.PAUSE, layout.RESUME)
    if len(places) < len(marks) or (kinds != expected).any():
        raise WireError(f"trace {number}: its pauses and resumptions do not alternate within it")
    # [begin, pause), [resume, pause), ..., [resume, end): with an odd number of marks it ends while paused.
    bounds = np.concatenate([[trace.start], places, [] if len(places) % 2 else [stop]]).astype(np.int64)
    starts, stops = bounds[0::2], bounds[1::2]
    threads = np.concatenate([[trace.thread], records["thread"][places[1::2]]])
    lengths = stops - starts
    segment = np.repeat(np.arange(len(starts)), lengths)
    index = np.arange(len(segment)) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    own = (records["thread"][index] == threads[segment]) & (records["event"][index] <= layout.EXCEPTION)
    return _told(number, trace, index[own], segment[own])


def _told(number: int, trace: Begun, index: np.ndarray, segment: np.ndarray) -> Recorded:
    """What its notes say of a trace, with its steps."""
    return Recorded(
        number=number,
        name=trace.name,
        file=trace.file,
        line=trace.line,
        node=trace.node,
        call=trace.call,
        ending=trace.ending,
        detail=trace.detail,
        index=index,
        segment=segment,
    )


def steps(found: Wire, traces: Sequence[Recorded], files: Sequence[Sequence[int]]) -> pa.ListArray:
    """The steps of each trace as one list column of `STEP`.

    ``files[i]`` lists, in the order of trace i's own files, their indices on the wire.  Depths count from
    0 in the entry point.
    """
    records = found.records
    index, starts = _joined(traces)
    lengths = [len(trace.index) for trace in traces]
    offsets = np.cumsum([0, *lengths])
    depths = records["depth"][index].astype(np.int32)
    depths -= _at_start(depths, starts)
    orders = {order: number for number, order in enumerate(dict.fromkeys(map(tuple, files)))}
    own = np.full((len(orders) + 1, len(found.files) + 1), -1, np.int32)
    for order, number in orders.items():
        own[number, list(order)] = np.arange(len(order), dtype=np.int32)
    chosen = np.array([orders[tuple(order)] for order in files], np.int64)
    files_of = own[np.repeat(chosen, lengths), records["file"][index]]
    if (files_of < 0).any():
        raise ValueError("a trace enters a file that its order does not list")
    events = records["event"][index]
    together = bool(len(index)) and bool((np.diff(index) == 1).all())
    texts = found.texts().slice(index[0], len(index)) if together else found.texts().take(pa.array(index))
    shows_locals = pa.array(events <= layout.LINE)
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
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), struct)
