"""A task by its name: its data read, its items chosen, the real lengths found out.

Knows every task, and none of a model but how long texts are in its tokens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cwm_model.predict import Mode
from cwm_model.predicting.prompts import prompt_of_trace
from evals.cruxeval import ANSWERS, TRACED, CruxEval, Length, Semantics, digest
from evals.executed import Judge
from evals.language import Style
from evals.official import Asked as Side
from evals.task import Task
from tracegen import CannotRun
from tracegen.grammar import Piece, pieces
from tracegen.programs.samples import Sample, read_samples, run_samples
from tracegen.sandbox import levels
from tracegen.settings import Settings

LANGUAGE = ("direct", "cot", "reasoning")
MODES: Mapping[str, tuple[str, ...]] = {
    "cruxeval-o": (*TRACED, *LANGUAGE),
    "cruxeval-i": LANGUAGE,
    "traces": (Mode.FULL.value, Mode.TEACHER_FORCED.value),
    "halting": ("trace", *LANGUAGE),
    "complexity": LANGUAGE,
}
"""Each task's modes, the usual one first."""
HANDWRITTEN = Path(__file__).parent / "data" / "handwritten.jsonl"
HUB = "cruxeval-org/cruxeval"

Count = Callable[[Sequence[Piece]], int]
"""Pieces → how many ids a model's tokenizer makes of them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which task, asked how.

    ``data``: for CRUXEval's sides a JSONL of rows {id, code, input, output}, "handwritten" for the project's 100
    functions, or None for the hub's; for traces a data set's folder; else a file of items, or None for the frozen ones.
    ``limit`` and ``ids`` choose items.
    """

    name: str
    mode: str
    data: str | None = None
    semantics: str = "literal"
    limit: int | None = None
    ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        modes = MODES.get(self.name)
        if modes is None:
            raise CannotRun(f"task {self.name!r}: wanted one of {', '.join(MODES)}")
        if self.mode not in modes and not (self.mode == ANSWERS and self.name != "traces"):
            raise CannotRun(f"--mode {self.mode}: {self.name} has {', '.join(modes)}")
        if self.semantics != "literal" and not self.name.startswith("cruxeval"):
            raise CannotRun(f"--semantics {self.semantics}: only CRUXEval has a scorer of its own")

    @property
    def speaks(self) -> bool:
        """Whether the model is asked in language."""
        return self.mode in LANGUAGE or self.mode == ANSWERS


@dataclass(frozen=True, slots=True)
class Measure:
    """How long texts are for a model, and the longest sequence that it takes."""

    count: Count
    context: int


def opened(choice: Choice, judge: Judge, measure: Measure | None) -> Task:
    """The task.  ``measure`` is the model's, where traces are asked for.  Raises CannotRun."""
    if choice.name in ("cruxeval-o", "cruxeval-i"):
        side = Side.OUTPUT if choice.name == "cruxeval-o" else Side.INPUT
        everything = _rows(choice.data)
        rows = _selected(everything, choice)
        missing = next((row.id for row in rows if row.output is None), None)
        if missing is not None:
            raise CannotRun(f"{choice.data}: {missing}: has no output, which CRUXEval's rows have")
        lengths = _lengths(rows, choice.mode, measure) if choice.mode in TRACED else {}
        return CruxEval(side, choice.mode, rows, judge, Semantics(choice.semantics), lengths, digest(everything))
    if choice.name == "traces":
        from evals.traces import Traces

        if choice.data is None:
            raise CannotRun("traces: give --data DIR, a data set (`foretrace collect` makes one)")
        assert measure is not None
        return Traces(Path(choice.data), Mode(choice.mode), length=measure.count, context=measure.context)
    path = Path(choice.data) if choice.data is not None else None
    mode = Style.DIRECT.value if choice.mode == ANSWERS else choice.mode
    if choice.name == "halting":
        from evals.halting import Halting

        return Halting(mode, path, measure.count if measure else None)
    from evals.complexity import DATA, Complexity

    return Complexity(Style(mode), path or DATA)


def _rows(data: str | None) -> list[Sample]:
    if data == "handwritten":
        return read_samples(HANDWRITTEN)
    if data is not None:
        return read_samples(Path(data))
    return _of_the_hub()


def _of_the_hub() -> list[Sample]:
    """CRUXEval as `datasets` loads it: from its cache, or from the hub."""
    import datasets

    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(HUB, split="test")
        return [Sample(str(row["id"]), str(row["code"]), str(row["input"]), str(row["output"])) for row in found]
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        # What is raised offline is the hub's and httpx's, all under these.
        why = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
        raise CannotRun(f"{HUB}: cannot be loaded ({why}); give its rows with --data FILE, a JSONL") from None


def _selected(rows: Sequence[Sample], choice: Choice) -> list[Sample]:
    """The rows that are asked for: the real traces of others need not be found out."""
    wanted = set(choice.ids)
    return [row for row in rows if not wanted or row.id in wanted][: choice.limit]


def _lengths(rows: Sequence[Sample], mode: str, measure: Measure | None) -> dict[str, Length]:
    """How long the rows' real traces are, run in the strongest sandbox; of what does not run, nothing."""
    settings = Settings()
    level = levels.chosen(levels.AUTO, settings, trust=False)
    found: dict[str, Length] = {}
    for row, outcome in zip(rows, run_samples(rows, settings, min(2, os.cpu_count() or 1), level), strict=True):
        trace = next(outcome.told.traces(), None) if outcome.told is not None else None
        if trace is not None and not trace.ending.cut_off:
            given = prompt_of_trace(trace).head if mode == "trace" else trace.frames()[:-1]
            begin = pieces(given, context=trace.context.text)
            tokens = measure.count(trace.pieces()) - measure.count(begin) if measure is not None else 0
            found[row.id] = Length(len(trace.steps), tokens)
    return found
