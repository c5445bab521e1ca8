"""Which inputs are worth a trace: by hand, and on real recordings in a sandboxed process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from tracegen import CannotRun, Settings
from tracegen.programs.calls import Call
from tracegen.programs.exploration import Seen, chosen, explore
from tracegen.sandbox import Level, Sandbox


def seen(name: str, lines: str = "1", outcome: str = "1", returned: bool = True, steps: int = 5) -> Seen:
    """One that goes through these lines, one digit each."""
    way = [int(digit) for digit in lines]
    arcs = frozenset(pairwise(way))
    return Seen(name, frozenset(way), arcs, outcome, returned, steps, hash(lines))


def names(found: list[Seen]) -> list[str]:
    return [each.arguments for each in found]


def test_the_input_that_adds_most_is_the_first() -> None:
    assert names(chosen([seen("a", "12"), seen("b", "1234"), seen("c", "15")], 9)) == ["b", "c"]


def test_an_input_that_adds_nothing_is_left_out() -> None:
    assert names(chosen([seen("a", "12"), seen("b", "12")], 9)) == ["a"]


def test_another_way_between_known_lines_is_a_branch() -> None:
    assert names(chosen([seen("a", "1234"), seen("b", "1324")], 9)) == ["a", "b"]


def test_a_new_outcome_is_worth_a_trace() -> None:
    both = [seen("a", outcome="None"), seen("b", outcome="True"), seen("c", outcome="None")]
    assert names(chosen(both, 9)) == ["a", "b"]


def test_one_that_returns_is_preferred_to_one_that_raises() -> None:
    assert names(chosen([seen("a", "12", "KeyError", returned=False), seen("b", "12")], 1)) == ["b"]


def test_a_much_longer_path_is_worth_a_trace() -> None:
    paths = [seen("a", "123123"), seen("b", "123123123", steps=6), seen("c", "123123123123", steps=20)]
    assert names(chosen(paths, 9)) == ["a", "c"]


def test_no_more_are_chosen_than_asked_for() -> None:
    assert len(chosen([seen(str(number), f"1{number}") for number in range(2, 9)], 3)) == 3


CODE = """
def f(n, how="count"):
    if how == "hang":
        while True:
            pass
    if how == "die":
        import os
        os._exit(3)
    if how == "crash":
        7 ** 10 ** 10
    total = 0
    for i in range(n):
        total += i
    return total
"""


def call(code: str = CODE, listed: bool = False) -> Call:
    return Call("f", code, "f", "", "<program>", "program.py", "program", listed=listed)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Settings(), Level.PROCESS) as box:
        yield box


def test_lines_outcome_and_length_are_read_off_the_recording(sandbox: Sandbox) -> None:
    none, three, wrong = explore(call(), ["0", "3", "'x'"], Settings(), sandbox.run)
    assert none.lines == {3, 6, 9, 11, 12, 14}
    assert (none.outcome, none.returned) == ("0", True)
    assert three.lines == none.lines | {13}
    assert {(12, 13), (13, 12)} <= three.arcs and three.steps > none.steps
    assert (wrong.outcome, wrong.returned) == ("TypeError", False)


@pytest.mark.parametrize("how", ["hang", "die"])
def test_an_input_that_hangs_or_ends_its_process_is_passed_over(sandbox: Sandbox, how: str) -> None:
    found = explore(call(), ["1", f"2, '{how}'", "3"], Settings(), sandbox.run)
    assert [each.arguments for each in found] == ["1", "3"]


def test_what_hangs_in_c_ends_with_its_process(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracegen.programs.exploration.SECONDS", 3.0)
    found = explore(call(), ["1", "2, 'crash'", "3"], Settings(), sandbox.run)
    assert [each.arguments for each in found] == ["1", "3"]


def test_a_generator_is_listed() -> None:
    code = "def f(n):\n    for i in range(n):\n        yield i\n"
    with Sandbox(Settings(), Level.PROCESS) as box:
        [found] = explore(call(code, listed=True), ["2"], Settings(), box.run)
    assert found.lines == {2, 3}


def test_an_input_whose_trace_reaches_a_limit_is_not_seen(sandbox: Sandbox) -> None:
    few = replace(Settings(), limits=Settings().limits._replace(events=20))
    assert [each.arguments for each in explore(call(), ["1", "1000"], few, sandbox.run)] == ["1"]


def test_code_that_does_not_load_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(CannotRun, match="fails when it is loaded: ZeroDivisionError"):
        explore(call("1 / 0\n" + CODE), ["1"], Settings(), sandbox.run)


def test_what_runs_on_after_a_full_trace_begins_no_trace(sandbox: Sandbox) -> None:
    code = "def f(key):\n    return sorted(range(9000), key=key)[0]\n"
    found = explore(call(code), ["lambda x: -x", "None"], Settings(), sandbox.run)
    assert [(each.arguments, each.outcome) for each in found] == [("None", "0")]


def test_among_those_that_add_as_much_one_that_returns_is_taken_first() -> None:
    junk, sense = seen("junk", "12", "TypeError", returned=False), seen("sense", "13", "1")
    first = seen("first", "1", "1")
    assert names(chosen([first, junk, sense], 2)) == ["sense", "junk"]
