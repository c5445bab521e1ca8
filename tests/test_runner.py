"""A run on the disk: nothing asked twice, nothing lost when it is killed, failures apart, other settings refused."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cwm_model import loading
from cwm_model.backends import Finish, Sampling
from cwm_model.backends.local import LocalBackend
from cwm_model.talking import Said
from evals import runner
from evals.cruxeval import CruxEval
from evals.executed import Judge
from evals.official import Asked as Side
from evals.records import read_records
from evals.results import RESULTS, SAMPLES, SETTINGS, stored
from evals.runner import Model, Plan, Told
from tests.asked import CODE
from tests.predictors import Fault, Knowing, failing, wrong_return
from tests.talkers import Saying
from tracegen import CannotRun, Settings, Trace
from tracegen.programs.samples import Sample, run_sample

ROWS = [Sample(f"row-{number}", CODE, str(number), str(number + 1)) for number in range(7)]
SETTINGS_OF_ALL = {"task": "cruxeval-o", "mode": "trace", "data": "rows"}


@pytest.fixture(scope="module")
def traces() -> list[Trace]:
    outcomes = [run_sample(row, Settings()) for row in ROWS]
    return [next(each.told.traces()) for each in outcomes if each.told is not None]


def task(mode: str = "trace", rows: list[Sample] = ROWS) -> CruxEval:
    return CruxEval(Side.OUTPUT, mode, rows, Judge())


def run(folder: Path, model: Model, plan: Plan = Plan(), **how: Any) -> Any:  # noqa: B008 - frozen
    mode = how.pop("mode", "trace")
    return runner.run(task(mode), model, plan, folder, {**SETTINGS_OF_ALL, "mode": mode, **how})


def knowing(traces: list[Trace], fault: Fault | None = None) -> Model:
    return Model(Knowing(traces, fault))


def answered(folder: Path) -> Mapping[tuple[str, int], str]:
    """Every line by its answer, whatever their order."""
    return {key: record.line() for key, record in read_records(folder / SAMPLES).items()}


@pytest.mark.parametrize("mode", ["trace", "single"])
def test_who_knows_the_traces_is_right_throughout(traces: list[Trace], tmp_path: Path, mode: str) -> None:
    results = run(tmp_path / "run", knowing(traces), mode=mode)
    assert (results.n, results.samples, results.failed, results.verdicts["right"]) == (7, 7, 0, 7)
    assert results.metrics["pass@1"].value == results.metrics["whole"].value == 1.0
    assert {name: metric.value for name, metric in results.groups["type"].items()} == {"int": 1.0}
    written = stored(tmp_path / "run")
    assert written["metrics"]["pass@1"]["value"] == 1.0
    names = {"task", "mode", "semantics", "n", "metrics", "verdicts", "versions", "hashes", "command"}
    assert names <= written.keys() and len(written["hashes"]["data"]) == 64


def test_a_wrong_return_is_wrong_and_stays_in_the_denominator(traces: list[Trace], tmp_path: Path) -> None:
    results = run(tmp_path / "run", knowing(traces, wrong_return))
    assert (results.verdicts["wrong"], results.n, results.metrics["pass@1"].value) == (7, 7, 0.0)


def test_what_is_there_is_not_asked_again(traces: list[Trace], tmp_path: Path) -> None:
    first = knowing(traces)
    run(tmp_path / "run", first, Plan(limit=3))
    again = Knowing(traces)
    results = run(tmp_path / "run", Model(again))
    assert isinstance(first.backend, Knowing) and (len(first.backend.asked), len(again.asked)) == (3, 4)
    assert results.n == 7 and len(answered(tmp_path / "run")) == 7


def test_failures_are_apart_and_asked_again(traces: list[Trace], tmp_path: Path) -> None:
    results = run(tmp_path / "run", knowing(traces, failing))
    assert (results.n, results.failed, results.metrics) == (0, 7, {})
    assert json.loads((tmp_path / "run" / RESULTS).read_text())["failed"] == 7
    assert all(json.loads(line)["verdict"] is None for line in answered(tmp_path / "run").values())
    results = run(tmp_path / "run", knowing(traces))
    assert (results.n, results.failed, results.metrics["pass@1"].value) == (7, 0, 1.0)


def test_several_samples_are_drawn_with_seeds_of_their_own(tmp_path: Path) -> None:
    talker = Saying(lambda talk, sampling: Said(str(sampling.seed), Finish.STOPPED))
    plan = Plan(samples=3, sampling=Sampling(temperature=0.5, seed=40), limit=1)
    results = run(tmp_path / "run", Model(talker=talker), plan, mode="direct")
    assert [json.loads(line)["answer"] for line in answered(tmp_path / "run").values()] == ["40", "41", "42"]
    assert (results.n, results.samples) == (1, 3)
    assert "pass@5" not in results.metrics


def test_pass_at_k_is_there_for_as_many_samples_as_there_are(tmp_path: Path) -> None:
    # Of five samples one is right: pass@1 is a fifth, pass@5 is one.
    talker = Saying(lambda talk, sampling: Said(str(sampling.seed), Finish.STOPPED))
    plan = Plan(samples=5, sampling=Sampling(temperature=0.5, seed=0), limit=1)
    results = run(tmp_path / "run", Model(talker=talker), plan, mode="direct")
    assert (results.metrics["pass@1"].value, results.metrics["pass@5"].value) == (pytest.approx(0.2), 1.0)
    assert "pass@10" not in results.metrics


def test_a_run_is_not_gone_on_with_otherwise(traces: list[Trace], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run(folder, knowing(traces), Plan(limit=1))
    before = answered(folder)
    with pytest.raises(CannotRun, match="was begun with seed None, and is asked to go on with 7"):
        run(folder, knowing(traces), seed=7)
    other = task(rows=[Sample("row-0", CODE, "5", "6")])
    with pytest.raises(CannotRun, match="row-0 was asked otherwise"):
        runner.run(other, knowing(traces), Plan(), folder, SETTINGS_OF_ALL)
    assert answered(folder) == before
    # The same data elsewhere is the same data.
    assert run(folder, knowing(traces), Plan(limit=1), data="moved").n == 1
    assert answered(folder) == before


def test_a_folder_with_something_else_in_it_is_left_alone(traces: list[Trace], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CannotRun, match=r"is not empty, and no run \(notes.txt\)"):
        run(tmp_path, knowing(traces))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(CannotRun, match="cannot be used as a folder"):
        run(tmp_path / "notes.txt", knowing(traces))


def test_two_processes_do_not_share_a_run(traces: list[Trace], tmp_path: Path) -> None:
    said: list[str] = []

    def second(told: Told) -> None:
        try:
            run(tmp_path / "run", knowing(traces))
        except CannotRun as error:
            said.append(str(error))

    runner.run(task(), knowing(traces), Plan(limit=1), tmp_path / "run", SETTINGS_OF_ALL, second)
    assert said == [f"{tmp_path / 'run'}: another process works there"] * 2


@pytest.mark.parametrize("plan", [Plan(ids=("nobody",)), Plan(ids=("row-1", "nobody"))])
def test_an_id_that_is_not_there_is_named(traces: list[Trace], tmp_path: Path, plan: Plan) -> None:
    with pytest.raises(CannotRun, match="--ids: cruxeval-o has no 'nobody'"):
        run(tmp_path / "run", knowing(traces), plan)


def test_ids_choose_and_keep_their_order(traces: list[Trace], tmp_path: Path) -> None:
    run(tmp_path / "run", knowing(traces), Plan(ids=("row-4", "row-2", "row-4")))
    assert {id for id, _ in answered(tmp_path / "run")} == {"row-4", "row-2"}


def test_rescoring_gives_the_same_and_other_rules_their_own(traces: list[Trace], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    talker = Saying(lambda talk, sampling: Said("0 or True", Finish.STOPPED))
    run(folder, Model(talker=talker), mode="direct")
    before = answered(folder)
    assert stored(folder)["verdicts"]["malformed"] == 7
    assert runner.rescore(task("direct"), folder).verdicts["malformed"] == 7
    assert answered(folder) == before


def test_rescoring_refuses_other_questions_and_damaged_answers(traces: list[Trace], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run(folder, knowing(traces))
    with pytest.raises(CannotRun, match="row-6 was asked otherwise, or of other data"):
        runner.rescore(task(rows=ROWS[:-1]), folder)
    text = (folder / SAMPLES).read_text()
    (folder / SAMPLES).write_text(text.replace('"pieces": [', '"pieces": [7, ', 1))
    with pytest.raises(CannotRun, match="the raw answer is damaged"):
        runner.rescore(task(), folder)
    with pytest.raises(CannotRun, match=r"has no run\.json"):
        runner.rescore(task(), tmp_path)
    (folder / SETTINGS).write_text("{")
    with pytest.raises(CannotRun, match=r"run\.json: cannot be read"):
        runner.rescore(task(), folder)


@pytest.fixture(scope="module")
def bundled() -> Model:
    loaded = loading.load("bundled", dtype="fp32", device="cpu")
    return Model(LocalBackend(loaded.tokenizer, loaded.model, slots=3, drafts=8))


def test_a_run_killed_again_and_again_has_the_samples_of_an_undisturbed_one(bundled: Model, tmp_path: Path) -> None:
    plan = Plan(most=120, constrained=True)
    runner.run(task(), bundled, plan, tmp_path / "calm", SETTINGS_OF_ALL)
    folder, chance, killed = tmp_path / "killed", random.Random(5), 0
    while not (folder / RESULTS).exists():
        child = os.fork()
        if not child:
            runner.run(task(), bundled, plan, folder, SETTINGS_OF_ALL)
            os._exit(0)
        path = folder / SAMPLES
        size = path.stat().st_size if path.exists() else 0
        # At a random moment behind the next answer: every life brings the run on.
        ended = (0, 0)
        while ended == (0, 0) and not (path.exists() and path.stat().st_size > size):
            time.sleep(0.002)
            ended = os.waitpid(child, os.WNOHANG)
        if ended == (0, 0):
            time.sleep(chance.random() * 0.05)
            os.kill(child, signal.SIGKILL)
            killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
            with path.open("a") as stream:
                stream.write('{"id": "row-0", "sam')
    assert killed >= 2
    assert answered(folder) == answered(tmp_path / "calm")
    calm, disturbed = (stored(tmp_path / name) for name in ("calm", "killed"))
    assert calm["metrics"] == disturbed["metrics"] and disturbed["n"] == len(ROWS)
