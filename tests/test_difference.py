"""A run beside its prediction: one line, the frames around it, the rest on the true path."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cwm_model.predicting.asking import Asking
from cwm_model.predicting.targets import target_of
from evals import difference_views
from evals.comparison import Parting
from evals.difference import Difference, differ
from tests.asked import CODE, HEAD, TRUTH
from tests.command import foretrace, refused
from tests.predictors import (
    Fault,
    Knowing,
    early_end,
    failing,
    malformed,
    no_end,
    too_long,
    wrong_line,
    wrong_return,
)
from tracegen import CannotRun, Event, Frame, Settings
from tracegen.programs.calls import call_in_file, trace_call

ASKING = Asking(max_new=400)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(CODE)
    return path


def made(file: Path, fault: Fault | None = None) -> Difference:
    trace = next(trace_call(call_in_file(file, "f", "2"), Settings()).traces())
    target = target_of(f"{file}::f", "2", None, run=True)
    return differ(Knowing([trace], fault), target, ASKING)


def shown(difference: Difference, around: int = 3) -> str:
    stream = io.StringIO()
    difference_views.print_difference(difference, Console(file=stream, width=110, highlight=False), around)
    return stream.getvalue()


def test_who_knows_the_run_is_told_so_in_one_line(file: Path) -> None:
    difference = made(file)
    assert shown(difference) == "program.py::f: predicted as it runs, 6 frames\n"
    assert difference.comparison.exact and not difference.places
    assert (difference.true_end, difference.predicted_end) == ("returns 3", "returns 3")


@pytest.mark.parametrize(
    ("fault", "parting"),
    [
        (wrong_line, Parting.WRONG_LINE),
        (wrong_return, Parting.WRONG_VALUE),
        (malformed, Parting.FORMAT),
        (early_end, Parting.EARLY_STOP),
        (no_end, Parting.WRONG_LINE),
        (too_long, Parting.TOO_LONG),
    ],
)
def test_one_line_says_where_and_how_they_part(file: Path, fault: Fault, parting: Parting) -> None:
    difference = made(file, fault)
    parted = difference.comparison.divergence
    assert parted is not None and parted.parting is parting
    head, *table = shown(difference).splitlines()
    assert head.startswith(f"program.py::f: {parting.value}: ") and "frames right before it" in head
    # The frame that parts is marked, and stands there on both sides.
    [marked] = [line for line in table if "│ > │" in line]
    assert marked.split("│")[0].strip() == str(parted.index)


def test_behind_the_divergence_the_model_is_put_back_on_the_true_path(file: Path) -> None:
    difference = made(file, wrong_line)
    parted = difference.comparison.divergence
    assert parted is not None
    numbers = [place.number for place in difference.places]
    # One place a frame from the divergence on, and the end's.
    assert numbers == list(range(parted.index, len(HEAD) + len(TRUTH) + 1))
    assert [place.exact for place in difference.places] == [False, *[True] * (len(numbers) - 1)]
    assert f"on the true path from there: {len(numbers) - 1} of {len(numbers)} places right" in shown(difference)


def test_no_more_frames_are_shown_than_were_asked_for(file: Path) -> None:
    difference = made(file, wrong_return)
    # Each frame takes its line and one for what it shows, but for the end's.
    assert shown(difference, around=2).count("\n") - shown(difference, around=0).count("\n") == 2 + 2 + 1
    assert "it returns 3; predicted: returns " in shown(difference)


def test_what_is_raised_is_no_none_that_is_returned(file: Path) -> None:
    file.write_text("def f(x):\n    raise KeyError(x)\n")
    difference = made(file, early_end)
    assert difference.true_end == "raises KeyError(2)"
    assert "it raises KeyError(2); predicted: no end" in shown(difference)


def test_json_has_all_of_it(file: Path) -> None:
    difference = made(file, wrong_return)
    said = json.loads(difference_views.as_json(difference))
    assert (said["exact"], said["divergence"]["kind"], said["frames"]) == (False, "wrong value", 6)
    assert len(said["true"]) == 6 and said["ends"]["true"] == "returns 3" != said["ends"]["predicted"]
    assert said["realigned"]["places"] == said["realigned"]["exact"] + len(said["realigned"]["wrong"])
    assert json.loads(difference_views.as_json(made(file)))["divergence"] is None


def test_a_model_that_gives_nothing_is_an_error_and_no_difference(file: Path) -> None:
    with pytest.raises(CannotRun, match="the model gave nothing"):
        made(file, failing)


def test_a_value_cannot_move_the_cursor(file: Path) -> None:
    difference = made(file, wrong_return)
    evil = Frame(Event.RETURN, "    return\x1b[2J\n", value="\x1b[2J")
    prediction = replace(difference.prediction, frames=(*TRUTH[:-1], evil))
    place = replace(difference.places[0], prediction=prediction)
    target = replace(difference.target, program_id="\x1b[2Jname")
    hostile = replace(difference, target=target, prediction=prediction, places=(place,))
    assert "\x1b" not in shown(hostile) and "\\x1b" in shown(hostile)


def test_the_command_runs_predicts_and_exits_with_one_if_they_part(file: Path) -> None:
    answer = foretrace("diff", f"{file}::f", "--args", "2", "--max-tokens", "200", "--around", "1")
    said = json.loads(foretrace("diff", f"{file}::f", "--args", "2", "--max-tokens", "200", "--json").text)
    assert answer.code == (not said["exact"])
    assert answer.text.splitlines()[0] == said["line"]


def test_what_cannot_be_run_is_one_line(tmp_path: Path, file: Path) -> None:
    assert refused("diff", str(tmp_path / "no.py")) == f"{tmp_path / 'no.py'}: no such file"
    assert "the arguments do not parse" in refused("diff", f"{file}::f", "--args", "1, [")
    assert "no such function" in refused("diff", f"{file}::g", "--args", "1")
    assert refused("diff", f"{file}::f", "--args", "1", "--model", str(tmp_path)).startswith(f"{tmp_path}")
