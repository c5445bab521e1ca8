"""Which of many argument lists are worth a trace: all are tried in one sandboxed process, recorded, and compared.

What an input adds is read off its recording: lines, steps from one line to another, how it ended, how far it came.
Knows nothing of where argument lists come from (inputs/), or of how the chosen ones become rows (functions.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracegen.columns import EVENTS, Recorded, Wire
from tracegen.execution import MIB, Lanes, Run
from tracegen.frame import Event
from tracegen.payload.recorder import Limits
from tracegen.payload.scope import Selection
from tracegen.programs.calls import CALLER, Call
from tracegen.programs.told import refused
from tracegen.settings import Settings
from tracegen.trace import Ending

LANES = Lanes(steps=32 * MIB, text=128 * MIB, notes=4 * MIB)
CALL_SECONDS = 1.0
"""What one call may take before it is interrupted; most take less than a millisecond."""
SECONDS = 20.0
"""What a process of calls may take: one that hangs in C is not to be interrupted."""
TEXT = 100_000
"""Recorded bytes of a call: enough to see where it goes."""
DEATHS = 4
"""How many inputs may take their process down before the function is left alone."""
LONGER = 1.5
"""A path that is so many times as long as the longest chosen one shows something new."""

_LINE, _RETURN = EVENTS.index(Event.LINE), EVENTS.index(Event.RETURN)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one call did.  ``lines`` and ``arcs``, steps from one line to another, are of the program's text.

    ``outcome`` is the kind of value that came back, or of exception; ``path`` tells ways through the text apart.
    """

    arguments: str
    lines: frozenset[int]
    arcs: frozenset[tuple[int, int]]
    outcome: str
    returned: bool
    steps: int
    path: int


def explore(call: Call, arguments: Sequence[str], settings: Settings, run: Run) -> list[Seen]:
    """Try the call with each argument list, in one process; those that end are seen, in their order.

    An input that takes the process down, or hangs, is passed over.  Raises CannotRun if the code cannot be loaded.
    """
    limits = settings.limits._asdict() | {"bytes": min(TEXT, settings.limits.bytes)}
    hasty = replace(settings, deadline=SECONDS, limits=Limits(**limits))
    callers = [(number, replace(call, arguments=each).caller.text) for number, each in enumerate(arguments)]
    # Every caller begins a trace, and nothing else does: what a full trace leaves unrecorded is not to be begun anew.
    selection = Selection(begin="functions", files=(call.filename, CALLER), omit=(call.filename,))
    seen: list[Seen] = []
    for _ in range(DEATHS):
        target = {"kind": "calls", **call.target, "callers": callers, "seconds": CALL_SECONDS}
        finished = run(target, selection, hasty, lanes=LANES)
        refused(finished, call.program_id, settings)
        found = finished.wire
        seen += [each for each in (_seen(found, trace, arguments) for trace in found.traces) if each is not None]
        done = len(found.outcomes)
        if done >= len(callers):
            break
        # The one that was running when the process ended is passed over.
        callers = callers[done + 1 :]
        if not callers:
            break
    return seen


def _seen(found: Wire, trace: Recorded, arguments: Sequence[str]) -> Seen | None:
    """What a recording shows, if it is a call's own and came to its end."""
    number = int(trace.node) if trace.node.isdigit() else -1
    if found.outcomes.get(trace.node) not in ("returned", "raised"):
        return None
    return _shown(found, trace, arguments[number])


def seen_alone(found: Wire, arguments: str) -> Seen | None:
    """What the recording of a single call shows, if it came to its end."""
    for trace in found.traces:
        shown = _shown(found, trace, arguments)
        if shown is not None:
            return shown
    return None


def _shown(found: Wire, trace: Recorded, arguments: str) -> Seen | None:
    whole = trace.ending in (Ending.RETURNED, Ending.RAISED)
    if (found.files[trace.file], trace.name) != (CALLER, "main") or not whole:
        return None
    records = found.records[trace.index]
    program = [index for index, name in enumerate(found.files) if name != CALLER]
    body = records[(records["event"] == _LINE) & np.isin(records["file"], program)]
    last = records[-1]
    at = trace.index[-1]
    starts = found.starts()
    text = bytes(memoryview(found.text)[starts[at] : starts[at + 1]]).decode("utf-8")
    returned = last["event"] == _RETURN and not last["flags"] & 1
    lines, depths = body["line"].astype(np.int64), body["depth"]
    together = depths[1:] == depths[:-1]
    arcs = np.stack([lines[:-1], lines[1:]], 1)[together] if len(lines) > 1 else np.zeros((0, 2), np.int64)
    return Seen(
        arguments=arguments,
        lines=frozenset(lines.tolist()),
        arcs=frozenset(map(tuple, np.unique(arcs, axis=0).tolist())),
        outcome=_kind_of_value(text) if returned else _exception(found, trace),
        returned=bool(returned),
        steps=len(records),
        path=hash(lines.tobytes()),
    )


def _kind_of_value(text: str) -> str:
    """Values that are spelled by a word are kinds of their own, so are empty ones; others go by how they begin."""
    if len(text) <= 5:
        return text if text.isalpha() or not any(letter.isalnum() for letter in text) else text[:1]
    return "1" if text[:1].isdigit() else text[:1]


def _exception(found: Wire, trace: Recorded) -> str:
    """The class of the last exception."""
    records = found.records[trace.index]
    raised = np.flatnonzero(records["event"] == EVENTS.index(Event.EXCEPTION))
    if not len(raised):
        return "raised"
    at = int(trace.index[raised[-1]])
    starts = found.starts()
    text = bytes(memoryview(found.text)[starts[at] : starts[at + 1]]).decode("utf-8")
    return text.partition("(")[0][:80]


def chosen(seen: Sequence[Seen], count: int) -> list[Seen]:
    """At most ``count`` of them: those that add lines or branches, the most first; a new outcome; a longer path.

    A call that returns is preferred to one that raises, a short one to a long one, an early one to a late one.
    """
    left = sorted(seen, key=lambda each: (not each.returned, each.steps))
    picked: list[Seen] = []
    lines: set[int] = set()
    arcs: set[tuple[int, int]] = set()
    outcomes: set[str] = set()

    def take(each: Seen) -> None:
        left.remove(each)
        picked.append(each)
        lines.update(each.lines)
        arcs.update(each.arcs)
        outcomes.add(each.outcome)

    def gain(each: Seen) -> tuple[int, bool]:
        return len(each.lines - lines) + len(each.arcs - arcs), each.returned

    while left and len(picked) < count:
        best = max(left, key=gain)
        if not gain(best)[0]:
            break
        take(best)
    for each in list(left):
        if len(picked) < count and each.outcome not in outcomes:
            take(each)
    paths = {each.path for each in picked}
    longest = max((each.steps for each in picked), default=0)
    for each in left:
        if len(picked) >= count:
            break
        if each.path not in paths and each.returned and each.steps >= LONGER * longest:
            picked.append(each)
            paths.add(each.path)
            longest = each.steps
    return picked
