"""CRUXEval-like samples: rows {id, code, input, output?} whose function ``f`` is called once, as CRUXEval calls it."""

from __future__ import annotations

import ast
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

from tracegen.context import normalised
from tracegen.execution import Lanes, Run, run
from tracegen.frame import Event
from tracegen.programs.calls import Call, main_trace, trace_call
from tracegen.programs.filing import Filing
from tracegen.programs.rows import read_rows, text_of
from tracegen.programs.told import Told
from tracegen.programs.workplace import Workplace
from tracegen.sandbox import Level, Sandbox
from tracegen.settings import CannotRun, NoSandbox, Settings
from tracegen.work import Done, Part

SAMPLE_FUNCTION = "f"
AGREES, DIFFERS = "outputs.as the sample says", "outputs.not as the sample says"


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of a samples file; ``output`` is the literal that the call is said to return."""

    id: str
    code: str
    input: str
    output: str | None = None

    @property
    def key(self) -> str:
        """Its name in a data set."""
        return self.id

    @property
    def digest(self) -> str:
        """A hash of all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode("ascii")).hexdigest()


def read_samples(path: Path) -> list[Sample]:
    """Samples from JSONL.  Raises CannotRun with the line that is wrong."""
    return read_rows(path, "samples", _sample)


def write_samples(path: Path, samples: Iterable[Sample]) -> list[Sample]:
    """Write samples as JSONL, a new file that `read_samples` reads back; returns them.  Raises CannotRun."""
    written = list(samples)
    rows = ({name: value for name, value in asdict(each).items() if value is not None} for each in written)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    try:
        # The same command again finds what it wrote.
        if not (path.is_file() and path.read_bytes() == text.encode("ascii")):
            with path.open("x", encoding="ascii") as file:
                file.write(text)
    except OSError as error:
        raise CannotRun(f"{path}: cannot be written: {error.strerror}") from None
    return written


def _sample(row: Mapping[str, object], where: str) -> Sample:
    names = ("id", "code", "input") if row.get("output") is None else ("id", "code", "input", "output")
    return Sample(**{name: text_of(row, name, where) for name in names})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sample: its rows, or why there are none; whether its output is as said.

    ``agrees`` is None where the sample says no output, or its trace did not return.
    """

    sample: Sample
    told: Told | None
    trouble: str | None
    agrees: bool | None


def run_samples(
    samples: Iterable[Sample], settings: Settings, jobs: int, level: Level = Level.PROCESS, source: str = "function"
) -> Iterator[Outcome]:
    """Outcomes in the order of the samples, stored nowhere; ``jobs`` sandboxes work side by side."""
    boxes = [Sandbox(settings, level) for _ in range(jobs)]
    free: SimpleQueue[Sandbox] = SimpleQueue()
    for box in boxes:
        free.put(box)

    def run_in_one(sample: Sample) -> Outcome:
        box = free.get()
        try:
            return run_sample(sample, settings, source, box.run)
        finally:
            free.put(box)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(run_in_one, samples)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            for box in boxes:
                box.close()


def run_sample(sample: Sample, settings: Settings, source: str = "function", run: Run = run) -> Outcome:
    """Call a sample's ``f`` as CRUXEval does."""
    try:
        call = Call(
            program_id=sample.id,
            code=normalised(sample.code),
            function=SAMPLE_FUNCTION,
            arguments=sample.input,
            filename="<program>",
            shown="program.py",
            module="program",
        )
        told = trace_call(call, settings, Lanes.holding(settings.limits), source, run)
    except NoSandbox:
        raise
    except CannotRun as error:
        return Outcome(sample, None, str(error), None)
    return Outcome(sample, told, None, _agrees(sample, told))


def _agrees(sample: Sample, told: Told) -> bool | None:
    if sample.output is None or not told.table.num_rows:
        return None
    trace = next(told.traces())
    if trace.ending.cut_off or not trace.steps:
        return None
    last = trace.steps[len(trace.steps) - 1]
    if last.event is not Event.RETURN or last.unwinding:
        return False
    return last.value is not None and same_literal(last.value, sample.output)


def same_literal(one: str, other: str) -> bool:
    """Whether two texts are the same, or literals that are equal and of the same types."""
    if one == other:
        return True
    try:
        left, right = ast.literal_eval(one), ast.literal_eval(other)
        return bool(left == right) and type(left) is type(right)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False


@dataclass(frozen=True, slots=True)
class SamplesWork:
    """Samples to traces: one each, of its synthetic ``main``.  ``source`` is what provenance says."""

    place: Workplace
    source: str = "function"

    @property
    def kind(self) -> str:
        """What a manifest says."""
        return "samples" if self.source == "function" else self.source

    @property
    def identity(self) -> Mapping[str, object]:
        """All options that change rows."""
        return self.place.identity

    @contextmanager
    def opened(self, slot: int) -> Iterator[SamplesBench]:
        """A sandbox, and the work in it."""
        with self.place.sandbox() as sandbox:
            yield SamplesBench(self, sandbox)


@dataclass(frozen=True, slots=True)
class SamplesBench:
    """A sandbox with samples to run in it."""

    work: SamplesWork
    sandbox: Sandbox

    def make(self, items: Sequence[Sample], done: Done) -> Part:
        """One shard."""
        filing = Filing(self.work.place.scrubber)
        for sample in items:
            outcome = run_sample(sample, self.work.place.settings, self.work.source, self.sandbox.run)
            if outcome.told is None:
                filing.drop(Counter(["cannot run"]))
                filing.say(sample.id, str(outcome.trouble))
            else:
                filing.drop(outcome.told.dropped)
                filing.add(main_trace(outcome.told), stopped=outcome.told.finished.stopped is not None)
            if outcome.agrees is not None:
                filing.counts[AGREES if outcome.agrees else DIFFERS] += 1
            if outcome.agrees is False:
                filing.say(sample.id, "the output is not the one that the sample says")
            done()
        return filing.part()
