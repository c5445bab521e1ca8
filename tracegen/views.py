"""Traces for people and for machines: a table in the terminal, JSON.  The model's own text is grammar.py's.

Terminal output never passes on a control character of the program's: what is shown cannot move the cursor.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tracegen.trace import Step, Trace, speak, what_changed

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""A text in which every control character is an escape.

    >>> visible("a\x1b[2J\n")
    'a\\x1b[2J\\n'
    """
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


def visible_lines(text: str) -> str:
    """A text as `visible` shows it, its line ends and tabs kept."""
    return re.sub("[^\n\t]+", lambda match: visible(match.group()), text)


def as_json(trace: Trace) -> str:
    """A trace as one JSON object: its row, with ``frames`` beside the steps."""
    row: dict[str, Any] = {
        "id": trace.id,
        "content": trace.content,
        "program_id": trace.program_id,
        "input": trace.input,
        "context": trace.context.text,
        "files": list(trace.files),
        "entry": asdict(trace.entry),
        "python": trace.python,
        "ending": trace.ending.value,
        "detail": trace.detail,
        "steps": [_step(step) for step in trace.steps],
        "frames": [
            {"event": frame.event.value, "source": frame.source}
            | ({"locals": dict(frame.locals)} if frame.value is None else {"value": frame.value})
            for frame in speak(trace)
        ],
        "stdout": trace.stdout,
        "provenance": asdict(trace.provenance),
    }
    return json.dumps(row)


def _step(step: Step) -> dict[str, Any]:
    return {**asdict(step), "event": step.event.value, "locals": dict(step.locals) if step.value is None else None}


def print_table(trace: Trace, console: Console) -> None:
    """Line, source, what changed; calls indented by depth."""
    table = Table(title=Text(visible(str(trace))), title_justify="left", show_edge=False, pad_edge=False)
    table.add_column("line", justify="right", no_wrap=True, style="dim")
    table.add_column("event", no_wrap=True)
    table.add_column("source", no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column("what changed", overflow="fold", ratio=4)
    many = len(trace.files) > 1
    for step, frame in zip(trace.steps, speak(trace), strict=True):
        place = f"{trace.files[step.file]}:{step.line}" if many else str(step.line)
        source = "  " * step.depth + visible(frame.source.removesuffix("\n").expandtabs(4))
        changed = visible(what_changed(step))
        table.add_row(Text(visible(place)), Text(step.event.value), Text(source), Text(changed))
    console.print(table)


def print_listing(traces: Iterable[Trace], console: Console, limit: int) -> None:
    """One line a trace for the first ``limit``, and what all of them add up to."""
    table = Table(show_edge=False, pad_edge=False)
    for name in ("id", "program", "entry", "ending"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    table.add_column("steps", justify="right")
    endings: Counter[str] = Counter()
    steps = 0
    for trace in traces:
        if endings.total() < limit:
            cells = (trace.id[:12], trace.program_id, trace.entry.name, trace.ending.value, str(len(trace.steps)))
            table.add_row(*(Text(visible(cell)) for cell in cells))
        endings[trace.ending.value] += 1
        steps += len(trace.steps)
    console.print(table)
    count = endings.total()
    if count > limit:
        console.print(f"… and {count - limit} more", style="dim")
    console.print(f"{count} traces, {steps} steps; " + counted(endings))


def counted(counts: Counter[str]) -> str:
    """``3 returned, 1 raised``."""
    return ", ".join(f"{count} {name}" for name, count in counts.most_common() if count) or "nothing"
