"""A data set on disk: what is written comes back exactly, and what is damaged is named and refused.

Longer than the house's 350 lines: every rule of one subject has its cases here, beside what they share.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import cli
import tracegen
from tests.hostile import texts, unhurried
from tests.rows import PROVENANCE, context_of, numbered, only, table
from tests.wires import CALL, EXCEPTION, LINE, RETURN, HandWritten
from tracegen import CannotRun, Ending, Entry, Event, Step, Trace, aside, shards
from tracegen.context import lines_of
from tracegen.harvest import SCHEMA, SCHEMA_VERSION
from tracegen.payload.wire import encoded
from tracegen.shards import DataError


def stored(folder: Path, *tables: pa.Table) -> Path:
    """A data set of these rows."""
    shards.write(folder / "set", tables)
    return folder / "set"


def shard(folder: Path) -> Path:
    """The only shard of a data set."""
    [path] = (folder / "data").iterdir()
    return path


def ids(traces: Iterator[Trace]) -> list[str]:
    return [trace.program_id for trace in traces]


def refused(source: Path, named: Path | None = None) -> str:
    """The one line that refuses a data set; it names the file."""
    with pytest.raises(DataError) as caught:
        list(tracegen.read(source))
    message = str(caught.value)
    assert message.startswith(f"{named or source}: ")
    assert "\n" not in message
    return message


# -- Round trips.


@given(st.lists(texts, min_size=8, max_size=8), st.none() | texts)
@unhurried
def test_every_text_of_a_trace_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, given: list[str], stdout: str | None
) -> None:
    program_id, input, path, source, name, before, after, value = given
    wire = HandWritten().note("python", version="3.11.7", tracer="reference", values="repr", hash_seed="0")
    wire.note("file", path="/p/a.py").begin().step(CALL, 1, json.dumps({name: before}))
    wire.step(LINE, len(lines_of(source)), json.dumps({name: after, f"{name}2": None}))
    wire.step(EXCEPTION, 1, encoded(value)).step(RETURN, 1, encoded(value), flags=1).end(0, "raised")
    told: dict[str, Any] = {"program_id": program_id, "input": input, "files": (path,), "context": context_of(source)}
    folder = tmp_path_factory.mktemp("texts")
    [trace] = tracegen.read(stored(folder, table(wire, stdout=stdout, **told)))
    assert trace == Trace(
        id=trace.id,
        content=trace.content,
        program_id=program_id,
        input=input,
        context=context_of(source),
        files=(path,),
        entry=Entry("f", 0, 1),
        python="3.11",
        ending=Ending.RAISED,
        detail="",
        steps=(
            Step(Event.CALL, 0, 1, 0, ((name, before),)),
            Step(Event.LINE, 0, len(lines_of(source)), 0, ((name, after), (f"{name}2", None))),
            Step(Event.EXCEPTION, 0, 1, 0, (), value),
            Step(Event.RETURN, 0, 1, 0, (), value, True),
        ),
        stdout=stdout,
        provenance=PROVENANCE,
    )
    assert trace.pieces() == only(wire, stdout=stdout, **told).pieces()


def test_steps_are_a_sequence(tmp_path: Path) -> None:
    [trace] = tracegen.read(stored(tmp_path, table()))
    steps = list(trace.steps)
    assert len(trace.steps) == len(steps) == 8
    assert [trace.steps[n] for n in range(-8, 8)] == steps + steps
    assert list(trace.steps[2:5]) == list(trace.steps[2:6][:3]) == steps[2:5]
    assert list(trace.steps[::-2]) == steps[::-2]
    assert list(trace.steps[9:]) == list(trace.steps[5:2]) == []
    assert trace.steps == steps
    assert trace.steps != steps[1:]
    for index in (8, -9):
        with pytest.raises(IndexError):
            trace.steps[index]


def test_a_data_set_is_a_card_and_numbered_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", 1)
    folder = tmp_path / "deep" / "er" / "set"
    assert shards.write(folder, [numbered(2), numbered(1), numbered(3)]) == 6
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert names == ["README.md", *(f"data/train-0000{n}-of-00003.parquet" for n in range(3))]
    assert ids(tracegen.read(folder)) == ["0", "1", "0", "0", "1", "2"]
    assert ids(tracegen.read(folder / names[1])) == ["0", "1"]
    assert ids(tracegen.read(str(folder))) == ids(tracegen.read(folder))
    assert sorted(path.name for path in folder.parent.iterdir()) == ["set"]


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    one, other = (stored(tmp_path / name, numbered(3)) for name in ("one", "other"))
    for path in one.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (other / path.relative_to(one)).read_bytes()


def test_an_empty_data_set_is_one(tmp_path: Path) -> None:
    folder = stored(tmp_path)
    assert list(tracegen.read(folder)) == []
    schema = pq.read_schema(shard(folder))
    assert schema.equals(SCHEMA)
    assert schema.metadata == SCHEMA.metadata


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (pc.field("ending") == "returned", ["0", "2", "4"]),
        (pc.field("ending") == "nothing", []),
        (pc.field("program_id").isin(["3", "1"]), ["1", "3"]),
        (pc.field("entry", "name") == "f", ["0", "1", "2", "3", "4"]),
        ((pc.list_value_length(pc.field("steps")) == 3) & (pc.field("program_id") > "2"), ["3", "4"]),
        (pc.field("stdout") == "x", []),
    ],
)
def test_rows_are_chosen_by_an_expression(tmp_path: Path, where: pc.Expression, found: list[str]) -> None:
    folder = stored(tmp_path, numbered(5))
    assert ids(tracegen.read(folder, where=where)) == found


@pytest.mark.parametrize("where", [pc.field("colour") == 1, pc.field("id") == 1, pc.field("entry", "colour") == 1])
def test_an_expression_that_does_not_fit_is_refused(tmp_path: Path, where: pc.Expression) -> None:
    with pytest.raises(CannotRun, match=r"^where: "):
        list(tracegen.read(stored(tmp_path, numbered(1)), where=where))


def test_row_groups_are_read_one_after_another(tmp_path: Path) -> None:
    folder = stored(tmp_path, pa.concat_tables([numbered(2)] * 2001))
    path = shard(folder)
    parts = pq.ParquetFile(path).metadata
    assert [parts.row_group(n).num_rows for n in range(parts.num_row_groups)] == [2000, 2000, 2]
    data = bytearray(path.read_bytes())
    last = parts.row_group(2).column(0)
    data[(last.dictionary_page_offset or last.data_page_offset) + last.total_compressed_size - 1] ^= 1
    path.write_bytes(data)
    traces = tracegen.read(folder)
    # What stands before the damage is read before the damage is seen.
    for n in range(4000):
        assert next(traces).program_id == str(n % 2)
    with pytest.raises(DataError, match="truncated, corrupt"):
        next(traces)


def test_datasets_opens_it_by_its_folder(tmp_path: Path) -> None:
    folder = stored(tmp_path, numbered(3), table(stdout="\0é", program_id="\ud800"))
    program = f"""
