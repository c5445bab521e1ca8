"""CRUXEval's published answers of CodeLlama 7B, judged by both semantics, against the verdicts that came with them.

    python -m benchmarks.official_scores

The files are looked for in $FORETRACE_DATA/cruxeval (default ../shared/data).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.machine import ROOT, described
from evals.answers import input_score, output_score
from evals.executed import Judge
from evals.official import Asked, score
from evals.predictions import read_predictions
from evals.statistics import pass_at_k
from evals.verdict import Score
from tracegen.programs.samples import Sample, read_samples

DATA = Path(os.environ.get("FORETRACE_DATA", ROOT / "../shared/data")) / "cruxeval"


def row(name: str, one: float, five: float, seconds: float, rest: str) -> None:
    print(f"{name:<18} pass@1 {100 * one:8.4f}   pass@5 {100 * five:8.4f}   {seconds:6.1f} s   {rest}")


def judged(asked: Asked, samples: list[Sample], judge: Judge) -> int:
    """Prints one file's rows; the number of verdicts that are not the stored ones."""
    answers = read_predictions(DATA / f"codellama-7b_temp0.2_{asked.value}.generations.json")
    stored = json.loads((DATA / f"codellama-7b_temp0.2_{asked.value}.scored.json").read_text("utf-8"))
    started = time.perf_counter()
    official = score(asked, samples, answers, judge)
    seconds = time.perf_counter() - started
    pairs = [
        (mine, theirs)
        for sample in samples
        for mine, theirs in zip(official.counted(sample.id), stored["raw_scored_generations"][sample.id], strict=True)
    ]
    differing = sum(int(mine != theirs) for mine, theirs in pairs)
    rest = f"{len(pairs):,} verdicts, {differing} not as stored, {official.rejected} rejected"
    row(f"{asked.value}, official", official.pass_at(1), official.pass_at(5), seconds, rest)

    def literal(item: tuple[Sample, str]) -> Score:
        sample, answer = item
        assert sample.output is not None
        return output_score(sample.output, answer) if asked is Asked.OUTPUT else input_score(sample, answer, judge)

    started = time.perf_counter()
    items = [(sample, answer) for sample in samples for answer in answers[sample.id]]
    scores = judge.each(literal, items)
    seconds = time.perf_counter() - started
    right: Counter[str] = Counter(sample.id for (sample, _), found in zip(items, scores, strict=True) if found.right)
    one, five = (
        sum(pass_at_k(len(answers[sample.id]), right[sample.id], k) for sample in samples) / len(samples)
        for k in (1, 5)
    )
    counts = Counter(found.verdict.value for found in scores)
    row(f"{asked.value}, literal", one, five, seconds, ", ".join(f"{n:,} {name}" for name, n in counts.most_common()))
    passed = [verdict for sample in samples for verdict in official.verdicts[sample.id]]
    apart = Counter(
        (sample.id, answer, bool(verdict), found.verdict.value, found.reason)
        for (sample, answer), verdict, found in zip(items, passed, scores, strict=True)
        if bool(verdict) != found.right
    )
    for (id, answer, verdict, other, reason), times in apart.items():
        print(f"  {times} × {id}: official {verdict}, literal {other} ({reason}): {answer[:100]!r}")
    return differing


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(described())
    samples = read_samples(DATA / "cruxeval.jsonl")
    with Judge(jobs=len(os.sched_getaffinity(0))) as judge:
        return int(sum(judged(asked, samples, judge) for asked in Asked) > 0)


if __name__ == "__main__":
    sys.exit(main())
