"""Answers made elsewhere, in their three kinds of files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evals.predictions import read_predictions
from tracegen import CannotRun

DATA = Path(__file__).parent.parent / os.environ.get("FORETRACE_DATA", "../shared/data") / "cruxeval"


def written(folder: Path, text: str) -> Path:
    path = folder / "answers.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_official_generations_are_read(tmp_path: Path) -> None:
    said = {"sample_1": ["'a'", '"a"'], "sample_0": ["1"]}
    for indent in (None, 4):
        assert read_predictions(written(tmp_path, json.dumps(said, indent=indent))) == said


def test_an_official_file_of_one_line_is_no_line_of_rows(tmp_path: Path) -> None:
    assert read_predictions(written(tmp_path, '{"sample_0": ["1"]}\n')) == {"sample_0": ["1"]}


@pytest.mark.parametrize("name", ["resps", "filtered_resps"])
@pytest.mark.parametrize("nested", [True, False])
def test_samples_of_lm_eval_are_read(tmp_path: Path, name: str, nested: bool) -> None:
    texts = [["'a'", " 'b'\n"], ["1"]]
    rows = [
        {"doc_id": at, "doc": {"id": f"sample_{at}", "code": "…"}, name: [said] if nested else said}
        for at, said in enumerate(texts)
    ]
    path = written(tmp_path, "".join(json.dumps(row) + "\n" for row in rows))
    assert read_predictions(path) == {"sample_0": ["'a'", " 'b'\n"], "sample_1": ["1"]}


def test_raw_completions_are_judged_where_filtered_ones_stand_beside_them(tmp_path: Path) -> None:
    row = {"doc": {"id": "a"}, "resps": [["'quoted'"]], "filtered_resps": ["quoted"]}
    assert read_predictions(written(tmp_path, json.dumps(row))) == {"a": ["'quoted'"]}


def test_lines_of_predictions_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": "b", "predictions": ["\\"x\\"", ""]}\n\n{"id": "a", "predictions": ["2"]}\n')
    assert read_predictions(path) == {"b": ['"x"', ""], "a": ["2"]}


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", ":1", "not JSON"),
        ("{}", ":1", "no predictions"),
        ("[1]", ":1", "found list; wanted"),
        ("{\n  'a': 1\n}", ":2", "not JSON"),
        ("[" * 100_000, ":1", "not JSON"),
        ('{"sample_0": "1"}', ":1", "sample_0: wanted a list of texts, found str"),
        ('{\n  "sample_0": ["1"],\n  "sample_1": [1]\n}', ":3", "answer 0: wanted text, found int"),
        ('{\n  "sample_0": ["1"],\n  "sample_1": []\n}', ":3", "no answer"),
        ('{\n  "sample_0": ["1"],\n  "sample_0": ["2"]\n}', ":2", "twice"),
        ('{"id": "a", "predictions": ["1"]}\n{"id": "a", "predictions": ["1"]}', ":2", "line 1 already"),
        ('{"id": "a", "predictions": ["1"]}\n{"id": 1, "predictions": ["1"]}', ":2", '"id"'),
        ('{"id": "a", "predictions": ["1"]}\n{"predictions": ["1"]}', ":2", '"id" is missing'),
        ('{"id": "a", "predictions": ["1"]}\n{"id": "b", "predictions": "1"}', ":2", "wanted a list"),
        ('{"id": "a", "predictions": ["1"]}\n{"id": "b"}', ":2", "wanted"),
        ('{"id": "a", "predictions": ["1"]}\nno', ":2", "not JSON"),
        ('{"doc": {"id": "a"}}', ":1", '"resps" is missing'),
        ('{"doc": {}, "resps": [["1"]]}', ":1", '"id" is missing'),
        ('{"doc": 1, "resps": [["1"]]}', ":1", "wanted"),
        ('{"doc": {"id": "a"}, "resps": [["1"], ["2"]]}', ":1", "answer 0: wanted text, found list"),
        ('{"doc": {"id": "a"}, "resps": [[]]}', ":1", "no answer"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, where: str, what: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(CannotRun) as raised:
        read_predictions(path)
    message = str(raised.value)
    assert message.startswith(f"{path}{where}:")
    assert what in message
    assert "\n" not in message


def test_a_file_that_cannot_be_read_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="cannot be read"):
        read_predictions(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"a": ["\xe9"]}')
    with pytest.raises(CannotRun, match="not UTF-8"):
        read_predictions(tmp_path / "latin.json")


@pytest.mark.skipif(not DATA.is_dir(), reason="no CRUXEval at FORETRACE_DATA (default ../shared/data)")
def test_published_generations_are_read() -> None:
    for asked in ("input", "output"):
        found = read_predictions(DATA / f"codellama-7b_temp0.2_{asked}.generations.json")
        assert len(found) == 800
        assert {len(answers) for answers in found.values()} == {10}
