"""How many lines a function executes on inputs of growing size, counted in real traces, in the sandbox.

A step is a LINE event: a line of the function, or of one that it calls, each time it is executed.  What builtins do
inside is no step.  Knows nothing of classes: see fit.py.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from evals.growth.inputs import INPUTS
from tracegen import CannotRun, Ending, Event, Limits, Settings
from tracegen.programs.calls import Call, main_trace, trace_call
from tracegen.sandbox import Level, Sandbox

SETTINGS = Settings(limits=Limits(events=500_000, seconds=60.0, bytes=256 << 20, characters=16), deadline=120.0)
"""Room for every item's largest input; values are not looked at."""


def steps(sandbox: Sandbox, id: str, code: str, function: str, builder: str, size: int) -> int:
    """The lines that one call executes.  Raises CannotRun if it does not return within the limits."""
    call = Call(
        program_id=f"{id}, n = {size}",
        code=code,
        function=function,
        arguments=INPUTS[builder].make(size),
        filename="<program>",
        shown="program.py",
        module="program",
    )
    settings = replace(SETTINGS, python=sandbox.python)
    table = main_trace(trace_call(call, settings, run=sandbox.run))
    endings = table.column("ending").to_pylist()
    if endings != [Ending.RETURNED.value]:
        raise CannotRun(f"{call.program_id}: did not return: {', '.join(endings) or 'nothing was recorded'}")
    recorded = pc.list_flatten(table.column("steps")).combine_chunks()
    lines = pc.equal(recorded.field("event"), Event.LINE.value)
    # The first line is the synthetic caller's.
    return int(pc.sum(lines.cast(pa.int64())).as_py()) - 1


def opened(python: str = sys.executable, level: Level = Level.PROCESS) -> Sandbox:
    """A sandbox to count in, of that interpreter; close it."""
    return Sandbox(replace(SETTINGS, python=python), level)
