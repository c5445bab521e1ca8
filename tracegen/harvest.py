"""What a run left behind becomes rows of the data set: ids, hashes, contexts, steps, endings.

One row a trace, in the columns of `SCHEMA` (docs/schema.md).  What is dropped is counted by reason.  Knows
nothing of files on disk (shards.py) or of how a program is run (execution.py).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracegen import columns
from tracegen.context import Context
from tracegen.payload.wire import RAW, quote
from tracegen.trace import Ending, Entry, Provenance

SCHEMA_VERSION = 2
CONTENT_VERSION = 1
"""Of the spelling that `content` hashes: it outlives a schema that only gains columns."""

_PLACE = pa.struct([pa.field("file", pa.int32()), pa.field("line", pa.int32())])
_ENTRY = pa.struct([pa.field("name", pa.string()), pa.field("file", pa.int32()), pa.field("line", pa.int32())])
_PROVENANCE = pa.struct([pa.field(name, pa.string()) for name in Provenance.__dataclass_fields__])

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("content", pa.string(), nullable=False),
        pa.field("schema_version", pa.int32(), nullable=False),
        pa.field("program_id", pa.string(), nullable=False),
        pa.field("input", pa.string(), nullable=False),
        pa.field("context", pa.string(), nullable=False),
        pa.field("context_lines", pa.list_(_PLACE), nullable=False),
        pa.field("files", pa.list_(pa.string()), nullable=False),
        pa.field("entry", _ENTRY, nullable=False),
        pa.field("python", pa.string(), nullable=False),
        pa.field("ending", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("steps", pa.list_(columns.STEP), nullable=False),
        pa.field("stdout", pa.string()),
        pa.field("expected", pa.string()),
        pa.field("verdict", pa.string()),
        pa.field("provenance", _PROVENANCE, nullable=False),
    ],
    metadata={"foretrace.schema_version": str(SCHEMA_VERSION)},
)


@dataclass(frozen=True, slots=True)
class Telling:
    """What the wire does not know of a trace: whose it is, and the sources it is told with.

    ``order`` maps the trace's own files to the wire's: own file i is the wire's ``order[i]``, or -1 where
    the trace never enters it.
    """

    trace: columns.Recorded
    program_id: str
    input: str
    context: Context
    files: tuple[str, ...]
    order: tuple[int, ...]
    entry: Entry


@dataclass(slots=True)
class Harvest:
    """Rows, and what was dropped by reason."""

    table: pa.Table
    dropped: Counter[str] = field(default_factory=Counter)


def storable(text: str) -> str:
    """A text as UTF-8 columns hold it: itself, or RAW and its JSON where UTF-8 cannot."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return RAW + quote(text)
    return RAW + quote(text) if text.startswith(RAW) else text


def restored(text: str) -> str:
    """The inverse of `storable`.  Raises ValueError for what it never writes."""
    if not text.startswith(RAW):
        return text
    found = json.loads(text[len(RAW) :])
    if not isinstance(found, str):
        raise ValueError(f"not a stored text: {text[:60]!r}")
    return found


