"""The options that every command with a data set of its own shares: shards, resuming, walls, what is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import tracegen
from tests.command import foretrace, refused

SAMPLES = [{"id": f"s{n}", "code": f"def f(x):\n    return x + {n}\n", "input": str(n)} for n in range(7)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in SAMPLES))
    return path


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "data").iterdir()}


def collect(file: Path, folder: Path, *options: str) -> str:
    answer = foretrace("collect", "functions", "--samples", file, "-o", folder, "--per-shard", "3", *options)
    assert answer.code == 0, answer.err
    return answer.text


def test_a_dry_run_says_what_would_be_made_and_makes_nothing(file: Path, tmp_path: Path) -> None:
    assert collect(file, tmp_path / "data", "--dry-run").splitlines() == [
        "shard 0  3 items  to make",
        "shard 1  3 items  to make",
        "shard 2  1 items  to make",
        "3 of 3 shards to make, 7 items",
    ]
    assert not (tmp_path / "data").exists()


def test_the_pieces_of_two_jobs_merge_to_the_data_set_of_one(file: Path, tmp_path: Path) -> None:
    collect(file, tmp_path / "whole")
    for number in ("1", "2"):
        said = collect(file, tmp_path / number, "--shard", f"{number}/2")
        assert "the data set is not complete without those of the other jobs" in said
        with pytest.raises(tracegen.CannotRun):
            list(tracegen.read(tmp_path / number))
    answer = foretrace("merge", tmp_path / "1", tmp_path / "2", "-o", tmp_path / "merged")
    assert (answer.code, answer.text) == (0, f"7 traces in {tmp_path}/merged; 0 were there more than once\n")
    whole, merged = (list(tracegen.read(tmp_path / name)) for name in ("whole", "merged"))
    assert whole == merged


def test_two_jobs_can_share_a_folder(file: Path, tmp_path: Path) -> None:
    collect(file, tmp_path / "whole")
    for number in ("2", "1"):
        collect(file, tmp_path / "shared", "--shard", f"{number}/2")
    assert shards(tmp_path / "shared") == shards(tmp_path / "whole")


def test_the_same_command_again_makes_nothing_again(file: Path, tmp_path: Path) -> None:
    first = collect(file, tmp_path / "data")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")}
    assert collect(file, tmp_path / "data") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")} == times


def test_a_shard_that_was_damaged_is_made_anew(file: Path, tmp_path: Path) -> None:
    collect(file, tmp_path / "data")
    before = shards(tmp_path / "data")
    part = tmp_path / "data/data/train-00001-of-00003.parquet"
    part.write_bytes(part.read_bytes()[:-9] + b"?" + part.read_bytes()[-8:])
    answer = foretrace("collect", "functions", "--samples", file, "-o", tmp_path / "data", "--per-shard", "3")
    assert "made anew" in answer.err
    assert shards(tmp_path / "data") == before


def test_samples_that_changed_are_never_mixed_in(file: Path, tmp_path: Path) -> None:
    collect(file, tmp_path / "data")
    before = shards(tmp_path / "data")
    file.write_text(file.read_text().replace("x + 4", "x + 44"))
    again = ("collect", "functions", "--samples", file, "-o", tmp_path / "data", "--per-shard", "3")
    assert "s4" in refused(*again)
    assert shards(tmp_path / "data") == before
    assert foretrace(*again, "--anew").code == 0
    after = shards(tmp_path / "data")
    assert [name for name in before if before[name] != after[name]] == ["train-00001-of-00003.parquet"]


@pytest.mark.parametrize(
    "options",
    [
        ("--events", "5"),
        ("--values", "safe"),
        ("--no-scrub",),
        ("--per-shard", "2"),
        ("--disk", "8"),
        ("--sandbox", "process", "--trust"),
    ],
)
def test_other_options_are_another_data_set(file: Path, tmp_path: Path, options: list[str]) -> None:
    collect(file, tmp_path / "data")
    again = ("collect", "functions", "--samples", str(file), "-o", str(tmp_path / "data"), "--per-shard", "3", *options)
    assert str(tmp_path / "data") in refused(*again)


def test_what_a_program_needs_to_know_is_json(file: Path, tmp_path: Path) -> None:
    answer = foretrace("collect", "functions", "--samples", file, "-o", tmp_path / "data", "--per-shard", "3", "--json")
    said = json.loads(answer.text)
    assert (said["rows"], said["shards"], said["complete"]) == (7, 3, True)
    assert said["counts"]["kept.returned"] == 7
    events = [json.loads(line)["event"] for line in answer.err.splitlines() if line.startswith("{")]
    assert events[0] == "started" and events[-1] == "finished" and events.count("shard_done") == 3


def test_every_row_says_what_stood_between(file: Path, tmp_path: Path) -> None:
    collect(file, tmp_path / "data", "--sandbox", "bwrap")
    collect(file, tmp_path / "trusted", "--sandbox", "process", "--trust")
    walled, trusted = (list(tracegen.read(tmp_path / name)) for name in ("data", "trusted"))
    assert {trace.provenance.isolation for trace in walled} == {"bwrap"}
    assert {trace.provenance.isolation for trace in trusted} == {"process"}
    assert [trace.content for trace in walled] == [trace.content for trace in trusted]


def test_a_scrubbed_value_is_a_mark(tmp_path: Path) -> None:
    code = "def f(x):\n    import tempfile\n    return tempfile.mkdtemp()\n"
    file = tmp_path / "samples.jsonl"
    file.write_text(json.dumps({"id": "a", "code": code, "input": "1"}) + "\n")
    collect(file, tmp_path / "clean")
    collect(file, tmp_path / "raw", "--no-scrub")
    [clean], [raw] = (list(tracegen.read(tmp_path / name)) for name in ("clean", "raw"))
    assert "<tmp-1>" in str(clean.steps[-1].value) and "<tmp-1>" not in str(raw.steps[-1].value)


def test_memory_is_a_limit_that_a_command_sets(tmp_path: Path) -> None:
    code = "def f(n):\n    return len(bytearray(n))\n"
    file = tmp_path / "samples.jsonl"
    file.write_text(json.dumps({"id": "a", "code": code, "input": "400_000_000"}) + "\n")
    collect(file, tmp_path / "much")
    collect(file, tmp_path / "little", "--memory", "200")
    [much], [little] = (list(tracegen.read(tmp_path / name)) for name in ("much", "little"))
    assert (much.ending.value, little.ending.value) == ("returned", "raised")


def test_a_cut_off_trace_goes_to_the_side(tmp_path: Path) -> None:
    file = tmp_path / "samples.jsonl"
    rows = [
        {"id": "quick", "code": "def f(n):\n    return n\n"},
        {"id": "slow", "code": "def f(n):\n    return 9 ** 9 ** 9\n"},
    ]
    file.write_text("".join(json.dumps(row | {"input": "1"}) + "\n" for row in rows))
    said = collect(file, tmp_path / "data", "--deadline", "1")
    assert "cut off   1: 1 killed at the deadline" in said
    assert [trace.program_id for trace in tracegen.read(tmp_path / "data")] == ["quick"]
    cut = pq.read_table(tmp_path / "data/cut/00000.parquet")
    assert cut.column("program_id").to_pylist() == ["slow"]
    assert cut.column("detail").to_pylist() == ["killed at the deadline"]


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """What is started from here finds Ctrl-C as a shell in the foreground has it, whoever started us."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    file = tmp_path / "samples.jsonl"
    rows = [
        {"id": "a", "code": "def f(n):\n    return n\n"},
        {"id": "b", "code": "def f(n):\n    import time\n    time.sleep(60)\n"},
    ]
    file.write_text("".join(json.dumps(row | {"input": "1"}) + "\n" for row in rows))
    command = [str(Path(sys.executable).with_name("foretrace")), "collect", "functions", "--samples", str(file)]
    command += ["-o", str(tmp_path / "data"), "--per-shard", "1", "--jobs", "1", "--json"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert run.stderr is not None
    for line in run.stderr:
        if '"shard_done"' in line:
            os.killpg(run.pid, signal.SIGINT)
            break
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert err.splitlines()[-1] == "foretrace: stopped: 1 of 2 shards are finished; run the same command again to go on"
    assert list(shards(tmp_path / "data")) == ["train-00000-of-00002.parquet"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("merge", "no", "-o", "out"), "no: no such folder or file"),
        (("merge", "-o", "out"), "give at least one data set to merge"),
    ],
)
def test_a_wrong_merge_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(*arguments).startswith(complaint)
    assert not (tmp_path / "out").exists()


