"""A data set on disk: parquet shards with a card, written whole or not at all, read lazily.

``DIR/data/train-00000-of-0000N.parquet`` and ``DIR/README.md``; `datasets.load_dataset(DIR)` opens it.  The
columns are harvest.py's SCHEMA, described in docs/schema.md.  How a data set is made shard by shard, and goes on after
a crash, is manifest.py's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tracegen.aside import put
from tracegen.harvest import SCHEMA, SCHEMA_VERSION
from tracegen.settings import CannotRun
from tracegen.stored import trace_at
from tracegen.trace import Trace

SHARD_BYTES = 256 << 20
"""A shard is closed when its columns in memory are larger than this."""

ROW_GROUP = 2000
"""Rows of a row group, which is what a reader holds in memory."""

MANIFEST = "manifest.json"
"""Stands in a data set that is made shard by shard: see manifest.py."""

SINCE_2 = ("expected", "verdict")
"""Columns that schema version 1 did not have."""

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

UNFINISHED = CARD.format(version=SCHEMA_VERSION, summary="UNFINISHED: some shards are still to be made.").replace(
    "data/train-*.parquet", "unfinished"
)
"""The card until all shards are there: it names a file that does not exist, so that `datasets` opens nothing."""


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
            part.rename(aside / "data" / shard_name(index, len(parts)))
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
            stream.write(as_parquet(table))
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


@dataclass(frozen=True, slots=True)
class Written:
    """A parquet file as it was written."""

    sha256: str
    bytes: int
    rows: int


def write_shard(path: Path, table: pa.Table) -> Written:
    """Write one shard, whole or not at all.  Raises CannotRun."""
    data = as_parquet(table)
    put(path, data)
    return Written(hashlib.sha256(data).hexdigest(), data.size, table.num_rows)


def damage(path: Path, written: Written, hashed: bool = True) -> str:
    """What is wrong with a file that was written so; "" if nothing is.  Without ``hashed`` it is not read."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size != written.bytes:
                return f"has {size} bytes and not {written.bytes}"
            if not hashed:
                return ""
            digest = hashlib.sha256()
            while block := stream.read(1 << 20):
                digest.update(block)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "" if digest.hexdigest() == written.sha256 else "is not what was written"


def as_parquet(table: pa.Table) -> pa.Buffer:
    """A shard's bytes: the same for the same rows, however they lie in memory."""
    sink = pa.BufferOutputStream()
    table = table.cast(SCHEMA)
    with pq.ParquetWriter(sink, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        # The writer ends a page where a chunk ends.
        for start in range(0, table.num_rows, ROW_GROUP) or [0]:
            writer.write_table(_in_one(table.slice(start, ROW_GROUP)), ROW_GROUP)
    return sink.getvalue()


def _in_one(table: pa.Table) -> pa.Table:
    try:
        return table.combine_chunks()
    except pa.ArrowInvalid:  # More text than one chunk holds (2 GiB): then they stay as they were made.
        return table


def shard_name(index: int, count: int) -> str:
    """The file name of a shard; ``index`` counts from 0."""
    return f"train-{index:05d}-of-{count:05d}.parquet"


def shard_paths(source: Path) -> list[Path]:
    """The shards of a data set, or the one file that is named.  Raises DataError."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise DataError(f"{source}: no such folder or file")
    paths = sorted((source / "data").glob("train-*-of-*.parquet"))
    _refuse_unfinished(source, paths)
    if not paths:
        raise DataError(f"{source}: no data set: data/train-*-of-*.parquet is missing")
    for index, path in enumerate(paths):
        if path.name != shard_name(index, len(paths)):
            raise DataError(f"{path}: does not fit among {len(paths)} shards; one is missing, or from elsewhere")
    return paths


def _refuse_unfinished(source: Path, paths: Sequence[Path]) -> None:
    """Raises DataError for a data set whose manifest speaks of shards that are not there yet."""
    try:
        count = len(json.loads((source / MANIFEST).read_bytes())["shards"])
    except FileNotFoundError:
        return
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{source / MANIFEST}: damaged: {error}") from None
    wanted = {shard_name(index, count) for index in range(count)}
    done = sum(path.name in wanted for path in paths)
    if done < count:
        raise DataError(
            f"{source}: unfinished: {done} of {count} shards are there; run the command that makes it again, or "
            "all its jobs if it was shared out with --shard"
        )


def read(source: str | Path, where: pc.Expression | None = None) -> Iterator[Trace]:
    """Traces of a data set, one row group in memory at a time.

    ``where`` is a pyarrow expression over the columns: ``pc.field("ending") == "returned"``.  Raises
    DataError for a file that is truncated, foreign, corrupt, or of a newer schema.
    """
    for path in shard_paths(Path(source)):
        for table in row_groups(path):
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


def row_groups(path: Path) -> Iterator[pa.Table]:
    """The rows of one shard, a row group at a time.  Raises DataError as `read` does."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check_schema(path, file.schema_arrow)
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                table.validate(full=True)
                yield _completed(table)
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
    known = pa.schema([field for field in SCHEMA if int(version) > 1 or field.name not in SINCE_2])
    if not schema.equals(known):
        raise DataError(f"{path}: its columns are not those of schema version {version.decode('ascii')}")


def _completed(table: pa.Table) -> pa.Table:
    """A table in `SCHEMA`: an older one has nothing in the columns that came later."""
    if len(table.column_names) == len(SCHEMA):
        return table
    at = SCHEMA.get_field_index(SINCE_2[0])
    for index, name in enumerate(SINCE_2, start=at):
        table = table.add_column(index, SCHEMA.field(name), pa.nulls(table.num_rows, pa.string()))
    return table.replace_schema_metadata(SCHEMA.metadata)
