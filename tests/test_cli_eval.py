"""The commands eval, rescore and compare, as a user gives them; and what they refuse, in one line each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from cwm_model import loading
from cwm_model.backends.local import LocalBackend
from evals.runner import Told
from tests.asked import CODE, call
from tests.bundled_server import BundledServer, ChatServer
from tests.command import foretrace, refused
from tests.completions_server import Body, Reply
from tracegen import Settings, write
from tracegen.programs.calls import trace_call

ROOT = Path(__file__).parent.parent
ROWS = [{"id": f"row-{number}", "code": CODE, "input": str(number), "output": str(number + 1)} for number in range(3)]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture(scope="module")
def single(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the bundled model, read only."""
    run = tmp_path_factory.mktemp("runs") / "single"
    answer = foretrace("eval", "cruxeval-o", "--data", rows, "--mode", "single", "--dtype", "fp32", "-o", run)
    assert answer.code == 0, answer
    return run


def test_a_run_has_its_files_and_a_table_for_people(rows: Path, single: Path) -> None:
    names = {path.name for path in single.iterdir()}
    assert names == {"run.json", "samples.jsonl", "results.json"}
    results = json.loads((single / "results.json").read_text())
    assert (results["task"], results["mode"], results["n"]) == ("cruxeval-o", "single", 3)
    assert sum(results["verdicts"].values()) == 3
    lines = [json.loads(line) for line in (single / "samples.jsonl").read_text().splitlines()]
    assert {line["id"] for line in lines} == {"row-0", "row-1", "row-2"}
    for line in lines:
        assert line["tokens"] == len(line["ids"]) and line["text"] and len(line["prompt_sha256"]) == 64
        assert line["finish"] in ("stopped", "limit")