def test_a_card_that_was_edited_stays(file: Path, tmp_path: Path) -> None:
    collect(file, tmp_path / "data")
    card = tmp_path / "data/README.md"
    card.write_text(card.read_text() + "\nMade for a paper.\n")
    collect(file, tmp_path / "data")
    assert card.read_text().endswith("Made for a paper.\n")


def test_a_data_set_in_the_temporary_folder_is_nobodys_to_sweep(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    collect(file, tmp_path / "foretrace-demo")
    os.utime(tmp_path / "foretrace-demo", (0, 0))
    collect(file, tmp_path / "other")
    assert len(shards(tmp_path / "foretrace-demo")) == 3


def test_synthetic_programs_and_their_data_set_resume_together(tmp_path: Path) -> None:
    command = ("collect", "synthetic", "-n", "3", "--programs", tmp_path / "p.jsonl", "-o", tmp_path / "data")
    assert foretrace(*command, "--dry-run").code == 0
    assert not list(tmp_path.iterdir())
    assert [foretrace(*command).code for _ in range(2)] == [0, 0]


def test_a_file_that_begins_with_a_mark_of_its_encoding_is_read(file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    collect(file, tmp_path / "data")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--include", "nosuchmodule"), "--include: no module 'nosuchmodule' with a source file"),
        (("--include", "nosuchmodule", "--trust"), "--include: no module 'nosuchmodule' with a source file"),
        (("--deadline", "inf"), "deadline inf: a program that hangs would never end; give seconds"),
        (("--memory", "1"), "no sandbox works here"),
        (("--calls", "x"), "--calls: means nothing for --samples"),
        (("--crosshair", "3"), "--crosshair: means nothing for --samples"),
        (("--key-env", "NO_SUCH_NAME"), "--key-env NO_SUCH_NAME: there is no such environment variable"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_begun(
    file: Path, tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    said = refused("collect", "functions", "--samples", file, "-o", tmp_path / "data", *options)
    assert said.startswith(complaint)
    assert not (tmp_path / "data").exists()
