"""One tracer on one workload, in this process of its own: what it took, as JSON.

    python -m benchmarks.measured LETTER TRACER [--library FILE] [--keep FILE]

The untraced run is timed here too, just before, so that both stand in the same moment of a shared machine.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from benchmarks.contenders import CONTENDERS, Session
from benchmarks.workloads import WORKLOADS

BATCH_NS = 10_000_000
BATCHES = 7
"""The untraced workload runs in batches of so many nanoseconds, so many times: the median counts."""

ENOUGH_NS = 200_000_000
MOST_RUNS = 15
"""A fast tracer runs several times, each time anew: the median counts."""


def untraced_ns(run: Callable[[], object]) -> float:
    """Nanoseconds of one untraced run."""
    for _ in range(3):
        run()
    started = perf_counter_ns()
    run()
    times = max(1, BATCH_NS // max(perf_counter_ns() - started, 1))
    batches = []
    for _ in range(BATCHES):
        started = perf_counter_ns()
        for _ in range(times):
            run()
        batches.append((perf_counter_ns() - started) / times)
    return statistics.median(batches)


def traced_ns(session: Session) -> int:
    """Nanoseconds of one traced run, with its start and stop."""
    gc.collect()
    started = perf_counter_ns()
    session.start()
    try:
        session.run()
    finally:
        session.stop()
    return perf_counter_ns() - started


def peak_bytes() -> int:
    """The most memory that this process has held.  Not ru_maxrss, which counts the parent's before exec too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def measured(letter: str, tracer: str, library: Path | None, keep: Path | None) -> dict[str, Any]:
    module = WORKLOADS[letter].module
    prepare = CONTENDERS[tracer]
    untraced = untraced_ns(module.run)
    session = prepare(module, library)
    try:
        runs = [traced_ns(session)]
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}
    found: dict[str, Any] = {"untraced_ns": untraced, "peak": peak_bytes()}
    output = session.output()
    found["output"] = len(output)
    if keep is not None:
        keep.write_bytes(output)
        return found
    del output
    while sum(runs) < ENOUGH_NS and len(runs) < MOST_RUNS:
        runs.append(traced_ns(prepare(module, library)))
    found["traced_ns"] = statistics.median(runs)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("letter", choices=WORKLOADS)
    parser.add_argument("tracer", choices=CONTENDERS)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    print(json.dumps(measured(given.letter, given.tracer, given.library, given.keep)))


if __name__ == "__main__":
    main()
