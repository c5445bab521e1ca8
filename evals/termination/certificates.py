"""The checker: every label is proved by its certificate, or the item is refused with the reason.

A completed run is run twice: by the small machine, and by CPython in the sandbox under the tracer; both must run the
same lines, as many as the certificate says, and return the same.  A lasso is replayed in the machine, a recurrent set
proved from the syntax tree.  Nothing is run outside of the sandbox but by the machine, and no label comes of a
time-out.  Knows nothing of how items are made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from evals.termination.items import Completed, Item, Label, Lasso
from evals.termination.lasso import NoState, Returned, run, states
from evals.termination.machine import Program
from evals.termination.operations import Raised, Unproven
from evals.termination.recurrent import Refused, prove
from tracegen import Ending, Event, Limits, Settings
from tracegen.programs.samples import Outcome, Sample, run_samples
from tracegen.sandbox import Level

LIMITS = Limits(events=50_000, bytes=20_000_000)


def check(
    items: Iterable[Item], jobs: int = 2, python: str = sys.executable, level: Level = Level.PROCESS
) -> Iterator[tuple[Item, str]]:
    """Each item and why it is refused, "" if its label is proved.

    ``python`` is the interpreter that runs the halting ones.  Raises CannotRun where there is no sandbox.
    """
    known = [(item, *_replayed(item)) for item in items]
    settings = Settings(python=python, limits=LIMITS)
    halting = (Sample(item.id, item.code, item.input) for item, _, returned in known if returned)
    outcomes = run_samples(halting, settings, jobs, level)
    for item, why, returned in known:
        yield item, _disagrees(returned, next(outcomes)) if returned else why


def replayed(item: Item) -> str:
    """Why an item is refused by the machine and by proof alone; "" if it is not."""
    return _replayed(item)[0]


def _replayed(item: Item) -> tuple[str, Returned | None]:
    held = item.certificate
    if (item.label is Label.HALTS) is not isinstance(held, Completed):
        return f"the label is {item.label.value}, the certificate is of the other", None
    try:
        program = Program.of(item.code, item.input)
        if isinstance(held, Completed):
            returned = run(program, held.steps + 1)
            if len(returned.lines) != held.steps:
                return f"the run ends after {len(returned.lines)} steps, not {held.steps}", None
            return "", returned
        if isinstance(held, Lasso):
            return _lasso(program, held), None
        prove(program, held.line, held.members)
    except Raised as error:
        return f"the program raises {error}", None
    except (Unproven, NoState, Refused) as error:
        return str(error), None
    return "", None


def _lasso(program: Program, held: Lasso) -> str:
    if held.first >= held.second:
        return f"step {held.second} does not come behind step {held.first}"
    first, second = states(program, held.first, held.second)
    return "" if first == second else f"the states before the steps {held.first} and {held.second} differ"


def _disagrees(returned: Returned, outcome: Outcome) -> str:
    """Why CPython's run is another than the machine's; "" if it is the same."""
    traces = list(outcome.told.traces()) if outcome.told else []
    if len(traces) != 1:
        return f"CPython does not run it: {outcome.trouble or 'no trace'}"
    [trace] = traces
    if trace.ending is not Ending.RETURNED:
        return f"CPython's run does not return: {trace.ending.value}"
    code = trace.files.index("program.py")
    lines = tuple(step.line for step in trace.steps if step.event is Event.LINE and step.file == code)
    if lines != returned.lines:
        return f"CPython runs {len(lines)} lines, the machine others ({len(returned.lines)})"
    value = trace.steps[len(trace.steps) - 1].value
    return "" if value == repr(returned.value) else f"CPython returns {value}, the machine {returned.value!r}"
