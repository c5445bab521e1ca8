"""Data sets that become one: order, repeated ids, pieces of several jobs, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tracegen
from tests.rows import numbered
from tests.supervised import Toy, Word, words
from tracegen import CannotRun, shards, supervisor
from tracegen.harvest import SCHEMA
from tracegen.harvest import SCHEMA_VERSION as NOW
from tracegen.merging import Merged, merge
from tracegen.shards import DataError, row_groups
from tracegen.supervisor import Share


def stored(folder: Path, *tables: pa.Table) -> Path:
    shards.write(folder, tables)
    return folder


def made(folder: Path, items: Sequence[Word], share: Share | None = None) -> Path:
    """A data set, or a piece of one, that workers made."""
    folder.parent.mkdir(exist_ok=True)
    toy = Toy(str(folder.parent / f"{folder.name}.log"))
    supervisor.collect(toy, items, folder, jobs=1, per_shard=2, share=share)
    return folder


def ids(folder: Path) -> list[str]:
    return [trace.program_id for trace in tracegen.read(folder)]


def rows(folder: Path) -> pa.Table:
    return pa.concat_tables(table for path in shards.shard_paths(folder) for table in row_groups(path))


def refused(output: Path, *sources: Path) -> str:
    """The one line that refuses; nothing is written."""
    with pytest.raises(CannotRun) as caught:
        merge(sources, output)
    assert not output.exists() and not list(output.parent.glob(".*partial*"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_rows_keep_their_order_and_sources_theirs(tmp_path: Path) -> None:
    all_rows = numbered(6)
    a, b = stored(tmp_path / "a", all_rows.slice(3)), stored(tmp_path / "b", all_rows.slice(0, 3))
    assert merge([a, b], tmp_path / "ab") == Merged(6, 0)
    assert ids(tmp_path / "ab") == ["3", "4", "5", "0", "1", "2"]


def test_an_id_is_kept_once_where_it_stands_first(tmp_path: Path) -> None:
    all_rows = numbered(4)
    a = stored(tmp_path / "a", all_rows.slice(1, 2), all_rows.slice(2, 1))
    b = stored(tmp_path / "b", all_rows)
    assert merge([a, b, b], tmp_path / "out") == Merged(4, 7)
    assert ids(tmp_path / "out") == ["1", "2", "0", "3"]


def test_one_file_of_a_data_set_is_a_source_too(tmp_path: Path) -> None:
    a = stored(tmp_path / "a", numbered(2))
    assert merge([a / "data" / shards.shard_name(0, 1)], tmp_path / "out") == Merged(2, 0)


def test_nothing_merges_to_nothing(tmp_path: Path) -> None:
    assert merge([stored(tmp_path / "a")], tmp_path / "out") == Merged(0, 0)
    assert ids(tmp_path / "out") == []
    assert refused(tmp_path / "none") == "give at least one data set to merge"


def test_row_groups_are_read_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in memory is a row group and the shard that is being made."""
    monkeypatch.setattr(shards, "ROW_GROUP", 2)
    monkeypatch.setattr(shards, "SHARD_BYTES", 1)
    sizes: list[int] = []
    real = shards.as_parquet

    def counted(table: pa.Table) -> pa.Buffer:
        sizes.append(table.num_rows)
        return real(table)

    a = stored(tmp_path / "a", numbered(7))
    monkeypatch.setattr(shards, "as_parquet", counted)
    assert merge([a], tmp_path / "out") == Merged(7, 0)
    assert sizes == [2, 2, 2, 1]


def test_pieces_of_several_jobs_are_the_data_set_of_one(tmp_path: Path) -> None:
    items = words(11, w3="drop", w8="cut")
    whole = made(tmp_path / "whole", items)
    pieces = [made(tmp_path / f"piece{n}", items, Share(n, 3)) for n in (1, 2, 3)]
    for number, order in enumerate(([0, 1, 2], [2, 0, 1])):
        output = tmp_path / f"out{number}"
        assert merge([pieces[n] for n in order], output) == Merged(9, 0)
        assert rows(output).equals(rows(whole))
    assert merge([whole], tmp_path / "again") == Merged(9, 0)
    assert rows(tmp_path / "again").equals(rows(whole))


