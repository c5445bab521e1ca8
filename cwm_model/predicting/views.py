"""Predictions for people and for machines: CWM's text, JSON, a table in the terminal.

What a terminal is shown cannot move its cursor (tracegen/views.py).  Knows nothing of how a prediction came to be.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cwm_model.predicting.debugging import Stepped
from cwm_model.predicting.forced import Place
from cwm_model.predicting.prediction import Outcome, Prediction, answer
from cwm_model.predicting.targets import Target
from tracegen.frame import Event, Frame
from tracegen.grammar import render
from tracegen.views import visible


def as_text(target: Target, predictions: Iterable[Prediction]) -> str:
    """The prompt, and behind it what was written, as it was written."""
    return render(target.prompt.pieces()) + "".join(render(prediction.written) for prediction in predictions)


def as_json(target: Target, sample: int, prediction: Prediction) -> str:
    """A prediction as one JSON object."""
    said = {
        "program_id": target.program_id,
        "sample": sample,
        "context": target.prompt.context,
        "head": [_frame(frame) for frame in target.prompt.head],
        "frames": [_frame(frame) for frame in prediction.frames],
        "answer": answer(prediction, target.prompt.depth),
        **_outcome(prediction),
    }
    return json.dumps(said)


def forced_as_json(target: Target, places: Sequence[Place]) -> str:
    """The predictions in the places of true frames as one JSON object; the end of the trace is a place without one."""
    said = {
        "program_id": target.program_id,
        "context": target.prompt.context,
        "head": [_frame(frame) for frame in target.prompt.head],
        "exact": sum(place.exact for place in places),
        "places": [
            {
                "frame": place.number,
                "exact": place.exact,
                "true": _frame(place.true) if place.true is not None else None,
                "predicted": [_frame(frame) for frame in place.prediction.frames],
                **_outcome(place.prediction),
            }
            for place in places
        ],
    }
    return json.dumps(said)


def print_table(target: Target, sample: int, prediction: Prediction, console: Console) -> None:
    """Event, source, what changed; calls indented by depth, the head's frames dim."""
    count = f"{len(prediction.frames)} frame{'' if len(prediction.frames) == 1 else 's'} predicted"
    title = f"{target.program_id}: {count}, {ended(prediction)}" + (f" (sample {sample})" if sample else "")
    console.print(Text(visible(title)))
    table = _table()
    scopes: list[dict[str, str]] = []
    for number, frame in enumerate((*target.prompt.head, *prediction.frames)):
        style = "dim" if number < len(target.prompt.head) else ""
        table.add_row(*_cells(frame, scopes), style=style)
    console.print(table)
    if prediction.rest:
        console.print(Text("rest: " + visible(render(prediction.rest))))
    value = answer(prediction, target.prompt.depth)
    console.print(Text("no answer" if value is None else f"answer: {visible(value)}"))


def stepped_as_json(stepped: Stepped) -> str:
    """What a command came to, as one JSON object; ``taken`` is the frame that `back` took away."""
    made = stepped.prediction
    said = {
        "command": stepped.command,
        "depth": stepped.depth,
        "frames": [_frame(frame) for frame in made.frames] if made else [],
        "taken": _frame(stepped.taken) if stepped.taken else None,
        **(_outcome(made) if made else {}),
    }
    return json.dumps(said)


def print_stepped(stepped: Stepped, console: Console) -> None:
    """A line a frame: event, source, what changed; of `back` the frame that is the last one now."""
    scopes: list[dict[str, str]] = []
    rows = [_cells(frame, scopes) for frame in stepped.before]
    made = stepped.prediction
    rows = rows[-1:] if made is None else [_cells(frame, scopes) for frame in made.frames]
    for event, source, changed in rows:
        what = (f"  {changed}", "bold") if changed.plain else ""
        console.print(Text.assemble(f"{event.plain:9} ", source, what), soft_wrap=True)
    if made is None and stepped.taken is None:
        console.print("at the first frame already")
    if made is not None and made.outcome is not Outcome.PAUSED:
        console.print(Text(visible(ended(made))))


def print_forced(target: Target, places: Sequence[Place], console: Console) -> None:
    """The true frames, and below each that was not predicted what was."""
    exact = sum(place.exact for place in places)
    console.print(Text(visible(f"{target.program_id}: {exact} of {len(places)} places exact")))
    table = _table()
    table.add_column("predicted", no_wrap=True)
    scopes: list[dict[str, str]] = []
    for frame in target.prompt.head:
        table.add_row(*_cells(frame, scopes), "", style="dim")
    for place in places:
        # What is predicted is set against the scopes that stood before the true frame.
        before = [dict(scope) for scope in scopes]
        end = (Text("end"), Text(""), Text(""))
        table.add_row(*(_cells(place.true, scopes) if place.true else end), "exact" if place.exact else "otherwise")
        if not place.exact:
            for frame in place.prediction.frames:
                table.add_row(*_cells(frame, before), "this", style="yellow")
            if place.prediction.rest or not place.prediction.frames:
                said = visible(render(place.prediction.rest))
                table.add_row(Text(""), Text(said), Text(visible(ended(place.prediction))), "this", style="yellow")
    console.print(table)


def ended(prediction: Prediction) -> str:
    """How a prediction ends, for people."""
    return prediction.outcome.value + (f": {prediction.detail}" if prediction.detail else "")


def _outcome(prediction: Prediction) -> dict[str, object]:
    return {
        "outcome": prediction.outcome.value,
        "detail": prediction.detail,
        "rest": render(prediction.rest),
        "text": render(prediction.written),
        "oddities": [
            {"frame": odd.frame, "oddness": odd.oddness.name.lower(), "what": odd.what} for odd in prediction.oddities
        ],
        "ids": len(prediction.ids),
        "passes": prediction.passes,
    }


def _frame(frame: Frame) -> dict[str, object]:
    shown = {"locals": dict(frame.locals)} if frame.value is None else {"value": frame.value}
    return {"event": frame.event.value, "source": frame.source, **shown}


def _table() -> Table:
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("event", no_wrap=True)
    table.add_column("source", no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column("what changed", overflow="fold", ratio=4)
    return table


def _cells(frame: Frame, scopes: list[dict[str, str]]) -> tuple[Text, Text, Text]:
    """A row of a frame; ``scopes`` are what the open ones showed last, and go on with it."""
    if frame.event is Event.CALL or not scopes:
        scopes.append({})
    depth = len(scopes) - 1
    if frame.value is None:
        shown = dict(frame.locals)
        gone = [f"del {name}" for name in scopes[-1] if name not in shown]
        changed = ", ".join(gone + [f"{k} = {v}" for k, v in shown.items() if scopes[-1].get(k) != v])
        scopes[-1] = shown
    else:
        changed = f"{'returns' if frame.event is Event.RETURN else 'raises'} {frame.value}"
    if frame.event is Event.RETURN:
        scopes.pop()
    source = "  " * depth + visible(frame.source.removesuffix("\n").expandtabs(4))
    return Text(frame.event.value), Text(source), Text(visible(changed))
