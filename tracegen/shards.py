"""A data set on disk: parquet shards with a card, written whole or not at all, read lazily.

``DIR/data/train-00000-of-0000N.parquet`` and ``DIR/README.md``; `datasets.load_dataset(DIR)` opens it.  The
columns are harvest.py's SCHEMA, described in docs/schema.md.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tracegen.context import Context
from tracegen.frame import Event
from tracegen.harvest import SCHEMA, SCHEMA_VERSION, restored
from tracegen.settings import CannotRun
from tracegen.trace import Ending, Entry, Provenance, Step, Trace

SHARD_BYTES = 256 << 20
"""A shard is closed when its columns in memory are larger than this."""

CARD = """---
configs:
- config_name: traces
  default: true
  data_files:
  - split: train
    path: data/train-*.parquet
tags:
- code
- execution-traces
- foretrace
---
# Execution traces

Made by `foretrace`: one row a trace, every step of it with the locals that changed. Schema version {version};
the columns are described in the project's docs/schema.md.

{summary}
"""


class DataError(CannotRun):
    """A file that is not a data set of this project, or that is damaged; names the file."""


def can_write(folder: Path) -> None:
    """Raises CannotRun if a data set cannot be made in this folder without touching anything else."""
    if folder.exists() and not folder.is_dir():
        raise CannotRun(f"{folder}: is a file; give a folder that is empty or does not exist")
    if folder.is_dir() and any(folder.iterdir()):
        what = "already holds a data set" if is_data_set(folder) else "holds something else"
        raise CannotRun(f"{folder}: {what}; give a folder that is empty or does not exist")
    parent = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not parent.is_dir():
        raise CannotRun(f"{folder}: {parent} is a file; give a folder that is empty or does not exist")
    if not os.access(parent, os.W_OK):
        raise CannotRun(f"{folder}: {parent} is not writable")


def is_data_set(folder: Path) -> bool:
    """Whether a folder looks like a data set of this project."""
    return any((folder / "data").glob("train-*-of-*.parquet"))


def write(folder: Path, tables: Iterable[pa.Table], summary: str | None = None) -> int:
    """Write a data set; returns the number of traces.

    ``tables`` are in `SCHEMA`.  Everything is made in a folder beside, which takes the final name at the
    end: an interrupted run leaves no data set.  Raises CannotRun where `can_write` does.
    """
    folder = folder.absolute()
    can_write(folder)
    aside = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    try:
        (aside / "data").mkdir(parents=True)
        rows, parts = _write_parts(aside / "data", tables)
        for index, part in enumerate(parts):
            part.rename(aside / "data" / f"train-{index:05d}-of-{len(parts):05d}.parquet")
        (aside / "README.md").write_text(
            CARD.format(version=SCHEMA_VERSION, summary=summary or f"{rows} traces."), encoding="utf-8"
        )
        if folder.is_dir():
            folder.rmdir()
        aside.rename(folder)
    except OSError as error:
        raise CannotRun(f"{folder}: cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return rows


def _write_parts(folder: Path, tables: Iterable[pa.Table]) -> tuple[int, list[Path]]:
    """Shards without their final names, in order; at least one, so that an empty data set opens too."""
    parts: list[Path] = []
    waiting: list[pa.Table] = []
    rows = size = 0

    def close() -> None:
        part = folder / f"part-{len(parts):05d}"
        table = pa.concat_tables(waiting, promote_options="none") if waiting else SCHEMA.empty_table()
        with part.open("wb") as stream:
            pq.write_table(
                table.cast(SCHEMA), stream, compression="zstd", row_group_size=2000, write_page_checksum=True
            )
            stream.flush()
            os.fsync(stream.fileno())
        parts.append(part)
        waiting.clear()

    for table in tables:
        waiting.append(table)
        rows += table.num_rows
        size += table.nbytes
        if size >= SHARD_BYTES:
            close()
            size = 0
    if waiting or not parts:
        close()
    return rows, parts


def shard_paths(source: Path) -> list[Path]:
    """The shards of a data set, or the one file that is named.  Raises DataError."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise DataError(f"{source}: no such folder or file")
    paths = sorted((source / "data").glob("train-*-of-*.parquet"))
    if not paths:
        raise DataError(f"{source}: no data set: data/train-*-of-*.parquet is missing")
    for index, path in enumerate(paths):
        if path.name != f"train-{index:05d}-of-{len(paths):05d}.parquet":
            raise DataError(f"{path}: does not fit among {len(paths)} shards; one is missing, or from elsewhere")
    return paths


def read(source: str | Path, where: pc.Expression | None = None) -> Iterator[Trace]:
    """Traces of a data set, one row group in memory at a time.

    ``where`` is a pyarrow expression over the columns: ``pc.field("ending") == "returned"``.  Raises
    DataError for a file that is truncated, foreign, corrupt, or of a newer schema.
    """
    for path in shard_paths(Path(source)):
        for table in _row_groups(path):
            if where is not None:
                try:
                    table = table.filter(where)
                except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                    raise CannotRun(f"where: {error}") from None
            for row in range(table.num_rows):
                try:
                    trace = trace_at(table, row)
                except (ValueError, TypeError, IndexError, RecursionError) as error:
                    raise DataError(f"{path}: a row that is no trace: {error}") from None
                yield trace


def _row_groups(path: Path) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check_schema(path, file.schema_arrow)
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                table.validate(full=True)
                yield table
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        message = str(error).splitlines()[0]
        raise DataError(f"{path}: truncated, corrupt, or no parquet file: {message}") from None


def _check_schema(path: Path, schema: pa.Schema) -> None:
    version = (schema.metadata or {}).get(b"foretrace.schema_version")
    if version is None:
        raise DataError(f"{path}: a parquet file, but none of this project")
    if not version.isdigit() or int(version) > SCHEMA_VERSION:
        raise DataError(
            f"{path}: schema version {version.decode('ascii', 'replace')}, newer than this program's "
            f"{SCHEMA_VERSION}; update foretrace"
        )
    if not schema.equals(SCHEMA):
        raise DataError(f"{path}: its columns are not those of schema version {SCHEMA_VERSION}")


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
