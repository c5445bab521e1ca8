"""Draws the slowdowns of a run as SVG: bars on a logarithmic scale, readable on light and on dark ground."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

from benchmarks.tables import Figure, Figures
from benchmarks.workloads import WORKLOADS

WIDTH, LEFT, RIGHT, TOP = 860, 110, 90, 46
BAR, GAP, TITLE = 11, 3, 22
TEXT = "#7b8794"
"""A grey that stands out from white and from black."""

COLORS = {
    "C no-op": "#9aa5b1",
    "Python no-op": "#9aa5b1",
    "native": "#e8590c",
    "reference": "#f2a65a",
    "hunter": "#4c8eda",
    "PySnooper": "#4c8eda",
    "snoop": "#4c8eda",
    "VizTracer": "#4c8eda",
}


def label(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def drawn(figures: Figures) -> str:
    """The whole picture."""
    slowdowns = [cell.slowdown for (_, tracer), cell in figures.found.items() if cell and tracer != "untraced"]
    decades = max(1, math.ceil(math.log10(max(slowdowns, default=10))))
    wide = WIDTH - LEFT - RIGHT

    def x(slowdown: float) -> float:
        return LEFT + wide * math.log10(max(slowdown, 1.0)) / decades

    group = TITLE + len(figures.tracers) * (BAR + GAP) + 8
    bottom = TOP + group * len(figures.letters)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 24}" '
        f'font-family="system-ui, sans-serif" font-size="10" fill="{TEXT}">',
        "<title>Traced over untraced time, six workloads</title>",
        label(LEFT, 16, "Traced over untraced wall time (logarithmic; shorter is better)", 'font-size="13"'),
        label(LEFT, 32, "outlined: the record is not complete"),
    ]
    for decade in range(decades + 1):
        at = x(10**decade)
        parts.append(
            f'<line x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{bottom}" stroke="{TEXT}" stroke-opacity="0.3"/>'
        )
        parts.append(label(at, bottom + 14, f"{10**decade:,}×", 'text-anchor="middle"'))
    for index, letter in enumerate(figures.letters):
        y = TOP + index * group + TITLE
        parts.append(label(LEFT, y - 6, f"{letter}: {WORKLOADS[letter].what}", 'font-weight="bold" font-size="11"'))
        for tracer in figures.tracers:
            parts.append(label(LEFT - 6, y + BAR - 2, tracer, 'text-anchor="end"'))
            parts += bar(x, y, tracer, figures.found[letter, tracer])
            y += BAR + GAP
    return "\n".join([*parts, "</svg>", ""])


def bar(x: object, y: float, tracer: str, cell: Figure | None) -> list[str]:
    """One tracer's bar with its number."""
    assert callable(x)
    if cell is None:
        return [label(LEFT + 4, y + BAR - 2, "fails")]
    end = x(cell.slowdown)
    color = COLORS[tracer]
    look = f'fill="none" stroke="{color}"' if cell.incomplete else f'fill="{color}"'
    shown = f"{cell.slowdown:,.0f}" if cell.slowdown >= 100 else f"{cell.slowdown:.3g}"
    return [
        f'<rect x="{LEFT}" y="{y:.1f}" width="{end - LEFT:.1f}" height="{BAR}" {look}/>',
        label(end + 4, y + BAR - 2, shown),
    ]
