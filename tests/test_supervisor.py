"""Worker processes and what becomes of them: killed, hung, out of disk, interrupted; the data set is always the same.

Everything is real: processes are spawned and killed, file systems are full.  Longer than the house's 350 lines:
every way to die has its case here, beside what they share.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import tracegen
from tests.supervised import Toy, Word, words
from tracegen import CannotRun, aside, shards, supervisor, workers
from tracegen.manifest import State
from tracegen.progress import Bar, Damaged, Event, Finished, JsonLines, Progress, Retried, ShardDone, Started
from tracegen.supervisor import Share, Stopped, Summary
from tracegen.workers import WorkFailed

ROOT = Path(__file__).parent.parent


class Run:
    """`collect` in this process, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "set"
        self.log = folder / "log"
        self.events: list[Event] = []

    def __call__(self, items: Sequence[Word], **given: Any) -> Summary:
        self.events.clear()
        toy = Toy(str(self.log), **given.pop("toy", {}))
        options: dict[str, Any] = {"jobs": 2, "per_shard": 2, "events": self.events.append} | given
        return supervisor.collect(toy, items, self.output, **options)

    def refused(self, items: Sequence[Word], **given: Any) -> str:
        """The one line with which it ends."""
        with pytest.raises(CannotRun) as caught:
            self(items, **given)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def said(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def logged(log: Path, what: str) -> list[str]:
    """The lines of a log that begin with this word, without it."""
    lines = log.read_text(encoding="ascii").splitlines() if log.exists() else []
    return [line.partition(" ")[2] for line in lines if line.startswith(f"{what} ")]


def data(folder: Path) -> dict[str, bytes]:
    """What must not depend on how often it was interrupted."""
    names = ("data", "cut", "state")
    paths = [path for name in names for path in (folder / name).glob("*")]
    paths += [folder / "manifest.json", folder / "README.md"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def left_aside(folder: Path) -> list[Path]:
    return list(folder.rglob("*.partial"))


def undisturbed(folder: Path, items: Sequence[Word], per_shard: int = 2, **given: Any) -> dict[str, bytes]:
    """The data set of a run to which nothing happens."""
    folder.mkdir(exist_ok=True)
    other = Run(folder)
    other(items, per_shard=per_shard, jobs=1, **given)
    return data(other.output)


def ids(folder: Path) -> list[str]:
    return [trace.program_id for trace in tracegen.read(folder)]


# -- What is made.


def test_a_data_set_is_made_in_the_order_of_its_items(run: Run) -> None:
    summary = run(words(7, w1="drop", w4="cut"))
    assert ids(run.output) == ["w0", "w2", "w3", "w5", "w6"]
    assert pq.read_table(run.output / "cut" / "00002.parquet").column("program_id").to_pylist() == ["w4"]
    assert summary.share == summary.whole
    assert (summary.share.shards, summary.share.rows, summary.share.cut, summary.made) == (4, 5, 1, 4)
    assert summary.share.counts == {"dropped.cannot run": 1, "kept.returned": 5}
    card = (run.output / "README.md").read_text(encoding="utf-8")
    assert card.endswith("\n5 traces of 7 words.\n\n* dropped.cannot run: 1\n* kept.returned: 5\n")
    assert not left_aside(run.output)


def test_its_bytes_are_the_same_whatever_the_jobs(run: Run, tmp_path: Path) -> None:
    items = words(9, w1="drop", w4="cut")
    run(items, jobs=3)
    assert data(run.output) == undisturbed(tmp_path / "other", items)


def test_a_second_run_makes_nothing(run: Run) -> None:
    items = words(5)
    run(items)
    before, log = data(run.output), run.log.read_bytes()
    times = {path: path.stat().st_mtime_ns for path in run.output.rglob("*") if path.is_file()}
    summary = run(items)
    assert (summary.made, summary.share.rows) == (0, 5)
    assert (data(run.output), run.log.read_bytes()) == (before, log)
    assert {path: path.stat().st_mtime_ns for path in run.output.rglob("*") if path.is_file()} == times
    assert run.events == [Started(5, 5, 3, 3), Finished(3, 5, True)]


def test_nothing_is_a_data_set_too(run: Run) -> None:
    assert run([]).share.rows == 0
    assert ids(run.output) == []


def test_a_worker_opens_its_bench_once_and_closes_it(run: Run) -> None:
    run(words(12), jobs=2)
    opened, closed = logged(run.log, "open"), logged(run.log, "close")
    assert sorted(opened) == sorted(closed)
    assert {line.split()[0] for line in opened} == {"0", "1"}


def test_no_more_workers_are_started_than_there_are_shards(run: Run) -> None:
    run(words(2), jobs=4)
    assert len(logged(run.log, "open")) == 1


def test_items_may_be_larger_than_a_pipe_holds(run: Run) -> None:
    items = [Word(f"w{n}", str(n) * 300_000) for n in range(4)]
    assert run(items).share.rows == 4


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_is_started_in_a_worker_ignores_and_blocks_no_signal(run: Run) -> None:
    run(words(1, w0="ignored signals"))
    _, child = logged(run.log, "status")
    ignored, blocked = (int(mask, 16) for mask in child.split())
    # Ours may be ignored by whoever started pytest (nohup), and is then by all that we start.
    [mask] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "SigIgn" in line]
    own = int(mask, 16) & ~sum(1 << number - 1 for number in (signal.SIGINT, signal.SIGTERM))
    assert (ignored & ~own, blocked) == (0, 0)


def test_jobs_count_from_one(run: Run) -> None:
    assert run.refused(words(1), jobs=0) == "0 jobs: must be at least 1"
    assert not run.output.exists()


# -- A plan.


def test_a_plan_says_what_there_is_and_writes_nothing(run: Run) -> None:
    items = words(5)
    toy = Toy(str(run.log))
    found = supervisor.plan(toy, items, run.output, per_shard=2)
    assert [(shard.items, shard.state) for shard in found.mine] == [
        (2, State.TO_MAKE),
        (2, State.TO_MAKE),
        (1, State.TO_MAKE),
    ]
    assert (found.shards, found.items) == (3, 5)
    assert not run.output.exists() and not run.log.exists()
    run(items)
    part = run.output / "data" / shards.shard_name(1, 3)
    part.write_bytes(part.read_bytes()[:-1])
    before = data(run.output)
    found = supervisor.plan(toy, items, run.output, per_shard=2, share=Share(2, 2))
    [shard] = found.mine
    size = len(before[f"data/{part.name}"])
    assert (shard.index, shard.state) == (1, State.CORRUPT)
    assert shard.why == f"data/{part.name} has {size} bytes and not {size + 1}"
    assert data(run.output) == before
    with pytest.raises(CannotRun, match="changed since"):
        supervisor.plan(toy, [*items[:4], Word("w4", "x")], run.output, per_shard=2)
    found = supervisor.plan(toy, [*items[:4], Word("w4", "x")], run.output, per_shard=2, anew=True)
    assert [shard.state for shard in found.mine] == [State.DONE, State.CORRUPT, State.TO_MAKE]
    assert data(run.output) == before


# -- Damage on the disk.


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def emptied(path: Path) -> None:
    path.write_text("[]", encoding="ascii")


DAMAGES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a bit of a part": ("data/train-00001-of-00003.parquet", flipped, "is not what was written"),
    "the end of a part": ("data/train-00001-of-00003.parquet", lambda path: os.truncate(path, 99), "has 99 bytes"),
    "a whole part": ("data/train-00001-of-00003.parquet", Path.unlink, "is missing"),
    "a bit of a side file": ("cut/00001.parquet", flipped, "is not what was written"),
    "a side file": ("cut/00001.parquet", Path.unlink, "is missing"),
    "a marker": ("state/00001.json", lambda path: os.truncate(path, 20), "is damaged"),
    "what a marker says": ("state/00001.json", emptied, "is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shard_is_made_anew_and_that_is_said(run: Run, damage: str) -> None:
    items = words(6, w2="cut")
    run(items)
    before = data(run.output)
    name, spoil, why = DAMAGES[damage]
    spoil(run.output / name)
    run.log.unlink()
    assert run(items).made == 1
    [damaged] = run.said(Damaged)
    assert damaged.index == 1 and damaged.why.startswith(f"{name} {why}")
    assert logged(run.log, "item") == ["w2", "w3"]
    assert data(run.output) == before


def test_a_shard_without_its_marker_is_made_anew(run: Run) -> None:
    items = words(6)
    run(items)
    before = data(run.output)
    (run.output / "state" / "00001.json").unlink()
    assert run(items).made == 1
    assert run.said(Damaged) == []
    assert data(run.output) == before


def test_what_dead_processes_left_is_removed_and_what_others_write_is_not(run: Run) -> None:
    items = words(4)
    run(items)
    before = data(run.output)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here = aside._here()
    folder = run.output / "data"
    left = {
        name: folder / f".train.{name}-00000000.partial" for name in (f"{here}-{dead.pid}", f"{here}-{os.getpid()}")
    }
    left |= {name: folder / f".train.{name}.partial" for name in ("00000000-1-00000000", "00000000-1-00000001")}
    for path in left.values():
        path.write_text("x", encoding="ascii")
    os.utime(left["00000000-1-00000001"], (0, 0))
    run(items)
    assert {name for name, path in left.items() if path.exists()} == {f"{here}-{os.getpid()}", "00000000-1-00000000"}
    for path in left_aside(run.output):
        path.unlink()
    assert data(run.output) == before


# -- Workers that die, hang, or fail.


def test_a_shard_whose_worker_is_killed_is_tried_again(run: Run, tmp_path: Path) -> None:
    items = words(8, w1="die once", w4="exit once")
    assert run(items).share.rows == 8
    whys = {event.index: event.why for event in run.said(Retried)}
    assert whys == {
        0: "its worker was ended by SIGKILL, as the kernel does when memory runs out",
        2: "its worker ended with exit code 3",
    }
    assert data(run.output) == undisturbed(tmp_path / "other", items)
    done = [event.items_done for event in run.said(Progress)]
    assert done[-1] == 8 and max(done) == 8


def test_a_shard_that_always_kills_its_worker_is_given_up_and_the_others_stay(run: Run) -> None:
    items = words(6, w2="die")
    message = run.refused(items, jobs=1)
    assert message.startswith(
        "data/train-00001-of-00003.parquet ('w2' to 'w3'): given up after 3 tries: its worker was ended by SIGKILL"
    )
    assert logged(run.log, "item").count("w2") == 3
    assert sorted(path.name for path in (run.output / "data").iterdir()) == ["train-00000-of-00003.parquet"]
    with pytest.raises(shards.DataError, match=r"unfinished: 1 of 3 shards are there; run the command that makes it "):
        ids(run.output)


def test_a_worker_that_hangs_is_killed_and_its_shard_tried_again(run: Run) -> None:
    assert run(words(4, w2="hang once"), patience=3.0).share.rows == 4
    assert run.said(Retried) == [Retried(1, "its worker made no progress for 3 s")]


def test_an_exception_of_the_work_ends_the_run_with_its_traceback(run: Run) -> None:
    with pytest.raises(WorkFailed) as caught:
        run(words(4, w0="raise"), jobs=1)
    first, *others = str(caught.value).splitlines()
    assert first == "data/train-00000-of-00002.parquet ('w0' to 'w1'): the work failed:"
    assert others[-1] == "ZeroDivisionError: w0" and "Traceback" in others[0]
    assert logged(run.log, "item") == ["w0"]
    assert len(logged(run.log, "close")) == 1


def test_what_cannot_run_is_said_as_it_is(run: Run) -> None:
    assert run.refused(words(4, w0="refuse")) == "w0: no python here"


def test_a_full_disk_under_the_work_is_no_bug_of_it(run: Run) -> None:
    message = run.refused(words(2, w0="full"))
    assert message.endswith("No space left on device; make room, then run the same command again")


def test_a_worker_that_does_not_end_is_killed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.5)
    items = words(4, w0="hang in C", w2="hang in C", w3="")
    began = time.monotonic()
    run.refused([*items, Word("x", "", "refuse")], jobs=3)
    assert time.monotonic() - began < 30
    assert all(ended(int(line.split()[1])) for line in logged(run.log, "open"))


def test_a_listener_that_fails_ends_the_run_and_the_workers(run: Run) -> None:
    def broken(event: Event) -> None:
        if isinstance(event, Progress):
            raise BrokenPipeError("nobody reads")

    with pytest.raises(BrokenPipeError):
        run(words(6), events=broken)
    assert all(ended(int(line.split()[1])) for line in logged(run.log, "open"))


# -- The disk.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_ends_the_run_and_what_is_finished_stays(run: Run, small_disk: Path, tmp_path: Path) -> None:
    run.output = small_disk / "set"
    items, toy = words(12), {"size": 250_000}
    message = run.refused(items, per_shard=1, toy=toy)
    assert message.startswith(str(run.output)) and "No space left on device; make room, then run the same" in message
    assert not left_aside(run.output)
    finished = {path: path.read_bytes() for path in (run.output / "data").iterdir()}
    assert 3 < len(finished) < 12
    assert all(ended(int(line.split()[1])) for line in logged(run.log, "open"))
    # Another try fails the same way, and takes nothing back.
    assert "No space left on device" in run.refused(items, per_shard=1, toy=toy)
    assert finished.items() <= {path: path.read_bytes() for path in (run.output / "data").iterdir()}.items()
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    assert run(items, per_shard=1, toy=toy).share.rows == 12
    assert data(run.output) == undisturbed(tmp_path / "other", items, 1, toy=toy)


def test_a_disk_without_room_for_the_manifest_is_refused_in_one_line(run: Run, small_disk: Path) -> None:
    run.output = small_disk / "set"
    (small_disk / "ballast").write_bytes(b"x" * (1 << 20))
    assert run.refused(words(2)).endswith(
        "No space left on device; make room, then run the same command again: finished shards stay"
    )
    assert not left_aside(small_disk) and not run.log.exists()


def test_a_read_only_disk_is_refused_and_a_finished_data_set_on_it_is_not(run: Run, small_disk: Path) -> None:
    run.output = small_disk / "set"
    items = words(4)
    run(items)
    before = data(run.output)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert run(items).made == 0
    assert data(run.output) == before
    run.output = small_disk / "other"
    assert run.refused(items) == f"{run.output}: {small_disk} is not writable"


def test_a_disk_that_becomes_read_only_ends_the_run(run: Run, small_disk: Path) -> None:
    run.output = small_disk / "set"
    items = words(6)

    def freeze(event: Event) -> None:
        if isinstance(event, ShardDone) and event.index == 0:
            # Refused while a file is being written; then the next shard finds it.
            subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    message = run.refused(items, jobs=1, per_shard=1, events=freeze)
    assert "Read-only file system; make it writable" in message
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    done = len(list((run.output / "state").iterdir()))
    assert done >= 1
    assert run(items, per_shard=1).made == 6 - done


def test_a_folder_that_vanishes_ends_the_run(run: Run) -> None:
    items = [Word("a"), Word("b", str(run.output), "vanish"), Word("c")]
    message = run.refused(items, jobs=1, per_shard=1)
    assert message.startswith(f"{run.output}/data/train-00001-of-00003.parquet: No such file or directory; its folder")
    assert not run.output.exists()
    Path(f"{run.output}.gone").rename(run.output)
    assert logged(run.log, "item") == ["a", "b"]
    assert run(items, jobs=1, per_shard=1, share=Share(1, 2)).made == 1


# -- Whole runs that end.


class Driven:
    """The driver of supervised.py, in a session of its own."""

    def __init__(self, folder: Path, count: int, **given: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.output, self.log = folder / "set", folder / "log"
        limit = given.pop("file_size", None)
        options = {"log": str(self.log), "output": str(self.output), "count": count, "per_shard": 2} | given

        def restrict() -> None:
            # A shell's background job ignores Ctrl-C, and so does all that it starts.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.supervised", json.dumps(options)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=restrict,
        )
        self.events: list[dict[str, Any]] = []

    def read(self, count: int, kind: str = "") -> bool:
        """Wait for so many events more; false if it ends before."""
        assert self.process.stdout is not None
        while count:
            line = self.process.stdout.readline()
            if not line.endswith("\n"):
                return False
            self.events.append(json.loads(line))
            count -= not kind or self.events[-1]["event"] == kind
        return True

    def read_to(self, items_done: int) -> None:
        """Wait until so many items are done."""
        while not self.events or self.events[-1].get("items_done", 0) < items_done:
            assert self.read(1), self.end()

    def end(self) -> tuple[int, str]:
        """Wait for its end: its exit code and what it said on stderr."""
        assert self.process.stdout is not None and self.process.stderr is not None
        while self.read(1):
            pass
        said = self.process.stderr.read()
        code = self.process.wait(60)
        self.process.stdout.close()
        self.process.stderr.close()
        return code, said


def ended(pid: int, within: float = 30.0) -> bool:
    """Whether a process that is no child of ours ends."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], within)[0])
    finally:
        os.close(descriptor)


def test_a_run_killed_again_and_again_makes_the_data_set_of_an_undisturbed_one(tmp_path: Path) -> None:
    """SIGKILL for all its processes, wherever they are; whatever was finished is never made again."""
    count = 30
    expected = undisturbed(tmp_path / "other", words(count, w3="drop", w8="cut"), toy={"size": 3000})
    chance = random.Random(7)
    folder = tmp_path / "killed"
    finished: set[int] = set()
    kills = 0
    while True:
        driven = Driven(folder, count, deeds={"w3": "drop", "w8": "cut"}, toy={"size": 3000})
        begun = len(logged(driven.log, "item"))
        if driven.read(chance.randrange(1, 20)):
            os.killpg(driven.process.pid, signal.SIGKILL)
            kills += 1
        code, said = driven.end()
        items = [int(key[1:]) for key in logged(driven.log, "item")[begun:]]
        assert not {item // 2 for item in items} & finished
        for path in (driven.output / "state").glob("*.json"):
            finished.add(int(path.stem))
        if code == 0:
            break
        assert (code, said) == (-signal.SIGKILL, "")
    assert kills >= 4
    assert data(driven.output) == expected
    assert not left_aside(driven.output)


def test_workers_killed_again_and_again_make_the_data_set_of_an_undisturbed_run(tmp_path: Path) -> None:
    count = 24
    expected = undisturbed(tmp_path / "other", words(count), per_shard=1)
    chance = random.Random(3)
    driven = Driven(tmp_path / "killed", count, per_shard=1, jobs=1)
    kills = 0
    # So far apart that no shard has more than one of the three deaths that it may have.
    while driven.read(chance.randrange(5, 12)):
        pid = int(logged(driven.log, "open")[-1].split()[1])
        try:
            os.kill(pid, signal.SIGKILL)
            kills += 1
        except ProcessLookupError:
            pass
    assert driven.end() == (0, "")
    assert kills >= 3
    assert data(driven.output) == expected


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    driven = Driven(tmp_path, 4, deeds={"w1": "wait", "w3": "wait"})
    driven.read_to(2)
    pids = [int(line.split()[1]) for line in logged(driven.log, "open")]
    driven.process.kill()
    assert driven.end()[0] == -signal.SIGKILL
    assert len(pids) == 2 and all(ended(pid) for pid in pids)


@pytest.mark.parametrize("everyone", [False, True])
def test_ctrl_c_ends_the_workers_and_what_is_finished_stays(tmp_path: Path, everyone: bool) -> None:
    deeds = {"w5": "wait", "w7": "wait"}
    driven = Driven(tmp_path, 10, deeds=deeds)
    driven.read_to(6)
    # A terminal tells the workers too.
    (os.killpg if everyone else os.kill)(driven.process.pid, signal.SIGINT)
    code, said = driven.end()
    assert (code, said) == (
        130,
        "foretrace: stopped: 2 of 5 shards are finished; run the same command again to go on\n",
    )
    assert not left_aside(driven.output)
    opened, closed = logged(driven.log, "open"), logged(driven.log, "close")
    assert len(opened) == 2 and sorted(opened) == sorted(closed)
    assert len(list((driven.output / "state").iterdir())) == 2
    with pytest.raises(shards.DataError, match="unfinished: 2 of 5 shards are there"):
        ids(driven.output)
    (tmp_path / "log.go").touch()
    again = Driven(tmp_path, 10, deeds=deeds)
    assert again.end()[0] == 0
    assert again.events[-1] == {"event": "summary", "made": 3, "complete": True}


def test_a_limit_of_the_size_of_files_is_one_line(tmp_path: Path) -> None:
    driven = Driven(tmp_path, 4, file_size=5000)
    code, said = driven.end()
    assert code == 2
    [line] = said.splitlines()
    assert "File too large; allow larger files, or put fewer items into a shard" in line
    assert not left_aside(driven.output)
    assert Driven(tmp_path, 4).end() == (0, "")


def test_two_jobs_at_once_share_a_folder(tmp_path: Path) -> None:
    """Both begin it, each makes its shards, and the last one finds it complete."""
    expected = undisturbed(tmp_path / "other", words(14, w3="drop"))
    both = [Driven(tmp_path / "shared", 14, shard=f"{n}/2", deeds={"w3": "drop"}, jobs=1) for n in (1, 2)]
    assert [driven.end() for driven in both] == [(0, ""), (0, "")]
    summaries = [driven.events[-1] for driven in both]
    assert [summary["made"] for summary in summaries] == [4, 3]
    assert any(summary["complete"] for summary in summaries)
    assert sorted(logged(both[0].log, "item")) == sorted(f"w{n}" for n in range(14))
    assert data(both[0].output) == expected


def test_the_last_of_several_jobs_finds_the_data_set_complete(run: Run) -> None:
    items = words(6)
    first = run(items, share=Share(1, 2))
    assert (first.wanted, first.made, first.whole) == (2, 2, None)
    assert run.events[-1] == Finished(2, 4, False)
    assert (run.output / "README.md").read_text(encoding="utf-8") == shards.UNFINISHED
    second = run(items, share=Share(2, 2))
    assert (second.wanted, second.made, second.share.rows) == (1, 1, 2)
    assert second.whole is not None and second.whole.rows == 6
    assert ids(run.output) == [f"w{n}" for n in range(6)]


def test_a_job_does_not_call_the_shards_of_others_finished_if_they_are_damaged(run: Run) -> None:
    items = words(4)
    run(items, share=Share(1, 2))
    flipped(run.output / "data" / shards.shard_name(0, 2))
    assert run(items, share=Share(2, 2)).whole is None
    assert run(items, share=Share(1, 2)).whole is not None


def test_a_job_without_a_share_has_nothing_to_do(run: Run) -> None:
    summary = run(words(2), share=Share(3, 3))
    assert (summary.wanted, summary.made, summary.whole) == (0, 0, None)


def test_ctrl_c_before_any_worker_starts_has_a_summary_too(run: Run) -> None:
    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Stopped) as caught:
        run(words(4), events=stop)
    assert (caught.value.summary.made, caught.value.summary.wanted) == (0, 2)


# -- Who listens.


def test_events_are_json_lines() -> None:
    stream = io.StringIO()
    listen = JsonLines(stream)
    for event in (Started(9, 1, 3, 1), Progress(2), Progress(3), ShardDone(1, 4, 0.5, ("é",)), Finished(3, 9, True)):
        listen(event)
    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {said[1].pop(name) is None for name in ("items_per_second", "seconds_left")} == {False}
    assert said == [
        {"event": "started", "items": 9, "items_done": 1, "shards": 3, "shards_done": 1},
        {"event": "progress", "items_done": 2},
        {"event": "shard_done", "index": 1, "rows": 4, "seconds": 0.5, "said": ["é"]},
        {"event": "finished", "shards": 3, "rows": 9, "complete": True},
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_counts_what_earlier_runs_did_but_not_in_its_rate() -> None:
    stream = Terminal()
    with Bar(stream) as bar:
        bar(Started(100, 60, 10, 6))
        assert bar._bar is not None and bar._bar.format_dict["rate"] is None
        bar(Progress(70))
        bar(Retried(3, "its worker\x1b[2J died"))
        bar(Progress(65))
        shown = bar._bar
        assert (shown.n, shown.initial, shown.total) == (65, 60, 100)
        bar(Finished(10, 100, True))
    assert "6 of 10 shards are finished already\n" in stream.getvalue()
    assert "shard 3: its worker\\x1b[2J died; tried again\n" in stream.getvalue()


def test_the_bar_writes_only_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with Bar(stream) as bar:
        for event in (
            Started(4, 0, 2, 0),
            Progress(2),
            ShardDone(0, 2, 1.0, ("w1: no",)),
            Damaged(1, "x"),
            Progress(4),
        ):
            bar(event)
    assert stream.getvalue() == "w1: no\nx; made anew\n"


def test_a_log_without_a_terminal_has_the_rate_and_the_time_that_remains() -> None:
    log = io.StringIO()
    with Bar(log, seconds=0.0) as bar:
        bar(Started(10, 2, 5, 1))
        bar(Progress(6))
    first, last = log.getvalue().splitlines()
    assert first == "1 of 5 shards are finished already"
    assert re.fullmatch(r"6 of 10 items, [0-9.e+]+ a second, about [0-9:]+ left", last)


def test_progress_for_programs_says_how_fast_and_how_long() -> None:
    log = io.StringIO()
    lines = JsonLines(log, seconds=0.0)
    lines(Started(10, 2, 5, 1))
    lines(Progress(2))
    lines(Progress(6))
    _, nothing, some = (json.loads(line) for line in log.getvalue().splitlines())
    assert (nothing["items_per_second"], nothing["seconds_left"]) == (0.0, None)
    assert some["items_per_second"] > 0 and some["seconds_left"] is not None
