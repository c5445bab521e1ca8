"""The manifest of a data set that is made shard by shard: what it says, refuses, and goes on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.supervised import Toy, ToyBench, Word, words
from tracegen import CannotRun, aside, shards
from tracegen.manifest import DataSet, Manifest, State, described, opened, parsed
from tracegen.shards import MANIFEST
from tracegen.supervisor import Share, parse_shard


def manifest_of(items: Sequence[Word], per_shard: int = 2, **identity: object) -> Manifest:
    return described("words", {"values": "repr"} | identity, items, per_shard)


def begun(folder: Path, items: Sequence[Word], per_shard: int = 2, anew: bool = False) -> DataSet:
    return opened(folder, manifest_of(items, per_shard), items, anew)


def filled(folder: Path, items: Sequence[Word], only: Sequence[int] | None = None, anew: bool = False) -> DataSet:
    """A data set of which these shards (all, if none is named) are made, if they are not there."""
    dataset = begun(folder, items, anew=anew)
    bench = ToyBench(Toy(str(folder.parent / "log")))
    for index in range(len(dataset.manifest.shards)) if only is None else only:
        if dataset.found(index).state is not State.DONE:
            part = bench.make(items[index * 2 : index * 2 + 2], lambda: None)
            dataset.store(index, part.table, part.cut, part.counts, part.said)
    return dataset


def refused(folder: Path, items: Sequence[Word], per_shard: int = 2, anew: bool = False, **identity: object) -> str:
    """The one line that refuses to go on; nothing is changed."""
    before = contents(folder)
    with pytest.raises(CannotRun) as caught:
        opened(folder, manifest_of(items, per_shard, **identity), items, anew)
    assert contents(folder) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- What it says.


def test_items_are_cut_into_shards_in_their_order() -> None:
    items = words(5)
    found = manifest_of(items)
    assert [len(batch) for batch in found.shards] == [2, 2, 1]
    assert found.items == 5
    assert found.shards[1] == manifest_of(items[2:4]).shards[0]
    assert found == manifest_of(items)


def test_the_order_the_keys_and_the_digests_of_items_are_all_part_of_the_digest() -> None:
    one, two = words(2)
    others = [[two, one], [replace(one, key="x"), two], [replace(one, text="x"), two], [one], []]
    assert len({manifest_of(items).digest for items in [[one, two], *others]}) == 6


def test_nothing_makes_one_empty_shard() -> None:
    assert [len(batch) for batch in manifest_of([]).shards] == [0]


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    found = manifest_of(words(3), limits=(1, 2), include=["é"], seconds=float("inf"))
    (tmp_path / MANIFEST).write_bytes(found.as_json())
    assert parsed(tmp_path / MANIFEST) == found
    stored = json.loads(found.as_json())
    assert (stored["kind"], stored["items"], stored["per_shard"], len(stored["shards"])) == ("words", 3, 2, 2)
    assert stored["digest"] == found.digest


def test_a_key_that_is_there_twice_is_refused() -> None:
    with pytest.raises(CannotRun, match=r"^'w0' is there twice: "):
        manifest_of([*words(2), Word("w0", "other")])
    with pytest.raises(CannotRun, match=r"^0 items a shard: must be at least 1$"):
        manifest_of(words(2), 0)


# -- Shares.


def test_shares_are_disjoint_and_together_everything() -> None:
    for count in range(7):
        shares = [list(Share(number, 3).indices(count)) for number in (1, 2, 3)]
        assert sorted(index for share in shares for index in share) == list(range(count))
    assert list(parse_shard("3/3").indices(7)) == [2, 5]


@pytest.mark.parametrize("text", ["0/8", "9/8", "1/0", "0/0", "-1/2", "1", "a/b", "1/2/3", " 1/2", "1/2\n", "٣/٤", ""])
def test_a_share_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(CannotRun, match=r"^--shard "):
        parse_shard(text)


# -- Begun, and gone on with.


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_begun_once(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "deep" / "set"
    if there:
        folder.mkdir(parents=True)
    items = words(3)
    assert begun(folder, items).manifest == parsed(folder / MANIFEST) == manifest_of(items)
    before = contents(folder)
    begun(folder, items)
    assert contents(folder) == before
    assert set(before) == {"README.md", MANIFEST}


@pytest.mark.parametrize("name", ["README.md", MANIFEST])
def test_a_job_that_died_at_its_very_beginning_is_gone_on_with(tmp_path: Path, name: str) -> None:
    (tmp_path / f".{name}.00000000-77-00000000.partial").write_text("x", encoding="ascii")
    (tmp_path / "README.md").write_text(shards.UNFINISHED, encoding="utf-8")
    assert begun(tmp_path, words(3)).manifest == parsed(tmp_path / MANIFEST)


def test_of_two_jobs_that_begin_at_once_the_first_one_wins(tmp_path: Path) -> None:
    aside.put(tmp_path / MANIFEST, b"first", over=False)
    aside.put(tmp_path / MANIFEST, b"second", over=False)
    assert contents(tmp_path) == {MANIFEST: b"first"}
    aside.put(tmp_path / MANIFEST, b"third")
    assert contents(tmp_path) == {MANIFEST: b"third"}


def test_other_options_are_refused_and_named(tmp_path: Path) -> None:
    items = words(3)
    begun(tmp_path, items)
    hint = "give the same options, or another folder"
    line = f'{tmp_path}: was begun with values "repr", and this is "safe"; {hint}'
    assert refused(tmp_path, items, values="safe") == line
    assert refused(tmp_path, items, seed=1) == f"{tmp_path}: was begun with seed null, and this is 1; {hint}"
    assert refused(tmp_path, items, 3) == f"{tmp_path}: was begun with per_shard 2, and this is 3; {hint}"
    # What changes rows is not made again under other options.
    assert refused(tmp_path, items, anew=True, values="safe") == line
    with pytest.raises(CannotRun, match="was begun with kind 'words', and this is 'samples'"):
        opened(tmp_path, described("samples", {"values": "repr"}, items, 2), items)


def test_the_first_item_that_changed_is_named(tmp_path: Path) -> None:
    items = words(5)
    begun(tmp_path, items)
    changed = [*items[:3], replace(items[3], text="x"), replace(items[4], text="y")]
    assert refused(tmp_path, changed).startswith(f"{tmp_path}: 'w3' (number 4 of 5) changed since; give what ")
    assert "'w5' (number 6 of 6) is new since" in refused(tmp_path, words(6))
    assert "it was begun with 5 items, and these are 4" in refused(tmp_path, words(4))


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    assert refused(tmp_path, words(1)).startswith(f"{tmp_path}: holds something else; ")


def test_a_data_set_without_a_manifest_is_refused(tmp_path: Path) -> None:
    shards.write(tmp_path / "set", [])
    assert refused(tmp_path / "set", words(1)).startswith(f"{tmp_path / 'set'}: already holds a data set; ")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("x", encoding="ascii")
    for place in ("set", "set/below"):
        with pytest.raises(CannotRun, match="set"):
            begun(tmp_path / place, words(1))
    assert contents(tmp_path) == {"set": b"x"}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"format": 1}', "\xff", '{"format": 1, "shards": []}'])
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text, encoding="latin-1")
    assert refused(tmp_path, words(1)).startswith(f"{tmp_path / MANIFEST}: damaged: ")


def test_a_manifest_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    begun(tmp_path, words(3))
    stored = json.loads((tmp_path / MANIFEST).read_bytes())
    stored["shards"].pop()
    (tmp_path / MANIFEST).write_text(json.dumps(stored), encoding="ascii")
    assert "damaged: its digest is not that of its shards" in refused(tmp_path, words(2))


def test_a_manifest_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"format": 2}', encoding="ascii")
    assert refused(tmp_path, words(1)).startswith(f"{tmp_path / MANIFEST}: format 2, and this program's is 1; ")


# -- Shards.


def test_a_finished_shard_says_what_it_holds(tmp_path: Path) -> None:
    dataset = filled(tmp_path / "set", words(4, w1="drop", w3="cut"))
    first, second = (dataset.found(index).marker for index in (0, 1))
    assert first is not None and second is not None
    assert (first.part.rows, first.cut, first.counts) == (1, None, {"dropped.cannot run": 1, "kept.returned": 1})
    assert first.said == ("w1: cannot run",)
    assert second.cut is not None and (second.part.rows, second.cut.rows) == (1, 1)
    assert {path.name for path in (tmp_path / "set" / "cut").iterdir()} == {"00001.parquet"}


def test_a_side_file_that_is_no_longer_true_is_removed(tmp_path: Path) -> None:
    filled(tmp_path / "set", words(2, w0="cut"))
    dataset = filled(tmp_path / "set", words(2), anew=True)
    assert list((tmp_path / "set" / "cut").iterdir()) == []
    (tmp_path / "set" / "cut" / "00000.parquet").write_text("old", encoding="ascii")
    dataset.marker(0).unlink()
    filled(tmp_path / "set", words(2))
    assert list((tmp_path / "set" / "cut").iterdir()) == []


def test_only_shards_whose_items_changed_are_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    items = words(6)
    before = filled(folder, items)
    data = contents(folder)
    items[3] = replace(items[3], text="x")
    dataset = begun(folder, items, anew=True)
    assert [dataset.found(index).state for index in range(3)] == [State.DONE, State.TO_MAKE, State.DONE]
    assert not before.part(1).exists() and not before.marker(1).exists()
    with pytest.raises(CannotRun, match="unfinished: 2 of 3 shards are there"):
        shards.shard_paths(folder)
    filled(folder, items)
    changed = {name for name, content in contents(folder).items() if data.get(name) != content}
    assert changed == {"data/train-00001-of-00003.parquet", "state/00001.json", MANIFEST}


def test_another_number_of_shards_is_made_anew_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    filled(folder, words(5, w0="cut", w4="cut"))
    filled(folder, words(3), anew=True)
    assert [path.name for path in shards.shard_paths(folder)] == [shards.shard_name(n, 2) for n in (0, 1)]
    assert {path.name for path in (folder / "state").iterdir()} == {"00000.json", "00001.json"}
    assert not any((folder / "cut").iterdir())


def test_a_shard_from_elsewhere_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    dataset = filled(folder, words(2))
    stranger = dataset.part(0).with_name(shards.shard_name(0, 7))
    stranger.write_bytes(dataset.part(0).read_bytes())
    assert refused(folder, words(2)).startswith(f"{stranger}: does not belong to this data set of 1 shards")


def test_what_is_made_anew_may_be_interrupted_anywhere(tmp_path: Path) -> None:
    """The manifest changes last: until then it is the old data set, of which shards are missing."""
    folder = tmp_path / "set"
    items = words(4)
    filled(folder, items)
    old = (folder / MANIFEST).read_bytes()
    others = [replace(items[0], text="x"), *items[1:]]
    begun(folder, others, anew=True)
    new = (folder / MANIFEST).read_bytes()
    (folder / MANIFEST).write_bytes(old)
    dataset = filled(folder, items)
    assert dataset.finished({}) is not None
    (folder / MANIFEST).write_bytes(new)
    # And the other way round: a marker of other items is not believed.
    assert begun(folder, others).found(0).state is State.TO_MAKE


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_nobody_has_reaped_and_one_whose_number_is_anothers_count_as_dead(tmp_path: Path) -> None:
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    here, me = aside._here(), os.getpid()
    names = [f".a.{here}-{zombie.pid}-at1-00000000.partial", f".a.{here}-{me}-at1-00000000.partial"]
    mine = f".a.{here}-{me}-at{aside._process(me)[1]}-00000000.partial"
    for name in (*names, mine):
        assert aside.is_aside(name)
        (tmp_path / name).touch()
    aside.sweep(tmp_path)
    zombie.wait()
    assert [path.name for path in tmp_path.iterdir()] == [mine]
