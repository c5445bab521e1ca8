"""The figures of a run of benchmarks/tracer.py, and the Markdown that shows them.  Measures nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from benchmarks.workloads import WORKLOADS


@dataclass(frozen=True)
class Figure:
    """One tracer on one workload: medians.

    ``seconds`` is the traced run; ``line_ns`` what tracing adds, by line events; ``peak`` the bytes of memory above
    those of the untraced process; ``output`` the bytes recorded; ``incomplete`` what the record misses.
    """

    slowdown: float
    seconds: float
    line_ns: float
    peak: int
    output: int
    incomplete: str | None


@dataclass(frozen=True)
class Figures:
    """All of a run.  A pair is None where the tracer fails; ``writing`` is seconds for writing the record alone."""

    letters: str
    tracers: list[str]
    found: dict[tuple[str, str], Figure | None]
    writing: dict[str, float]

    def told(self) -> dict[str, object]:
        """For JSON."""
        return {" ".join(pair): figure and asdict(figure) for pair, figure in self.found.items()}

    def faster(self, tracer: str, than: str) -> dict[str, float]:
        """By how much a tracer is faster than another, by workload."""
        pairs = {letter: (self.found[letter, tracer], self.found[letter, than]) for letter in self.letters}
        return {letter: other.slowdown / own.slowdown for letter, (own, other) in pairs.items() if own and other}


def geometric_mean(values: Iterable[float]) -> float:
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


def number(value: float) -> str:
    """Three figures, or all of a whole number."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    names = list(head)
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def by_tracer(figures: Figures, shown: Callable[[Figure], str], mean: Callable[[Figure], float] | None = None) -> str:
    """One row a tracer, one column a workload; † where the record is not complete."""
    rows = []
    for tracer in figures.tracers:
        cells = [figures.found[letter, tracer] for letter in figures.letters]
        row = [tracer, *(f"{shown(cell)}{' †' if cell.incomplete else ''}" if cell else "fails" for cell in cells)]
        rows.append([*row, number(geometric_mean(mean(cell) for cell in cells if cell))] if mean else row)
    return table(["tracer", *figures.letters, *(["geometric mean"] if mean else [])], rows)


def against_peers(figures: Figures) -> str:
    """The native tracer against every other: slowdown over slowdown."""
    rows = []
    for tracer in figures.tracers:
        ratios = figures.faster("native", tracer)
        if tracer != "native":
            cells = [number(ratios[letter]) if letter in ratios else "–" for letter in figures.letters]
            rows.append([tracer, *cells, number(geometric_mean(ratios.values()))])
    return table(["native is faster than", *figures.letters, "geometric mean"], rows)


def against_writing(figures: Figures) -> str:
    """Our tracers against writing alone what they wrote."""
    rows = []
    for tracer in ("native", "reference"):
        if tracer in figures.tracers:
            times = [(figures.found[letter, tracer], figures.writing[letter]) for letter in figures.letters]
            rows.append([f"{tracer}, ms", *(number(own.seconds * 1e3) if own else "fails" for own, _ in times)])
            rows.append(["times writing", *(number(own.seconds / bare) if own else "fails" for own, bare in times)])
    head = ["writing alone, ms", *(number(figures.writing[letter] * 1e3) for letter in figures.letters)]
    return table(["", *figures.letters], [head, *rows])


def markdown(figures: Figures) -> str:
    """Everything, in the order of docs/benchmarks.md."""
    modules = [(letter, WORKLOADS[letter], WORKLOADS[letter].module) for letter in figures.letters]
    work = table(
        ["workload", "line events", "calls", "container operations"],
        [
            [f"{letter}: {each.what}", f"{code.LINES:,}", f"{code.CALLS:,}", f"{code.CONTAINER_OPERATIONS:,}"]
            for letter, each, code in modules
        ],
    )
    missing = [
        f"{tracer}, {letter}: {cell.incomplete}"
        for (letter, tracer), cell in figures.found.items()
        if cell and cell.incomplete
    ]
    parts = [
        work,
        "Slowdown, traced over untraced:\n\n" + by_tracer(figures, lambda f: number(f.slowdown), lambda f: f.slowdown),
        "Nanoseconds that tracing adds to a line event:\n\n" + by_tracer(figures, lambda f: number(f.line_ns)),
        "Peak memory above the untraced process, MiB:\n\n" + by_tracer(figures, lambda f: f"{f.peak / 2**20:.1f}"),
        "Recorded, bytes:\n\n" + by_tracer(figures, lambda f: f"{f.output:,}"),
        "† not the whole record. " + "; ".join(missing) + "." if missing else "Every record is complete.",
    ]
    if "native" in figures.tracers:
        parts.append(against_peers(figures))
    parts.append("Whole runs against writing the same bytes, and nothing else:\n\n" + against_writing(figures))
    return "\n\n".join(parts)
