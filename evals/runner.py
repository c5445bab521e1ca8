"""A task put to a model, answer by answer, each on the disk as soon as it is there; none is asked for twice.

A run is a folder: ``run.json`` says what is asked and how, ``samples.jsonl`` has the answers, ``results.json`` what
they come to.  The same command goes on with it.  What a backend failed to give is asked again then; until it is there
it counts for nothing.  Knows nothing of any one task.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from cwm_model.backends import Backend, Sampling
from cwm_model.predict import Wanted, predict_each
from cwm_model.predicting.asking import Asking
from cwm_model.predicting.forced import teacher_forced
from cwm_model.predicting.prediction import failed
from cwm_model.talking import Talk, Talker
from evals import records
from evals.records import Record, read_records
from evals.results import SAMPLES, SETTINGS, Results, command_line, results_of, store, stored
from evals.task import Answer, Forced, Question, Task, Traced
from tracegen import CannotRun, aside


@dataclass(frozen=True, slots=True)
class Model:
    """What is asked: ids of a backend for traces, a talker for language; a task needs one of them."""

    backend: Backend | None = None
    talker: Talker | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a task is put to a model: ``samples`` of each item, of which number i has the seed plus i.

    ``most`` tokens of an answer, whatever the task thinks; None for the task's own cap.  ``constrained``: only traces
    can be written.  ``limit`` and ``ids`` choose items.
    """

    samples: int = 1
    sampling: Sampling = Sampling()  # noqa: RUF009 - frozen
    most: int | None = None
    constrained: bool = False
    limit: int | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """How far a run is: answers that are there, of how many, and tokens written in this sitting."""

    done: int
    of: int
    tokens: int


Say = Callable[[Told], None]


def run(
    task: Task,
    model: Model,
    plan: Plan,
    folder: Path,
    settings: Mapping[str, Any],
    say: Say = lambda _: None,
) -> Results:
    """Ask what has not been answered yet, judge it, and store what it comes to.

    ``settings`` name model, data and ways; a run that was begun with others is refused (CannotRun), since its answers
    are not comparable.
    """
    questions = chosen(task, plan)
    wanted = [(question, sample) for question in questions for sample in range(plan.samples)]
    with _locked(folder):
        _begin(folder, settings)
        path = folder / SAMPLES
        _mend(path)
        known = read_records(path)
        hashes = {question.id: records.hash_of(question.asked) for question in questions}
        for question, sample in wanted:
            there = known.get((question.id, sample))
            if there is not None and there.prompt != hashes[question.id]:
                raise CannotRun(f"{path}: {question.id} was asked otherwise; give another folder")
        done = {key for key, record in known.items() if record.judged is not None}
        open_ = [(question, sample) for question, sample in wanted if (question.id, sample) not in done]
        tokens = 0
        say(Told(len(wanted) - len(open_), len(wanted), 0))
        with path.open("a", encoding="ascii") as stream:
            for number, (index, answer) in enumerate(answers(model, open_, plan), start=1):
                question, sample = open_[index]
                record = judged(task, question, sample, answer, hashes[question.id])
                known[record.key] = record
                # One write for a line: a killed run leaves whole lines, and at most one half.
                stream.write(record.line() + "\n")
                stream.flush()
                tokens += record.tokens
                say(Told(len(wanted) - len(open_) + number, len(wanted), tokens))
            os.fsync(stream.fileno())
        # All that is there, also what an earlier command asked: results.json is what samples.jsonl comes to.
        results = results_of(task, known.values(), settings, command_line())
        store(folder, results)
    return results


@contextmanager
def fresh(folder: Path) -> Iterator[None]:
    """A new run's folder for this process alone.  Raises CannotRun if there is anything in it."""
    with _locked(folder):
        if (folder / SETTINGS).exists():
            raise CannotRun(f"{folder}: is a run already; give another folder")
        yield


def keep(folder: Path, settings: Mapping[str, Any], judged: Sequence[Record]) -> None:
    """Write a new run's settings and its answers, made elsewhere; see `fresh`."""
    with fresh(folder):
        aside.put(folder / SAMPLES, "".join(record.line() + "\n" for record in judged).encode("ascii"))
        aside.put(folder / SETTINGS, _dump(settings))


def rescore(task: Task, folder: Path) -> Results:
    """Judge a run's raw answers anew, as ``task`` judges; its samples and results are replaced.

    Raises CannotRun for answers to questions that the task does not have, or asks otherwise.
    """
    with _locked(folder, there=True):
        settings = {**stored(folder, SETTINGS), "semantics": task.semantics}
        path = folder / SAMPLES
        questions = {question.id: question for question in task.questions()}
        found: list[Record] = []
        for record in read_records(path).values():
            question = questions.get(record.id)
            if question is None or records.hash_of(question.asked) != record.prompt:
                raise CannotRun(f"{path}: {record.id} was asked otherwise, or of other data; give that with --data")
            if record.judged is not None:
                try:
                    answer = records.answer_of(question.asked, record.raw)
                except (KeyError, TypeError, ValueError, OverflowError) as error:
                    raise CannotRun(f"{path}: {record.id}: the raw answer is damaged: {error}") from None
                record = replace(record, judged=task.judge(record.id, answer))
            found.append(record)
        results = results_of(task, found, settings, command_line())
        aside.put(path, "".join(record.line() + "\n" for record in found).encode("ascii"))
        aside.put(folder / SETTINGS, _dump(settings))
        store(folder, results)
    return results