def test_pieces_stand_where_the_first_of_them_is_given(tmp_path: Path) -> None:
    items = words(4)
    one, two = (made(tmp_path / f"piece{n}", items, Share(n, 2)) for n in (1, 2))
    before, after = stored(tmp_path / "before", numbered(1)), made(tmp_path / "after", [Word("x")])
    assert merge([before, two, after, one], tmp_path / "out") == Merged(6, 0)
    assert ids(tmp_path / "out") == ["0", "w0", "w1", "w2", "w3", "x"]


def test_a_shard_that_several_pieces_have_is_taken_once_and_counted(tmp_path: Path) -> None:
    items = words(4)
    one, two = (made(tmp_path / f"piece{n}", items, Share(n, 2)) for n in (1, 2))
    whole = made(tmp_path / "whole", items)
    assert merge([one, two, one], tmp_path / "out") == Merged(4, 2)
    assert merge([one, whole], tmp_path / "other") == Merged(4, 2)
    assert ids(tmp_path / "out") == ids(tmp_path / "other") == ["w0", "w1", "w2", "w3"]


def test_missing_shards_are_named(tmp_path: Path) -> None:
    items = words(11)
    pieces = [made(tmp_path / f"piece{n}", items, Share(n, 6)) for n in (1, 2)]
    assert refused(tmp_path / "out", *pieces) == (
        f"{pieces[0]}, {pieces[1]}: unfinished: 4 of 6 shards are missing: train-00002-of-00006.parquet, "
        "train-00003-of-00006.parquet, train-00004-of-00006.parquet and 1 more; run the jobs that make them, or "
        "give their folders too"
    )


def test_pieces_of_different_data_sets_do_not_make_one(tmp_path: Path) -> None:
    items = words(4)
    one = made(tmp_path / "one", items, Share(1, 2))
    other = made(tmp_path / "other", [*items[:3], replace(items[3], text="x")], Share(2, 2))
    assert refused(tmp_path / "out", one, other).startswith(f"{one}: unfinished: 1 of 2 shards are missing: ")


def test_a_damaged_piece_is_refused(tmp_path: Path) -> None:
    folder = made(tmp_path / "set", words(4))
    part = folder / "data" / shards.shard_name(1, 2)
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    message = f"{folder}: data/{part.name} is not what was written; run the command that made it again"
    assert refused(tmp_path / "out", folder) == message


def test_a_damaged_source_leaves_nothing(tmp_path: Path) -> None:
    a, b = stored(tmp_path / "a", numbered(3)), stored(tmp_path / "b", numbered(3))
    part = b / "data" / shards.shard_name(0, 1)
    part.write_bytes(part.read_bytes()[:100])
    assert "truncated, corrupt, or no parquet file" in refused(tmp_path / "out", a, b)
    assert refused(tmp_path / "out", a, tmp_path / "no") == f"{tmp_path / 'no'}: no such folder or file"


def test_a_newer_schema_version_is_refused(tmp_path: Path) -> None:
    folder = stored(tmp_path / "a", numbered(1))
    path = folder / "data" / shards.shard_name(0, 1)
    pq.write_table(pq.read_table(path).replace_schema_metadata({"foretrace.schema_version": str(NOW + 1)}), path)
    assert f"schema version {NOW + 1}, newer than this program's" in refused(tmp_path / "out", folder)


def test_rows_of_an_older_schema_version_are_refused_even_if_they_can_be_read(tmp_path: Path) -> None:
    rows = numbered(1)
    place = SCHEMA.get_field_index("schema_version")
    old = rows.set_column(place, SCHEMA.field(place), pa.array([NOW - 1], pa.int32()))
    folder = stored(tmp_path / "a", old)
    assert f"schema version {NOW - 1}, and this program's is {NOW}; make it again" in refused(tmp_path / "out", folder)


def test_an_output_that_holds_something_is_refused(tmp_path: Path) -> None:
    folder = stored(tmp_path / "a", numbered(1))
    with pytest.raises(CannotRun, match="already holds a data set"):
        merge([folder], folder)
    with pytest.raises(DataError):
        merge([tmp_path / "no"], tmp_path / "out")
    assert SCHEMA.equals(pq.read_schema(folder / "data" / shards.shard_name(0, 1)))
