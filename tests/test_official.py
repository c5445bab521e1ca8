"""CRUXEval's own scorer: its rules, its verdicts, its holes; and the literal semantics beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.answers import input_score, output_score
from evals.executed import Judge
from evals.official import Asked, Official, asserted, passes, postprocessed, score
from evals.predictions import read_predictions
from evals.proofs import Assertion, harmless, proved
from evals.verdict import Score, Tally, Verdict
from tracegen import CannotRun
from tracegen.programs.samples import Sample, read_samples

DATA = Path(__file__).parent.parent / os.environ.get("FORETRACE_DATA", "../shared/data") / "cruxeval"
LIAR = "type('E', (), {'__eq__': lambda s, o: True})()"
DOUBLE = Sample("double", "def f(x):\n    return x * 2", "2", "4")
with_data = pytest.mark.skipif(not DATA.is_dir(), reason="no CRUXEval at FORETRACE_DATA (default ../shared/data)")


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(jobs=2) as judge:
        yield judge


def returns(expected: str, answer: str, judge: Judge, code: str = "def f(x):\n    return x") -> bool:
    return judge.holds(Assertion(code, expected, answer))


@pytest.mark.parametrize(
    ("asked", "text", "thought", "answer"),
    [
        (Asked.OUTPUT, " 'a' ", False, "'a'"),
        (Asked.OUTPUT, "assert f(1) == [2]", False, "[2]"),
        (Asked.OUTPUT, "f(1) == 2 == 3", False, "2"),
        (Asked.OUTPUT, "'x == y'", False, "y'"),
        (Asked.OUTPUT, "so\n[ANSWER]\nf(1) == 3\n", True, "3"),
        (Asked.OUTPUT, "[ANSWER]1[ANSWER]2", True, "1"),
        (Asked.OUTPUT, "no tag", True, "no tag"),
        (Asked.OUTPUT, "[ANSWER] 1", False, "[ANSWER] 1"),
        (Asked.INPUT, "f(1) == 2", False, "f(1)"),
        (Asked.INPUT, "assert f('a') == 2", False, "f('a')"),
        (Asked.INPUT, "f('==')", False, "f('"),
        (Asked.INPUT, "so\n[ANSWER]\nassert f(1) == 3", True, "f(1)"),
    ],
)
def test_completions_are_cut_as_in_the_original(asked: Asked, text: str, thought: bool, answer: str) -> None:
    assert postprocessed(asked, text, thought) == answer


def test_an_output_that_calls_with_the_input_and_an_input_that_calls_nothing_are_rejected() -> None:
    assert asserted(Asked.OUTPUT, DOUBLE, "f(2)") is None
    assert asserted(Asked.OUTPUT, DOUBLE, "f(1 + 1)") is not None
    assert asserted(Asked.INPUT, DOUBLE, "2") is None
    assert asserted(Asked.INPUT, DOUBLE, "g() or f(2)") is not None


def test_one_right_and_nine_rejected_are_all_right_officially_and_a_tenth_here(judge: Judge) -> None:
    answers = ["4", *["f(2)"] * 9]
    official = score(Asked.OUTPUT, [DOUBLE], {"double": answers}, judge)
    assert official.verdicts["double"] == (True, *[None] * 9)
    assert (official.counted("double"), official.rejected, official.pass_at(1)) == ([True], 9, 1.0)
    assert Tally.of(output_score("4", answer) for answer in answers).accuracy == 0.1


def test_without_a_right_answer_the_rejected_count_as_failed() -> None:
    official = Official({"a": (False, None, None), "b": (None,)})
    assert (official.counted("a"), official.counted("b")) == ([False] * 3, [False])
    assert official.pass_at(1) == 0.0


def test_pass_at_k_is_the_unbiased_estimator_over_what_counts() -> None:
    official = Official({"a": (True, False, False, False), "b": (False,) * 4})
    assert official.pass_at(1) == 0.125
    assert official.pass_at(2) == 0.25
    # Fewer failed ones than k: as in the original, even where there are fewer answers than k.
    assert Official({"a": (False, False)}).pass_at(5) == 1.0


def test_a_sample_without_answers_is_said(judge: Judge) -> None:
    with pytest.raises(CannotRun, match="1 of 1 samples have no answers: double"):
        score(Asked.OUTPUT, [DOUBLE], {}, judge)


@pytest.mark.parametrize(
    ("expected", "answer", "passed"),
    [
        ("1", "1", True),
        ("1", "True", True),
        ("1", "1.0", True),
        ("{1, 2}", "{2, 1}", True),
        ("[1]", "(1,)", False),
        ("'a'", "str('a')", True),
        ("5", "5, 6", True),
        ("5", "6, 5", False),
        ("5", "5 # five", True),
        ("5", "\n5", False),
        ("5", "5\n", True),
        ("5", "5\n1 / 0", False),
        ("5", "5 == 5", True),
        ("5", "(x := 5)", True),
        ("5", "6 or True", True),
        ("5", "5 if True else 6", True),
        ("5", "nan", False),
        ("5", "f(5)", True),
        ("5", "f(6)", False),
        ("5", "f(", False),
        ("5", "", False),
        ("None", "print('x')", True),
        ("None", "exit", True),
        ("5", "exit() or 5", False),
        ("5", "__import__('sys').exit(0)", False),
        ("5", "__import__('os')._exit(0)", False),
        ("5", "__import__('os').kill(__import__('os').getpid(), 9)", False),
        ("5", "__import__('os').kill(__import__('os').getppid(), 9)", False),
        ("5", "input()", False),
        ("5", "5 + 10 ** 5000 * 0", True),
        ("5", "f(f)(" + "(" * 5000, False),
        ("5", "'\0'", False),
        ("5", "'\ud800'", False),
        ("5", LIAR, True),
    ],
)
def test_an_answer_passes_as_an_assertion_does(judge: Judge, expected: str, answer: str, passed: bool) -> None:
    assert returns(expected, answer, judge) is passed


@pytest.mark.parametrize(
    "code",
    ["def f(x): return x\nint = None", "x = 1", "1 / 0", "def f(", "def f(x):\n    return x\n'''", "if 0:\\", "(", ""],
)
def test_what_is_proved_is_what_running_says(judge: Judge, code: str) -> None:
    for right in ("1", "2", "1.0", "True", "1,", "'1'"):
        assertion = Assertion(code, "1", right)
        known = proved(assertion)
        assert known is None or [known] == judge._run((assertion,))


def test_answers_that_never_end_fail_and_hold_up_no_other(judge: Judge) -> None:
    forever = (
        "def f(x):\n    while x:\n        try:\n            x = x or 1\n        except:\n            pass\n    return x"
    )
    asserting = [Assertion(forever, "0", f"f({number})") for number in (0, 1, 2, 0.0)]
    assert [harmless(each) for each in asserting] == [True] * 4
    alone = Assertion(forever, "0", "__import__('time').sleep(60)")
    assert not harmless(alone)
    assert judge.all_hold([*asserting, alone]) == [True, False, False, True, False]


HOSTILE = [
    "__import__('os').kill(-1, 9)",
    "__import__('os').killpg(0, 9)",
    "[__import__('os').fork() for _ in range(8)]",
    "__import__('os').write(1, b'0:\\n' * 1000) and 0",
    "[__import__('os').write(fd, b'0:x\\n1:x\\n') for fd in range(3, 9)]",
    "open('f.py', 'w').write('def f(x): return 0') and 0",
    "bytearray(1 << 40)",
    "__import__('sys').setrecursionlimit(10**9) or (g := lambda: g()) and g()",
    "setattr(__import__('builtins'), 'AssertionError', None) or 0",
]


def test_no_answer_changes_the_verdict_of_another(judge: Judge) -> None:
    code = "def f(x):\n    return x"
    right, wrong = Assertion(code, "5", "f(5)"), Assertion(code, "5", "f(6)")
    mixed: list[Assertion] = []
    for each in HOSTILE:
        mixed += [right, Assertion(code, "5", each), wrong, Assertion(code, "5", f"f(5) # {each}")]
    for assertion, verdict in zip(mixed, judge.all_hold(mixed), strict=True):
        assert verdict is (assertion.right.startswith("f(5)")), assertion.right


@pytest.mark.parametrize(
    "body",
    [
        "eval(x)",
        "open(x)",
        "x.__class__",
        "[g.gi_frame for g in [(y for y in x)]]",
        "getattr(x, 'upper')()",
        "__builtins__",
        "type(x)",
        "(lambda: exec)()(x)",
    ],
)
def test_code_that_can_reach_further_is_not_harmless(body: str) -> None:
    code = f"def f(x):\n    return {body}"
    assert not harmless(Assertion(code, "1", "f(1)"))
    assert harmless(Assertion("def f(x):\n    return sorted(x.upper().split())", "1", "f('a')"))


def test_a_program_that_imports_or_makes_classes_is_not_harmless() -> None:
    for line in (
        "import os",
        "from os import system",
        "class A: pass",
        "with f: pass",
        "match f:\n    case object(x=1): pass",
    ):
        assert not harmless(Assertion(f"def f(x):\n    return x\n{line}", "1", "f(1)"))


def test_an_input_is_run_and_its_result_compared_by_type(judge: Judge) -> None:
    assert input_score(DOUBLE, "f(2)", judge).right
    assert input_score(DOUBLE, " f(x=2)\n", judge).right
    assert passes(Asked.INPUT, DOUBLE, "f(2.0)", judge)
    assert input_score(DOUBLE, "f(2.0)", judge) == Score(Verdict.WRONG, "f(2.0)", "it returns 4.0")
    assert input_score(DOUBLE, "f()", judge).verdict is Verdict.WRONG
    assert "missing 1 required" in input_score(DOUBLE, "f()", judge).reason
    assert "int" in input_score(DOUBLE, "f({})", judge).reason
    assert input_score(DOUBLE, "f(y=2)", judge).verdict is Verdict.WRONG
    for malformed in ("f(1 + 1)", "4", "f(2) or 1", LIAR, "f(2), f(2)", "f(open('x'))", "f(2)\nf(2)"):
        assert input_score(DOUBLE, malformed, judge).verdict is Verdict.MALFORMED


def test_the_samples_own_call_is_right_even_with_a_lambda(judge: Judge) -> None:
    sample = Sample("key", "def f(x, key):\n    return key(x)", "1, lambda x: x", "1")
    assert input_score(sample, "f(1, lambda x: x)", judge).right
    assert input_score(sample, "f(1, lambda y: y)", judge).verdict is Verdict.MALFORMED


def test_a_call_that_never_ends_or_runs_long_is_judged(judge: Judge) -> None:
    sample = Sample("loop", "def f(x):\n    while x < 0:\n        pass\n    return sum(range(x))", "3", "3")
    assert input_score(sample, "f(-1)", judge).reason == "killed at the deadline"
    long = Sample(
        "long", "def f(x):\n    n = 0\n    for i in range(x):\n        n += 1\n    return n", "30000", "30000"
    )
    assert input_score(long, "f(30000.)", judge).verdict is Verdict.WRONG
    assert input_score(long, "f(x=30000)", judge).right


@with_data
def test_exploits_are_all_right_officially_and_none_literally(judge: Judge) -> None:
    samples = read_samples(DATA / "cruxeval.jsonl")
    few = samples[::20]
    for exploit in ("0 or True", LIAR):
        assert score(Asked.OUTPUT, few, {each.id: [exploit] for each in few}, judge).pass_at(1) == 1.0
        assert not any(output_score(str(sample.output), exploit).right for sample in samples)
        called = f"{exploit} # f("
        assert score(Asked.INPUT, few, {each.id: [called] for each in few}, judge).pass_at(1) == 1.0
        assert not any(input_score(sample, called, judge).right for sample in samples)


@with_data
@pytest.mark.slow
def test_exploits_are_right_for_all_samples_officially(judge: Judge) -> None:
    samples = read_samples(DATA / "cruxeval.jsonl")
    for exploit in ("0 or True", LIAR):
        assert score(Asked.OUTPUT, samples, {each.id: [exploit] for each in samples}, judge).pass_at(1) == 1.0


def reproduced(asked: Asked, samples: list[Sample], judge: Judge) -> Official:
    """Official verdicts, each of which is the stored one."""
    answers = read_predictions(DATA / f"codellama-7b_temp0.2_{asked.value}.generations.json")
    stored = json.loads((DATA / f"codellama-7b_temp0.2_{asked.value}.scored.json").read_text("utf-8"))
    official = score(asked, samples, answers, judge)
    for sample in samples:
        assert official.counted(sample.id) == stored["raw_scored_generations"][sample.id], sample.id
    return official


@with_data
def test_the_stored_verdicts_on_outputs_are_reproduced(judge: Judge) -> None:
    official = reproduced(Asked.OUTPUT, read_samples(DATA / "cruxeval.jsonl"), judge)
    assert (round(100 * official.pass_at(1), 4), round(100 * official.pass_at(5), 4)) == (34.2125, 40.2867)


@with_data
def test_stored_verdicts_on_inputs_are_reproduced(judge: Judge) -> None:
    reproduced(Asked.INPUT, read_samples(DATA / "cruxeval.jsonl")[:150], judge)


@with_data
@pytest.mark.slow
def test_the_stored_verdicts_on_inputs_are_reproduced(judge: Judge) -> None:
    official = reproduced(Asked.INPUT, read_samples(DATA / "cruxeval.jsonl"), judge)
    assert (round(100 * official.pass_at(1), 4), round(100 * official.pass_at(5), 4)) == (35.95, 44.9911)


@with_data
def test_right_outputs_are_right_under_both_semantics(judge: Judge) -> None:
    samples = read_samples(DATA / "cruxeval.jsonl")
    for sample in samples:
        assert sample.output is not None
        assert output_score(sample.output, sample.output).right
    assert score(Asked.OUTPUT, samples, {each.id: [str(each.output)] for each in samples}, judge).pass_at(1) == 1.0