def chosen(task: Task, plan: Plan) -> list[Question]:
    """The questions of a plan.  Raises CannotRun for an id that the task does not have, and for none at all."""
    questions = list(task.questions())
    if plan.ids:
        by_id = {question.id: question for question in questions}
        missing = [id for id in plan.ids if id not in by_id]
        if missing:
            raise CannotRun(f"--ids: {task.name} has no {missing[0]!r}")
        questions = [by_id[id] for id in dict.fromkeys(plan.ids)]
    questions = questions[: plan.limit]
    if not questions:
        raise CannotRun(f"{task.name}: there is nothing to ask")
    return questions


def judged(task: Task, question: Question, sample: int, answer: Answer, prompt: str) -> Record:
    """An answer as a record: judged, or said to have failed."""
    raw, why = records.spelled(answer), records.failure(answer)
    if why is not None:
        return Record(question.id, sample, prompt, {**raw, "failed": why}, None)
    return Record(question.id, sample, prompt, raw, task.judge(question.id, answer))


def answers(model: Model, wanted: Sequence[tuple[Question, int]], plan: Plan) -> Iterator[tuple[int, Answer]]:
    """The index of each wanted answer and the answer, in the order in which they finish."""
    if not wanted:
        return
    kind = type(wanted[0][0].asked)
    if kind is Talk:
        assert model.talker is not None
        yield from model.talker.say((_talk(question, plan), _sampling(plan, sample)) for question, sample in wanted)
        return
    assert model.backend is not None
    backend = model.backend
    if kind is Traced:
        asked = [(cast(Traced, question.asked), sample) for question, sample in wanted]
        yield from predict_each(
            backend, (Wanted(each.prompt, each.mode, _asking(plan, sample, each.most)) for each, sample in asked)
        )
        return
    for index, (question, sample) in enumerate(wanted):
        forced = cast(Forced, question.asked)
        yield index, _forced(backend, forced, _asking(plan, sample, forced.most))


def _forced(backend: Backend, asked: Forced, asking: Asking) -> Answer:
    try:
        places = teacher_forced(backend, asked.prompt, asked.truth, asking, finished=asked.finished)
        return tuple(sorted(places, key=lambda place: place.number))
    except ValueError as error:
        return failed(f"the true trace is not one of the grammar: {error}")


def _sampling(plan: Plan, sample: int) -> Sampling:
    return replace(plan.sampling, seed=plan.sampling.seed + sample)


def _asking(plan: Plan, sample: int, most: int | None) -> Asking:
    return Asking(_sampling(plan, sample), plan.most or most, plan.constrained)


def _talk(question: Question, plan: Plan) -> Talk:
    talk = cast(Talk, question.asked)
    return replace(talk, most=plan.most) if plan.most else talk


def _begin(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write ``run.json``, or compare with the one that is there."""
    if not (folder / SETTINGS).exists():
        aside.put(folder / SETTINGS, _dump(settings))
        return
    before = stored(folder, SETTINGS)
    now = json.loads(_dump(settings))
    # Where the data lies may change; what it is, its hash says.
    for name in {**before, **now}.keys() - {"data"}:
        if before.get(name) != now.get(name):
            raise CannotRun(
                f"{folder}: was begun with {name} {before.get(name)!r}, and is asked to go on with {now.get(name)!r}; "
                "give another folder"
            )


def _dump(settings: Mapping[str, Any]) -> bytes:
    return (json.dumps(dict(settings), indent=1) + "\n").encode("ascii")


def _mend(path: Path) -> None:
    """Take away half a line that a killed run left."""
    with aside.refusals(path):
        path.touch()
    with aside.refusals(path), path.open("r+b") as stream:
        data = stream.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            stream.truncate(whole)


@contextmanager
def _locked(folder: Path, there: bool = False) -> Iterator[None]:
    """A run's folder for this process alone.  Raises CannotRun if another one works there."""
    try:
        if not there:
            folder.mkdir(parents=True, exist_ok=True)
            strange = [each.name for each in folder.iterdir() if not (folder / SETTINGS).exists()]
            if strange:
                raise CannotRun(f"{folder}: is not empty, and no run ({sorted(strange)[0]}); give another folder")
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise CannotRun(f"{folder}: cannot be used as a folder: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise CannotRun(f"{folder}: another process works there") from None
    try:
        yield
    finally:
        os.close(handle)