import datasets, json
one = datasets.load_dataset({str(folder)!r})
named = datasets.load_dataset({str(folder)!r}, "traces", split="train")
print(json.dumps({{
    "configs": datasets.get_dataset_config_names({str(folder)!r}),
    "splits": list(one),
    "columns": named.column_names,
    "same": one["train"][:] == named[:],
    "steps": named[1]["steps"],
    "ids": named["program_id"][:],
    "stdout": named[3]["stdout"],
}}))
"""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "HF_HOME": str(tmp_path / "hf"),
        "HF_DATASETS_CACHE": str(tmp_path / "hf" / "cache"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["configs"], said["splits"], said["same"]) == (["traces"], ["train"], True)
    assert said["columns"] == SCHEMA.names
    assert said["ids"] == ["0", "1", "2", '\ufdd0"\\ud800"']
    assert said["stdout"] == "\0é"
    assert [(step["event"], step["line"], step["locals"], step["value"]) for step in said["steps"]] == [
        ("call", 1, '{"n": "1"}', None),
        ("line", 2, "{}", None),
        ("return", 2, None, "1"),
    ]


# -- Damage.


@pytest.mark.parametrize("kept", [0, 1, 4, 100, -100, -8, -4, -1])
def test_a_truncated_shard_is_refused(tmp_path: Path, kept: int) -> None:
    folder = stored(tmp_path, numbered(3))
    path = shard(folder)
    path.write_bytes(path.read_bytes()[:kept])
    assert "truncated, corrupt, or no parquet file" in refused(folder, path)
    assert refused(path) == refused(folder, path)


def test_a_shard_with_any_byte_flipped_is_refused_or_reads_as_before(tmp_path: Path) -> None:
    folder = stored(tmp_path, numbered(3))
    path = shard(folder)
    whole = path.read_bytes()
    before = list(tracegen.read(folder))
    shown = [trace.text() for trace in before]
    chance = random.Random(0)
    counts = {"refused": 0, "as before": 0}
    for _ in range(250):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        try:
            after = list(tracegen.read(folder))
        except DataError as error:
            counts["refused"] += str(error).startswith(f"{path}: ")
        else:
            assert after == before
            assert [trace.text() for trace in after] == shown
            counts["as before"] += 1
    assert counts["refused"] > 100 and sum(counts.values()) == 250


def rewritten(folder: Path, change: Any) -> Path:
    """The only shard, its table changed."""
    path = shard(folder)
    pq.write_table(change(pq.read_table(path)), path)
    return path


def test_a_parquet_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"id": ["a"]}), path)
    assert refused(path) == f"{path}: a parquet file, but none of this project"


@pytest.mark.parametrize(
    ("version", "shown"),
    [(b"%d" % (SCHEMA_VERSION + 1), str(SCHEMA_VERSION + 1)), (b"999", "999"), (b"x", "x"), (b"\xff", "\ufffd")],
)
def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path, version: bytes, shown: str) -> None:
    folder = stored(tmp_path, numbered(1))
    path = rewritten(folder, lambda rows: rows.replace_schema_metadata({"foretrace.schema_version": version}))
    message = f"{path}: schema version {shown}, newer than this program's {SCHEMA_VERSION}; update foretrace"
    assert refused(folder, path) == message


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.drop_columns(["stdout"]),
        lambda rows: rows.append_column("colour", pa.array(["red"])),
        lambda rows: rows.rename_columns([name.upper() for name in rows.column_names]),
        lambda rows: rows.select(list(reversed(rows.column_names))),
        lambda rows: rows.set_column(2, "schema_version", pa.array([1], pa.int64())),
    ],
)
def test_other_columns_are_refused(tmp_path: Path, change: Any) -> None:
    folder = stored(tmp_path, numbered(1))
    metadata = SCHEMA.metadata
    path = rewritten(folder, lambda rows: change(rows).replace_schema_metadata(metadata))
    assert refused(folder, path) == f"{path}: its columns are not those of schema version {SCHEMA_VERSION}"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ending", pa.array(["happily"])),
        ("context", pa.array(["one line too many\n" * 9])),
        ("program_id", pa.array(["\ufdd0"])),
        ("input", pa.array(["\ufdd0null"])),
        ("stdout", pa.array(["\ufdd0{"])),
        ("files", pa.array([["\ufdd0"]])),
    ],
)
def test_a_row_that_is_no_trace_is_refused(tmp_path: Path, column: str, value: pa.Array) -> None:
    folder = stored(tmp_path, numbered(1))

    def change(rows: pa.Table) -> pa.Table:
        place = SCHEMA.get_field_index(column)
        return rows.set_column(place, SCHEMA.field(place), value.cast(SCHEMA.field(place).type))

    path = rewritten(folder, change)
    assert "a row that is no trace" in refused(folder, path)


def test_a_missing_shard_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", 1)
    folder = stored(tmp_path, *[numbered(1)] * 3)
    (folder / "data" / "train-00001-of-00003.parquet").unlink()
    first = folder / "data" / "train-00000-of-00003.parquet"
    assert refused(folder, first).endswith("does not fit among 2 shards; one is missing, or from elsewhere")


def test_a_shard_from_elsewhere_is_noticed(tmp_path: Path) -> None:
    folder = stored(tmp_path, numbered(1))
    path = shard(folder)
    path.with_name("train-00000-of-00007.parquet").write_bytes(path.read_bytes())
    assert "does not fit among 2 shards" in refused(folder, path)


def test_a_place_without_a_data_set_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "no") == f"{tmp_path / 'no'}: no such folder or file"
    assert refused(tmp_path) == f"{tmp_path}: no data set: data/train-*-of-*.parquet is missing"
    text = tmp_path / "a.txt"
    text.write_text("hello", encoding="utf-8")
    assert "no parquet file" in refused(text)


# -- Writing.


def left(folder: Path) -> list[str]:
    """Everything below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("error", [ValueError("no"), CannotRun("no"), KeyboardInterrupt()])
