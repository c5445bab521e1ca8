"""CRUXEval as a task: what is asked, where the answer stands, and how it is judged by either semantics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cwm_model.backends import Finish
from cwm_model.predicting.prediction import Outcome, Prediction
from cwm_model.talking import Said, Talk
from evals.cruxeval import _EXAMPLES, ANSWERS, CruxEval, Length, Semantics, bucket
from evals.executed import Judge
from evals.language import SYSTEM, Style, extracted
from evals.official import Asked as Side
from evals.task import Sample, Traced
from evals.verdict import Score, Tally, Verdict
from tests.asked import CODE, TRUTH
from tracegen.frame import Event, Frame
from tracegen.programs.samples import Sample as Row

TEXT = Row("text", "def f(s):\n    return s + '=='\n", "'a'", "'a=='")
ONE = Row("one", CODE, "0", "1")


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(jobs=1) as judge:
        yield judge


def said(text: str, finish: Finish = Finish.STOPPED) -> Said:
    return Said(text, finish, None, 5)


def crux(judge: Judge, mode: str, side: Side = Side.OUTPUT, semantics: Semantics = Semantics.LITERAL) -> CruxEval:
    return CruxEval(side, mode, [TEXT, ONE], judge, semantics)


@pytest.mark.parametrize(
    ("mode", "text", "verdict"),
    [
        ("direct", "assert f('a') == 'a=='\n", Verdict.RIGHT),
        ("direct", "'a=='", Verdict.RIGHT),
        ("direct", "a==", Verdict.MALFORMED),
        ("direct", "[ANSWER]\nassert f('a') == 'a=='\n[/ANSWER]", Verdict.RIGHT),
        ("direct", "'a='", Verdict.WRONG),
        ("direct", "f('a')=='a=='", Verdict.RIGHT),
        ("direct", "f('b') == 'a=='", Verdict.MALFORMED),
        ("direct", "", Verdict.UNANSWERED),
        ("cot", "it is added\n[/THOUGHT]\n[ANSWER]\nassert f('a') == 'a=='", Verdict.RIGHT),
        ("cot", "'a=='", Verdict.UNANSWERED),
        ("reasoning", "so\n</think>\n[ANSWER]'a=='[/ANSWER]", Verdict.RIGHT),
        ("reasoning", "so\n</think>\n'a=='", Verdict.RIGHT),
        ("reasoning", "[ANSWER]'a=='[/ANSWER]", Verdict.UNANSWERED),
        ("reasoning", "so\n</think>\n[ANSWER]'</think>'[/ANSWER]", Verdict.WRONG),
    ],
)
def test_an_output_is_taken_from_the_raw_text_and_keeps_its_quotes(
    judge: Judge, mode: str, text: str, verdict: Verdict
) -> None:
    found = crux(judge, mode).judge("text", said(text))
    assert found.score.verdict is verdict
    assert (found.facts["type"], found.facts["tokens"]) == ("str", 5)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("assert f(0) == 1", Verdict.RIGHT),
        ("f(0)", Verdict.RIGHT),
        ("f(x=0)", Verdict.RIGHT),
        ("f(True - 1)", Verdict.MALFORMED),
        ("f(1)", Verdict.WRONG),
        ("f(0) or f(1)", Verdict.MALFORMED),
        ("0", Verdict.MALFORMED),
        ("f('')", Verdict.WRONG),
    ],
)
def test_an_input_is_one_call_with_literals_and_is_run(judge: Judge, text: str, verdict: Verdict) -> None:
    assert crux(judge, "direct", Side.INPUT).judge("one", said(text)).score.verdict is verdict


@pytest.mark.parametrize("begun", ["", "[ANSWER]\n", "</think>\n[ANSWER]\n", "</think>\n"])
@pytest.mark.parametrize("mode", ["direct", "cot", "reasoning"])
def test_what_is_cut_off_is_not_wrong(judge: Judge, mode: str, begun: str) -> None:
    found = crux(judge, mode).judge("text", said(f"{begun}assert f('a') == 'a", Finish.LIMIT))
    assert found.score.verdict is Verdict.CUT_OFF and found.score.reason
    closed = crux(judge, mode).judge("text", said("</think>[ANSWER]'a=='[/ANSWER] so", Finish.LIMIT))
    assert closed.score.right


def test_the_official_rules_cut_a_string_at_its_equals_signs_and_are_fooled(judge: Judge) -> None:
    official = crux(judge, "direct", semantics=Semantics.OFFICIAL)
    assert official.judge("text", said("assert f('a') == 'a=='")).score.verdict is Verdict.WRONG
    assert official.judge("text", said("0 or True")).score.verdict is Verdict.RIGHT
    assert crux(judge, "direct").judge("text", said("0 or True")).score.verdict is Verdict.MALFORMED


def test_one_right_and_nine_rejected_are_all_of_them_officially_and_a_tenth_here(judge: Judge) -> None:
    texts = ["1", *["f(0)"] * 9]
    ours, theirs = (crux(judge, "direct", semantics=each) for each in Semantics)
    scores = [ours.judge("one", said(text)).score for text in texts]
    assert Tally.of(scores).accuracy == 0.1
    judged = [theirs.judge("one", said(text)) for text in texts]
    samples = [Sample("one", number, each) for number, each in enumerate(judged)]
    assert theirs.metrics(samples)["official pass@1"].value == 1.0
    assert Tally.of(each.score for each in judged).accuracy == 0.1
    assert not ours.metrics(samples)


@pytest.mark.parametrize(
    ("frames", "outcome", "verdict"),
    [
        (TRUTH, Outcome.FINISHED, Verdict.WRONG),
        ((*TRUTH[:-1], Frame(Event.RETURN, "    return f(0)\n", value="1")), Outcome.FINISHED, Verdict.RIGHT),
        (
            (*TRUTH[:-1], Frame(Event.RETURN, "    return f(0)\n", value="<object>")),
            Outcome.FINISHED,
            Verdict.MALFORMED,
        ),
        (TRUTH[:3], Outcome.LIMIT, Verdict.CUT_OFF),
        (TRUTH[:3], Outcome.MALFORMED, Verdict.MALFORMED),
        (TRUTH[:3], Outcome.FINISHED, Verdict.UNANSWERED),
        ((), Outcome.FINISHED, Verdict.UNANSWERED),
    ],
)
def test_the_answer_of_a_trace_is_what_its_main_returns(
    judge: Judge, frames: tuple[Frame, ...], outcome: Outcome, verdict: Verdict
) -> None:
    found = crux(judge, "trace").judge("one", Prediction(frames, outcome))
    assert found.score.verdict is verdict
    assert found.facts["whole"] == float(outcome.whole)


def test_a_main_that_raises_returns_no_none(judge: Judge) -> None:
    none = Row("none", "def f(x):\n    return None\n", "0", "None")
    task = CruxEval(Side.OUTPUT, "trace", [none], judge)
    left = Frame(Event.RETURN, "    return f(0)\n", value="None")
    raised = Frame(Event.EXCEPTION, "    return f(0)\n", value="KeyError(1)")
    assert task.judge("none", Prediction((left,), Outcome.FINISHED)).score.right
    found = task.judge("none", Prediction((raised, left), Outcome.FINISHED)).score
    assert (found.verdict, found.reason) == (Verdict.WRONG, "the trace raises KeyError(1)")


def test_a_predicted_trace_may_take_twice_as_many_tokens_as_the_true_one(judge: Judge) -> None:
    task = CruxEval(Side.OUTPUT, "trace", [ONE], judge, lengths={"one": Length(7, 100)})
    [question] = task.questions()
    assert isinstance(question.asked, Traced) and question.asked.most == 456
    assert task.judge("one", Prediction((), Outcome.FINISHED)).facts["frames"] == "1 to 12"
    assert [bucket(frames) for frames in (1, 12, 13, 96, 97)] == [
        "1 to 12",
        "1 to 12",
        "13 to 24",
        "49 to 96",
        "97 and more",
    ]


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("style", Style)
def test_a_question_gives_nothing_away_and_ends_where_the_answer_begins(judge: Judge, side: Side, style: Style) -> None:
    row = Row("secret", CODE, "123456", "123457")
    task = CruxEval(side, style.value, [row], judge)
    [question] = task.questions()
    talk = question.asked
    assert isinstance(talk, Talk)
    text = talk.begin + "".join(message.text for message in talk.messages)
    hidden, given = ("123457", "123456") if side is Side.OUTPUT else ("123456", "123457")
    assert hidden not in text and given in text and CODE in text
    if style is Style.REASONING:
        assert (talk.messages[0].text, talk.begin) == (SYSTEM, "<think>\n")
    else:
        assert talk.begin.endswith("[ANSWER]\n" if style is Style.DIRECT else "[THOUGHT]\n")
        assert talk.stop == ("[/ANSWER]",)


@pytest.mark.parametrize("side", Side)
def test_the_worked_examples_are_true(judge: Judge, side: Side) -> None:
    for number, example in enumerate(_EXAMPLES):
        row = Row(str(number), example.code, example.input, example.output)
        task = CruxEval(side, ANSWERS, [row], judge)
        # By running it, not by its spelling.
        answer = task.target(row.id) if side is Side.OUTPUT else f"f({example.input} )"
        [judged] = task.judge_all([(row.id, answer)])
        assert judged.score.right
        assert judge.returned(row.code, "f", row.input).value == example.output


def test_a_perfect_answer_is_right_on_both_sides_by_both_semantics(judge: Judge) -> None:
    for side in Side:
        for semantics in Semantics:
            task = crux(judge, ANSWERS, side, semantics)
            targets = [(id, task.target(id)) for id in ("text", "one")]
            assert [each.score.verdict for each in task.judge_all(targets)] == [Verdict.RIGHT] * 2


def test_a_thought_with_an_example_answer_in_it_does_not_count() -> None:
    text = "[ANSWER] is what I must write, say [ANSWER]1[/ANSWER]\n[/THOUGHT]\n[ANSWER]\n2\n[/ANSWER]"
    assert extracted(Style.COT, said(text)) == "2"
    nothing = extracted(Style.COT, said("hm"))
    assert isinstance(nothing, Score) and nothing.reason == "no [ANSWER]"


@pytest.mark.parametrize("semantics", Semantics)
def test_answers_made_elsewhere_are_judged_at_once_as_they_are_one_by_one(judge: Judge, semantics: Semantics) -> None:
    task = crux(judge, ANSWERS, semantics=semantics)
    texts = ["'a=='", "'b'", "", "[ANSWER]\nassert f('a') == 'a'\n[/ANSWER] and more", "0 or True", "f('a')", "'a=='"]
    found = task.judge_all([("text", text) for text in texts])
    assert found == [
        replace(task.judge("text", said(text)), facts=each.facts) for text, each in zip(texts, found, strict=True)
    ]
    assert found[0].score.right and not found[1].score.right
    if semantics is Semantics.LITERAL:
        assert found[2].score.verdict is Verdict.UNANSWERED
