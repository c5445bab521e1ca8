"""Recording in this process, as light as a debugger: a block, or one call.

    with tracegen.record() as recording:
        ...
    print(recording.trace)

    trace = tracegen.trace_call(function, 1, [2])

Entered is this program's own code, never the standard library or installed packages.  The trace function
that stood before is put back afterwards.  For code that nobody trusts, and for reproducible traces, use the
command: here nothing is isolated, and the hash seed is this process's own.
"""

from __future__ import annotations

import linecache
import mmap
import os
import sys
from collections import Counter
from collections.abc import Callable
from types import CodeType, FrameType, TracebackType
from typing import Any

from tracegen import columns
from tracegen.context import Source, normalised
from tracegen.execution import MIB, Lanes
from tracegen.harvest import harvest
from tracegen.payload import tracers
from tracegen.payload import wire as layout
from tracegen.payload.recorder import Limits
from tracegen.payload.reference import owner
from tracegen.payload.scope import Selection
from tracegen.programs.sources import Sources
from tracegen.programs.told import provenance_of
from tracegen.settings import Settings
from tracegen.stored import trace_at
from tracegen.trace import Ending, Trace

_LANES = Lanes(steps=16 * MIB, text=64 * MIB, notes=MIB)
_OURS = os.path.dirname(os.path.abspath(__file__))
_ANYWHERE = ""


class Recording:
    """Traces of this process.  Made by `record`; readable once its block is left.

    ``traces`` holds the block's own trace first, then one for each thread that started in it.
    ``dropped`` counts, by reason, those that are not among them.
    ``displaced`` names the trace function that stood before (a debugger's, coverage's): it saw nothing of
    the block, and is back in its place.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.traces: tuple[Trace, ...] = ()
        self.dropped: Counter[str] = Counter()
        self._raised: Exception | None = None
        self.displaced: str | None = None

    @property
    def trace(self) -> Trace:
        """The block's own trace.  Raises ValueError while the block runs, or if nothing was recorded."""
        if not self.traces:
            raise ValueError("nothing is recorded; is the block still running?")
        return self.traces[0]

    def __enter__(self) -> Recording:
        frame = sys._getframe(1)
        self._start(Selection(begin="outermost", files=(frame.f_code.co_filename,), roots=(_ANYWHERE,), never=(_OURS,)))
        self._frame: FrameType | None = frame
        self._interval: Any = self._tracer.enter(frame)
        self._displace()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        frame, self._frame = self._frame, None
        self._replace()
        if frame is not None and self._interval is not None:
            self._tracer.leave(frame, self._interval, Ending.LEFT.value)
        self._harvest()

    def _call(self, code: CodeType, function: Callable[..., object], args: Any, kwargs: Any) -> None:
        self._start(
            Selection(
                begin="code",
                file=code.co_filename,
                name=code.co_name,
                files=(code.co_filename,),
                roots=(_ANYWHERE,),
                never=(_OURS,),
            )
        )
        self._displace()
        try:
            function(*args, **kwargs)
        except Exception as error:
            self._raised = error  # the trace says so, if there is one
        finally:
            self._replace()
            self._harvest()

    def _start(self, selection: Selection) -> None:
        size = layout.wire_bytes(_LANES.steps, _LANES.text, _LANES.notes)
        self._memory = mmap.mmap(-1, size)
        layout.lay_out(memoryview(self._memory), _LANES.steps, _LANES.text, _LANES.notes)
        made = tracers.parts(self._settings.library())
        writer = made.Writer(memoryview(self._memory))
        writer.note(
            "python",
            version=".".join(map(str, sys.version_info[:3])),
            tracer=made.name,
            values=self._settings.values,
            hash_seed=os.environ.get("PYTHONHASHSEED", "random"),
        )
        self._recorder = made.Recorder(writer, selection, self._settings.limits)
        self._tracer = made.Tracer(self._recorder, self._settings.values)

    def _displace(self) -> None:
        before = self._tracer.start()
        if before is not None:
            self.displaced = owner(before)
            self._recorder.odd(f"displaced the trace function of {self.displaced}")

    def _replace(self) -> None:
        if not self._tracer.stop():
            self._recorder.odd("another trace function stood there at the end")

    def _harvest(self) -> None:
        self._recorder.finish()
        self._tracer.close()
        found = columns.read(memoryview(self._memory))
        sources = Sources(found, lambda name: Source(os.path.basename(name), _source(name)))
        told = [sources.tell(trace, trace.name, "") for trace in found.traces]
        rows = harvest(
            found,
            [telling for telling in told if telling],
            died=(Ending.UNFINISHED, ""),
            identity=self._settings.identity,
            provenance=provenance_of("recording", found, self._settings),
        )
        self.dropped = sources.dropped + rows.dropped
        self.traces = tuple(trace_at(rows.table, row) for row in range(rows.table.num_rows))


def record(values: str = "repr", limits: Limits | None = None) -> Recording:
    """Record the lines of a ``with`` block, everything of this program that it calls, and its new threads.

    ``values`` and ``limits`` are those of `tracegen.Settings`.
    """
    return Recording(Settings(values=values, limits=limits or Limits()))


def trace_call(function: Callable[..., object], /, *args: Any, **kwargs: Any) -> Trace:
    """Call a function of this program and return the trace of the call.

    What the function returned or raised stands in the trace's last step; an exception goes no further,
    except those that are no `Exception` (KeyboardInterrupt).  Raises TypeError for something without
    Python code (a builtin, a class) and for wrong arguments, and ValueError if there is nothing to show:
    the code has no source, or none of it ran (a generator function only makes a generator).
    """
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if not isinstance(code, CodeType):
        raise TypeError(f"{function!r} has no Python code to trace; give a function or a method")
    recording = Recording(Settings())
    recording._call(code, function, args, kwargs)
    if not recording.traces:
        # Wrong arguments: none of the function's code ran, and nobody else will say so.
        if recording._raised is not None and not recording.dropped:
            raise recording._raised
        why = ", ".join(recording.dropped) or "it ran none of its code; a generator runs when something iterates it"
        raise ValueError(f"{code.co_name}: {why}")
    return recording.trace


def _source(name: str) -> str:
    """The text that Python itself would show in a traceback: a file's, or a notebook cell's."""
    return normalised("".join(linecache.getlines(name)))