def harvest(
    found: columns.Wire,
    tellings: Sequence[Telling],
    *,
    died: tuple[Ending, str],
    identity: Mapping[str, object],
    provenance: Provenance,
    stdout: str | None = None,
    expected: str | None = None,
    verdict: str | None = None,
) -> Harvest:
    """The rows of these traces.  ``died`` is the ending of those that the process's death cut off.

    ``identity`` are the options that are part of every id.  ``expected``: what should have been printed, and
    ``verdict`` what a judge says of what was.
    """
    dropped: Counter[str] = Counter()
    kept = []
    contents = []
    spoken = _Contents(found)
    for telling in tellings:
        ending = telling.trace.ending or died[0]
        content = spoken.of(telling, finished=not ending.cut_off)
        if content is None:
            dropped["a step at a line that its source does not have"] += 1
        elif not len(telling.trace.index):
            dropped["no steps"] += 1
        else:
            kept.append(telling)
            contents.append(content)
    identifiers = _Identifiers(found.python, identity)
    endings = [(t.trace.ending, t.trace.detail) if t.trace.ending else died for t in kept]
    rows: dict[str, object] = {
        "id": [identifiers.of(telling) for telling in kept],
        "content": contents,
        "schema_version": pa.array([SCHEMA_VERSION] * len(kept), pa.int32()),
        "program_id": [storable(telling.program_id) for telling in kept],
        "input": [storable(telling.input) for telling in kept],
        "context": [storable(telling.context.text) for telling in kept],
        "context_lines": _places([telling.context for telling in kept]),
        "files": [[storable(file) for file in telling.files] for telling in kept],
        "entry": [_stored(telling.entry) for telling in kept],
        "python": [found.python] * len(kept),
        "ending": [ending.value for ending, _ in endings],
        "detail": [detail for _, detail in endings],
        "steps": columns.steps(found, [t.trace for t in kept], [t.order for t in kept]),
        "stdout": _repeated(stdout, len(kept)),
        "expected": _repeated(expected, len(kept)),
        "verdict": _repeated(verdict, len(kept)),
        "provenance": [asdict(provenance)] * len(kept),
    }
    arrays = [
        value if isinstance(value, pa.Array) else pa.array(value, SCHEMA.field(name).type)
        for name, value in rows.items()
    ]
    return Harvest(pa.Table.from_arrays(arrays, schema=SCHEMA), dropped)


def _repeated(text: str | None, times: int) -> pa.StringArray:
    return pa.array([None if text is None else storable(text)] * times, pa.string())


def _stored(entry: Entry) -> dict[str, object]:
    """What `dataclasses.asdict` says, without its search for more dataclasses."""
    return {"name": entry.name, "file": entry.file, "line": entry.line}


class _Identifiers:
    """Ids: the sha256 of a JSON list.  What many rows share is spelled once."""

    def __init__(self, python: str, identity: Mapping[str, object]) -> None:
        self._end = json.dumps([python, dict(identity)], sort_keys=True)[1:]
        self._contexts: dict[int, str] = {}

    def of(self, telling: Telling) -> str:
        """The id of a telling's row."""
        context = self._contexts.get(id(telling.context))
        if context is None:
            context = self._contexts[id(telling.context)] = quote(telling.context.text)
        entry = json.dumps(_stored(telling.entry), sort_keys=True)
        call = telling.trace.call if telling.trace.node else 0
        names = f"{quote(telling.program_id)}, {context}, {entry}, {quote(telling.input)}, {call}"
        return hashlib.sha256(f"[{SCHEMA_VERSION}, {names}, {self._end}".encode("ascii")).hexdigest()


def _places(contexts: Sequence[Context]) -> pa.ListArray:
    """The places of every context's lines as one column; contexts are often the same object."""
    known: dict[int, np.ndarray] = {}
    parts = [np.zeros((0, 2), np.int32)]
    offsets = [0]
    for context in contexts:
        places = known.get(id(context))
        if places is None:
            places = known[id(context)] = np.array(context.places, np.int32).reshape(-1, 2)
        parts.append(places)
        offsets.append(offsets[-1] + len(places))
    flat = np.concatenate(parts)
    struct = pa.StructArray.from_arrays([pa.array(flat[:, 0]), pa.array(flat[:, 1])], fields=list(_PLACE))
    return pa.ListArray.from_arrays(pa.array(np.array(offsets, np.int32)), struct)


