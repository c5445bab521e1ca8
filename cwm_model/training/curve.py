"""A run's log as a picture: the loss, smoothed, and what is known of the held-out programs, over tokens seen."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 360, 56, 56, 40, 40
TEXT = "#7b8794"
"""A grey that stands out from white and from black."""
LOSS, LINES = "#e8590c", {"tokens": "#9aa5b1", "lines": "#4c8eda", "frames": "#2f9e44"}
STEPS = 400
"""Points of the loss; each is the mean of the steps around it."""

Point = tuple[float, float]


def draw(log: Path, path: Path) -> None:
    """Write the picture of a log as SVG; a line of the log that is broken off is left out."""
    path.write_text(drawn(lines_of(log)), encoding="utf-8")


def lines_of(log: Path) -> list[dict[str, object]]:
    """The lines of a log."""
    found = []
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def drawn(lines: Sequence[dict[str, object]]) -> str:
    """The picture."""
    losses = [(_number(line["tokens"]), _number(line["loss"])) for line in lines if "loss" in line]
    looks = [(_number(line["tokens"]), held) for line in lines if isinstance(held := line.get("held_out"), dict)]
    most = max((tokens for tokens, _ in losses), default=1.0)
    lowest = math.floor(math.log10(max(min((loss for _, loss in losses), default=0.1), 1e-4)))
    highest = math.ceil(math.log10(max((loss for _, loss in losses), default=1.0)))
    decades = max(highest - lowest, 1)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(tokens: float) -> float:
        return LEFT + wide * tokens / most

    def on_left(loss: float) -> float:
        return TOP + high * (highest - math.log10(max(loss, 10**lowest))) / decades

    def on_right(share: float) -> float:
        return TOP + high * (1 - share)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="system-ui, sans-serif" font-size="11" fill="{TEXT}">',
        "<title>Loss, and what is known of held-out programs, over tokens</title>",
        _label(LEFT, 16, "loss of a trace's token (left, logarithmic)", f'fill="{LOSS}" font-size="13"'),
    ]
    at = LEFT + 300
    for name, colour in LINES.items():
        parts.append(_label(at, 16, f"held-out {name} right", f'fill="{colour}" font-size="13"'))
        at += 150
    for decade in range(decades + 1):
        y = on_left(10 ** (highest - decade))
        parts += [_rule(LEFT, y, WIDTH - RIGHT, y), _label(4, y + 4, f"{10.0 ** (highest - decade):g}")]
    for tenth in range(0, 11, 2):
        parts.append(_label(WIDTH - RIGHT + 6, on_right(tenth / 10) + 4, f"{tenth * 10} %"))
    for quarter in range(5):
        tokens = most * quarter / 4
        parts.append(_label(x(tokens), HEIGHT - 14, f"{tokens / 1e6:.1f}M tokens", 'text-anchor="middle"'))
    parts.append(_path(((x(tokens), on_left(loss)) for tokens, loss in _smooth(losses)), LOSS))
    for name, colour in LINES.items():
        points = [(x(tokens), on_right(_number(held[name]))) for tokens, held in looks if name in held]
        parts.append(_path(points, colour))
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="{colour}"/>' for a, b in points]
    return "\n".join([*parts, "</svg>", ""])


def _smooth(points: Sequence[Point]) -> list[Point]:
    around = max(1, len(points) // STEPS)
    found = []
    for place in range(0, len(points), around):
        near = points[max(0, place - 2 * around) : place + 2 * around + 1]
        found.append((points[place][0], sum(value for _, value in near) / len(near)))
    return found


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _label(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{text}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{TEXT}" stroke-opacity="0.3"/>'


def _path(points: Iterable[Point], colour: str) -> str:
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
