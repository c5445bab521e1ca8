"""The command score, as a user gives it: answers that were made elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evals.complexity import DATA as COMPLEXITY_DATA
from evals.growth.items import read_items as read_complexity
from evals.halting import DATA as HALTING_DATA
from evals.termination.items import read_items as read_halting
from tests.asked import CODE
from tests.command import foretrace, refused

HALTING = {item.id: item.label.value for item in read_halting(HALTING_DATA)}
COMPLEXITY = {item.id: item.growth.value for item in read_complexity(COMPLEXITY_DATA)}
ROWS = [{"id": f"row-{number}", "code": CODE, "input": str(number), "output": str(number + 1)} for number in range(3)]
CRUXEVAL = Path(os.environ.get("FORETRACE_DATA", Path(__file__).parent.parent.parent / "shared/data")) / "cruxeval"


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_a_scored_file_is_a_run_that_can_be_rescored(rows: Path, tmp_path: Path) -> None:
    answers, run = tmp_path / "answers.jsonl", tmp_path / "run"
    texts = {"row-0": "1", "row-1": "[ANSWER]\nassert f(1) == 2\n[/ANSWER]", "row-2": "0 or True"}
    answers.write_text("".join(json.dumps({"id": id, "predictions": [text]}) + "\n" for id, text in texts.items()))
    args = ("score", answers, "--task", "cruxeval-o", "--data", rows, "-o", run)
    said = json.loads(foretrace(*args, "--json").text)
    assert (said["verdicts"]["right"], said["verdicts"]["malformed"]) == (2, 1)
    assert json.loads(foretrace("rescore", run, "--semantics", "official", "--json").text)["verdicts"]["right"] == 3
    assert (
        json.loads(foretrace("rescore", run, "--semantics", "literal", "--json").text)["verdicts"] == said["verdicts"]
    )
    assert "is a run already" in refused(*args)


@pytest.mark.parametrize(("task", "answers"), [("halting", HALTING), ("complexity", COMPLEXITY)])
def test_answers_to_the_frozen_suites_are_judged_too(tmp_path: Path, task: str, answers: dict[str, str]) -> None:
    path, run = tmp_path / "answers.jsonl", tmp_path / "run"
    texts = ({"id": id, "predictions": [text, "no idea"]} for id, text in answers.items())
    path.write_text("".join(json.dumps(each) + "\n" for each in texts))
    said = json.loads(foretrace("score", path, "--task", task, "-o", run, "--json").text)
    assert (said["verdicts"]["right"], said["verdicts"]["malformed"]) == (len(answers), len(answers))
    assert said["metrics"]["pass@1"]["value"] == 0.5
    assert json.loads(foretrace("rescore", run, "--json").text)["metrics"] == said["metrics"]


def test_an_exploit_is_right_officially_and_malformed_here(rows: Path, tmp_path: Path) -> None:
    answers = tmp_path / "generations.json"
    answers.write_text(json.dumps({row["id"]: ["0 or True"] for row in ROWS}))
    args = ("score", answers, "--task", "cruxeval-o", "--data", rows, "--json")
    assert json.loads(foretrace(*args).text)["verdicts"]["malformed"] == 3
    assert json.loads(foretrace(*args, "--semantics", "official").text)["verdicts"]["right"] == 3


@pytest.mark.skipif(not CRUXEVAL.is_dir(), reason=f"no {CRUXEVAL}")
def test_the_data_sets_own_answers_are_all_right(tmp_path: Path) -> None:
    data = CRUXEVAL / "cruxeval.jsonl"
    answers = tmp_path / "answers.jsonl"
    loaded = [json.loads(line) for line in data.read_text().splitlines()]
    answers.write_text("".join(json.dumps({"id": row["id"], "predictions": [row["output"]]}) + "\n" for row in loaded))
    said = json.loads(foretrace("score", answers, "--task", "cruxeval-o", "--data", data, "--json").text)
    assert (said["n"], said["verdicts"]["right"]) == (800, 800)


def test_a_file_of_answers_must_answer_the_data_and_no_more(rows: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"row-0": ["1"]}))
    args = ("score", answers, "--task", "cruxeval-o", "--data", rows)
    assert "has no answer to 'row-1' (2 such)" in refused(*args)
    answers.write_text(json.dumps({row["id"]: ["1"] for row in [*ROWS, {"id": "row-9"}]}))
    assert "has an answer to 'row-9', which the data lacks" in refused(*args)
