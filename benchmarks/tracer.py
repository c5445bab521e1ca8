"""The tracers side by side on the six workloads: slowdown, time a line, memory, and whether the record is complete.

    python -m benchmarks.tracer [--rounds N] [--workloads abc] [--tracers NAME ...] [--plot FILE]

Each pair of workload and tracer is a process of its own (measured.py); a round goes through all pairs, one after
another, and the median of the rounds counts.  Prints Markdown; runs/benchmarks/tracer.json has everything.  Needs the
extra ``bench``: `make bench-tracer`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import noop, plot, tables
from benchmarks.complete import Completeness, completeness
from benchmarks.contenders import CONTENDERS
from benchmarks.machine import RESULTS, ROOT, described
from benchmarks.tables import Figure, Figures
from benchmarks.workloads import WORKLOADS
from tracegen import columns, native

PEERS = ("hunter", "pysnooper", "snoop", "viztracer")
PATIENCE = 600
"""Seconds for one process."""

Pair = tuple[str, str]
"""A workload's letter and a tracer's name."""


def libraries(folder: Path) -> dict[str, Path]:
    """The compiled parts by the tracer that needs them.  Exits if the native one cannot be built."""
    try:
        # A copy: the sources may change while this runs.
        core = shutil.copy(native.library(sys.executable), folder)
    except native.Unavailable as error:
        raise SystemExit(f"no native tracer to measure: {error}") from None
    return {"C no-op": noop.built(folder), "native": Path(core)}


def measure(pair: Pair, library: Path | None, keep: Path | None = None) -> dict[str, Any]:
    """What benchmarks/measured.py says of one pair."""
    command = [sys.executable, "-m", "benchmarks.measured", *pair]
    command += ["--library", str(library)] if library else []
    command += ["--keep", str(keep)] if keep else []
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(pair)}: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def records(pairs: list[Pair], built: dict[str, Path], folder: Path) -> dict[Pair, Completeness]:
    """Whether each tracer's record is complete, by the reference's, whose wires stay in the folder."""
    found = {}
    for letter in dict.fromkeys(letter for letter, _ in pairs):
        wanted = folder / letter
        measure((letter, "reference"), None, wanted)
        for pair in (pair for pair in pairs if pair[0] == letter):
            kept = folder / "kept"
            kept.unlink(missing_ok=True)
            measure(pair, built.get(pair[1]), kept)
            said = completeness(pair[1], kept.read_bytes(), wanted.read_bytes()) if kept.exists() else None
            if said is not None:
                found[pair] = said
            if pair[1] == "native" and kept.read_bytes() != wanted.read_bytes():
                print(f"{letter}: native and reference differ", file=sys.stderr)
            kept.unlink(missing_ok=True)
    return found


def figure(pair: Pair, rounds: list[dict[str, Any]], bare: int, record: Completeness | None) -> Figure | None:
    """The medians of a pair's rounds; None if the tracer fails on the workload."""
    if any("failed" in each for each in rounds):
        return None
    lines = WORKLOADS[pair[0]].module.LINES
    return Figure(
        slowdown=statistics.median(each["traced_ns"] / each["untraced_ns"] for each in rounds),
        seconds=statistics.median(each["traced_ns"] for each in rounds) / 1e9,
        line_ns=statistics.median((each["traced_ns"] - each["untraced_ns"]) / lines for each in rounds),
        peak=max(int(statistics.median(each["peak"] for each in rounds)) - bare, 0),
        output=rounds[-1]["output"],
        incomplete=None if record is None or record.complete else str(record),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--workloads", default="".join(WORKLOADS), metavar="LETTERS")
    parser.add_argument("--tracers", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--plot", type=Path, default=RESULTS / "tracers.svg")
    given = parser.parse_args()
    tracers = [name for name in CONTENDERS if name in ("untraced", *given.tracers)]
    pairs = [(letter, tracer) for letter in given.workloads for tracer in tracers]
    rounds: dict[Pair, list[dict[str, Any]]] = {pair: [] for pair in pairs}
    writing: dict[str, list[int]] = {letter: [] for letter in given.workloads}
    loads = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        built = libraries(folder)
        helper = noop.loaded(built["C no-op"])
        recorded = records(pairs, built, folder)
        wires = {letter: columns.read((folder / letter).read_bytes()) for letter in given.workloads}
        for number in range(1, given.rounds + 1):
            for letter, tracer in pairs:
                print(f"\rround {number} of {given.rounds}: {letter} {tracer:20}", end="", file=sys.stderr)
                rounds[letter, tracer].append(measure((letter, tracer), built.get(tracer)))
            for letter, wire in wires.items():
                text = memoryview(wire.text)
                writing[letter].append(helper.written(text, memoryview(wire.records.tobytes())))
            loads.append(os.getloadavg()[0])
        print(file=sys.stderr)
    figures = Figures(
        letters=given.workloads,
        tracers=tracers[1:],
        found={
            pair: figure(pair, rounds[pair], rounds[pair[0], "untraced"][0]["peak"], recorded.get(pair))
            for pair in pairs
        },
        writing={letter: statistics.median(times) / 1e9 for letter, times in writing.items()},
    )
    machine = described(*PEERS)
    RESULTS.mkdir(parents=True, exist_ok=True)
    said = {"machine": machine, "loads": loads, "figures": figures.told(), "rounds": told(rounds), "writing": writing}
    (RESULTS / "tracer.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    given.plot.write_text(plot.drawn(figures), encoding="utf-8")
    print(f"{machine}; load average {min(loads):.1f} to {max(loads):.1f}\n")
    print(tables.markdown(figures))


def told(rounds: dict[Pair, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The raw rounds, by names that JSON can hold."""
    return {" ".join(pair): found for pair, found in rounds.items()}


if __name__ == "__main__":
    main()
