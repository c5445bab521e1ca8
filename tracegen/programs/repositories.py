"""A repository's pytest suite: one trace for each call of the repository's functions, up to a number each.

The suite runs twice: as it is, and traced.  A test that ends otherwise under the tracer is reported.  Test
files' own functions begin no traces, but are entered.  Knows nothing of how tests are found: pytest finds them.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from tracegen.execution import MIB, Finished, Lanes, run
from tracegen.harvest import harvest
from tracegen.notes import Calls, Said
from tracegen.payload.scope import Selection
from tracegen.programs.sources import Sources, from_disk
from tracegen.programs.told import Told, provenance, refused
from tracegen.settings import CannotRun, Settings
from tracegen.trace import Ending

LANES = Lanes(steps=768 * MIB, text=1792 * MIB, notes=128 * MIB)
BATCH = 256
"""Traces that become one table of rows."""
TEST_FILES = ("test_*.py", "*_test.py", "conftest.py")
TEST_FOLDERS = ("test", "tests")

CLOCK = "cut off by the wall clock"
LIMIT = "more calls of a function than --max-traces-per-function"


@dataclass(slots=True)
class Repository:
    """What a repository's suite gave.

    ``plain`` and ``traced`` are the tests' outcomes by node id, without and with the tracer.
    """

    plain: dict[str, str]
    traced: dict[str, str]
    calls: list[Calls]
    timed_out: bool
    finished: Finished
    files: list[str]
    dropped: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)

    @property
    def changed(self) -> dict[str, tuple[str, str]]:
        """Tests that end otherwise under the tracer: (plain, traced)."""
        nodes = dict.fromkeys([*self.plain, *self.traced])
        pairs = {node: (self.plain.get(node, "not run"), self.traced.get(node, "not run")) for node in nodes}
        return {node: pair for node, pair in pairs.items() if pair[0] != pair[1]}

    @property
    def functions_called(self) -> int:
        """Functions of the repository that the tests call."""
        return sum(1 for calls in self.calls if calls.calls)

    @property
    def functions_traced(self) -> int:
        """Those of them that have a trace."""
        return sum(1 for calls in self.calls if calls.traces)


def trace_test(node: str, settings: Settings) -> Told:
    """Run one test by its pytest node id, in the current folder; the entry is the test function.

    Raises CannotRun for a node that names no file, or that pytest does not find.
    """
    file, _, inner = node.partition("::")
    path = Path(file)
    name = inner.rpartition("::")[2].partition("[")[0]
    if not path.is_file():
        raise CannotRun(f"{node}: no such file: {file}")
    if not name.isidentifier():
        raise CannotRun(f"{node}: wanted FILE::TEST, as pytest prints it")
    root = Path.cwd()
    selection = Selection(begin="code", file=str(path.absolute()), name=name, roots=(str(root),))
    finished = _run_suite(root, [node], settings, selection)
    if node not in finished.wire.outcomes and not finished.wire.outcomes and not finished.timed_out:
        raise CannotRun(f"{node}: pytest finds no such test: {_last_line(finished)}")
    sources = Sources(finished.wire, from_disk(root, finished.started))
    told = [sources.tell(trace, trace.node, f"#{trace.call}") for trace in finished.wire.traces]
    rows = harvest(
        finished.wire,
        [telling for telling in told if telling],
        died=finished.ending,
        identity=settings.identity,
        provenance=provenance("pytest", finished, settings),
    )
    return Told(rows.table, sources.dropped + rows.dropped, finished)


def run_repository(
    path: Path, settings: Settings, each: int, progress: Callable[[str, Said], None] | None = None
) -> Repository:
    """Run the suite of the repository at ``path``, plain and traced.

    ``each`` is how many traces a function may have.  ``progress`` is told the name of the run and what its
    wire says.  Raises CannotRun if there are no tests to run.
    """
    if not path.is_dir():
        raise CannotRun(f"{path}: no such folder")
    root = path.resolve()
    selection = Selection(begin="functions", roots=(str(root),), omit=tuple(map(str, _test_places(root))), each=each)
    plain = _run_suite(root, [], settings, selection, traced=False, progress=_named(progress, "untraced"))
    if not plain.wire.outcomes and not plain.timed_out:
        raise CannotRun(f"{path}: pytest finds no tests that run there: {_last_line(plain)}")
    finished = _run_suite(root, [], settings, selection, progress=_named(progress, "traced"))
    repository = Repository(
        plain=plain.wire.outcomes,
        traced=finished.wire.outcomes,
        calls=finished.wire.calls,
        timed_out=finished.timed_out,
        finished=finished,
        files=finished.wire.files,
    )
    repository.dropped[LIMIT] += sum(max(calls.calls - calls.traces, 0) for calls in finished.wire.calls)
    return repository


def tables(repository: Repository, path: Path, settings: Settings) -> Iterator[pa.Table]:
    """The rows of a repository's traces, a batch at a time; counts what is kept and dropped as it goes."""
    finished = repository.finished
    found = finished.wire
    sources = Sources(found, from_disk(path.resolve(), finished.started))
    whole = []
    for trace in found.traces:
        # What the clock cut off would differ from run to run.
        if (trace.ending or finished.ending[0]) is Ending.SECONDS:
            repository.dropped[CLOCK] += 1
        else:
            whole.append(trace)
    for start in range(0, len(whole), BATCH):
        told = [sources.tell(trace, trace.node, f"#{trace.call}") for trace in whole[start : start + BATCH]]
        rows = harvest(
            found,
            [telling for telling in told if telling],
            died=finished.ending,
            identity=settings.identity,
            provenance=provenance("repository", finished, settings),
        )
        repository.dropped += rows.dropped
        repository.kept.update(rows.table.column("ending").to_pylist())
        yield rows.table
    repository.dropped += sources.dropped


def _run_suite(
    root: Path,
    args: list[str],
    settings: Settings,
    selection: Selection,
    traced: bool = True,
    progress: Callable[[Said], None] | None = None,
) -> Finished:
    target = {"kind": "tests", "args": args, "traced": traced}
    finished = run(target, selection, settings, folder=root, lanes=LANES, progress=progress)
    refused(finished, str(root), settings)
    return finished


def _named(progress: Callable[[str, Said], None] | None, name: str) -> Callable[[Said], None] | None:
    return None if progress is None else lambda found: progress(name, found)


def _test_places(root: Path) -> list[Path]:
    """Test files, and folders of tests: their functions begin no traces."""
    places = [folder for name in TEST_FOLDERS for folder in root.rglob(name) if folder.is_dir()]
    for file in root.rglob("*.py"):
        if any(fnmatch.fnmatch(file.name, pattern) for pattern in TEST_FILES):
            places.append(file)
    return sorted(places)


def _last_line(finished: Finished) -> str:
    lines = (finished.output + finished.stderr.decode("utf-8", "replace")).strip().splitlines()
    return lines[-1][:200] if lines else f"exit code {finished.returncode}"