class _Contents:
    """Hashes of what a trace's text is made of, from the columns: no text is rendered.

    Two traces speak the same text if and only if they have the same context, the same events, the same
    line texts, and the same changes and values; depths, files and line numbers are not part of the text.
    """

    def __init__(self, found: columns.Wire) -> None:
        self._found = found
        self._starts = found.starts()
        self._text = memoryview(found.text)
        self._heads: dict[tuple[int, bool], bytes] = {}
        self._lines: dict[tuple[int, tuple[int, ...]], tuple[np.ndarray, np.ndarray]] = {}

    def of(self, telling: Telling, finished: bool) -> str | None:
        """The hash; None if a step is at a place that the context does not show."""
        places, texts = self._line_texts(telling)
        index = telling.trace.index
        together = len(index) > 0 and int(index[-1]) - int(index[0]) == len(index) - 1
        # Neighbours are a slice, of which nothing is copied.
        at = slice(int(index[0]), int(index[-1]) + 1) if together else index
        records = self._found.records[at]
        wanted = records["file"].astype(np.int64) << 32 | records["line"]
        if not len(places):
            return None
        line = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
        if (places[line] != wanted).any():
            return None
        # The text of neighbours is one run of bytes.
        runs = [index] if together else np.split(index, np.flatnonzero(np.diff(index) != 1) + 1)
        return _hashed(
            self._head(telling.context, finished),
            records["event"],
            texts[line],
            self._starts[1:][at] - self._starts[:-1][at],
            (self._text[self._starts[run[0]] : self._starts[run[-1] + 1]] for run in runs if len(run)),
        )

    def _head(self, context: Context, finished: bool) -> bytes:
        key = (id(context), finished)
        if key not in self._heads:
            self._heads[key] = _head(context, finished)
        return self._heads[key]

    def _line_texts(self, telling: Telling) -> tuple[np.ndarray, np.ndarray]:
        """Wire places of the context's lines, sorted, and for each a number that stands for its text."""
        key = (id(telling.context), telling.order)
        if key not in self._lines:
            rows = []
            for (file, line), source in telling.context.sources(telling.entry.marked).items():
                if file >= 0 and telling.order[file] >= 0:
                    rows.append((telling.order[file] << 32 | line, _number(source)))
            rows.sort()
            table = np.array(rows, np.int64).reshape(-1, 2)
            self._lines[key] = table[:, 0].copy(), table[:, 1].copy()
        return self._lines[key]


def content_of(context: Context, entry: Entry, ending: Ending, steps: pa.StructArray) -> str:
    """The hash that `harvest` gives a row of this context and these steps (`columns.STEP`).

    Raises KeyError for a step at a place that the context does not show.
    """
    numbers = {place: _number(source) for place, source in context.sources(entry.marked).items()}
    files, lines = (steps.field(name).to_pylist() for name in ("file", "line"))
    events = pc.index_in(steps.field("event"), pa.array([event.value for event in columns.EVENTS]))
    texts = pc.coalesce(steps.field("locals"), steps.field("value"))
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1] if len(texts) else np.zeros(1, np.int32)
    return _hashed(
        _head(context, not ending.cut_off),
        events.to_numpy().astype("u1"),
        np.array([numbers[place] for place in zip(files, lines, strict=True)], np.int64),
        np.diff(bounds),
        [memoryview(data)[bounds[0] : bounds[-1]]] if bounds[-1] else [],
    )


def _head(context: Context, finished: bool) -> bytes:
    head = json.dumps([CONTENT_VERSION, context.text, finished]).encode("ascii")
    return len(head).to_bytes(8, "little") + head


def _hashed(
    head: bytes, events: np.ndarray, lines: np.ndarray, lengths: np.ndarray, texts: Iterable[memoryview]
) -> str:
    """The one spelling of a content: codes of events, numbers of line texts, and each step's stored text."""
    digest = hashlib.sha256(head)
    digest.update(events.tobytes())
    digest.update(lines.astype("<i8").tobytes())
    digest.update(lengths.astype("<i8").tobytes())
    for text in texts:
        digest.update(text)
    return digest.hexdigest()


def _number(text: str) -> int:
    """64 bits of a text's hash: not its place in the context, whose marker may be the program's own text."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "little", signed=True)
