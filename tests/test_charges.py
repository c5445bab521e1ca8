"""Who is wrong in one known way is charged for just that: a table of predictors against the measures of `traces`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from cwm_model.predict import Mode, predict_each
from cwm_model.predict import Wanted as Ask
from cwm_model.predicting.asking import Asking
from cwm_model.predicting.forced import teacher_forced
from cwm_model.tokenizer import small
from evals.task import Forced, Judged, Traced
from evals.traces import Traces
from evals.verdict import Verdict
from tests import predictors
from tests.asked import call
from tests.predictors import Fault, Knowing, Told
from tracegen import Event, Frame, Settings, Special, Trace, read, write
from tracegen.grammar import Piece, pieces
from tracegen.programs.calls import trace_call

WORDS = """def f(x):
    total = 0
    word = "a"
    for n in range(x):
        total += n
        word += "b"
    try:
        raise KeyError(word)
    except KeyError:
        pass
    return word
"""
FACTORIAL = "def f(n):\n    if n < 2:\n        return 1\n    return n * f(n - 1)\n"
RAISING = "def f(s):\n    t = s + '!'\n    raise ValueError(t)\n"
PROGRAMS = [(WORDS, "3"), (FACTORIAL, "4"), (RAISING, "'no'")]

RATES = {
    "output", "valid format", "valid frames", "event exact match", "action exact match", "event and action match",
    "state exact match", "key match", "key and value match", "string values", "other values", "return value",
    "exception value", "exact frames", "exact call frames", "exact line frames", "exact return frames",
    "exact exception frames", "end", "exact trace", "stays right",
}  # fmt: skip
"""What is 1.0 if all is right."""
TROUBLES = {"budget ended", "right path, wrong state", "wrong path"}
"""What is 0 if all is right."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "set"
    tables = [trace_call(call(code, arguments), Settings()).table for code, arguments in PROGRAMS]
    write(folder, tables)
    return folder


def length(stream: Sequence[Piece]) -> int:
    return len(small().encode(stream))


@cache
def task_of(data: Path, mode: Mode) -> tuple[Traces, list[Trace]]:
    return Traces(data, mode, length=length, context=1 << 17), list(read(data))


def judged(data: Path, mode: Mode, fault: Fault | None) -> list[Judged]:
    """What the task says of a predictor's answers, in the order of the traces."""
    task, traces = task_of(data, mode)
    backend = Knowing(traces, fault)
    found = []
    for question in task.questions():
        asked = question.asked
        if isinstance(asked, Traced):
            wanted = Ask(asked.prompt, asked.mode, Asking(max_new=asked.most))
            [(_, prediction)] = predict_each(backend, [wanted])
            found.append(task.judge(question.id, prediction))
        else:
            assert isinstance(asked, Forced)
            found.append(task.judge(question.id, tuple(teacher_forced(backend, asked.prompt, asked.truth))))
    return found


def mean(found: Sequence[Judged], name: str) -> float:
    values = [value for each in found if isinstance(value := each.facts.get(name), (int, float))]
    return statistics.fmean(values)


def charged(found: Sequence[Judged]) -> set[str]:
    return {name for name in RATES if mean(found, name) != 1} | {name for name in TROUBLES if mean(found, name) != 0}


both = pytest.mark.parametrize("mode", [Mode.FULL, Mode.TEACHER_FORCED], ids=lambda mode: mode.value)


@both
def test_the_perfect_predictor_is_right_in_every_measure(data: Path, mode: Mode) -> None:
    found = judged(data, mode, None)
    assert len(found) == len(PROGRAMS)
    assert {each.score.verdict for each in found} == {Verdict.RIGHT}
    assert {each.score.reason for each in found} == {""}
    assert [each.score.answer for each in found] == ["'abbb'", "24", "None"]
    assert charged(found) == set()
    for each in found:
        assert each.facts["true tokens"] == each.facts["predicted tokens"]
        assert each.facts["true frames"] == each.facts["predicted frames"]
        assert (each.facts["parting"], each.facts["first divergence"]) == ("none", None)


@both
def test_every_number_of_a_trace_is_in_the_table_or_a_length(data: Path, mode: Mode) -> None:
    lengths = {"true tokens", "predicted tokens", "true frames", "predicted frames", "first divergence"}
    texts = {"length", "depth", "output type", "parting", "wrong value of"}
    for each in judged(data, mode, None):
        named = {name for name in each.facts if not name.startswith("with ")}
        assert named == RATES | TROUBLES | lengths | texts


WHOLE = {"exact frames", "exact trace", "stays right"}
LINE = WHOLE | {"exact line frames"}
STATE = LINE | {"state exact match", "right path, wrong state"}
PAIRS = {"key and value match"}
BY_EVENT = {"exact call frames", "exact return frames", "exact exception frames"}
REST = {
    "event exact match", "action exact match", "event and action match", "state exact match", "key match",
    "key and value match", "string values", "other values", "return value", "exception value",
}  # fmt: skip
"""What is charged of frames that are missing."""
RETURN = WHOLE | {"output", "return value", "exact return frames"}
# The frame in the middle is a line with locals of both kinds in the first program, an exception in the last.
MIDDLE = LINE | PAIRS | {
    "event exact match", "action exact match", "event and action match", "state exact match", "key match",
    "string values", "other values", "exception value", "exact exception frames",
}  # fmt: skip
PLACE = {"event exact match", "action exact match", "event and action match"}

