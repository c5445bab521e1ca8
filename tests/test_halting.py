"""The halting task: what answers say, by hand; then a perfect model, and models that are wrong in one known way."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cwm_model.backends import Finish
from cwm_model.predict import Wanted, predict_each
from cwm_model.predicting.asking import Asking
from cwm_model.predicting.prediction import Outcome, Prediction
from cwm_model.talking import Said, Talk
from evals.halting import DATA, EXAMPLES, Halting, repeats
from evals.task import Sample, Traced
from evals.termination.certificates import check
from evals.termination.items import Completed, Item, Label, Lasso, read_items
from evals.termination.lasso import Repeated, Returned, search
from evals.termination.machine import Program
from evals.verdict import Verdict
from tests.predictors import Knowing
from tracegen import CannotRun, Event, Frame, Limits
from tracegen.grammar import Piece
from tracegen.programs.samples import Sample as Row
from tracegen.programs.samples import run_samples
from tracegen.settings import Settings


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return read_items(DATA)


def line(source: str, *locals: tuple[str, str]) -> Frame:
    return Frame(Event.LINE, source, tuple(locals))


def call(source: str, *locals: tuple[str, str]) -> Frame:
    return Frame(Event.CALL, source, tuple(locals))


def said(text: str, finish: Finish = Finish.STOPPED) -> Said:
    return Said(text, finish, None, 7)


# -- Words.


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("halts", Verdict.RIGHT),
        (" Halts.\n", Verdict.RIGHT),
        ("loops", Verdict.WRONG),
        ("it halts", Verdict.MALFORMED),
        ("halts or loops", Verdict.MALFORMED),
        ("unknown", Verdict.UNANSWERED),
        ("", Verdict.UNANSWERED),
    ],
)
def test_an_answer_is_one_of_two_words(items: list[Item], text: str, verdict: Verdict) -> None:
    first = next(item for item in items if item.label is Label.HALTS)
    assert Halting("direct").judge(first.id, said(text)).score.verdict is verdict


def test_an_answer_without_its_end_is_cut_off(items: list[Item]) -> None:
    judged = Halting("cot").judge(items[0].id, said("it goes on", Finish.LIMIT))
    assert judged.score.verdict is Verdict.CUT_OFF
    assert judged.facts == {
        "label": items[0].label.value, "family": items[0].family, "said": None, "tokens": 7,
    }  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=[answer for *_, answer in EXAMPLES])
def test_the_worked_examples_are_true_and_no_items(items: list[Item], example: tuple[str, str, str, str]) -> None:
    code, input, _, answer = example
    assert code not in {item.code for item in items}
    if "size != 0" in code:  # 8, 5, 2, -1, ...: only falls, and 8 % 3 is 2
        assert answer == "loops"
    else:
        found = search(Program.of(code, input))
        assert isinstance(found, Returned if answer == "halts" else Repeated)


@pytest.mark.parametrize("mode", ["direct", "cot", "reasoning"])
def test_a_question_shows_its_program(items: list[Item], mode: str) -> None:
    task = Halting(mode)
    for item, question in zip(items, task.questions(), strict=True):
        assert isinstance(question.asked, Talk) and question.id == item.id
        shown = question.asked.messages[-1].text if mode == "reasoning" else question.asked.begin
        assert item.code in shown and f"f({item.input})" in shown


# -- Traces.


def test_a_state_that_comes_again_is_a_loop() -> None:
    round_ = [line("    while x:\n", ("x", "1")), line("        x = 1\n", ("x", "1"))]
    assert repeats([*round_, *round_])
    assert not repeats(round_)
    assert not repeats([*round_, line("    while x:\n", ("x", "2"))])


def test_a_scope_that_is_entered_again_is_another() -> None:
    inner = [call("def g():\n"), line("    return 1\n"), Frame(Event.RETURN, "    return 1\n", value="1")]
    assert not repeats([line("    y = g() + g()\n"), *inner, *inner])


def test_an_iterator_that_shows_or_a_for_proves_nothing() -> None:
    step = line("    n = 1\n", (".0", "<list_iterator object>"))
    assert not repeats([step, step])
    round_ = [line("    for x in xs:\n", ("x", "1")), line("        pass\n", ("x", "1"))]
    assert not repeats([*round_, *round_])


def test_what_a_trace_says(items: list[Item]) -> None:
    loops = next(item for item in items if isinstance(item.certificate, Lasso))
    again = (line("    pass\n"), line("    pass\n"))
    task = Halting("trace")
    verdicts = {
        (Outcome.LIMIT, True): Verdict.RIGHT,
        (Outcome.MALFORMED, True): Verdict.RIGHT,
        (Outcome.FINISHED, True): Verdict.WRONG,
        (Outcome.FINISHED, False): Verdict.WRONG,
        (Outcome.LIMIT, False): Verdict.CUT_OFF,
        (Outcome.MALFORMED, False): Verdict.MALFORMED,
        (Outcome.PAUSED, False): Verdict.UNANSWERED,
    }
    for (outcome, twice), verdict in verdicts.items():
        assert task.judge(loops.id, Prediction(again if twice else (), outcome)).score.verdict is verdict


def characters(pieces: object) -> int:
    assert isinstance(pieces, list)
    return sum(len(each) if isinstance(each, str) else 1 for each in pieces)


def test_a_cap_gives_nothing_away_and_holds_every_true_trace(items: list[Item]) -> None:
    caps = {
        question.id: question.asked.most
        for question in Halting("trace").questions()
        if isinstance(question.asked, Traced)
    }
    assert all(caps[item.id] == caps[item.pair] for item in items if item.id in caps)
    task = Halting("trace")
    asked = {question.id for question in task.questions()}
    halting = [Row(item.id, item.code, item.input) for item in items if item.label is Label.HALTS and item.id in asked]
    for row, outcome in zip(halting, run_samples(halting, Settings(), jobs=2), strict=True):
        assert outcome.told is not None
        [trace] = outcome.told.traces()
        text: list[Piece] = trace.pieces()
        most = caps[row.id]
        assert most is not None and characters(text) - len(trace.context.text) < most, row.id
        assert task.judge(row.id, Prediction(trace.frames()[1:], Outcome.FINISHED)).score.right
        assert not repeats(trace.frames())


# -- Metrics.


def samples(task: Halting, items: list[Item], word: dict[Label, list[str]]) -> list[Sample]:
    return [
        Sample(item.id, number, task.judge(item.id, said(text)))
        for item in items
        for number, text in enumerate(word[item.label])
    ]


@pytest.mark.parametrize(
    ("halts", "loops", "wanted"),
    [
        (["halts"], ["loops"], {"mcc": 1.0, "macro_f1": 1.0, "majority": 0.5, "abstained": 0.0}),
        (["loops"], ["halts"], {"mcc": -1.0, "macro_f1": 0.0, "majority": 0.5, "abstained": 0.0}),
        (["halts"], ["halts"], {"mcc": 0.0, "macro_f1": 1 / 3, "majority": 0.5, "abstained": 0.0}),
        (["halts"], ["unknown"], {"mcc": 0.0, "macro_f1": 1 / 3, "majority": 0.5, "abstained": 0.5}),
        (["halts", "halts"], ["halts", "loops"], {"auc": 1.0, "mcc": 3**-0.5}),
        (["unknown", "unknown"], ["unknown", "unknown"], {"auc": 0.0, "mcc": -1.0, "abstained": 1.0}),
    ],
)
def test_a_way_of_answering_is_charged_in_its_metrics(
    items: list[Item], halts: list[str], loops: list[str], wanted: dict[str, float]
) -> None:
    task = Halting("direct")
    found = task.metrics(samples(task, items, {Label.HALTS: halts, Label.LOOPS: loops}))
    assert {name: round(found[name].value, 6) for name in wanted} == {k: round(v, 6) for k, v in wanted.items()}
    assert ("auc" in found) is (len(halts) > 1)
    assert all(metric.n == 230 for metric in found.values())


def test_nothing_has_no_metrics() -> None:
    assert Halting("direct").metrics([]) == {}


# -- Data.


def test_what_it_is_made_of_is_recorded() -> None:
    assert Halting("direct").hashes == {"data": hashlib.sha256(DATA.read_bytes()).hexdigest()}


def test_bad_data_and_a_mode_that_there_is_not_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text('{"id": "a"}\n')
    for mode, file, why in (("direct", path, ":1: "), ("full", None, "no mode 'full'")):
        with pytest.raises(CannotRun, match=why) as caught:
            Halting(mode, file)
        assert "\n" not in str(caught.value)


def test_steps_of_a_certificate_are_lines_of_the_program(items: list[Item]) -> None:
    halting = [item for item in items if isinstance(item.certificate, Completed)][:3]
    assert [why for _, why in check(halting)] == ["", "", ""]


@pytest.mark.parametrize("each", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_a_model_that_knows_every_trace_is_right_wherever_a_trace_can_tell(items: list[Item], each: int) -> None:
    task = Halting("trace")
    questions = task.questions()
    asked = {question.id for question in questions}
    [left_out] = task.left_out.values()
    assert len(asked) + left_out == len(items) == 230
    assert sum(item.label is Label.LOOPS for item in items if item.id in asked) * 2 == len(asked) > 100
    # Loops are run until the deadline; what was recorded before it is there.
    rows = [Row(item.id, item.code, item.input) for item in items if item.id in asked][::each]
    settings = Settings(limits=Limits(events=400), deadline=0.5)
    told = [outcome.told for outcome in run_samples(rows, settings, jobs=2)]
    traces = [next(each.traces()) for each in told if each is not None]
    assert len(traces) == len(rows)
    wanted = {q.id: q.asked for q in questions[::each] if isinstance(q.asked, Traced)}
    asking = [Wanted(asked.prompt, asked.mode, Asking(max_new=asked.most)) for asked in wanted.values()]
    ids = list(wanted)
    labels = {item.id: item.label for item in items}
    assert {labels[id] for id in ids} == set(Label)
    for index, prediction in predict_each(Knowing(traces), asking):
        assert task.judge(ids[index], prediction).score.right, ids[index]
