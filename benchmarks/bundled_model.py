"""What a model knows: held-out programs, hand-written functions, CRUXEval; by mode, value type and trace length.

    python -m benchmarks.bundled_model [--model bundled] [--held-out 500] [--cruxeval FILE] [--first N]

Every program is really run (in the sandbox), so that the truth is the tracer's.  A value is right if it is spelled as
the truth, or reads as an equal literal of the same type.  Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import ast
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

import tracegen
from benchmarks.machine import ROOT, described
from cwm_model import held_out, loading
from cwm_model.backends.local import LocalBackend
from cwm_model.predict import Mode, Predicted, predict
from cwm_model.predicting.asking import Asking
from cwm_model.predicting.opening import DRAFTS
from cwm_model.predicting.prediction import Outcome, answer
from cwm_model.predicting.prompts import prompt_of_trace
from cwm_model.training.documents import document
from tracegen import Trace, interpreters
from tracegen.programs.samples import Sample, read_samples, write_samples

HANDWRITTEN = ROOT / "evals/data/handwritten.jsonl"
LENGTHS = (12, 24, 48, 96)
"""Bounds of the groups of trace lengths, in frames."""
MOST = 4096
"""New tokens of one prediction."""
LITERAL = 2000
"""Characters of a value that is read as a literal."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One prediction beside its truth."""

    kind: str
    frames: int
    right: bool
    finished: bool


def traced(samples: Sequence[Sample]) -> list[Trace]:
    """The real traces of samples, in their order."""
    python = next(found.path for found in interpreters.found() if found.version[:2] == (3, 11))
    with tempfile.TemporaryDirectory() as folder:
        rows, data = Path(folder) / "samples.jsonl", Path(folder) / "data"
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


def value_of(trace: Trace) -> str:
    """What the entry returned."""
    return trace.frames()[-1].value or ""


def same(answered: str | None, true: str) -> bool:
    """Whether an answer says the value: nothing is evaluated but literals."""
    if answered is None or answered == true:
        return answered == true
    if len(answered) > LITERAL:
        return False
    try:
        ours, theirs = ast.literal_eval(answered), ast.literal_eval(true)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return False
    return type(ours) is type(theirs) and bool(ours == theirs)


def kind_of(value: str) -> str:
    """The type of a value's repr."""
    try:
        return type(ast.literal_eval(value)).__name__
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return "other"


def judged(backend: LocalBackend, traces: Sequence[Trace], mode: Mode, constrained: bool) -> list[Judged]:
    """The predictions of all traces' programs, judged."""
    asking = Asking(max_new=MOST, constrained=constrained)
    found: list[Judged] = []
    for each in predict(backend, map(prompt_of_trace, traces), mode, asking):
        found.append(_judged(each, traces[each.prompt]))
    return found


def _judged(each: Predicted, trace: Trace) -> Judged:
    true = value_of(trace)
    whole = each.prediction.outcome in (Outcome.FINISHED, Outcome.PAUSED)
    return Judged(kind_of(true), len(trace.steps), same(answer(each.prediction), true), whole)


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    if not count:
        return 0.0, 1.0
    z, share = 1.959964, right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return middle - half, middle + half


def share(found: Iterable[Judged]) -> str:
    """A share of right values with its interval."""
    judged = list(found)
    right = sum(each.right for each in judged)
    low, high = wilson(right, len(judged))
    return f"{right / max(len(judged), 1):.1%} ({low:.0%} to {high:.0%}), n {len(judged)}"


def table(name: str, found: dict[str, list[Judged]]) -> None:
    """Print one set: modes as columns, groups as rows."""
    modes = list(found)
    print(f"\n### {name}\n| | {' | '.join(modes)} |\n|---|{'---|' * len(modes)}")
    print(f"| **value right** | {' | '.join(share(found[mode]) for mode in modes)} |")
    whole = (f"{sum(each.finished for each in found[mode]) / max(len(found[mode]), 1):.1%}" for mode in modes)
    print(f"| whole | {' | '.join(whole)} |")
    kinds = sorted({each.kind for each in found[modes[0]]})
    for kind in kinds:
        cells = (share(each for each in found[mode] if each.kind == kind) for mode in modes)
        print(f"| {kind} | {' | '.join(cells)} |")
    for low, high in zip((0, *LENGTHS), (*LENGTHS, 10**9), strict=True):
        cells = (share(each for each in found[mode] if low < each.frames <= high) for mode in modes)
        print(f"| {f'{low + 1} to {high}' if high < 10**9 else f'more than {low}'} frames | {' | '.join(cells)} |")


def teacher_forced(loaded: loading.Loaded, traces: Sequence[Trace]) -> None:
    """Print what the model knows frame by frame, the truth being its history."""
    documents = [document(trace, loaded.tokenizer) for trace in traces]
    known = held_out.teacher_forced(loaded.model, loaded.tokenizer, documents, str(loaded.device))
    total = sum(known, held_out.Known())
    mean = {name: sum(each.rates()[name] for each in known) / len(known) for name in ("frames", "lines", "tokens")}
    print("\n### Held-out programs, teacher forced\n| | over all frames | mean of the programs |\n|---|---|---|")
    for name, what in (("frames", "exact frames"), ("lines", "next source line"), ("tokens", "tokens")):
        print(f"| {what} | {total.rates()[name]:.2%} | {mean[name]:.2%} |")
    print(f"\n{len(documents)} programs, {total.frames} frames, {total.tokens} tokens")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("FORETRACE_DATA", ROOT / "../shared/data"))
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--held-out", type=int, default=held_out.COUNT)
    parser.add_argument("--cruxeval", type=Path, default=data / "cruxeval/cruxeval.jsonl")
    parser.add_argument("--first", type=int, help="only so many of each set")
    given = parser.parse_args()
    loaded = loading.load(given.model, dtype="fp32")
    backend = LocalBackend(loaded.tokenizer, loaded.model, slots=32, drafts=DRAFTS)
    print(described())
    print(f"`python -m benchmarks.bundled_model {' '.join(sys.argv[1:])}`; fp32, {torch.get_num_threads()} threads")
    programs = held_out.held_out(given.held_out)
    sets = {
        "Held-out programs": [Sample(each.id, each.code, each.input) for each in programs],
        "Hand-written functions": read_samples(HANDWRITTEN),
        "CRUXEval": read_samples(given.cruxeval) if given.cruxeval.is_file() else [],
    }
    for name, samples in sets.items():
        traces = traced(samples[: given.first])
        if not traces:
            continue
        if name == "Held-out programs":
            print(f"held-out set: seed {held_out.SEED}, sha256 {held_out.digest(programs)}")
            teacher_forced(loaded, traces)
        started = time.perf_counter()
        modes = {
            "full, constrained": judged(backend, traces, Mode.FULL, True),
            "full, free": judged(backend, traces, Mode.FULL, False),
            "single step, constrained": judged(backend, traces, Mode.SINGLE, True),
        }
        table(name, modes)
        print(f"\n{time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
