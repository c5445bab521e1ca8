"""A trace as a row of a data set stores it: taken out of the columns, its steps when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, overload

import pyarrow as pa

from tracegen.context import Context
from tracegen.frame import Event
from tracegen.harvest import SCHEMA, restored
from tracegen.trace import Ending, Entry, Provenance, Step, Trace


def trace_at(table: pa.Table, row: int) -> Trace:
    """The trace of one row of a table in `SCHEMA`; its steps stay in their columns."""
    values: dict[str, Any] = {
        name: table.column(name)[row].as_py() for name in SCHEMA.names if name not in ("steps", "context_lines")
    }
    places = table.column("context_lines")[row].values.flatten()
    context = Context(
        restored(values["context"]), tuple(zip(places[0].to_pylist(), places[1].to_pylist(), strict=True))
    )
    stdout = values["stdout"]
    return Trace(
        id=values["id"],
        content=values["content"],
        program_id=restored(values["program_id"]),
        input=restored(values["input"]),
        context=context,
        files=tuple(restored(file) for file in values["files"]),
        entry=Entry(**values["entry"]),
        python=values["python"],
        ending=Ending(values["ending"]),
        detail=values["detail"],
        steps=Steps(table.column("steps")[row].values),
        stdout=None if stdout is None else restored(stdout),
        expected=None if values["expected"] is None else restored(values["expected"]),
        verdict=values["verdict"],
        provenance=Provenance(**values["provenance"]),
    )


class Steps(Sequence[Step]):
    """A trace's steps as a view of their columns: a `Step` is made when it is asked for."""

    __slots__ = ("_struct",)

    def __init__(self, struct: pa.StructArray) -> None:
        self._struct = struct

    def __len__(self) -> int:
        return len(self._struct)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Step]: ...
    def __getitem__(self, index: int | slice) -> Step | Sequence[Step]:
        if isinstance(index, slice):
            start, stop, stride = index.indices(len(self))
            if stride == 1:
                return Steps(self._struct.slice(start, max(stop - start, 0)))
            return [self[i] for i in range(start, stop, stride)]
        return _step(self._struct[range(len(self))[index]].as_py())

    def __iter__(self) -> Iterator[Step]:
        for start in range(0, len(self), 1024):
            for step in self._struct.slice(start, 1024).to_pylist():
                yield _step(step)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Steps):
            return bool(self._struct.equals(other._struct))
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def _step(stored: dict[str, Any]) -> Step:
    locals = stored["locals"]
    value = stored["value"]
    return Step(
        Event(stored["event"]),
        stored["file"],
        stored["line"],
        stored["depth"],
        () if locals is None else tuple(json.loads(locals, object_pairs_hook=list)),
        None if value is None else restored(value),
        stored["unwinding"],
    )
