"""All of CRUXEval in one `collect functions` run: time, outputs, and the line events of its code.

    python -m benchmarks.cruxeval [cruxeval.jsonl]

The file is looked for in $FORETRACE_DATA/cruxeval (default ../shared/data).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tracegen
from benchmarks.machine import ROOT, described
from tracegen import interpreters


def line_events(trace: tracegen.Trace) -> int:
    """LINE steps in the sample's own code: not those of the synthetic main."""
    code = trace.files.index("program.py")
    return sum(step.event is tracegen.Event.LINE and step.file == code for step in trace.steps)


def percentile(ordered: list[int], percent: int) -> int:
    """The value that this share of the traces stays below."""
    return ordered[len(ordered) * percent // 100]


def main() -> None:
    default = Path(os.environ.get("FORETRACE_DATA", ROOT / "../shared/data")) / "cruxeval/cruxeval.jsonl"
    samples = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    python = next(found.path for found in interpreters.found() if found.version[:2] == (3, 11))
    print(described())
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        command = [str(Path(sys.executable).with_name("foretrace")), "collect", "functions"]
        started = time.perf_counter()
        subprocess.run(
            [*command, "--samples", str(samples), "-o", str(data), "--python", python, "--jobs", "2"], check=True
        )
        seconds = time.perf_counter() - started
        print(f"{seconds:.1f} s on 2 jobs; {sum(f.stat().st_size for f in data.rglob('*.parquet')):,} bytes of parquet")
        traces = list(tracegen.read(data))
        counts = sorted(map(line_events, traces))
        shares = ", ".join(f"p{percent} {percentile(counts, percent)}" for percent in (90, 99))
        print(
            f"line events of the samples' own code, {len(counts)} traces: min {counts[0]}, "
            f"median {statistics.median(counts):g}, mean {statistics.mean(counts):.1f}, {shares}, max {counts[-1]}"
        )
        started = time.perf_counter()
        steps = 0
        for trace in traces:
            parsed = tracegen.parse(trace.pieces())
            assert parsed.frames == trace.frames()
            assert not parsed.oddities
            steps += len(trace.steps)
        print(f"{steps:,} steps spoken, spelled and parsed back in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