R, W, M, C, U = Verdict.RIGHT, Verdict.WRONG, Verdict.MALFORMED, Verdict.CUT_OFF, Verdict.UNANSWERED

TABLE: list[tuple[Fault, str, Verdict, set[str], Verdict, set[str]]] = [
    # predictor, how the first trace parts, and what is said of it and charged in all: full, teacher-forced
    (predictors.wrong_line, "wrong line", R, LINE | {"action exact match", "event and action match", "wrong path"},
     W, LINE | {"action exact match", "event and action match", "wrong path"}),
    (predictors.wrong_event, "wrong line", R, LINE | {"event exact match", "event and action match", "wrong path"},
     W, LINE | {"event exact match", "event and action match", "wrong path"}),
    (predictors.wrong_value, "wrong value", R, STATE | PAIRS | {"other values"}, W, STATE | PAIRS | {"other values"}),
    (predictors.wrong_string, "wrong value", R, STATE | PAIRS | {"string values"},
     W, STATE | PAIRS | {"string values"}),
    (predictors.extra_local, "wrong names", R, STATE | {"key match"}, W, STATE | {"key match"}),
    (predictors.missing_local, "wrong names", R, STATE | PAIRS | {"key match", "string values", "other values"},
     W, STATE | PAIRS | {"key match", "string values", "other values"}),
    (predictors.kept_value, "wrong value", R, STATE | PAIRS | {"string values"},
     W, STATE | PAIRS | {"string values"}),
    (predictors.wrong_return, "wrong value", W, RETURN | {"right path, wrong state"},
     W, RETURN | {"right path, wrong state"}),
    (predictors.wrong_exception, "wrong value", R,
     WHOLE | {"exception value", "exact exception frames", "right path, wrong state"},
     W, WHOLE | {"exception value", "exact exception frames", "right path, wrong state"}),
    (predictors.malformed, "format", M,
     LINE | BY_EVENT | REST | {"output", "end", "valid format", "valid frames"},
     M, MIDDLE | {"valid format", "valid frames"}),
    (predictors.early_end, "early stop", U, LINE | BY_EVENT | REST | {"output", "end", "wrong path"},
     W, MIDDLE | {"wrong path"}),
    (predictors.early_pause, "early stop", U, LINE | BY_EVENT | REST | {"output", "end"},
     M, MIDDLE | {"valid format", "valid frames"}),
    (predictors.no_end, "wrong line", C, RETURN | {"end", "budget ended", "wrong path"} | PLACE,
     W, RETURN | {"wrong path"} | PLACE),
    (predictors.too_long, "too long", R, {"exact trace", "end", "budget ended", "wrong path"},
     W, {"exact trace", "end", "wrong path"}),
    (predictors.nothing, "format", U,
     LINE | BY_EVENT | REST | {"output", "end", "valid format", "valid frames"},
     M, LINE | PLACE | {"state exact match", "key match", "valid format", "valid frames"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "parting", "full", "in_full", "forced", "in_forced"),
    TABLE,
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_predictor_is_charged_for_its_fault_alone(
    data: Path, fault: Fault, parting: str, full: Verdict, in_full: set[str], forced: Verdict, in_forced: set[str]
) -> None:
    found = judged(data, Mode.FULL, fault)
    assert (found[0].facts["parting"], found[0].score.verdict) == (parting, full)
    assert charged(found) == in_full
    found = judged(data, Mode.TEACHER_FORCED, fault)
    assert found[0].score.verdict == forced
    assert charged(found) == in_forced


def test_the_table_has_every_predictor_that_answers() -> None:
    assert {row[0] for row in TABLE} == {*predictors.FAULTS} - {predictors.failing}


@both
def test_of_a_backend_that_fails_nothing_is_measured(data: Path, mode: Mode) -> None:
    for each in judged(data, mode, predictors.failing):
        assert (each.score.verdict, each.score.reason) == (U, "it fails, as it was told to")
        assert not {name for name, value in each.facts.items() if not isinstance(value, str)}
        assert each.facts["length"]


def test_an_entry_that_raises_another_exception_has_a_wrong_output(data: Path) -> None:
    def other(frames: tuple[Frame, ...]) -> Told | None:
        if [frame.event for frame in frames[-2:]] != [Event.EXCEPTION, Event.RETURN]:
            return None
        changed = replace(frames[-2], value="ValueError('yes')")
        return Told((*pieces((*frames[:-2], changed, frames[-1])), Special.END_OF_TEXT))

    def returning(frames: tuple[Frame, ...]) -> Told:
        kept = (*frames[:-2], frames[-1]) if frames[-2:-1] and frames[-2].event is Event.EXCEPTION else frames
        return Told((*pieces(kept), Special.END_OF_TEXT))

    for mode in (Mode.FULL, Mode.TEACHER_FORCED):
        assert [each.facts["output"] for each in judged(data, mode, other)] == [1, 1, 0]
    # "None" is what it returns as well as what leaves its scope.
    found = judged(data, Mode.FULL, returning)
    assert [each.facts["output"] for each in found] == [1, 1, 0]
    assert (found[2].score.verdict, found[2].score.answer) == (Verdict.WRONG, "None")
