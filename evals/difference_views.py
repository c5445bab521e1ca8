"""A difference for people and for machines: one line, the frames around it side by side, and the rest realigned.

What a terminal is shown cannot move its cursor (tracegen/views.py).  Knows nothing of how a difference was found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cwm_model.predicting.forced import Place
from cwm_model.predicting.views import ended
from evals.difference import Difference
from tracegen.frame import Event, Frame
from tracegen.grammar import render
from tracegen.views import visible

MOST_PLACES = 20
"""Wrong places that are shown behind the divergence."""


def as_json(difference: Difference) -> str:
    """All of it as one JSON object."""
    comparison, parted = difference.comparison, difference.comparison.divergence
    wrong = [place for place in difference.places if not place.exact]
    said = {
        "program_id": difference.target.program_id,
        "exact": comparison.exact,
        "line": difference.line,
        "divergence": parted
        and {"frame": parted.index, "kind": parted.parting.value, "text": parted.text, "names": list(parted.names)},
        "frames": len(difference.truth),
        "right_before": comparison.right.right,
        "outcome": difference.prediction.outcome.value,
        "detail": difference.prediction.detail,
        "ends": {"true": difference.true_end, "predicted": difference.predicted_end},
        "true": [_frame(frame) for frame in difference.truth],
        "predicted": [_frame(frame) for frame in difference.prediction.frames],
        "rest": render(difference.prediction.rest),
        "realigned": {
            "places": len(difference.places),
            "exact": len(difference.places) - len(wrong),
            "wrong": [
                {"frame": place.number, "predicted": [_frame(frame) for frame in place.prediction.frames]}
                for place in wrong
            ],
        },
    }
    return json.dumps(said)


def print_difference(difference: Difference, console: Console, around: int = 3) -> None:
    """The line, ``around`` frames before and behind it side by side, answers, and what is wrong on the true path."""
    console.print(Text(visible(difference.line)), soft_wrap=True)
    parted = difference.comparison.divergence
    if parted is None:
        return
    first = len(difference.target.prompt.head)
    at = parted.index - first
    console.print(_side_by_side(difference, max(0, at - around), at + around + 1, at))
    true, predicted = difference.true_end or "does not end", difference.predicted_end or "no end"
    console.print(Text(visible(f"it {true}; predicted: {predicted}")), soft_wrap=True)
    _print_realigned(difference.places, console)


def _side_by_side(difference: Difference, low: int, high: int, at: int) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    for title in ("frame", ""):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("it runs", "predicted"):
        table.add_column(title, overflow="fold", ratio=1)
    first, predicted = len(difference.target.prompt.head), difference.prediction
    true_cells = list(_told((*difference.target.prompt.head, *difference.truth)))[first:]
    their_cells = list(_told((*difference.target.prompt.head, *predicted.frames)))[first:]
    ends = (Text("end"),)
    true_cells += ends * difference.target.finished
    if predicted.rest or not predicted.outcome.whole:
        their_cells.append(Text(visible(" ".join(filter(None, (ended(predicted), render(predicted.rest)))))))
    elif predicted.outcome.value == "finished":
        their_cells += ends
    for index in range(low, min(high, max(len(true_cells), len(their_cells)))):
        true = true_cells[index] if index < len(true_cells) else Text("")
        theirs = their_cells[index] if index < len(their_cells) else Text("")
        mark = ">" if index == at else ""
        table.add_row(
            str(first + index), mark, true, theirs, style="bold" if index == at else "dim" if index > at else ""
        )
    return table


def _print_realigned(places: Sequence[Place], console: Console) -> None:
    if not places:
        return
    wrong = [place for place in places if not place.exact]
    head = f"on the true path from there: {len(places) - len(wrong)} of {len(places)} places right"
    console.print(Text(head + (":" if wrong else "")))
    if not wrong:
        return
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("frame", justify="right", no_wrap=True)
    for title in ("it runs", "predicted"):
        table.add_column(title, overflow="fold", ratio=1)
    for place in wrong[:MOST_PLACES]:
        true = next(_told([place.true])) if place.true is not None else Text("end")
        said = list(_told(place.prediction.frames)) or [Text(visible(ended(place.prediction)))]
        table.add_row(str(place.number), true, said[0])
    console.print(table)
    if len(wrong) > MOST_PLACES:
        console.print(Text(f"and {len(wrong) - MOST_PLACES} more; --json has them all"))


def _told(frames: Sequence[Frame]) -> Iterator[Text]:
    """A cell of each frame: event, source line, and below it what it shows."""
    for frame in frames:
        source = visible(frame.source.strip())
        if frame.value is None:
            shown = ", ".join(f"{name} = {text}" for name, text in frame.locals)
        else:
            shown = f"{'returns' if frame.event is Event.RETURN else 'raises'} {frame.value}"
        yield Text.assemble(
            (f"{frame.event.value:9} ", "dim"), source, f"\n          {visible(shown)}" if shown else ""
        )


def _frame(frame: Frame) -> dict[str, object]:
    shown = {"locals": [list(pair) for pair in frame.locals]} if frame.value is None else {"value": frame.value}
    return {"event": frame.event.value, "source": frame.source, **shown}
