"""The whole path, program to parquet and back, on one core: steps a second of each stage, and what one sample costs.

    python -m benchmarks.path [--steps 1000000] [--samples 50] [--tracer reference]

The program: functions of the workloads, called again and again, a trace for each call.  The marginal cost of a sample
is the difference between collecting n and 2n samples of CRUXEval's kind, over n; the first n pay for what is done once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from time import perf_counter, process_time, time
from typing import Any

import pyarrow as pa

import tracegen
from benchmarks.contenders import Recording, payload
from benchmarks.machine import RESULTS, described
from benchmarks.tables import number, table
from benchmarks.workloads import WORKLOADS
from tracegen import Settings, columns, native, shards
from tracegen.harvest import harvest
from tracegen.programs.repositories import BATCH
from tracegen.programs.sources import Sources, from_disk
from tracegen.programs.told import provenance_of
from tracegen.trace import Ending

ROUNDS = 7


def program() -> Iterator[Callable[[], object]]:
    """Calls without end, each a trace of its own, of 20 to 500 steps."""
    code = {workload.name: workload.module for workload in WORKLOADS.values()}
    for turn in count(1):
        shuffled = [(index * 7919 + turn * 31) % 1009 for index in range(turn % 30 + 3)]
        text = f"name{turn}={turn * 7};it's\n"
        yield partial(code["recursion"].quicksort, shuffled)
        yield partial(code["recursion"].fibonacci, turn % 5 + 2)
        yield partial(code["growth"].sieve, turn % 25 + 5)
        yield partial(code["strings"].parsed, text)
        yield partial(code["objects"].bank, turn % 12 + 2)
        yield partial(code["failures"].tried, turn % 20 + 2)
        yield partial(code["failures"].fed, turn % 25 + 2)


class Stages:
    """Seconds of each stage, by its name, one for each round: on the clock, and of the processor."""

    def __init__(self) -> None:
        self.clock: dict[str, list[float]] = {}
        self.processor: dict[str, list[float]] = {}

    def timed(self, name: str, work: Callable[[], Any]) -> Any:
        """What the work gives; its time is kept."""
        started, spent = perf_counter(), process_time()
        given = work()
        self.clock.setdefault(name, []).append(perf_counter() - started)
        self.processor.setdefault(name, []).append(process_time() - spent)
        return given

    def medians(self) -> dict[str, tuple[float, float]]:
        """Both, by stage."""
        return {
            name: (statistics.median(times), statistics.median(self.processor[name]))
            for name, times in self.clock.items()
        }


def recorded(tracer: str, steps: int, stages: Stages) -> bytes:
    """A wire of at least so many steps; what is timed is the program under the tracer, with the tracer's start."""
    code: Any = payload()
    parts = code.tracers.reference() if tracer == "reference" else code.tracers.native(str(native.library()))
    files = tuple(str(workload.module.__file__) for workload in WORKLOADS.values())
    recording = Recording(code, parts, files)
    calls = program()

    def run() -> None:
        recording.start()
        while recording.steps < steps:
            for _ in range(700):
                next(calls)()
        recording.pause()

    stages.timed(f"program under the {tracer} tracer", run)
    recording.stop()
    return recording.output()


def tabled(found: columns.Wire, settings: Settings) -> list[pa.Table]:
    """The rows of a wire, a batch of traces at a time, as a repository's are made."""
    root = Path(found.files[0]).parent
    sources = Sources(found, from_disk(root, time()))
    tables = []
    for start in range(0, len(found.traces), BATCH):
        told = [sources.tell(trace, "path.py", str(trace.number)) for trace in found.traces[start : start + BATCH]]
        rows = harvest(
            found,
            [telling for telling in told if telling],
            died=(Ending.UNFINISHED, ""),
            identity=settings.identity,
            provenance=provenance_of("benchmark", found, settings),
        )
        assert not rows.dropped
        tables.append(rows.table)
    assert not sources.dropped
    return tables


def spoken(traces: list[tracegen.Trace]) -> int:
    """How many frames they speak."""
    return sum(1 for trace in traces for _ in tracegen.speak(trace))


def through(wire: bytes, stages: Stages, folder: Path) -> int:
    """One way from the wire to frames; how many steps went it."""
    found: columns.Wire = stages.timed("wire, validated", lambda: columns.read(wire))
    tables = stages.timed("tables", lambda: tabled(found, Settings()))
    stages.timed("parquet", lambda: shards.write(folder, tables))
    traces = stages.timed("traces read back", lambda: list(tracegen.read(folder)))
    steps = sum(len(trace.steps) for trace in traces)
    assert steps == len(found.records)
    assert stages.timed("spoken", lambda: spoken(traces)) == steps
    return steps


def collected(tracer: str, samples: int) -> float:
    """Seconds of collecting so many samples, one at a time."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "samples.jsonl"
        rows = [
            {"id": f"s{index}", "code": SAMPLE, "input": f"{[index, 3, 5, index + 1]!r}, {index}"}
            for index in range(samples)
        ]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        command = [str(Path(sys.executable).with_name("foretrace")), "collect", "functions", "--jobs", "1"]
        command += ["--samples", str(file), "-o", f"{name}/data", "--tracer", tracer]
        started = perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return perf_counter() - started


def marginal_seconds(tracer: str, samples: int, rounds: int) -> float:
    """What one sample more costs: the median of the rounds' differences."""
    differences = [collected(tracer, 2 * samples) - collected(tracer, samples) for _ in range(rounds)]
    return statistics.median(differences) / samples


SAMPLE = """def f(numbers, limit):
    kept = []
    for number in numbers:
        if number > limit:
            kept.append(number * 2)
    return kept
"""
"""Twelve line events or so, as CRUXEval's samples have on average."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tracer", choices=("native", "reference"), default="native")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=50, help="0: leave them out.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    machine = described()
    pinnable = hasattr(os, "sched_setaffinity")
    cores = os.sched_getaffinity(0) if pinnable else set()
    if pinnable:
        os.sched_setaffinity(0, {max(cores)})
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    stages = Stages()
    wire = recorded(given.tracer, given.steps, stages)
    with tempfile.TemporaryDirectory() as name:
        for number_of_round in range(given.rounds):
            folder = Path(name) / str(number_of_round)
            steps = through(wire, stages, folder)
        size = sum(file.stat().st_size for file in folder.rglob("*.parquet"))
    shown = stages.medians()
    path = [shown[stage] for stage in ("wire, validated", "tables", "parquet")]
    shown["wire to parquet"] = sum(clock for clock, _ in path), sum(processor for _, processor in path)
    print(f"{machine}; load average {os.getloadavg()[0]:.1f}\n")
    print(f"{steps:,} steps on one core, {len(wire):,} bytes of wire, {size:,} of parquet:\n")
    rows = [
        [name, number(clock), number(processor), f"{steps / clock:,.0f}"] for name, (clock, processor) in shown.items()
    ]
    print(table(["stage", "s", "s of processor", "steps/s"], rows))
    cost = None
    if given.samples:
        if pinnable:
            os.sched_setaffinity(0, cores)
        cost = marginal_seconds(given.tracer, given.samples, given.rounds)
        print(f"\nA sample more, from starting its process to storing its trace, one at a time: {cost * 1e3:.1f} ms")
    RESULTS.mkdir(parents=True, exist_ok=True)
    said = {"machine": machine, "steps": steps, "seconds": shown, "parquet": size, "sample_seconds": cost}
    (RESULTS / "path.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
