"""Labels of the halting suite: every certificate holds, forged ones are refused, no run that ends is called a loop."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.termination.__main__ import FROZEN
from evals.termination.certificates import check, replayed
from evals.termination.generator import make
from evals.termination.items import Certificate, Completed, Item, Label, Lasso, Recurrent, read_items, spelled
from evals.termination.lasso import Repeated, Returned, search
from evals.termination.linear import Linear, contradict
from evals.termination.machine import Program
from evals.termination.operations import Raised, Unproven
from tests.scripted import every_interpreter
from tracegen import CannotRun
from tracegen.programs.samples import read_samples

ROOT = Path(__file__).parent.parent
CRUXEVAL = ROOT / os.environ.get("FORETRACE_DATA", "../shared/data") / "cruxeval" / "cruxeval.jsonl"
SHA256 = "d10b2460944446bd565347def5b33390c003c39ad4cea303cfa050b0ea463265"


def loop(code: str, input: str, certificate: Certificate) -> Item:
    return Item("x", code, input, Label.LOOPS, "by hand", "", certificate)


# -- By hand.


def test_a_state_that_comes_again_is_found() -> None:
    code = "def f(x):\n    while x != 5:\n        x = 1 - x\n    return x"
    assert search(Program.of(code, "0")) == Repeated(0, 4)
    assert search(Program.of(code, "5")) == Returned(5, (2, 4))
    assert replayed(loop(code, "0", Lasso(0, 4))) == ""


def test_a_set_that_is_reached_and_kept_is_proved() -> None:
    code = "def f(x, k):\n    while x > 3:\n        x += k\n    return x"
    assert replayed(loop(code, "4, 0", Recurrent(2, ("x >= 4", "k >= 0")))) == ""
    assert "never in the set" in replayed(loop(code, "4, -1", Recurrent(2, ("x >= 4", "k >= 0"))))


def test_a_remainder_proves_that_a_number_is_stepped_over() -> None:
    code = "def f(x):\n    while x != 0:\n        x -= 2\n    return x"
    assert replayed(loop(code, "7", Recurrent(2, ("x % 2 == 1",)))) == ""
    assert "never in the set" in replayed(loop(code, "8", Recurrent(2, ("x % 2 == 1",))))


def test_a_break_that_no_state_of_the_set_comes_to_is_no_way_out() -> None:
    code = "def f(x):\n    while True:\n        if x < 0:\n            break\n        x += 1\n    return x"
    assert replayed(loop(code, "0", Recurrent(2, ("x >= 0",)))) == ""
    assert "can be left" in replayed(loop(code, "0", Recurrent(2, ("x >= -1",))))


# -- Forged.

DOWN = "def f(x):\n    while x > 0:\n        x -= 1\n    return x"
FOR = "def f(n):\n    for x in [1, 1, 1]:\n        n = x\n    return n"
FORGED: dict[str, tuple[str, str, Certificate, str]] = {
    "a wrong step count": (DOWN, "2", Completed(7), "ends after 6 steps"),
    "a label swapped": (DOWN, "2", Recurrent(2, ("x >= 1",)), "leads out of the set"),
    "a lasso with a live iterator": (FOR, "1", Lasso(2, 4), "an iterator is alive"),
    "an iterator in a local": (
        "def f(n):\n    it = reversed([1, 1])\n    while n in it:\n        n = 1\n    return n",
        "1",
        Lasso(1, 3),
        "hidden state",
    ),
    "states that differ in aliasing alone": (
        "def f(n):\n    a = [0]\n    b = a\n    n = 1\n    while n < 2:\n        b = [0]\n        if a is None:\n"
        "            n = 2\n        n = n + len(b) - 1\n    return n",
        "0",
        Lasso(3, 7),
        "differ",
    ),
    "states that differ": (DOWN, "3", Lasso(0, 2), "differ"),
    "steps in the wrong order": (DOWN, "3", Lasso(2, 2), "does not come behind"),
    "a run that ends before": (DOWN, "1", Lasso(0, 40), "ends before"),
    "a step towards the bound": (DOWN, "5", Recurrent(2, ("x >= 1",)), "leads out"),
    "floats": (DOWN.replace("-= 1", "+= 1"), "1.5", Recurrent(2, ("x >= 1",)), "float"),
    "floats in the body": (DOWN.replace("-= 1", "+= 0.5"), "1", Recurrent(2, ("x >= 1",)), "grammar"),
    "an early break": (
        "def f(x):\n    while x > 0:\n        x += 1\n        if x > 9:\n            break\n    return x",
        "1",
        Recurrent(2, ("x >= 1",)),
        "can be left",
    ),
    "a loop that is never reached": (
        "def f(x):\n    if x > 5:\n        while x > 0:\n            x += 1\n    return x",
        "1",
        Recurrent(3, ("x >= 1",)),
        "never reached",
    ),
    "a program that catches": (
        "def f(x):\n    while x > 0:\n        try:\n            x += 1\n        except ValueError:\n            x = 0\n"
        "    return x",
        "1",
        Recurrent(2, ("x >= 1",)),
        "no integer",
    ),
    "a generator that never runs": (
        "def f(x):\n    while x > 0:\n        x += 1\n    yield x",
        "1",
        Recurrent(2, ("x >= 1",)),
        "Yield",
    ),
    "a set that does not imply the test": (DOWN.replace("-= 1", "+= 1"), "1", Recurrent(2, ("x >= 0",)), "imply"),
    "no set": (DOWN.replace("-= 1", "+= 1"), "1", Recurrent(2, ()), "empty"),
    "a line without a loop": (DOWN, "1", Recurrent(3, ("x >= 1",)), "no loop"),
    "endless recursion": ("def f(x):\n    return f(x)", "1", Lasso(0, 1), "differ"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_certificate_is_refused(case: str) -> None:
    code, input, certificate, why = FORGED[case]
    label = Label.HALTS if isinstance(certificate, Completed) else Label.LOOPS
    assert why in replayed(replace(loop(code, input, certificate), label=label))


def test_a_label_that_its_certificate_does_not_prove_is_refused() -> None:
    assert "of the other" in replayed(loop(DOWN, "2", Completed(6)))
    assert "of the other" in replayed(replace(loop(DOWN, "2", Lasso(0, 2)), label=Label.HALTS))


# -- The frozen suite.


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return read_items(FROZEN)


def test_the_frozen_suite_is_what_its_seed_makes(items: list[Item]) -> None:
    assert hashlib.sha256(FROZEN.read_bytes()).hexdigest() == SHA256
    assert spelled(make(115, 2)) == FROZEN.read_text("ascii") == spelled(items)


def test_every_label_is_proved_and_cpython_runs_the_same_lines(items: list[Item]) -> None:
    assert [(item.id, why) for item, why in check(items) if why] == []


def test_pairs_are_balanced(items: list[Item]) -> None:
    by_id = {item.id: item for item in items}
    assert sum(item.label is Label.HALTS for item in items) == 115 == len(items) // 2
    for item in items:
        other = by_id[item.pair]
        assert (other.pair, other.family) == (item.id, item.family) and other.label is not item.label
        assert other.code.count("\n") == item.code.count("\n")
    assert len({(item.code, item.input) for item in items}) == 230
    assert 40 <= sum(item.label is Label.HALTS for item in items[::2]) <= 75


def test_a_certificate_of_another_program_is_refused(items: list[Item]) -> None:
    halting = [item for item in items if item.label is Label.HALTS]
    looping = [item for item in items if item.label is Label.LOOPS]
    for item, other in zip(looping, halting, strict=True):
        assert replayed(replace(other, label=Label.LOOPS, certificate=item.certificate)), (item.id, other.id)


def test_the_command_says_what_is_refused(tmp_path: Path, items: list[Item]) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text(spelled([items[0], replace(items[1], label=items[0].label)]))
    done = subprocess.run(
        [sys.executable, "-m", "evals.termination", "check", str(path)], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stdout.count("\n")) == (1, 1) and items[1].id in done.stdout
    again = [sys.executable, "-m", "evals.termination", "make", "1", "-o", str(path)]
    done = subprocess.run(again, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2 and "cannot be written" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"label": "maybe"}, "wanted halts or loops"),
        ({"certificate": 1}, "wanted an object"),
        ({"certificate": {"kind": "timeout"}}, "of kind 'timeout'"),
        ({"certificate": {"kind": "lasso", "first": -1, "second": 2}}, "wanted a number from 0"),
        ({"certificate": {"kind": "recurrent", "line": 1, "set": "x"}}, "wanted a list of texts"),
        ({"code": None}, "wanted text"),
    ],
)
def test_a_malformed_row_is_one_line(tmp_path: Path, items: list[Item], change: dict[str, object], why: str) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text(json.dumps(json.loads(spelled(items[:1])) | change))
    with pytest.raises(CannotRun, match=why) as caught:
        read_items(path)
    assert f"{path}:1: " in str(caught.value) and "\n" not in str(caught.value)


@every_interpreter
def test_the_machine_agrees_with_every_interpreter_that_has_3_10s_lines(items: list[Item], python: str) -> None:
    said = subprocess.run(
        [python, "-c", "import sys; print(sys.version_info >= (3, 10))"], capture_output=True, text=True
    )
    if said.stdout.strip() != "True":
        pytest.skip("lines of `while` are reported otherwise before 3.10")
    halting = [item for item in items if item.label is Label.HALTS][::3]
    assert [(item.id, why) for item, why in check(halting, python=python) if why] == []


# -- Nothing that ends is called a loop.


@pytest.mark.skipif(not CRUXEVAL.is_file(), reason="no CRUXEval at FORETRACE_DATA (default ../shared/data)")
def test_none_of_cruxevals_runs_is_called_a_loop() -> None:
    ended = 0
    for sample in read_samples(CRUXEVAL):
        try:
            found = search(Program.of(sample.code, sample.input))
        except (Unproven, Raised):
            continue
        assert isinstance(found, Returned), sample.id
        assert repr(found.value) == sample.output, sample.id
        ended += 1
    assert ended == 621


FACTS = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(-6, 6)), min_size=1, max_size=5)


@settings(max_examples=150, deadline=None)
@given(FACTS)
def test_a_contradiction_has_no_integers(rows: list[tuple[int, int, int]]) -> None:
    facts = [Linear.of({"x": a, "y": b}, c) for a, b, c in rows]
    if contradict(facts):
        numbers = range(-12, 13)
        assert not any(all(fact.at({"x": x, "y": y}) >= 0 for fact in facts) for x in numbers for y in numbers)
