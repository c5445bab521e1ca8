"""The commands eval, score and rescore, put together: a task, a model, a run.

Knows nothing of the command line, and nothing of how any of the parts works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cwm_model.backends import Backend, Finish, Sampling
from cwm_model.predicting.opening import Opening, tokenizer_of
from cwm_model.talking import Said
from evals import runner, tasks
from evals.cruxeval import ANSWERS, CruxEval
from evals.executed import Judge
from evals.predictions import read_predictions
from evals.records import Record, hash_of, read_records, spelled
from evals.results import SAMPLES, SETTINGS, Results, command_line, results_of, store, stored
from evals.runner import Model, Plan, Say
from evals.task import Task
from evals.tasks import Choice, Measure
from tracegen import CannotRun
from tracegen.grammar import Piece


@dataclass(frozen=True, slots=True)
class Asked:
    """A task, a model, and how it is asked, as the command has it; ``constrained`` None is what fits the model."""

    choice: Choice
    opening: Opening = Opening()  # noqa: RUF009 - frozen
    sampling: Sampling = Sampling()  # noqa: RUF009 - frozen
    samples: int = 1
    most: int | None = None
    constrained: bool | None = None

    def __post_init__(self) -> None:
        if self.samples > 1 and self.sampling.greedy:
            raise CannotRun(f"--samples {self.samples}: greedy samples are all the same; give a --temperature")
        if self.choice.mode == ANSWERS:
            raise CannotRun(f"--mode {ANSWERS}: nobody is asked; `foretrace score` judges answers made elsewhere")
        if self.constrained and self.choice.speaks:
            raise CannotRun(f"--constrained: is for traces, and {self.choice.mode} is language")

    @property
    def bound(self) -> bool:
        """Whether the model can write traces only."""
        if self.constrained is not None:
            return self.constrained
        return not self.choice.speaks and not self.opening.is_server


def evaluate(asked: Asked, folder: Path, say: Say = lambda _: None) -> Results:
    """Ask, judge, store; goes on with a run that is there.  Raises CannotRun."""
    choice = asked.choice
    plan = Plan(asked.samples, asked.sampling, asked.most, asked.bound, choice.limit, choice.ids)
    with Judge() as judge:
        if choice.speaks:
            task = tasks.opened(choice, judge, None)
            model = Model(talker=asked.opening.talker())
        else:
            backend = asked.opening.open()
            task = tasks.opened(choice, judge, _measure(backend))
            model = Model(backend)
        settings = _settings(asked, task, model.backend)
        return runner.run(task, model, plan, folder, settings, say)


def rescored(folder: Path, semantics: str | None, data: str | None) -> Results:
    """Judge a run anew, by other rules or with its data elsewhere.  Raises CannotRun."""
    settings = stored(folder, SETTINGS)
    try:
        name, mode, rules, tokenizer = (str(settings[key]) for key in ("task", "mode", "semantics", "its_tokenizer"))
        where = data if data is not None or settings["data"] is None else str(settings["data"])
        hashes, context = dict(settings["hashes"]), int(settings["context"] or 0)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CannotRun(f"{folder / SETTINGS}: is damaged: {type(error).__name__}: {error}") from None
    # Only what was asked: the real traces of other items need not be found out.
    asked = tuple(dict.fromkeys(id for id, _ in read_records(folder / SAMPLES)))
    choice = Choice(name, mode, where, semantics or rules, ids=asked)
    with Judge() as judge:
        measure = None if choice.speaks else Measure(_counter(tokenizer_of(tokenizer)), context)
        task = tasks.opened(choice, judge, measure)
        if dict(task.hashes) != hashes:
            raise CannotRun(
                f"{folder}: its data was another (sha256 {hashes} against {dict(task.hashes)}); give that with --data"
            )
        return runner.rescore(task, folder)


def scored(path: Path, choice: Choice, folder: Path | None) -> Results:
    """Judge answers of a file; with ``folder``, the run is stored there.  Raises CannotRun."""
    found = read_predictions(path)
    if folder is not None:
        # Before the work, not behind it.
        with runner.fresh(folder):
            pass
    with Judge() as judge:
        task = tasks.opened(choice, judge, None)
        asked = {question.id: hash_of(question.asked) for question in task.questions()}
        missing = [id for id in asked if not found.get(id)]
        strange = [id for id in found if id not in asked]
        if missing or strange:
            what = f"no answer to {missing[0]!r}" if missing else f"an answer to {strange[0]!r}, which the data lacks"
            count = len(missing) + len(strange)
            raise CannotRun(f"{path}: has {what} ({count} such); it must answer the data's {len(asked)} items")
        wanted = [(id, number, text) for id in asked for number, text in enumerate(found[id])]
        texts = [(id, text) for id, _, text in wanted]
        if isinstance(task, CruxEval):
            judgements = task.judge_all(texts)
        else:
            judgements = [task.judge(id, Said(text, Finish.STOPPED)) for id, text in texts]
        records = [
            Record(id, number, asked[id], spelled(Said(text, Finish.STOPPED)), judged)
            for (id, number, text), judged in zip(wanted, judgements, strict=True)
        ]
        settings = {
            "task": choice.name,
            "mode": choice.mode,
            "semantics": choice.semantics,
            "data": choice.data,
            "hashes": dict(task.hashes),
            "its_tokenizer": None,
            "context": None,
            "predictions": path.name,
        }
        results = results_of(task, records, settings, command_line())
    if folder is not None:
        runner.keep(folder, settings, records)
        store(folder, results)
    return results


def exported(choice: Choice, harness: str, folder: Path) -> list[Path]:
    """Write a task of language for another harness; the files.  Raises CannotRun."""
    from evals.exporting import Harness, export

    if choice.mode not in ("direct", "cot"):
        raise CannotRun(f"--export: is for the modes direct and cot, and --mode is {choice.mode}")
    with Judge() as judge:
        return export(tasks.opened(choice, judge, None), Harness(harness), folder)


def _settings(asked: Asked, task: Task, backend: Backend | None) -> dict[str, Any]:
    """What must stay as it is while a run goes on."""
    choice, opening = asked.choice, asked.opening
    return {
        "task": choice.name,
        "mode": choice.mode,
        "semantics": choice.semantics,
        "data": choice.data,
        "hashes": dict(task.hashes),
        "model": opening.model,
        "its_tokenizer": opening.tokenizer or opening.model,
        "context": backend.context if backend is not None else None,
        "served": opening.served,
        "dtype": opening.dtype,
        "temperature": asked.sampling.temperature,
        "top_p": asked.sampling.top_p,
        "seed": asked.sampling.seed,
        "max_tokens": asked.most,
        "constrained": asked.bound,
    }


def _measure(backend: Backend) -> Measure:
    return Measure(_counter(backend.tokenizer), backend.context)


def _counter(tokenizer: Any) -> tasks.Count:
    def count(pieces: Sequence[Piece]) -> int:
        return len(tokenizer.encode(pieces))

    return count
