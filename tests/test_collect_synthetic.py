"""`foretrace collect synthetic`: a data set of generated programs, the programs as JSONL, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

import tracegen
from tests.command import foretrace, refused
from tracegen import Settings
from tracegen.programs import calls, synthetic
from tracegen.programs.samples import Sample, read_samples, run_samples, write_samples
from tracegen.programs.synthetic.trial import Tried


def test_the_command_stores_a_trace_of_each_program_and_writes_the_programs(tmp_path: Path) -> None:
    output, programs = tmp_path / "set", tmp_path / "programs.jsonl"
    answer = foretrace("collect", "synthetic", "-n", "6", "--seed", "5", "-o", output, "--programs", programs)
    assert (answer.code, answer.text) == (0, "kept      6: 6 returned\ndropped   0: nothing\ncut off   0: nothing\n")
    traces = list(tracegen.read(output))
    expected = list(synthetic.programs(6, 5))
    assert [(trace.program_id, trace.input) for trace in traces] == [(each.id, each.input) for each in expected]
    assert {trace.provenance.source for trace in traces} == {"synthetic"}
    assert all(each.code in trace.context.text for each, trace in zip(expected, traces, strict=True))
    again = foretrace("collect", "functions", "--samples", programs, "-o", tmp_path / "again")
    assert again.code == 0
    assert [trace.id for trace in tracegen.read(tmp_path / "again")] == [trace.id for trace in traces]


def test_programs_can_be_written_without_running_them(tmp_path: Path) -> None:
    programs = tmp_path / "programs.jsonl"
    answer = foretrace("collect", "synthetic", "-n", "3", "--programs", programs)
    assert (answer.code, answer.text) == (0, f"3 programs in {programs}\n")
    assert [sample.id for sample in read_samples(programs)] == [f"synthetic-0-{n:06}" for n in range(3)]


def test_a_data_set_of_programs_is_the_same_whatever_the_jobs(tmp_path: Path) -> None:
    for jobs in ("1", "2"):
        assert foretrace("collect", "synthetic", "-n", "4", "-o", tmp_path / jobs, "--jobs", jobs).code == 0
    one, two = (list(tracegen.read(tmp_path / jobs)) for jobs in ("1", "2"))
    assert [trace.id for trace in one] == [trace.id for trace in two]


def test_a_limit_that_cuts_a_trace_off_is_counted(tmp_path: Path) -> None:
    answer = foretrace("collect", "synthetic", "-n", "2", "-o", tmp_path / "set", "--events", "3")
    assert answer.text.startswith("kept      2: 2 events\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-n", "0", "-o", "set"], "-n 0: must be at least 1"),
        (["-n", "-3", "-o", "set"], "-n -3: must be at least 1"),
        (["-n", "1"], "give -o DIR for a data set, --programs FILE for the programs, or both"),
        (["-n", "1", "-o", "full"], "full: holds something else; give a folder that is empty or does not exist"),
        (["-n", "1", "-o", "full/file"], "full/file: is a file; give a folder that is empty or does not exist"),
        (["-n", "1", "--programs", "full/file"], "full/file: cannot be written: File exists"),
        (["-n", "1", "--programs", "full"], "full: cannot be written: File exists"),
        (["-n", "1", "--programs", "no/file"], "no/file: cannot be written: No such file or directory"),
        (["-n", "1", "-o", "set", "--programs", "full/file"], "full/file: cannot be written: File exists"),
        (["-n", "1", "-o", "set", "--deadline", "0"], "deadline 0.0: must be more than 0"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("mine", encoding="utf-8")
    assert refused("collect", "synthetic", *arguments) == message
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full"]
    assert (tmp_path / "full/file").read_text(encoding="utf-8") == "mine"


def test_what_is_no_number_is_a_usage_error(tmp_path: Path) -> None:
    for arguments in ([], ["-n", "x"], ["-n", "1", "--seed", "x"], ["-n", "1", "--jobs", "0"]):
        answer = foretrace("collect", "synthetic", "-o", tmp_path / "set", *arguments)
        assert (answer.code, answer.out) == (2, b"")
        assert answer.err.splitlines()[-1].startswith("Error: ")


def test_the_seed_of_the_programs_is_not_that_of_their_random_module() -> None:
    help = foretrace("collect", "synthetic", "--help").text
    assert help.count("--seed") == 1 and "the same programs" in help
    assert "random module" in foretrace("collect", "functions", "--help").text


def test_samples_written_read_back(tmp_path: Path) -> None:
    samples = [Sample("a", "def f(): return 'é\n\u2028'", ""), Sample("b", "x", "1", "2")]
    assert write_samples(tmp_path / "x.jsonl", iter(samples)) == samples
    assert read_samples(tmp_path / "x.jsonl") == samples


def test_the_outcome_of_a_trial_is_that_of_the_traced_run() -> None:
    made = list(synthetic.programs(12, 5))
    samples = [Sample(each.id, each.code, each.input, Tried(each.code).run(each.input).result) for each in made]
    outcomes = list(run_samples(samples, Settings(), jobs=2))
    assert [outcome.agrees for outcome in outcomes] == [True] * 12
    for each, outcome in zip(made, outcomes, strict=True):
        assert outcome.told is not None
        [trace] = calls.main_trace(outcome.told).column("steps").to_pylist()
        if not any(word in each.code for word in ("(x for", " for ")):
            lines = sum(step["event"] == "line" and step["file"] == 0 for step in trace)
            assert lines == Tried(each.code).run(each.input).steps
