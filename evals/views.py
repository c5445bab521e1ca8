"""Results for people: a run's rates and groups, two runs side by side.

What a terminal is shown cannot move its cursor (tracegen/views.py).  Knows nothing of how results came to be.
"""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evals.results import Results
from evals.statistics import Paired
from evals.task import Metric
from tracegen.views import visible

SHARES = 1.0
"""A figure up to this is shown in percent if its interval is too."""


def print_results(results: Results, console: Console, most: int = 12) -> None:
    """Verdicts, metrics with their intervals, and pass@1 by group, for texts of up to ``most`` values."""
    answers = f", {results.samples} answers" if results.samples != results.n else ""
    head = f"{results.task}, {results.mode}, {results.semantics} semantics: {results.n} items{answers}"
    console.print(Text(visible(head)))
    said = ", ".join(f"{count} {verdict}" for verdict, count in results.verdicts.items() if count)
    console.print(Text(said or "no answers"))
    if results.failed:
        console.print(Text(f"{results.failed} not answered by the backend: in no rate; the same command asks again"))
    for reason, count in results.failures.items():
        console.print(Text(visible(f"{count} failed: {reason}")), soft_wrap=True)
    for reason, count in results.left_out.items():
        console.print(Text(visible(f"{count} of the data left out: {reason}")))
    table = _table("metric")
    for name, metric in results.metrics.items():
        table.add_row(Text(visible(name)), *_cells(metric))
    console.print(table)
    for name, group in results.groups.items():
        if 1 < len(group) <= most:
            table = _table(f"pass@1 by {visible(name)}")
            for text, metric in group.items():
                table.add_row(Text(visible(text)), *_cells(metric))
            console.print(table)


def print_paired(compared: dict[str, Paired], names: tuple[str, str], console: Console) -> None:
    """The difference in each metric that both runs have, B's minus A's."""
    first = next(iter(compared.values()))
    for line in (f"A: {names[0]}", f"B: {names[1]}", f"{first.n} items in both"):
        console.print(Text(visible(line)), soft_wrap=True)
    if first.p is not None:
        console.print(Text(_fourfold(first)))
    table = Table(show_edge=False, pad_edge=False)
    for title in ("metric", "B - A", "95 % interval", "items"):
        table.add_column(title, justify="left" if title == "metric" else "right")
    for name, each in compared.items():
        table.add_row(Text(visible(name)), *_cells(each.difference))
    console.print(table)


def _fourfold(paired: Paired) -> str:
    return (
        f"right in both {paired.both}, in A alone {paired.only_a}, in B alone {paired.only_b}, in neither "
        f"{paired.neither}; McNemar's exact p {paired.p:.3g}"
    )


def _table(first: str) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    table.add_column(first, overflow="fold")
    for title in ("value", "95 % interval", "items"):
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _cells(metric: Metric) -> tuple[str, str, str]:
    values = [each for each in (metric.value, metric.low, metric.high) if each is not None]
    percent = all(-SHARES <= each <= SHARES for each in values if not math.isnan(each))
    interval = ""
    if metric.low is not None and metric.high is not None:
        interval = f"{_number(metric.low, percent)} to {_number(metric.high, percent)}"
    return _number(metric.value, percent), interval, str(metric.n)


def _number(value: float, percent: bool) -> str:
    if math.isnan(value):
        return "none"
    return f"{value:.1%}" if percent else f"{value:,.1f}"