def test_rows_that_break_off_leave_nothing(tmp_path: Path, error: BaseException) -> None:
    def tables() -> Iterator[pa.Table]:
        yield numbered(2)
        raise error

    with pytest.raises(type(error)):
        shards.write(tmp_path / "set", tables())
    assert left(tmp_path) == []


def test_rows_that_break_off_leave_an_empty_folder_that_was_there(tmp_path: Path) -> None:
    def tables() -> Iterator[pa.Table]:
        yield numbered(2)
        raise ValueError("no")

    (tmp_path / "set").mkdir()
    with pytest.raises(ValueError, match="no"):
        shards.write(tmp_path / "set", tables())
    assert left(tmp_path) == ["set"]


def test_an_output_that_cannot_be_written_any_more_leaves_nothing(tmp_path: Path) -> None:
    rows = numbered(50)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(CannotRun) as caught:
            shards.write(tmp_path / "set", [rows])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(caught.value) == f"{tmp_path / 'set'}: cannot be written: File too large"
    assert left(tmp_path) == []


def test_a_folder_that_somebody_fills_meanwhile_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "set"

    def tables() -> Iterator[pa.Table]:
        yield numbered(1)
        folder.mkdir()
        (folder / "theirs").write_text("theirs", encoding="utf-8")

    with pytest.raises(CannotRun, match=r"set: cannot be written: "):
        shards.write(folder, tables())
    assert left(tmp_path) == ["set", "set/theirs"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    assert ids(tracegen.read(stored(tmp_path, numbered(1)))) == ["0"]


def test_a_folder_that_holds_something_is_refused_before_anything_runs(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "x").write_text("x", encoding="utf-8")

    def tables() -> Iterator[pa.Table]:
        raise AssertionError("it ran")
        yield numbered(1)

    with pytest.raises(CannotRun, match="set: holds something else; give a folder that is empty or does not exist"):
        shards.write(folder, tables())
    assert left(tmp_path) == ["set", "set/x"]


def test_a_data_set_is_never_written_over(tmp_path: Path) -> None:
    folder = stored(tmp_path, numbered(1))
    with pytest.raises(CannotRun, match="set: already holds a data set"):
        stored(tmp_path, numbered(2))
    assert ids(tracegen.read(folder)) == ["0"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("x", encoding="utf-8")
    with pytest.raises(CannotRun, match="set: is a file"):
        stored(tmp_path, numbered(1))
    with pytest.raises(CannotRun, match="set"):
        shards.write(tmp_path / "set" / "below", [numbered(1)])
    assert left(tmp_path) == ["set"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to any folder; see the next test")
def test_a_folder_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CannotRun, match="is not writable"):
        shards.can_write(tmp_path / "set")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that nobody may write to")
def test_a_place_where_not_even_root_may_write_is_refused() -> None:
    with pytest.raises(CannotRun, match=r"^/proc/foretrace: "):
        shards.write(Path("/proc/foretrace"), [numbered(1)])


def test_a_shard_has_the_same_bytes_however_its_rows_lie_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "ROW_GROUP", 3)
    rows = numbered(8)
    one, many = rows.combine_chunks(), pa.concat_tables([rows.slice(n, 1) for n in range(8)])
    assert shards.as_parquet(one).equals(shards.as_parquet(many))
    assert pq.ParquetFile(pa.BufferReader(shards.as_parquet(many))).read().equals(rows)


def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    aside.put(path, b"first")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(CannotRun) as caught:
            aside.put(path, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(caught.value) == (
        f"{path}: File too large; allow larger files, or put fewer items into a shard, then run the same command "
        "again: finished shards stay"
    )
    assert (left(tmp_path), path.read_bytes()) == (["a"], b"first")
    with pytest.raises(CannotRun, match="its folder has vanished: bring it back"):
        aside.put(tmp_path / "no" / "a", b"")


def test_a_written_shard_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    written = shards.write_shard(path, numbered(3))
    assert written.rows == 3 and shards.damage(path, written) == ""
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"?")
    assert shards.damage(path, written) == "is not what was written"
    assert shards.damage(path, written, hashed=False) == ""
    path.write_bytes(whole[:-1])
    assert shards.damage(path, written) == f"has {len(whole) - 1} bytes and not {len(whole)}"
    path.unlink()
    path.mkdir()
    assert shards.damage(path, written) == "cannot be read: Is a directory"
    path.rmdir()
    assert shards.damage(path, written) == "is missing"


def test_an_unfinished_data_set_says_how_far_it_is(tmp_path: Path) -> None:
    folder = stored(tmp_path, numbered(1))
    (folder / shards.MANIFEST).write_text('{"shards": [{}, {}, {}]}', encoding="ascii")
    assert refused(folder) == (
        f"{folder}: unfinished: 0 of 3 shards are there; run the command that makes it again, or all its jobs if it "
        "was shared out with --shard"
    )
    (folder / shards.MANIFEST).write_text("{", encoding="ascii")
    assert "damaged" in refused(folder, folder / shards.MANIFEST)


def test_datasets_does_not_open_an_unfinished_data_set(tmp_path: Path) -> None:
    folder = stored(tmp_path, numbered(1))
    (folder / "README.md").write_text(shards.UNFINISHED, encoding="utf-8")
    program = f"import datasets; datasets.load_dataset({str(folder)!r})"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "FileNotFoundError" in done.stderr.splitlines()[-1] and "unfinished" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("style", ["text", "json", "table"])
@pytest.mark.parametrize("damage", [{"locals": "{"}, {"locals": "[1]"}, {"line": 77}, {"event": "jump"}])
def test_damaged_steps_are_one_line_of_show(tmp_path: Path, style: str, damage: dict[str, object]) -> None:
    rows = table().to_pylist()
    rows[0]["steps"][0] |= damage
    folder = tmp_path / "data set"
    shards.write(folder, [pa.Table.from_pylist(rows, schema=SCHEMA)])
    result = CliRunner().invoke(cli.main, ["show", str(folder), "--trace", rows[0]["id"], "--format", style])
    assert result.exit_code == 2
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith(f"foretrace: {folder}: trace {rows[0]['id']}: its steps are damaged: ")
