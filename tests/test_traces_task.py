"""The task `traces`: which traces are asked for and how, what they are told apart by, and what is said of answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from cwm_model.backends import Finish
from cwm_model.predict import Mode, predict_each
from cwm_model.predict import Wanted as Ask
from cwm_model.predicting.asking import Asking
from cwm_model.predicting.prediction import Outcome, Prediction
from cwm_model.predicting.prompts import frames_of
from cwm_model.talking import Said
from cwm_model.tokenizer import small
from evals.constructs import Construct, constructs
from evals.runner import Model, Plan, run
from evals.task import Forced, Judged, Traced, allowed
from evals.traces import Traces
from evals.verdict import Verdict
from tests import predictors
from tests.asked import CODE, call
from tests.predictors import Knowing
from tracegen import CannotRun, Event, Limits, Settings, Trace, read, write
from tracegen.grammar import Piece
from tracegen.harvest import SCHEMA
from tracegen.programs.calls import trace_call
from tracegen.programs.told import Told

LOOP = "def f(n):\n    s = ''\n    for c in 'abcde':\n        s += c * n\n    return s\n"
DEEP = "def f(n):\n    return [g(n)]\n\ndef g(n):\n    return 0 if n == 0 else 1 + g(n - 1)\n"


def told(code: str, arguments: str, settings: Settings = Settings()) -> Told:  # noqa: B008 - frozen
    return trace_call(call(code, arguments), settings)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("three") / "set", told(CODE, "2"), told(LOOP, "2"), told(DEEP, "5"))


def stored(folder: Path, *runs: Told) -> Path:
    write(folder, [each.table for each in runs])
    return folder


def length(stream: Sequence[Piece]) -> int:
    return len(small().encode(stream))


def task_of(data: Path, mode: Mode = Mode.FULL, context: int = 1 << 17) -> Traces:
    return Traces(data, mode, length=length, context=context)


def answered(task: Traces, backend: Knowing, most: int | None = None) -> list[Judged]:
    found = []
    for question in task.questions():
        assert isinstance(question.asked, Traced)
        [(_, prediction)] = predict_each(backend, [Ask(question.asked.prompt, asking=Asking(max_new=most))])
        found.append(task.judge(question.id, prediction))
    return found


# What is asked


def test_a_full_trace_is_asked_for_with_room_for_more_than_it_has(three: Path) -> None:
    task = task_of(three)
    assert (task.name, task.mode, task.semantics) == ("traces", "full", "literal")
    traces = list(read(three))
    assert [question.id for question in task.questions()] == [trace.id for trace in traces]
    for question, trace in zip(task.questions(), traces, strict=True):
        assert isinstance(question.asked, Traced)
        prompt = question.asked.prompt
        tokens = length(trace.pieces()) - length(prompt.pieces())
        assert (prompt.context, prompt.head) == (trace.context.text, trace.frames()[:1])
        assert (question.asked.mode, question.asked.most) == (Mode.FULL, 2 * tokens + 256)
    assert allowed(100) == 456


def test_teacher_forced_all_true_frames_are_asked_for_and_the_end(three: Path) -> None:
    task = task_of(three, Mode.TEACHER_FORCED)
    assert task.mode == "teacher-forced"
    for question, trace in zip(task.questions(), read(three), strict=True):
        assert isinstance(question.asked, Forced)
        assert (question.asked.truth, question.asked.finished) == (trace.frames()[1:], True)


def test_the_hash_is_of_what_the_traces_say(three: Path, tmp_path: Path) -> None:
    contents = "".join(f"{trace.content}\n" for trace in read(three))
    assert task_of(three).hashes == {"data": hashlib.sha256(contents.encode()).hexdigest()}
    assert task_of(stored(tmp_path / "one", told(CODE, "2"))).hashes != task_of(three).hashes


# What is left out


def changed(told: Told, column: str, rows: list[object]) -> Told:
    """A run whose one row has something else in a column."""
    at = SCHEMA.get_field_index(column)
    return replace(told, table=told.table.set_column(at, SCHEMA.field(at), pa.array(rows, SCHEMA.field(at).type)))


def test_traces_that_cannot_be_asked_for_are_counted_by_reason(tmp_path: Path) -> None:
    short = Settings(limits=Limits(events=4))
    runs = [told(CODE, "2"), told(CODE, "2"), told(LOOP, "2", short), told(CODE, "7"), told(LOOP, "900")]
    places = told(CODE, "3").table.column("context_lines")[0].as_py()
    runs.append(changed(told(CODE, "3"), "context_lines", [[{"file": -1, "line": 0}] * len(places)]))
    runs.append(changed(told(CODE, "4"), "steps", [told(CODE, "4").table.column("steps")[0].as_py()[:-2]]))
    # A block's last step may be another scope's RETURN.
    runs.append(changed(told(CODE, "5"), "ending", ["left"]))

    def unable(stream: Sequence[Piece]) -> int:
        if "f(7)" in str(stream[2]):
            raise ValueError("half a surrogate pair cannot be encoded")
        return length(stream)

    task = Traces(stored(tmp_path / "set", *runs), Mode.FULL, length=unable, context=2000)
    assert len(task.questions()) == 1
    assert task.left_out == {
        "cut off when recorded": 1,
        "damaged": 1,
        "longer than the model's context": 1,
        "twice in the data": 1,
        "with text that cannot be spelled": 1,
        "without a value at its end": 2,
    }


def test_a_trace_fits_if_it_ends_in_the_context_to_the_token(tmp_path: Path) -> None:
    data = stored(tmp_path / "set", told(CODE, "2"))
    [trace] = read(data)
    whole = length(trace.pieces())
    assert task_of(data, context=whole).left_out == {}
    with pytest.raises(CannotRun, match=r"holds no trace that can be asked for: 1 longer than the model's context"):
        task_of(data, context=whole - 1)


def test_data_or_a_mode_that_cannot_be_used_are_refused_in_one_line(tmp_path: Path, three: Path) -> None:
    with pytest.raises(CannotRun, match="no such folder"):
        task_of(tmp_path / "none")
    with pytest.raises(CannotRun, match="mode: wanted full or teacher-forced, found stepping"):
        task_of(three, Mode.STEPPING)
    write(tmp_path / "empty", [])
    with pytest.raises(CannotRun, match="it is empty"):
        task_of(tmp_path / "empty")


def test_another_kind_of_answer_is_our_own_mistake(three: Path) -> None:
    task = task_of(three)
    with pytest.raises(TypeError, match="not a Said"):
        task.judge(task.questions()[0].id, Said("3", Finish.STOPPED))


# What traces are told apart by


def test_groups_are_known_of_every_trace(three: Path) -> None:
    one, loop, deep = (each.facts for each in answered(task_of(three), Knowing(read(three))))
    assert (one["length"], one["depth"], one["output type"]) == ("1 to 10 frames", "1", "int")
    assert (loop["length"], loop["depth"], loop["output type"]) == ("11 to 30 frames", "1", "str")
    assert (deep["depth"], deep["output type"]) == ("more than 4", "list")
    assert [name for name, value in one.items() if value == "yes"] == []
    assert [name for name, value in loop.items() if value == "yes"] == ["with loop"]
    assert [name for name, value in deep.items() if value == "yes"] == ["with branch", "with recursion"]
    assert all(one[f"with {each.value}"] == "no" for each in Construct)


SHOWS = [
    ("for x in y:\n    pass\n", {1}, {Construct.LOOP}),
    ("while x:\n    pass\n", {1}, {Construct.LOOP}),
    ("x = {y: 1 for y in z}\n", {1}, {Construct.COMPREHENSION}),
    ("x = sum(y for y in z)\n", {1}, {Construct.COMPREHENSION, Construct.GENERATOR}),
    ("x = lambda: 1\n", {1}, {Construct.LAMBDA}),
    ("def f():\n    yield 1\n", {2}, {Construct.GENERATOR}),
    ("try:\n    x\nexcept E:\n    pass\n", {1, 2}, {Construct.EXCEPTION}),
    ("raise E\n", {1}, {Construct.EXCEPTION}),
    ("with x:\n    pass\n", {1}, {Construct.WITH}),
    ("class A:\n    def f(self):\n        return self.f()\n", {3}, {Construct.CLASS, Construct.RECURSION}),
    ("def f():\n    return f()\n", {2}, {Construct.RECURSION}),
    ("def f():\n    return f()\n", {1}, set()),
    ("def g():\n    return f()\n", {2}, set()),
    ("x = 1 if y else 2\n", {1}, {Construct.BRANCH}),
    ("if x:\n    for y in z:\n        pass\n", {1}, {Construct.BRANCH}),
]


@pytest.mark.parametrize(("source", "lines", "found"), SHOWS)
def test_constructs_are_those_on_lines_that_are_shown(source: str, lines: set[int], found: set[Construct]) -> None:
    assert constructs(source, lines) == frozenset(found)


@pytest.mark.parametrize("source", ["def f(:\n", "x = \0\n", "(" * 5000, "x = '\\d'\nif\n"])
def test_a_source_that_is_no_python_has_no_known_constructs(source: str) -> None:
    assert constructs(source, {1}) is None


# What is said of an answer


def test_the_budgets_end_is_apart_from_wrong(three: Path) -> None:
    found = answered(task_of(three), Knowing(read(three)), most=60)
    assert {each.score.verdict for each in found} == {Verdict.CUT_OFF}
    for each in found:
        assert (each.facts["budget ended"], each.facts["parting"]) == (1, "cut off")
        assert (each.facts["valid format"], each.facts["wrong path"], each.facts["right path, wrong state"]) == (
            1,
            0,
            0,
        )
        assert "60 ids, as many as were allowed" in each.score.reason
        assert each.facts["predicted tokens"] == 60


def test_a_string_that_is_wrong_is_told_from_other_values(three: Path) -> None:
    strings = answered(task_of(three), Knowing(read(three), predictors.wrong_string))
    assert [each.facts["wrong value of"] for each in strings] == [None, "string", None]
    assert [each.facts["string values"] for each in strings][::2] == [None, None]
    others = answered(task_of(three), Knowing(read(three), predictors.wrong_value))
    assert [each.facts["wrong value of"] for each in others] == ["other"] * 3


def test_the_facts_of_one_wrong_value_are_these(three: Path) -> None:
    task = task_of(three)
    # Of six frames the one before `return y`, which has x and y, says that x is another.
    facts = answered(task, Knowing(read(three), predictors.wrong_value))[0].facts
    assert facts["exact frames"] == pytest.approx(5 / 6)
    assert facts["exact line frames"] == pytest.approx(2 / 3)
    assert facts["state exact match"] == pytest.approx(3 / 4)
    assert facts["key and value match"] == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert facts["other values"] == pytest.approx(3 / 4)
    assert (facts["key match"], facts["action exact match"], facts["output"]) == (1, 1, 1)
    assert (facts["stays right"], facts["first divergence"]) == (3 / 6, 4)


def test_an_output_is_judged_by_value_and_the_reason_says_where_it_went_wrong(three: Path) -> None:
    task = task_of(three)
    [trace, *_] = read(three)
    frames = frames_of(trace)[1:]
    assert task.judge(trace.id, said(frames, value=" 3")).score.verdict is Verdict.RIGHT
    assert task.judge(trace.id, said(frames, value="3.0")).score.verdict is Verdict.WRONG
    score = task.judge(trace.id, said(frames, value="__import__('os')")).score
    assert (score.verdict, score.answer) == (Verdict.WRONG, "__import__('os')")
    assert score.reason == "frame 6, return \"    return f(2)\": returns 3, predicted __import__('os')"


def said(frames: Sequence[object], value: str) -> Prediction:
    last = replace(frames[-1], value=value)  # type: ignore[type-var]
    return Prediction((*frames[:-1], last), Outcome.FINISHED)  # type: ignore[arg-type]


def test_an_answer_stands_even_if_what_follows_is_no_trace(three: Path) -> None:
    task = task_of(three)
    [trace, *_] = read(three)
    judged = task.judge(trace.id, Prediction(frames_of(trace)[1:], Outcome.MALFORMED, rest=("x",), written=("x",)))
    assert (judged.score.verdict, judged.facts["valid format"], judged.facts["end"]) == (Verdict.RIGHT, 0, 0)


# By the runner


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.TEACHER_FORCED])
def test_a_run_of_the_perfect_predictor_comes_to_one(mode: Mode, three: Path, tmp_path: Path) -> None:
    task = task_of(three, mode)
    results = run(task, Model(backend=Knowing(read(three))), Plan(), tmp_path / "run", {})
    assert (results.n, results.failed, results.metrics["pass@1"].value) == (3, 0, 1.0)
    for name in ("output", "valid format", "state exact match", "action exact match", "key and value match"):
        assert results.metrics[name].value == 1.0
    assert set(results.groups["output type"]) == {"int", "list", "str"}
    assert results.hashes == task.hashes


def test_events_have_exactness_of_their_own(three: Path) -> None:
    found: list[Trace] = list(read(three))
    events = {frame.event for frame in found[0].frames()}
    assert events == {Event.CALL, Event.LINE, Event.RETURN}
    facts = answered(task_of(three), Knowing(found))[0].facts
    assert (facts["exact call frames"], facts["exact exception frames"]) == (1, None)
