"""What every evaluation is made of: questions, answers, judgements, and one protocol that a task fulfils.

A task reads its items, makes a question of each, and judges what comes back; how questions are put to a model, kept
and resumed is the runner's.  Knows nothing of any one task, nor of models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cwm_model.predict import Mode
from cwm_model.predicting.forced import Place
from cwm_model.predicting.prediction import Prediction
from cwm_model.predicting.prompts import Prompt
from cwm_model.talking import Said, Talk
from evals.verdict import Score
from tracegen.frame import Frame

Fact = float | int | str | None
"""A measurement of one sample.  Numbers are averaged over samples, texts are what samples are grouped by; None: there
is nothing to measure (it leaves the mean, and the metric's own n says so)."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A trace is asked for: whole (FULL), or the entry's RETURN alone (SINGLE).  ``most`` ids at most."""

    prompt: Prompt
    mode: Mode
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Forced:
    """Every frame of a true trace is asked for behind the true ones before it (teacher forcing).

    ``truth`` are the frames behind the prompt's head, ``finished`` whether the trace ends behind them; a frame has
    ``most`` ids at most.
    """

    prompt: Prompt
    truth: tuple[Frame, ...]
    finished: bool = True
    most: int | None = None


def allowed(tokens: int) -> int:
    """How many ids a model may write where so many are right: enough that the cap is never what is wrong."""
    return 2 * tokens + 256


Asked = Traced | Forced | Talk
Answer = Prediction | tuple[Place, ...] | Said
"""What comes back of a Traced, a Forced, a Talk."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a model about one item; ``id`` is the item's, unique in the task."""

    id: str
    asked: Asked


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer's score and what was measured of it, each under its name."""

    score: Score
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """One judged answer: which item's, which sample of it."""

    id: str
    sample: int
    judged: Judged


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure with its standard error and its 95 % interval; ``n`` is how many items it is over."""

    value: float
    stderr: float | None
    low: float | None
    high: float | None
    n: int


class Task(Protocol):
    """An evaluation.  Its questions are all of one kind, in a fixed order, and what it says depends on nothing else."""

    @property
    def name(self) -> str:
        """As the command has it: ``cruxeval-o``."""

    @property
    def mode(self) -> str:
        """How the model is asked: ``trace``."""

    @property
    def semantics(self) -> str:
        """By which rules an answer counts as equal: ``literal`` or ``official``."""

    @property
    def hashes(self) -> Mapping[str, str]:
        """The sha256 of what it is made of, by name: ``{"data": "…"}``."""

    @property
    def left_out(self) -> Mapping[str, int]:
        """What of the data is not asked, counted by reason."""

    def questions(self) -> Sequence[Question]:
        """All questions."""

    def judge(self, id: str, answer: Answer) -> Judged:
        """What is said of an answer to the question ``id``; never raises for what a model wrote."""

    def metrics(self, samples: Sequence[Sample]) -> Mapping[str, Metric]:
        """Metrics beyond those that every task has (pass@k, the share of each verdict, the mean of each number)."""
