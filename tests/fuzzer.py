"""Drives two tracers with random programs, in other interpreters, and says where they part.

``python -m tests.fuzzer FIRST COUNT`` runs those seeds on every interpreter that is found, shrinks what differs and
keeps it in tests/differences.  Knows how harness processes are started, and that a tracer may take one down; what they
do is differential.py.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tests.random_programs.generator import generated
from tests.random_programs.program import Program, read, written
from tests.shrinking import shrunk
from tracegen import interpreters

HARNESS = Path(__file__).with_name("differential.py")
PAYLOAD = Path(__file__).parent.parent / "tracegen" / "payload"
DIFFERENCES = Path(__file__).with_name("differences")

JOBS = 2
"""Harness processes at a time."""

DIED = "died with exit status "
"""What is said of a program that took its process down, with the number behind it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tracers in one interpreter: the reference of ``payload``, and the native library or another payload's."""

    python: str
    library: str = ""
    payload: Path = PAYLOAD
    other: Path | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A program under which two tracers part, and what each tells there."""

    program: str
    what: str
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()

    def __str__(self) -> str:
        sides = [("reference", self.left), ("other", self.right)]
        return "\n".join(
            [f"{self.program}: {self.what}", *(f"  {name}: {line}" for name, told in sides for line in told)]
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a number of programs; reports add up."""

    programs: int = 0
    steps: int = 0
    raised: int = 0
    early: int = 0
    """Ended in an exception before 30 steps."""
    sources: tuple[str, ...] = ()
    """Checksums of the programs."""
    differences: tuple[Difference, ...] = ()

    def __add__(self, other: Report) -> Report:
        return Report(
            self.programs + other.programs,
            self.steps + other.steps,
            self.raised + other.raised,
            self.early + other.early,
            self.sources + other.sources,
            self.differences + other.differences,
        )


def seeds(pair: Pair, first: int, count: int, patience: float = 20.0) -> Report:
    """Run the programs of seeds.  One that takes its process down is a difference, and the others go on."""
    report, end = Report(), first + count
    while first < end:
        part, died = _harness(pair, [str(first), str(end - first)], patience)
        report += part
        if died is None:
            break
        first = int(died.program) + 1
    return report


def files(pair: Pair, paths: Sequence[Path], patience: float = 20.0) -> Report:
    """Run the programs of files."""
    report, left = Report(), list(map(str, paths))
    while left:
        part, died = _harness(pair, left, patience)
        report += part
        if died is None:
            break
        left = left[left.index(died.program) + 1 :]
    return report


def first_alike(pair: Pair, paths: Sequence[Path], what: str, patience: float) -> int | None:
    """Which of the programs of files is the first that differs in the same lanes, or dies in the same way."""
    names = list(map(str, paths))
    at = 0
    while at < len(names):
        part, _ = _harness(pair, names[at:], patience, "--first")
        for difference in part.differences:
            at = names.index(difference.program)
            if what == difference.what:
                return at
        if not part.differences:
            return None
        at += 1
    return None


def _harness(pair: Pair, programs: list[str], patience: float, *options: str) -> tuple[Report, Difference | None]:
    """One process: what it reported, and the program that took it down, if one did."""
    other = ["--other", str(pair.other)] if pair.other else []
    harness = [pair.python, "-s", "-B", str(HARNESS), str(pair.payload), pair.library]
    done = subprocess.run(
        [*harness, *other, *options, "--patience", str(patience), *programs],
        capture_output=True,
        text=True,
        errors="backslashreplace",
        env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "0")},
        check=False,
    )
    report = Report()
    for line in done.stdout.splitlines():
        told = json.loads(line)
        if "program" in told:
            found = Difference(told["program"], told["what"], tuple(told["left"]), tuple(told["right"]))
            report += Report(differences=(found,))
        else:
            counts = {name: told[name] for name in ("programs", "steps", "raised", "early")}
            return report + Report(**counts, sources=(told["sources"],)), None
    runs = ("\n" + done.stderr).split("\nruns ")[1:]
    if not runs:
        raise RuntimeError(f"{HARNESS.name} in {pair.python}: {done.stderr}")
    ran, _, rest = runs[-1].partition("\n")
    died = Difference(ran, f"{DIED}{done.returncode}", right=tuple(rest.splitlines()[:30]))
    return report + Report(programs=len(runs), differences=(died,)), died


def minimal(pair: Pair, program: Program, what: str) -> Program:
    """The smallest program that still parts the two tracers, found by trying."""
    with tempfile.TemporaryDirectory() as folder:

        def first_that_differs(candidates: Sequence[Program]) -> int | None:
            paths = [Path(folder, f"{number}.py") for number in range(len(candidates))]
            for path, candidate in zip(paths, candidates, strict=True):
                path.write_text(written(candidate), encoding="utf-8")
            return first_alike(pair, paths, what, patience=4)

        return shrunk(program, first_that_differs)


def kept(pair: Pair, difference: Difference, folder: Path) -> Path:
    """Shrink the program of a seed that differs, and write it down."""
    program = minimal(pair, generated(int(difference.program)), difference.what)
    path = folder / f"seed_{difference.program}.py"
    path.write_text(f"# A random program, shrunk: {difference.what} differed.\n" + written(program), encoding="utf-8")
    return path


def pairs(versions: Sequence[str]) -> Iterator[Pair]:
    """The reference and the native tracer of every interpreter, or of those whose version begins so."""
    from tracegen import native

    for interpreter in interpreters.found():
        if not versions or any(f" {version}" in str(interpreter) for version in versions):
            yield Pair(interpreter.path, str(native.library(interpreter.path)))


def main() -> int:
    """Run seeds, print what differs, shrink it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--python", action="append", default=[], help="a version, as 3.11; all without it")
    parser.add_argument("--keep", type=int, default=3, help="so many differences of an interpreter are shrunk")
    parser.add_argument("--into", type=Path, default=DIFFERENCES, help="where they are kept")
    given = parser.parse_args()
    chosen = list(pairs(given.python))
    with ThreadPoolExecutor(JOBS) as pool:
        reports = list(pool.map(lambda pair: seeds(pair, given.first, given.count), chosen))
    for pair, report in zip(chosen, reports, strict=True):
        print(f"{pair.python}: {report.programs} programs, {report.steps} steps, {len(report.differences)} differ")
        for difference in report.differences[: given.keep]:
            path = kept(pair, difference, given.into)
            [small] = files(pair, [path]).differences or [replace(difference, program=str(path))]
            print(f"{difference}\n{path}\n{read(path.read_text(encoding='utf-8')).source}\n{small}", flush=True)
    return 1 if any(report.differences for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
