"""Generated programs beside CRUXEval's: what they use, what goes in and comes out, how long they and their traces are.

    python -m benchmarks.distribution [-n 2000] [--seed 0] [cruxeval.jsonl]

Prints the tables of docs/synthetic.md.  The file is looked for in $FORETRACE_DATA/cruxeval (default ../shared/data).
A share is that of the samples which use a thing at least once.
"""

from __future__ import annotations

import ast
import builtins
import os
import statistics
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.cruxeval import line_events, percentile
from benchmarks.machine import ROOT, described
from tracegen import Settings, interpreters
from tracegen.programs import synthetic
from tracegen.programs.samples import Sample, read_samples, run_samples

CRUXEVAL = Path(os.environ.get("FORETRACE_DATA", ROOT / "../shared/data")) / "cruxeval/cruxeval.jsonl"
COMMON = 0.01
"""The share of CRUXEval's samples from which on a thing must not be missing."""
PRESENT = 1 / 3
"""Missing is what has less than this part of CRUXEval's share."""

_BUILTINS = frozenset(dir(builtins))
_NOT_COUNTED = (ast.Module, ast.expr_context)


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of ``total`` samples have each thing."""

    total: int
    counts: Counter[str]

    def __getitem__(self, name: str) -> float:
        return self.counts[name] / self.total


def things(code: str) -> dict[str, set[str]]:
    """What a program uses, by group."""
    found: dict[str, set[str]] = {"constructs": set(), "methods": set(), "builtins": set(), "own functions": set()}
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, _NOT_COUNTED):
            found["constructs"].add(type(node).__name__)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _BUILTINS:
            found["builtins"].add(node.id)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found["methods"].add(node.func.attr)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "f":
            found["own functions"].add("f (recursion)")
    if code.count("def ") > 1:
        found["own functions"].add("helper")
    return found


def kind_of(text: str) -> str:
    """The type of a value that is written as a literal, with that of its elements."""
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return "no literal"
    name = type(value).__name__
    if isinstance(value, (list, tuple, set, dict)):
        if not value:
            return f"{name}, empty"
        inner = {type(each).__name__ for each in value}
        inner = inner if len(inner) == 1 else {"mixed"}
        held = {type(each).__name__ for each in value.values()} if isinstance(value, dict) else set()
        return f"{name} of {inner.pop()}" + (f" to {held.pop() if len(held) == 1 else 'mixed'}" if held else "")
    return f"{name}, empty" if value == "" else name


def arguments_of(text: str) -> list[str]:
    """The sources of the arguments of a call."""
    call = ast.parse(f"f({text}\n)", mode="eval").body
    assert isinstance(call, ast.Call)
    return [ast.unparse(each) for each in [*call.args, *(keyword.value for keyword in call.keywords)]]


def shares_of(samples: Sequence[Sample]) -> dict[str, Shares]:
    """The shares of everything in each group."""
    counts: dict[str, Counter[str]] = {}
    for sample in samples:
        for group, found in things(sample.code).items():
            counts.setdefault(group, Counter()).update(found)
        arguments = arguments_of(sample.input)
        counts.setdefault("arguments", Counter()).update({kind_of(each) for each in arguments})
        counts.setdefault("number of arguments", Counter()).update([str(len(arguments))])
        if sample.output is not None:
            counts.setdefault("results", Counter()).update([kind_of(sample.output)])
    return {group: Shares(len(samples), counted) for group, counted in counts.items()}


def missing(wanted: Shares, found: Shares) -> list[str]:
    """What is common in the one and missing in the other."""
    return [name for name in sorted(wanted.counts) if wanted[name] >= COMMON and found[name] < wanted[name] * PRESENT]


def generated(count: int, seed: int) -> list[Sample]:
    """Generated programs as samples."""
    return [Sample(program.id, program.code, program.input) for program in synthetic.programs(count, seed)]


@dataclass(frozen=True, slots=True)
class Measured:
    """Samples with the outputs of their traces, and the line events of each trace."""

    samples: list[Sample]
    events: list[int]


def traced(samples: Sequence[Sample], python: str) -> Measured:
    """Run the samples, and take outputs and line events from their traces."""
    done, events = [], []
    for outcome in run_samples(samples, Settings(python=python), jobs=2):
        assert outcome.told is not None and outcome.trouble is None
        [trace] = outcome.told.traces()
        assert trace.ending.value == "returned", outcome.sample
        last = trace.steps[len(trace.steps) - 1]
        done.append(replace(outcome.sample, output=last.value))
        events.append(line_events(trace))
    return Measured(done, events)


def length_rows(one: Measured, other: Measured) -> Iterator[str]:
    """Rows of the table of lengths."""
    yield "| length | CRUXEval: median, mean, p90, p99, max | generated |"
    yield "|---|---|---|"
    yield _lengths("lines of code", *([s.code.strip().count("\n") + 1 for s in m.samples] for m in (one, other)))
    yield _lengths("characters of code", *([len(s.code) for s in m.samples] for m in (one, other)))
    yield _lengths("characters of input", *([len(s.input) for s in m.samples] for m in (one, other)))
    yield _lengths("characters of output", *([len(s.output or "") for s in m.samples] for m in (one, other)))
    yield _lengths("line events of the trace", one.events, other.events)


def _lengths(name: str, one: list[int], other: list[int]) -> str:
    texts = []
    for values in (sorted(one), sorted(other)):
        middle = f"{statistics.median(values):g}, {statistics.mean(values):.1f}"
        texts.append(f"{middle}, {percentile(values, 90)}, {percentile(values, 99)}, {values[-1]}")
    return f"| {name} | {' | '.join(texts)} |"


def share_rows(real: Shares, ours: Shares) -> Iterator[str]:
    """Rows of a table of shares, in percent: what is common in CRUXEval, then the largest of the rest."""
    yield "| what | CRUXEval | generated | distance |"
    yield "|---|---|---|---|"
    names = sorted(set(real.counts) | set(ours.counts), key=lambda name: (-real[name], -ours[name], name))
    rare = [name for name in names if real[name] < COMMON]
    for name in [name for name in names if real[name] >= COMMON] + [name for name in rare if ours[name] >= COMMON]:
        yield _share(f"`{name}`", real[name], ours[name])
    rest = [name for name in rare if ours[name] < COMMON]
    if rest:
        here = ", ".join(f"`{name}`" for name in rest if ours[name])
        gone = ", ".join(f"`{name}`" for name in rest if not ours[name])
        yield ""
        yield f"Below 1 % in both, and generated: {here or 'nothing'}. Not generated: {gone or 'nothing'}."


def _share(name: str, real: float, ours: float) -> str:
    return f"| {name} | {real:.1%} | {ours:.1%} | {100 * (ours - real):+.1f} |"


def main() -> None:
    """Print the comparison as markdown."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("samples", nargs="?", type=Path, default=CRUXEVAL)
    given = parser.parse_args()
    python = next(found.path for found in interpreters.found() if found.version[:2] == (3, 11))
    one = traced(read_samples(given.samples), python)
    other = traced(generated(given.n, given.seed), python)
    print(f"{described()}\n")
    print(f"{len(one.samples)} samples of CRUXEval, {given.n} generated with seed {given.seed}; all returned.\n")
    print("\n".join(length_rows(one, other)))
    ours = shares_of(other.samples)
    for group, real in shares_of(one.samples).items():
        found = ours[group]
        names = set(real.counts) | set(found.counts)
        mean = sum(abs(real[name] - found[name]) for name in names) / len(names)
        print(f"\n## {group.capitalize()}")
        gone = ", ".join(missing(real, found)) or "none"
        print(f"Mean distance {mean:.2%} over {len(names)} things; missing: {gone}.\n")
        print("\n".join(share_rows(real, found)))


if __name__ == "__main__":
    main()
