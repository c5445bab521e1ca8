"""Tasks as folders of other harnesses: what stands in them, and that their judge says what ours does."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from cwm_model.talking import Message, Said, Talk
from evals.exporting import Harness, export
from evals.language import Style, talk
from evals.literal import same
from evals.task import Answer, Judged, Metric, Question, Sample
from evals.verdict import Score, Verdict
from tracegen import CannotRun


class Sums:
    """A task of two questions."""

    name, semantics = "sums", "literal"
    hashes: Mapping[str, str] = {}
    left_out: Mapping[str, int] = {}

    def __init__(self, *talks: Talk) -> None:
        self.mode = "direct"
        self.talks = talks or (talk(Style.DIRECT, "1 + 1\n", ""), talk(Style.DIRECT, "{1} | {2}\n", ""))

    def questions(self) -> Sequence[Question]:
        return [Question(str(place), each) for place, each in enumerate(self.talks)]

    def target(self, id: str) -> str:
        return ("2", "{1, 2}")[int(id)]

    def judge(self, id: str, answer: Answer) -> Judged:
        assert isinstance(answer, Said)
        return Judged(Score(Verdict.RIGHT if same(answer.text, self.target(id)) else Verdict.WRONG))

    def metrics(self, samples: Sequence[Sample]) -> Mapping[str, Metric]:
        return {}


def judge_of(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("_exported_for_test", folder / "exported.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("harness", list(Harness))
def test_a_folder_has_its_items_its_judge_and_what_the_harness_reads(tmp_path: Path, harness: Harness) -> None:
    files = export(Sums(), harness, tmp_path / "new")
    last = "foretrace_sums_direct.yaml" if harness is Harness.LM_EVAL else "task.py"
    assert [path.name for path in files] == ["items.jsonl", "exported.py", last]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(path.name for path in files)
    first = json.loads(files[0].read_text().split("\n")[0])
    assert first == {"id": "0", "prompt": "1 + 1\n[ANSWER]\n", "target": "2", "opened": False}
    text = files[2].read_text()
    assert '["[/ANSWER]"]' in text and "256" in text
    if harness is Harness.INSPECT:
        compile(text, "task.py", "exec")


def test_the_exported_judge_says_what_ours_says(tmp_path: Path) -> None:
    export(Sums(), Harness.LM_EVAL, tmp_path)
    judge = judge_of(tmp_path)
    first, second = judge.items()
    assert list(judge.dataset()["test"]) == [first, second]
    assert judge.process_results(first, ["2[/ANSWER] x"]) == {"exact_match": 1.0, "literal_match": 1.0}
    assert judge.process_results(second, ["{2, 1}"]) == {"exact_match": 0.0, "literal_match": 1.0}
    assert judge.process_results(first, [" "]) == {"exact_match": 0.0, "literal_match": 0.0}
    assert judge.process_results(first, ["'2'"]) == {"exact_match": 0.0, "literal_match": 0.0}


def test_a_thought_without_an_answer_is_none(tmp_path: Path) -> None:
    export(Sums(talk(Style.COT, "1 + 1\n", "")), Harness.LM_EVAL, tmp_path)
    judge = judge_of(tmp_path)
    [item] = judge.items()
    assert judge.answer(item, "2") is None
    assert judge.answer(item, "1 and 1\n[ANSWER]\n2\n[/ANSWER]") == "2"


def test_what_is_no_text_to_go_on_with_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    for talks, line in [
        ([Talk((Message("user", "x"),))], "sums, mode direct: only texts to go on with can be exported: direct or cot"),
        ([Talk((), "x", ("a",)), Talk((), "y", ("b",))], "sums: has 2 ways to stop: a harness has one for all items"),
    ]:
        with pytest.raises(CannotRun) as refusal:
            export(Sums(*talks), Harness.LM_EVAL, tmp_path / "new")
        assert str(refusal.value) == line
    assert not (tmp_path / "new").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(CannotRun, match="has something in it: give a new folder"):
        export(Sums(), Harness.INSPECT, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
