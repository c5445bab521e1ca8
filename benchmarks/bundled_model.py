"""What a model knows: held-out programs, hand-written functions, CRUXEval; traces, halting; as docs/results.md has it.

    python -m benchmarks.bundled_model [--model bundled] [--cruxeval FILE] [--runs runs/bundled]

Every figure comes from a run of `foretrace eval`'s, kept below --runs: killed, it goes on.  fp32, greedy.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

import tracegen
from benchmarks.machine import ROOT, described
from cwm_model import held_out
from cwm_model.predicting.opening import Opening
from evals.evaluation import Asked, evaluate
from evals.results import Results
from evals.task import Metric
from evals.tasks import HANDWRITTEN, Choice
from tracegen import Trace, interpreters
from tracegen.programs.samples import Sample, write_samples

AT_ONCE = 32
TRACE_TABLE = (
    "output", "valid format", "state exact match", "action exact match", "event and action match", "key match",
    "key and value match", "string values", "other values", "return value", "exact frames", "stays right",
    "budget ended", "wrong path", "right path, wrong state",
)  # fmt: skip


def traced(samples: Sequence[Sample], keep: Path | None = None) -> list[Trace]:
    """The real traces of samples, in their order; ``keep`` is where their data set stays."""
    python = next(found.path for found in interpreters.found() if found.version[:2] == (3, 11))
    with tempfile.TemporaryDirectory() as folder:
        rows, data = Path(folder) / "samples.jsonl", keep or Path(folder) / "data"
        write_samples(rows, samples)
        command = [str(Path(sys.executable).with_name("foretrace")), "collect", "functions", "--no-scrub"]
        subprocess.run(
            [*command, "--samples", str(rows), "-o", str(data), "--python", python, "--jobs", "2"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        by_id = {trace.program_id: trace for trace in tracegen.read(data)}
    return [by_id[sample.id] for sample in samples if sample.id in by_id]


def held_out_rows(runs: Path) -> tuple[Path, Path]:
    """The held-out programs as CRUXEval's rows, with what they really return, and the data set of their traces."""
    rows, data = runs / "held-out.jsonl", runs / "held-out"
    if not rows.exists():
        programs = {each.id: each for each in held_out.held_out()}
        traces = traced([Sample(each.id, each.code, each.input) for each in programs.values()], data)
        found = (
            Sample(trace.program_id, programs[trace.program_id].code, trace.input, trace.frames()[-1].value)
            for trace in traces
        )
        write_samples(rows, found)
    return rows, data


def outputs(name: str, data: str, given: argparse.Namespace, limit: int | None) -> Iterator[tuple[str, Results]]:
    """The outputs of a set of functions, in every way that the bundled model speaks."""
    for title, mode, constrained, most in (
        ("single step, constrained", "single", True, given.held_out if name == "held-out" else None),
        ("trace, constrained", "trace", True, limit),
        ("trace, free", "trace", False, given.free),
    ):
        yield title, run(f"{name}-{title}", Choice("cruxeval-o", mode, data, limit=most), given, constrained)


def run(name: str, choice: Choice, given: argparse.Namespace, constrained: bool = True) -> Results:
    """One run of `foretrace eval`."""
    started = time.perf_counter()
    opening = Opening(given.model, dtype="fp32", device="cpu", at_once=AT_ONCE)
    asked = Asked(choice, opening, constrained=constrained)
    results = evaluate(asked, given.runs / name.replace(", ", "-").replace(" ", "-"))
    print(f"{name}: {time.perf_counter() - started:.0f} s, {results.tokens} tokens", file=sys.stderr, flush=True)
    return results


def side_by_side(title: str, found: Sequence[tuple[str, Results]]) -> None:
    """A table: ways of asking as columns; what came of it, and pass@1 by type and length, as rows."""
    print(f"\n### {title}\n\n| | {' | '.join(name for name, _ in found)} |\n|---|{'---|' * len(found)}")
    n = " | ".join(str(results.n) for _, results in found)
    print(f"| n | {n} |")
    for name in ("pass@1", "wrong", "malformed", "cut off", "unanswered"):
        row(f"**{name}**" if name == "pass@1" else name, [results.metrics.get(name) for _, results in found])
    for group in ("type", "frames"):
        for text in dict.fromkeys(text for _, results in found for text in results.groups.get(group, {})):
            label = f"{text} frames" if group == "frames" else text
            row(label, [results.groups.get(group, {}).get(text) for _, results in found], counted=True)


def row(name: str, metrics: Sequence[Metric | None], counted: bool = False) -> None:
    """One line of a table."""
    print(f"| {name} | {' | '.join(cell(metric, counted) for metric in metrics)} |")


def cell(metric: Metric | None, counted: bool) -> str:
    """A share in percent with its interval."""
    if metric is None:
        return ""
    interval = "" if metric.low is None or metric.high is None else f" ({metric.low:.1%} to {metric.high:.1%})"
    return f"{metric.value:.1%}{interval}" + (f", n {metric.n}" if counted else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("FORETRACE_DATA", ROOT / "../shared/data"))
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--cruxeval", type=Path, default=data / "cruxeval/cruxeval.jsonl")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/bundled")
    parser.add_argument("--traces", type=int, default=200, help="so many of the held-out traces, frame by frame")
    parser.add_argument("--held-out", type=int, default=held_out.COUNT, help="so many held-out programs' outputs")
    parser.add_argument("--whole", type=int, help="so many of CRUXEval by whole traces  [default: all]")
    parser.add_argument("--free", type=int, help="so many of each set without the grammar  [default: all]")
    parser.add_argument("--halting", type=int, help="so many of the halting suite  [default: all]")
    given = parser.parse_args()
    given.runs.mkdir(parents=True, exist_ok=True)
    print(described())
    print(f"`python -m benchmarks.bundled_model {' '.join(sys.argv[1:])}`; fp32, {torch.get_num_threads()} threads")
    print(f"held-out set: seed {held_out.SEED}, sha256 {held_out.digest(held_out.held_out())}")
    rows, folder = held_out_rows(given.runs)
    modes = ("teacher-forced", "full")
    found = [
        (mode, run(f"traces-{mode}", Choice("traces", mode, str(folder), limit=given.traces), given)) for mode in modes
    ]
    print("\n### Traces of the held-out programs, mean over traces\n\n| | teacher-forced | full |\n|---|---|---|")
    print(f"| n | {' | '.join(str(results.n) for _, results in found)} |")
    for name in TRACE_TABLE:
        row(name, [results.metrics.get(name) for _, results in found])
    side_by_side("Outputs of the hand-written functions", list(outputs("handwritten", str(HANDWRITTEN), given, None)))
    if given.cruxeval.is_file():
        side_by_side("CRUXEval-O", list(outputs("cruxeval", str(given.cruxeval), given, given.whole)))
    held = list(outputs("held-out", str(rows), given, given.held_out))
    side_by_side("Outputs of the held-out programs", held)
    halting = run("halting", Choice("halting", "trace", limit=given.halting), given)
    print("\n### Halting, trace mode\n\n| | |\n|---|---|")
    print(f"| n | {halting.n} |")
    for name in ("pass@1", "wrong", "cut off", "mcc", "macro_f1", "majority", "abstained"):
        row(name, [halting.metrics.get(name)])


if __name__ == "__main__":
    main()
