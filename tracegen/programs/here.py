"""Generated programs, called and traced in this very process: hundreds a second, for training on the fly.

Only for programs of our own grammar (synthetic/, drills.py): nothing isolates them, and nothing limits their time.
The trace is the one that a child with the same interpreter records.  Knows nothing of what it is for.
"""

from __future__ import annotations

import mmap
import os
import sys
from typing import Any

from tracegen import columns
from tracegen.context import Source, called
from tracegen.execution import MIB
from tracegen.harvest import Telling, harvest
from tracegen.payload import tracers
from tracegen.payload import wire as layout
from tracegen.payload.scope import Selection
from tracegen.programs.calls import CALLER
from tracegen.programs.told import provenance_of
from tracegen.settings import Settings
from tracegen.stored import trace_at
from tracegen.trace import Ending, Entry, Trace

SHOWN = "program.py"
_STEPS, _TEXT, _NOTES = MIB, 8 * MIB, MIB
_SELECTION = Selection(begin="code", file=CALLER, name="main", files=(SHOWN, CALLER))


class Here:
    """A place for runs, used again and again.  Not for several threads."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._parts = tracers.parts(self._settings.library())
        self._memory = mmap.mmap(-1, layout.wire_bytes(_STEPS, _TEXT, _NOTES))

    def trace(self, program_id: str, code: str, arguments: str, function: str = "f") -> Trace:
        """The trace of ``main``, which returns ``function(arguments)``; what it raises stands in the trace.

        Raises ValueError if nothing was recorded.
        """
        caller = Source(CALLER, f"def main():\n    return {function}({arguments})\n")
        names: dict[str, Any] = {"__name__": "program"}
        exec(compile(code, SHOWN, "exec", dont_inherit=True), names)
        calls: dict[str, Any] = {function: names[function]}
        exec(compile(caller.text, CALLER, "exec", dont_inherit=True), calls)
        found = self._recorded(calls["main"])
        recorded = [trace for trace in found.traces if trace.name == "main"][:1]
        order = (_index(found, SHOWN), _index(found, CALLER))
        tellings = [
            Telling(
                trace=trace,
                program_id=program_id,
                input=arguments,
                context=called(Source(SHOWN, code), caller),
                files=(SHOWN, CALLER),
                order=order,
                entry=Entry("main", 1, trace.line),
            )
            for trace in recorded
        ]
        rows = harvest(
            found,
            tellings,
            died=(Ending.UNFINISHED, ""),
            identity=self._settings.identity,
            provenance=provenance_of("synthetic", found, self._settings),
        )
        if not rows.table.num_rows:
            raise ValueError(f"{program_id}: nothing was recorded: {', '.join(rows.dropped) or 'main did not run'}")
        return trace_at(rows.table, 0)

    def _recorded(self, main: Any) -> columns.Wire:
        view = memoryview(self._memory)
        # What the last run committed would count as this one's.
        view[: layout.HEADER_BYTES] = bytes(layout.HEADER_BYTES)
        layout.lay_out(view, _STEPS, _TEXT, _NOTES)
        writer = self._parts.Writer(view)
        writer.note(
            "python",
            version=".".join(map(str, sys.version_info[:3])),
            tracer=self._parts.name,
            values=self._settings.values,
            hash_seed=os.environ.get("PYTHONHASHSEED", "random"),
        )
        recorder = self._parts.Recorder(writer, _SELECTION, self._settings.limits)
        tracer = self._parts.Tracer(recorder, self._settings.values)
        before = sys.gettrace()
        tracer.start()
        try:
            main()
        except Exception:
            pass  # The trace says so.
        finally:
            tracer.stop()
            recorder.finish()
            tracer.close()
            sys.settrace(before)
        return columns.read(view)


def _index(found: columns.Wire, name: str) -> int:
    return found.files.index(name) if name in found.files else -1
