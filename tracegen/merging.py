"""Data sets become one: in the order given, each id once, a row group in memory at a time.

Also the pieces that several jobs made of one data set in folders of their own, if they are all there.  Rows that
the clock cut off stay behind: they are no part of a data set.  Knows nothing of what a row means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from tracegen import manifest, shards
from tracegen.harvest import SCHEMA_VERSION
from tracegen.manifest import DataSet, Manifest, State
from tracegen.settings import CannotRun
from tracegen.shards import MANIFEST, DataError, row_groups


@dataclass(frozen=True, slots=True)
class Merged:
    """Rows of the new data set, and rows that were left out because their id was there already."""

    rows: int
    repeated: int


@dataclass(frozen=True, slots=True)
class _Source:
    """A folder or file that is given; ``manifest`` if it was made shard by shard."""

    path: Path
    dataset: DataSet | None
    done: tuple[int, ...]

    @property
    def manifest(self) -> Manifest | None:
        return None if self.dataset is None else self.dataset.manifest

    @property
    def complete(self) -> bool:
        return self.dataset is None or len(self.done) == len(self.dataset.manifest.shards)


def merge(sources: Sequence[Path], output: Path) -> Merged:
    """Make one data set of these: whole, or none.

    A source is a data set, one of its files, or a piece made with ``--shard i/N``: pieces of one data set stand
    together, in the order of its shards, where the first of them is given.  Raises DataError for a source that
    is damaged, of another schema version, or a piece whose others are missing; CannotRun as `shards.write`.
    """
    if not sources:
        raise CannotRun("give at least one data set to merge")
    shards.can_write(output)
    paths = list(_paths([_source(path) for path in sources]))
    seen: set[bytes] = set()
    given = 0

    def tables() -> Iterator[pa.Table]:
        nonlocal given
        for path in paths:
            for table in row_groups(path):
                _check_version(path, table)
                given += table.num_rows
                kept = _new(table, seen)
                if kept.num_rows:
                    yield kept

    rows = shards.write(output, tables())
    return Merged(rows, given - rows)


def _source(path: Path) -> _Source:
    found = manifest.parsed(path / MANIFEST) if path.is_dir() else None
    if found is None:
        return _Source(path, None, ())
    dataset = DataSet(path, found)
    done = []
    for index in range(len(found.shards)):
        shard = dataset.found(index)
        if shard.state is State.CORRUPT:
            raise DataError(f"{path}: {shard.why}; run the command that made it again")
        if shard.state is State.DONE:
            done.append(index)
    return _Source(path, dataset, tuple(done))


def _paths(sources: Sequence[_Source]) -> Iterator[Path]:
    """All shards in their order.  Raises DataError if pieces do not make a whole."""
    joined: list[Manifest] = []
    for source in sources:
        if source.manifest is None or source.complete:
            yield from shards.shard_paths(source.path)
        elif source.manifest not in joined:
            joined.append(source.manifest)
            yield from _join(source.manifest, [other for other in sources if other.manifest == source.manifest])


def _join(wanted: Manifest, parts: Sequence[_Source]) -> Iterator[Path]:
    """The shards of pieces of one data set; of one that several have, all: its rows are known by their ids."""
    missing = [index for index in range(len(wanted.shards)) if not any(index in part.done for part in parts)]
    if missing:
        names = ", ".join(shards.shard_name(index, len(wanted.shards)) for index in missing[:3])
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        folders = ", ".join(str(part.path) for part in parts)
        raise DataError(
            f"{folders}: unfinished: {len(missing)} of {len(wanted.shards)} shards are missing: {names}{more}; "
            "run the jobs that make them, or give their folders too"
        )
    for index in range(len(wanted.shards)):
        for part in parts:
            if index in part.done and part.dataset is not None and not part.complete:
                yield part.dataset.part(index)


def _check_version(path: Path, table: pa.Table) -> None:
    """Refuse rows of another schema version, even where their columns are the same."""
    for version in table.column("schema_version").unique().to_pylist():
        if version != SCHEMA_VERSION:
            raise DataError(f"{path}: schema version {version}, and this program's is {SCHEMA_VERSION}; make it again")


def _new(table: pa.Table, seen: set[bytes]) -> pa.Table:
    """The rows whose ids were not seen before."""
    new = np.ones(table.num_rows, bool)
    for row, id in enumerate(table.column("id").to_pylist()):
        # 32 bytes whatever the id, which is 64 characters if it is ours.
        digest = hashlib.sha256(id.encode("utf-8")).digest()
        new[row] = digest not in seen
        seen.add(digest)
    return table if new.all() else table.filter(pa.array(new))
