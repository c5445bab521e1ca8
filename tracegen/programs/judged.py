"""Programs that read standard input, with tests: a trace for each test, what was printed, and whether that was right.

Rows {id, source, tests: [{input, output}], correct?}, as collections of competitive programs have them.  Each test
runs in the sandbox by itself.  Knows nothing of shards: see supervisor.py.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from tracegen.context import Source, normalised, whole_files
from tracegen.execution import Finished, Lanes, Run
from tracegen.harvest import Telling, harvest
from tracegen.payload.scope import Selection
from tracegen.programs.filing import Filing
from tracegen.programs.rows import read_rows, text_of
from tracegen.programs.told import Told, provenance, refused
from tracegen.programs.workplace import Workplace
from tracegen.sandbox import Sandbox
from tracegen.settings import CannotRun, NoSandbox, Settings
from tracegen.trace import Entry
from tracegen.work import Done, Part

FILE, SHOWN = "<program>", "program.py"


class Judgement(Enum):
    """What a test says of a program."""

    PASSED = "passed"
    WRONG = "wrong output"
    CRASHED = "crashed"
    """It ended with another exit code than 0, or by a signal, whatever it printed."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is read, and what should be printed."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Program:
    """One row of a file of programs.  ``correct``: whether it is said to pass all tests; None if nobody says."""

    id: str
    source: str
    tests: tuple[Case, ...]
    correct: bool | None = None

    @property
    def key(self) -> str:
        """Its name in a data set."""
        return self.id

    @property
    def digest(self) -> str:
        """A hash of all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode("ascii")).hexdigest()


def read_programs(path: Path) -> list[Program]:
    """Programs from JSONL.  Raises CannotRun with the line that is wrong."""
    return read_rows(path, "programs", _program)


def _program(row: Mapping[str, object], where: str) -> Program:
    id, source = (text_of(row, name, where) for name in ("id", "source"))
    tests = row.get("tests")
    if not isinstance(tests, list) or not tests:
        raise CannotRun(f'{where}: field "tests": wanted a list of {{input, output}}, at least one')
    correct = row.get("correct")
    if correct is not None and not isinstance(correct, bool):
        raise CannotRun(f'{where}: field "correct": wanted true or false, found {type(correct).__name__}')
    found: dict[str, Case] = {}
    for number, test in enumerate(tests, start=1):
        at = f"{where}: test {number}"
        if not isinstance(test, dict):
            raise CannotRun(f"{at}: wanted an object, found {type(test).__name__}")
        read = Case(*(text_of(test, name, at) for name in ("input", "output")))
        if found.setdefault(read.input, read).output != read.output:
            raise CannotRun(f"{at}: another test has the same input, and another output")
    return Program(id, source, tuple(found.values()), correct)


def judged(expected: str, finished: Finished) -> Judgement | None:
    """Compare as judges do: spaces at the ends of lines, and empty lines at the end, do not count.

    None for a program that was ended from outside: what it would have printed, nobody knows.
    """
    if finished.stopped is not None:
        return None
    if finished.returncode != 0:
        return Judgement.CRASHED
    same = not finished.stdout_cut and _lines(expected) == _lines(finished.output)
    return Judgement.PASSED if same else Judgement.WRONG


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in normalised(text).split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def trace_program(program: Program, test: Case, settings: Settings, run: Run) -> tuple[Told, Judgement | None]:
    """Run one test: the row of the program's module; traces of threads are left out, and counted.

    Raises CannotRun if it does not compile.
    """
    text = normalised(program.source)
    target = {"kind": "script", "path": FILE, "source": text, "shown": SHOWN, "argv": []}
    selection = Selection(begin="code", file=FILE, name="<module>", files=(FILE,))
    with tempfile.TemporaryFile() as stdin:
        stdin.write(test.input.encode("utf-8", "surrogatepass"))
        stdin.seek(0)
        finished = run(target, selection, settings, stdin=stdin, lanes=Lanes.holding(settings.limits))
    refused(finished, program.id, settings)
    judgement = judged(test.output, finished)
    context = whole_files([Source(SHOWN, text)], None)
    tellings = [
        Telling(trace, program.id, test.input, context, (SHOWN,), (trace.file,), Entry(trace.name, 0, 1))
        for trace in finished.wire.traces
        if trace.name == "<module>"
    ]
    rows = harvest(
        finished.wire,
        tellings,
        died=finished.ending,
        identity=settings.identity,
        provenance=provenance("programs", finished, settings),
        stdout=finished.settled_output,
        expected=test.output,
        verdict=judgement.value if judgement else None,
    )
    threads = Counter({"traces of threads": len(finished.wire.traces) - len(tellings)})
    return Told(rows.table, rows.dropped + threads, finished), judgement


@dataclass(frozen=True, slots=True)
class ProgramsWork:
    """How programs become rows: one for each test."""

    place: Workplace

    @property
    def kind(self) -> str:
        """What a manifest says."""
        return "programs"

    @property
    def identity(self) -> Mapping[str, object]:
        """All options that change rows."""
        return self.place.identity

    @contextmanager
    def opened(self, slot: int) -> Iterator[ProgramsBench]:
        """A sandbox, and the work in it."""
        with self.place.sandbox() as sandbox:
            yield ProgramsBench(self, sandbox)


@dataclass(frozen=True, slots=True)
class ProgramsBench:
    """A sandbox with programs to run in it."""

    work: ProgramsWork
    sandbox: Sandbox

    def make(self, items: Sequence[Program], done: Done) -> Part:
        """One shard."""
        filing = Filing(self.work.place.scrubber)
        for program in items:
            passed = True
            for test in program.tests:
                try:
                    told, judgement = trace_program(program, test, self.work.place.settings, self.sandbox.run)
                except NoSandbox:
                    raise
                except CannotRun as error:
                    filing.drop(Counter(["cannot run"]))
                    filing.say(program.id, str(error))
                    passed = False
                    break
                filing.drop(told.dropped)
                filing.add(told.table, stopped=judgement is None)
                filing.counts[f"tests.{judgement.value if judgement else 'ended from outside'}"] += 1
                passed &= judgement is Judgement.PASSED
                done(item=False)
            if program.correct is not None and program.correct != passed:
                said = "correct, and does not pass" if program.correct else "wrong, and passes"
                filing.counts[f"programs.said to be {said}"] += 1
                filing.say(program.id, f"is said to be {said}")
            done()
        return filing.part()
