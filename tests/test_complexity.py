"""The complexity task: answers are read and never evaluated, metrics are earned, other data is checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_model.backends import Finish
from cwm_model.talking import Said, Talk
from evals.complexity import DATA, EXAMPLES, Complexity, confusion
from evals.growth.fit import Growth
from evals.growth.inputs import INPUTS
from evals.growth.items import read_items
from evals.growth.spelling import LONGEST, read_growth
from evals.language import Style
from evals.task import Sample, Task
from evals.verdict import Tally, Verdict
from tracegen import CannotRun

ITEMS = read_items(DATA)


def said(text: str, style: Style = Style.DIRECT, finish: Finish = Finish.STOPPED) -> Said:
    return Said(f"<think>\n</think>\n{text}" if style is Style.REASONING else f"[ANSWER]\n{text}\n[/ANSWER]", finish)


def judged(task: Complexity, answers: dict[str, Sequence[str]], style: Style = Style.DIRECT) -> list[Sample]:
    return [
        Sample(id, number, task.judge(id, said(text, style)))
        for id, texts in answers.items()
        for number, text in enumerate(texts)
    ]


# Reading answers.


@pytest.mark.parametrize(
    ("growth", "spellings"),
    [
        (Growth.CONSTANT, "O(1)|constant|Constant time|Θ(1)|1|`O(1)`"),
        (Growth.LOGARITHMIC, "O(log n)|O(log(n))|O(lg n)|O(log2 n)|O(log_2(n))|O(log₂ n)|logarithmic|$O(\\log n)$"),
        (Growth.LINEAR, "O(n)|O(N)|n|linear|Linear time complexity|\\mathcal{O}(n)|**O(n)**|O(n)."),
        (
            Growth.LINEARITHMIC,
            "O(n log n)|O(nlogn)|O(n*log(n))|O(n · log n)|n lg n|linearithmic|O(log(n) * n)|$O(n \\log n)$",
        ),
        (Growth.QUADRATIC, "O(n^2)|O(n**2)|n²|O(n²)|quadratic|O(N^2)|O(n * n)|$O(n^{2})$|Big-O(n^2)"),
        (Growth.CUBIC, "O(n^3)|O(n**3)|n³|cubic|O(n*n*n)"),
        (Growth.EXPONENTIAL, "O(2^n)|O(2**n)|2ⁿ|exponential|$O(2^{n})$|Exponential time."),
    ],
    ids=lambda value: value.value if isinstance(value, Growth) else "",
)
def test_a_class_is_read_in_its_spellings(growth: Growth, spellings: str) -> None:
    for text in spellings.split("|"):
        assert read_growth(text) is growth, text


@pytest.mark.parametrize(
    "text",
    ["O(len(xs))", "O(m)", "O(n + 1)", "O(2n)", "O(n), O(1)", "O(n^2 log n)", "O(log n^2)", "O(log(n n))", "O(sqrt(n))",
     "O(n!)", "O(3^n)", "O(n", "O()", "", "nn", "I do not know", "O(1) if sorted, else O(n)", " " * LONGEST + "O(n)"],
)  # fmt: skip
def test_what_names_none_of_the_classes_is_none(text: str) -> None:
    assert read_growth(text) is None


@given(st.text(alphabet="O(n)^*2log 13{}$\\", max_size=100))
def test_any_text_is_read_without_an_error_and_classes_as_themselves(text: str) -> None:
    assert read_growth(text) in (None, *Growth)
    for growth in Growth:
        assert read_growth(growth.value) is growth


# The task.


@pytest.mark.parametrize("style", Style)
def test_a_perfect_predictor_gets_everything(style: Style) -> None:
    task = Complexity(style)
    protocol: Task = task
    assert (protocol.name, protocol.mode, protocol.semantics) == ("complexity", style.value, "literal")
    assert [question.id for question in task.questions()] == [item.id for item in ITEMS]
    samples = judged(task, {item.id: [item.growth.value] * 2 for item in ITEMS}, style)
    assert Tally.of(sample.judged.score for sample in samples).accuracy == 1
    metric = task.metrics(samples)["macro accuracy"]
    assert (metric.value, metric.low, metric.high, metric.n) == (1, 1, 1, 70)
    assert confusion(samples) == {(growth.value, growth.value): 20 for growth in Growth}


@pytest.mark.parametrize("growth", Growth)
def test_a_constant_answer_gets_a_seventh_and_is_charged_in_six_classes(growth: Growth) -> None:
    task = Complexity(Style.DIRECT)
    samples = judged(task, {item.id: [growth.value] for item in ITEMS})
    assert Tally.of(sample.judged.score for sample in samples) == Tally(right=10, wrong=60)
    assert task.metrics(samples)["macro accuracy"].value == pytest.approx(1 / 7)
    assert confusion(samples) == {(other.value, growth.value): 10 for other in Growth}


def test_classes_count_alike_however_many_items_they_have() -> None:
    task = Complexity(Style.DIRECT)
    some = [item for item in ITEMS if item.growth is Growth.LINEAR] + [ITEMS[0]]
    samples = judged(task, {item.id: ["O(n)"] for item in some})
    metric = task.metrics(samples)["macro accuracy"]
    assert (metric.value, metric.n) == (0.5, 11)
    # A resample without the one constant item has the linear class alone.
    assert (metric.low, metric.high) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("answer", "verdict", "read"),
    [
        (said("O(n^3)"), Verdict.WRONG, "O(n^3)"),
        (said("O(len(values))"), Verdict.MALFORMED, None),
        (said("__import__('os').abort()"), Verdict.MALFORMED, None),
        (said(""), Verdict.UNANSWERED, None),
        (Said("O(", Finish.LIMIT), Verdict.CUT_OFF, None),
        (said("constant"), Verdict.RIGHT, "O(1)"),
    ],
    ids=["wrong", "other variable", "code", "empty", "cut off", "right"],
)
def test_every_verdict_is_given_and_counted(answer: Said, verdict: Verdict, read: str | None) -> None:
    found = Complexity(Style.DIRECT).judge(ITEMS[0].id, answer)
    assert (found.score.verdict, dict(found.facts)) == (verdict, {"class": "O(1)", "said": read})
    assert found.score.right or found.score.reason
    assert confusion([Sample(ITEMS[0].id, 0, found)]) == {("O(1)", read or ""): 1}


@pytest.mark.parametrize("style", Style)
def test_a_question_shows_the_code_the_input_and_every_class(style: Style) -> None:
    for item, question in zip(ITEMS, Complexity(style, most=99).questions(), strict=True):
        assert isinstance(question.asked, Talk)
        text = question.asked.messages[-1].text if question.asked.messages else question.asked.begin
        assert question.asked.most == 99
        assert (
            f"[PYTHON]\n{item.code}[/PYTHON]\nThe function {item.function} is called with: {INPUTS[item.builder].says}."
            in text
        )
        assert ", ".join(growth.value for growth in Growth) in text
        # Only a chat has no examples.
        assert text.count("[PYTHON]") == (1 if style is Style.REASONING else 1 + len(EXAMPLES))


def test_the_hash_is_the_datas() -> None:
    assert Complexity(Style.DIRECT).hashes == {
        "data": "37348e4d4e4e32b18bc6e3c66d2f2fe9b6d93183aff202b36cf96b78b59b8628"
    }


# Other data.


def row(**changed: object) -> str:
    first = json.loads(DATA.read_text(encoding="ascii").partition("\n")[0])
    return json.dumps({name: value for name, value in (first | changed).items() if value is not None})


def test_other_items_of_the_same_form_are_read(tmp_path: Path) -> None:
    path = tmp_path / "more.jsonl"
    path.write_text(row(id="mine") + "\n", encoding="ascii")
    task = Complexity(Style.COT, path)
    assert [question.id for question in task.questions()] == ["mine"]
    assert task.hashes != Complexity(Style.COT).hashes


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"code": None}, 'field "code" is missing'),
        ({"code": 1}, 'field "code": wanted text, found int'),
        ({"code": "def f(:"}, 'field "code": is no Python: '),
        ({"code": "(" * 3000 + ")" * 3000}, 'field "code": is no Python: '),
        ({"code": "x\0"}, 'field "code": is no Python: '),
        ({"code": "x = 1\n"}, """field "code": defines no function 'ends'"""),
        ({"builder": "exec"}, """field "builder": there is no 'exec'; there are integer, numbers, """),
        ({"class": "O(n!)"}, """field "class": there is no 'O(n!)'; there are O(1), """),
        ({"class": "O(n)"}, 'field "class" is O(n), but the counts fit O(1); correct it, or drop the item'),
        ({"counts": [9, 1, 9, 1, 9, 1]}, 'field "class" is O(1), but the counts fit no class clearly; '),
        ({"counts": [4, 4]}, 'fields "sizes" and "counts": wanted 5 sizes or more and a count for each, found 6 and 2'),
        ({"sizes": [9, 8, 7, 6, 5, 4]}, 'fields "sizes" and "counts": wanted ascending sizes from 2 on'),
        ({"sizes": [16, 32, 64, 128, 256, True]}, 'field "sizes": wanted a list of 5 or more positive integers'),
        ({"counts": [4, 4, 4, 4, 4, 10**400]}, 'field "counts": wanted a list of 5 or more positive integers'),
        ({"sizes": None}, 'field "sizes": wanted a list of 5 or more positive integers'),
        ({"margin": 99}, 'field "margin": wanted 21.9 by the counts, found 99'),
        ({"margin": None}, 'field "margin": wanted 21.9 by the counts, found None'),
        ({"id": "steps-00"}, "id 'steps-00' stands in line 1 already"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_a_malformed_row_is_refused_with_its_line(tmp_path: Path, changed: dict[str, object], wanted: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(row() + "\n" + row(**({"id": "other"} | changed)) + "\n", encoding="ascii")
    with pytest.raises(CannotRun) as caught:
        Complexity(Style.DIRECT, path)
    assert str(caught.value).startswith(f"{path}:2: {wanted}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match=r"no\.jsonl: cannot be read"):
        Complexity(Style.DIRECT, tmp_path / "no.jsonl")