def test_the_same_command_goes_on_and_says_the_same(rows: Path, single: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(single, run)
    lines = (run / "samples.jsonl").read_text().splitlines(keepends=True)
    (run / "samples.jsonl").write_text(lines[0] + lines[1][:40])
    args = ("eval", "cruxeval-o", "--data", rows, "--mode", "single", "--dtype", "fp32", "-o", run)
    answer = foretrace(*args, "--json")
    assert answer.code == 0 and json.loads(answer.text)["n"] == 3
    assert sorted((run / "samples.jsonl").read_text().splitlines(keepends=True)) == sorted(lines)
    assert "pass@1" in foretrace(*args).text
    assert "was begun with seed 0, and is asked to go on with 3" in refused(*args, "--seed", "3")


def test_options_choose_sample_and_limit(rows: Path, tmp_path: Path) -> None:
    args = ("eval", "cruxeval-o", "--data", rows, "-o", tmp_path / "run", "--json")
    how = ("--ids", "row-2", "--samples", "2", "--temperature", "0.8", "--top-p", "0.9", "--max-tokens", "5", "--free")
    said = json.loads(foretrace(*args, *how).text)
    assert (said["mode"], said["n"], said["samples"], said["verdicts"]["cut off"]) == ("trace", 1, 2, 2)
    assert said["settings"]["constrained"] is False and said["settings"]["max_tokens"] == 5


def test_rescoring_gives_what_the_run_gave_and_the_official_rules_by_name(single: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(single, run)
    before = json.loads((run / "results.json").read_text())
    again = json.loads(foretrace("rescore", run, "--json").text)
    assert {name: again[name] for name in ("metrics", "verdicts", "groups")} == {
        name: before[name] for name in ("metrics", "verdicts", "groups")
    }
    official = json.loads(foretrace("rescore", run, "--semantics", "official", "--json").text)
    assert official["semantics"] == "official" and "official pass@1" in official["metrics"]
    assert json.loads((run / "run.json").read_text())["semantics"] == "official"
    foretrace("rescore", run, "--semantics", "literal")
    assert json.loads((run / "results.json").read_text())["verdicts"] == before["verdicts"]


def perfect_input(rows: Path, folder: Path) -> Path:
    answers = folder / "inputs.jsonl"
    texts = ({"id": row["id"], "predictions": [f"f({row['input']})"]} for row in ROWS)
    answers.write_text("".join(json.dumps(each) + "\n" for each in texts))
    run = folder / "inputs"
    said = json.loads(foretrace("score", answers, "--task", "cruxeval-i", "--data", rows, "-o", run, "--json").text)
    assert said["metrics"]["pass@1"]["value"] == 1.0
    return run


def test_two_runs_are_compared_item_by_item(single: Path, rows: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps({"id": row["id"], "predictions": [row["output"]]}) + "\n" for row in ROWS))
    perfect = tmp_path / "perfect"
    scored = foretrace("score", answers, "--task", "cruxeval-o", "--data", rows, "-o", perfect, "--json")
    assert json.loads(scored.text)["metrics"]["pass@1"]["value"] == 1.0
    said = json.loads(foretrace("compare", single, perfect, "--json").text)["pass@1"]
    right = json.loads((single / "results.json").read_text())["verdicts"]["right"]
    assert (said["n"], said["both"], said["only_b"]) == (3, right, 3 - right)
    assert said["difference"]["value"] == pytest.approx((3 - right) / 3)
    assert "McNemar" in foretrace("compare", single, perfect).text
    assert "different task" in refused("compare", single, perfect_input(rows, tmp_path))


def test_items_are_chosen_and_it_stays_the_same_data(rows: Path, single: Path, tmp_path: Path) -> None:
    args = (
        "eval",
        "cruxeval-o",
        "--data",
        rows,
        "--mode",
        "single",
        "--dtype",
        "fp32",
        "-o",
        tmp_path / "run",
        "--json",
    )
    first = json.loads(foretrace(*args, "--limit", "2").text)
    assert first["n"] == 2
    assert json.loads(foretrace("rescore", tmp_path / "run", "--json").text)["metrics"] == first["metrics"]
    assert json.loads(foretrace("compare", tmp_path / "run", single, "--json").text)["pass@1"]["n"] == 2
    assert json.loads(foretrace(*args).text)["n"] == 3
    # What an earlier command asked is there still.
    assert json.loads(foretrace(*args, "--ids", " row-1 ,").text)["n"] == 3


def test_a_server_of_ids_gives_what_the_model_gives_here(rows: Path, tmp_path: Path) -> None:
    loaded = loading.load("bundled", dtype="fp32", device="cpu")
    args = ("eval", "cruxeval-o", "--data", rows, "--mode", "trace", "--free", "--max-tokens", "60")
    with BundledServer(LocalBackend(loaded.tokenizer, loaded.model, slots=2)).start() as server:
        there = foretrace(*args, "--server", server.url, "--tokenizer", "bundled", "-o", tmp_path / "there", "--json")
    here = foretrace(*args, "--dtype", "fp32", "-o", tmp_path / "here", "--json")
    assert json.loads(there.text)["verdicts"] == json.loads(here.text)["verdicts"]
    ids = [
        {(line["id"], tuple(line["ids"])) for line in map(json.loads, (tmp_path / run / "samples.jsonl").open())}
        for run in ("there", "here")
    ]
    assert ids[0] == ids[1] and len(ids[0]) == 3


def test_what_is_left_is_said_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say = cli._answering(seconds=0.0)
    for done, tokens in ((2, 0), (3, 100), (4, 300)):
        say(Told(done, 6, tokens))
    said = capsys.readouterr().err.splitlines()
    assert [line.rpartition(",")[0] for line in said] == [
        "3 of 6 answers, 100 tokens, about 300 left",
        "4 of 6 answers, 300 tokens, about 300 left",
    ]


def test_what_makes_no_sense_is_refused_in_one_line(rows: Path, single: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for args, why in {
        ("eval", "cruxeval-o", "--data", rows): "give -o RUN",
        ("eval", "cruxeval", "-o", run): "wanted one of cruxeval-o, cruxeval-i, traces, halting, complexity",
        ("eval", "cruxeval-i", "--mode", "trace", "-o", run): "--mode trace: cruxeval-i has direct, cot, reasoning",
        ("eval", "halting", "--semantics", "official", "-o", run): "only CRUXEval has a scorer of its own",
        ("eval", "traces", "-o", run): "traces: give --data DIR",
        ("eval", "cruxeval-o", "--data", tmp_path / "no.jsonl", "-o", run): "no.jsonl",
        ("eval", "cruxeval-o", "--data", rows, "--ids", "row-9", "-o", run): "--ids: cruxeval-o has no 'row-9'",
        ("eval", "cruxeval-o", "--data", rows, "--samples", "2", "-o", run): "greedy samples are all the same",
        ("eval", "cruxeval-o", "--data", rows, "--mode", "cot", "--constrained", "-o", run): "and cot is language",
        ("eval", "cruxeval-o", "--data", rows, "--model", tmp_path, "-o", run): str(tmp_path),
        ("eval", "cruxeval-o", "--data", rows, "--server", "ftp://x", "-o", run): "wanted an http or https address",
        ("eval", "cruxeval-o", "--data", rows, "--ids", " ,", "-o", run): "--ids ' ,': names no item",
        ("eval", "cruxeval-o", "--data", rows, "--mode", "answers", "-o", run): "nobody is asked",
        ("eval", "cruxeval-o", "--data", rows, "--server", "http://x", "--model", "y", "-o", run): "give one of them",
        ("eval", "cruxeval-o", "--data", rows, "--export", "inspect", "-o", run): "for the modes direct and cot",
        ("score", tmp_path / "no.json", "--task", "cruxeval-o", "--data", rows): "no.json",
        ("rescore", tmp_path / "nothing"): "is no run",
        ("compare", single, tmp_path / "nothing"): "is no run",
    }.items():
        assert why in refused(*args), args
    assert not run.exists()


def test_a_server_is_asked_in_its_chat_and_what_it_refuses_is_apart(rows: Path, tmp_path: Path) -> None:
    refusing = [True]

    def reply(body: Body) -> Reply:
        asked = body["messages"][0]["content"]
        number = next(number for number in range(3) if f"assert f({number}) == ??" in asked)
        if refusing[0] and number == 2:
            return Reply(b"{}", status=400)
        message = {"role": "assistant", "content": f"assert f({number}) == {number + 1}"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return Reply(json.dumps({"choices": [choice], "usage": {"completion_tokens": 7}}).encode())

    with ChatServer(reply) as server:
        args = (
            "eval",
            "cruxeval-o",
            "--data",
            rows,
            "--mode",
            "direct",
            "--server",
            server.url,
            "-o",
            tmp_path / "run",
        )
        answer = foretrace(*args, "--json")
        said = json.loads(answer.text)
        assert (answer.code, said["n"], said["failed"], said["metrics"]["pass@1"]["value"]) == (1, 2, 1, 1.0)
        [(why, count)] = said["failures"].items()
        assert "400" in why and count == 1
        refusing[0] = False
        answer = foretrace(*args, "--json")
        said = json.loads(answer.text)
        assert (answer.code, said["n"], said["failed"], said["verdicts"]["right"]) == (0, 3, 0, 3)
        assert len(server.bodies) == 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "set"
    write(folder, [trace_call(call(arguments=str(number)), Settings()).table for number in range(2)])
    return folder


@pytest.mark.parametrize(
    ("task", "how"),
    [
        ("traces", ("--mode", "teacher-forced")),
        ("traces", ("--mode", "full", "--at-once", "2", "--device", "cpu")),
        ("halting", ("--limit", "4", "--max-tokens", "30")),
        ("halting", ("--mode", "cot", "--limit", "2", "--max-tokens", "9")),
        ("complexity", ("--limit", "2", "--max-tokens", "9")),
        ("cruxeval-i", ("--data", "handwritten", "--mode", "reasoning", "--limit", "2", "--max-tokens", "9")),
    ],
)
def test_every_task_runs_and_is_rescored_to_the_same(
    data: Path, tmp_path: Path, task: str, how: tuple[str, ...]
) -> None:
    where = ("--data", data) if task == "traces" else ()
    answer = foretrace("eval", task, *where, *how, "--dtype", "fp32", "-o", tmp_path / "run", "--json")
    said = json.loads(answer.text)
    assert (answer.code, said["task"], said["failed"], said["failures"]) == (0, task, 0, {})
    items = int(how[how.index("--limit") + 1]) if "--limit" in how else 2
    assert said["n"] == sum(said["verdicts"].values()) == items
    again = json.loads(foretrace("rescore", tmp_path / "run", "--json").text)
    same = ("n", "metrics", "verdicts", "groups", "left_out", "hashes")
    assert {name: again[name] for name in same} == {name: said[name] for name in same}
    assert "pass@1" in foretrace("rescore", tmp_path / "run").text


def test_the_hub_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    # In a process of its own: `datasets` reads these variables when it is loaded.
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    command = [sys.executable, "-m", "cli", "eval", "cruxeval-o", "-o", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = [line for line in done.stderr.splitlines() if line.startswith("foretrace: ")]
    assert (
        "cruxeval-org/cruxeval: cannot be loaded" in line and "--data FILE" in line and "Traceback" not in done.stderr
    )
    assert not (tmp_path / "run").exists()


def test_a_trace_of_a_data_set_is_compared_too(data: Path) -> None:
    answer = foretrace("diff", data, "--trace", "program.py::f", "--json")
    assert answer.code in (0, 1) and json.loads(answer.text)["program_id"] == "program.py::f"
    assert "no trace 'nobody'" in refused("diff", data, "--trace", "nobody")


def test_a_temperature_of_next_to_nothing_is_greedy(rows: Path, single: Path, tmp_path: Path) -> None:
    run = tmp_path / "cold"
    options = ("--data", rows, "--mode", "single", "--dtype", "fp32", "--temperature", "1e-320", "-o", run)
    assert foretrace("eval", "cruxeval-o", *options).code == 0
    texts = [[json.loads(line)["text"] for line in (each / "samples.jsonl").open()] for each in (run, single)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("temperature", ["nan", "inf", "-1"])
def test_a_temperature_is_a_number(rows: Path, tmp_path: Path, temperature: str) -> None:
    answer = foretrace("eval", "cruxeval-o", "--data", rows, "--temperature", temperature, "-o", tmp_path / "run")
    assert answer.code == 2 and "temperature" in answer.err and not (tmp_path / "run").exists()


def test_an_exported_task_is_a_folder(rows: Path, tmp_path: Path) -> None:
    args = ("eval", "cruxeval-o", "--data", rows, "--mode", "direct", "-o", tmp_path / "task", "--export")
    said = foretrace(*args, "lm-eval")
    assert said.code == 0 and all(Path(line).is_file() for line in said.text.splitlines())
    assert refused(*args, "inspect").startswith(f"{tmp_path / 'task'}")


def test_a_data_set_that_is_no_data_is_one_line_when_rescored(single: Path, rows: Path, tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other.jsonl"
    shutil.copytree(single, run)
    other.write_text(rows.read_text().replace('"output": "1"', '"output": "2"'))
    assert "its data was another" in refused("rescore", run, "--data", other)
    other.write_text(rows.read_text().replace(', "output": "1"}', "}"))
    assert "row-0: has no output" in refused("rescore", run, "--data", other)
    (run / "samples.jsonl").unlink()
    (run / "samples.jsonl").mkdir()
    assert "samples.jsonl" in refused(
        "eval", "cruxeval-o", "--data", rows, "--mode", "single", "--dtype", "fp32", "-o", run
    )
    (run / "run.json").write_text("{}")
    assert "run.json: is damaged: KeyError: 'task'" in refused("rescore", run)
