"""The tracer as a definition, in ``sys.settrace``: what a trace of a program is, written to be read.

Every event of every activation that is entered becomes one step on the wire (activation.py).  Which calls are
entered, and which begin a trace, is the recorder's to say; how a value is shown, Values'.

What a Python trace function cannot do, and the C core must:
* Reading ``f_locals`` on 3.12 and older may undo another thread's change of a closure (CPython #74929), and
  refreshes the dict that the program's own ``locals()`` returned.
* Close to the recursion limit the trace function itself fails: its RecursionError reaches the program, and
  CPython takes the trace function away.  The trace then ends as ``untraced``.
* Up to 3.12 ``f_locals`` keeps what a local held alive until the next event: what dies with a ``del`` dies inside the
  trace function, and its finalizer, or the end of an unfinished generator, is not recorded.
* On 3.13.0 to 3.13.2 reading ``f_locals`` takes the process down while a comprehension of a module runs that has a name
  in common with another one, where it is in a cell (CPython #128396).
* A program that catches everything inside an endless repr goes on untraced: the deadline outside ends it.
"""

from __future__ import annotations

import sys
import threading
from _thread import _local
from types import FrameType, FunctionType, MethodType, TracebackType
from typing import Optional, Tuple

from . import pyfacts
from .activation import Activation, TraceFunction
from .recorder import Interval, Recorder, Stream
from .values import Values, type_name

REPR_LINES = 10_000
"""Line events that a foreign repr may take."""

_call_tracing = sys.call_tracing
_settrace = sys.settrace
_gettrace = sys.gettrace
_repr = repr


class _Thread(_local):
    """What the tracer keeps for each thread."""

    stream: Optional[Stream] = None
    values: Optional[Values] = None
    budget: Optional[_Budget] = None


class Tracer:
    """Drives a recorder from ``sys.settrace``, in every thread that starts meanwhile."""

    def __init__(self, recorder: Recorder, policy: str) -> None:
        self.recorder = recorder
        self._policy = policy
        self._thread = _Thread()
        self._function: TraceFunction = self._call
        self._displaced: Optional[TraceFunction] = None
        self._displaced_threading: Optional[TraceFunction] = None
        self.setting = False
        """True while the tracer itself sets the trace function: an audit hook wants to know."""

    def start(self, threads: bool = True) -> Optional[TraceFunction]:
        """Trace this thread, and those that start from now on; returns the trace function that stood before."""
        self._displaced = _gettrace()
        if threads:
            self._displaced_threading = getattr(threading, "_trace_hook")  # noqa: B009  # gettrace came with 3.10
            threading.settrace(self._function)
        self._set(self._function)
        return self._displaced

    def stop(self, threads: bool = True) -> bool:
        """Put back what stood before; false if the tracer was not in its place any more."""
        in_place = _gettrace() is self._function
        if in_place:
            self._set(self._displaced)
        if threads and getattr(threading, "_trace_hook") is self._function:  # noqa: B009
            threading.settrace(self._displaced_threading)
        if not in_place:
            self.lost()
        return in_place

    def close(self) -> None:
        """Forget this thread: the tracer is not started again."""
        self._thread = _Thread()

    def lost(self) -> bool:
        """This thread's trace function was replaced by another: end its traces; true if it had any."""
        stream = self._stream()
        taken = list(stream.open)
        for interval in taken:
            self.recorder.end(stream, interval, "untraced")
        return bool(taken)

    @property
    def in_repr(self) -> bool:
        """Whether this thread is inside a foreign repr that the tracer called."""
        return self._thread.budget is not None

    def enter(self, frame: FrameType) -> Optional[Interval]:
        """Begin a trace inside a running activation: its steps from here on, without its CALL."""
        known = self.recorder.scope.known(frame.f_code)
        if known is None:
            return None
        stream = self._stream()
        interval = self.recorder.open(stream, known, stream.depth + 1)
        if interval is not None:
            stream.depth += 1
            frame.f_trace = Activation(self, stream, known, stream.depth, interval).event
        return interval

    def leave(self, frame: FrameType, interval: Interval, ending: str) -> None:
        """End what `enter` began."""
        stream = self._stream()
        self.recorder.end(stream, interval, ending)
        stream.depth = interval.base - 1
        frame.f_trace = None

    def _set(self, function: Optional[TraceFunction]) -> None:
        self.setting = True
        try:
            _settrace(function)
        finally:
            self.setting = False

    def _stream(self) -> Stream:
        stream = self._thread.stream
        if stream is None:
            stream = self._thread.stream = self.recorder.stream()
        return stream

    def _call(self, frame: FrameType, event: str, arg: object) -> Optional[TraceFunction]:
        """The global trace function: CPython calls it at each CALL, a generator's resumption too."""
        budget = self._thread.budget
        if budget is not None:
            return budget.event if frame.f_code is not _ARMED else None
        known = self.recorder.scope.known(frame.f_code)
        if known is None:
            return None
        stream = self._stream()
        if known.spent and not stream.open and frame.f_trace is None:
            # Most calls of a test suite: nothing is recorded, and nothing begins.
            if not (known.generator and pyfacts.resumes(known.ops, frame.f_lasti)):
                known.calls += 1
            return None
        recorder = self.recorder
        activation = self._activation_of(frame) if frame.f_trace is not None else None
        if activation is None:
            # A generator that started before anything was recorded does not begin a trace halfway.
            halfway = known.generator and pyfacts.resumes(known.ops, frame.f_lasti)
            interval = None if halfway else recorder.begin(stream, known)
            if not stream.open:
                return None
            activation = Activation(self, stream, known, stream.depth + 1, interval)
        else:
            activation.move(stream)
            if activation.interval is not None:
                recorder.resume(stream, activation.interval, stream.depth + 1)
        stream.depth = activation.depth
        activation.called(frame)
        return activation.event

    def _activation_of(self, frame: FrameType) -> Optional[Activation]:
        """The activation that this frame had when it yielded.  It lives on the frame and dies with it."""
        local = frame.f_trace
        if type(local) is MethodType and type(local.__self__) is Activation and local.__self__.tracer is self:
            return local.__self__
        return None

    def text(self, value: object) -> str:
        """A value as text, by the policy."""
        values = self._thread.values
        if values is None:
            values = self._thread.values = Values(self._policy, self._contain)
        return values.text(value)

    def _contain(self, value: object) -> Tuple[Optional[str], str]:
        """Run a foreign repr: unrecorded, for so many lines; whatever it raises ends here.

        A real Ctrl-C is told from a raised KeyboardInterrupt by the instruction that raised it, and goes on.
        """
        budget = self._thread.budget = _Budget()
        text: Optional[str] = None
        failure = ""
        try:
            text = _call_tracing(_armed_repr, (value, self))
        except BaseException as error:
            if type(error) is KeyboardInterrupt and not _raised_by_a_statement(error.__traceback__):
                raise
            failure = f"repr raised {type_name(error)}"
        finally:
            self._thread.budget = None
            # The repr, or raising in it, may have taken the trace function away.
            if _gettrace() is not self._function:
                self._set(self._function)
        if budget.spent:
            return None, f"repr ran over {REPR_LINES} lines"
        return text, failure


def owner(function: TraceFunction) -> str:
    """A trace function as people know it: the module and type that it belongs to."""
    bound = getattr(function, "__self__", None)
    owned = function if bound is None else bound
    named = function if bound is None and hasattr(function, "__qualname__") else type(owned)
    return f"{getattr(named, '__module__', '?')}.{getattr(named, '__qualname__', '?')}"


def _armed_repr(value: object, tracer: Tracer) -> str:
    if pyfacts.call_tracing_stays_off:
        tracer._set(tracer._function)
    return _repr(value)


assert isinstance(_armed_repr, FunctionType)
_ARMED = _armed_repr.__code__


class _OverBudget(BaseException):
    """Raised inside a foreign repr that takes too long."""


class _Budget:
    """Counts the line events of one foreign repr."""

    def __init__(self) -> None:
        self._left = REPR_LINES
        self.spent = False

    def event(self, frame: FrameType, event: str, arg: object) -> Optional[TraceFunction]:
        """Local trace function of every frame that the repr enters."""
        if event == "line":
            self._left -= 1
            if self._left < 0:
                self.spent = True
                raise _OverBudget
        return self.event


def _raised_by_a_statement(traceback: Optional[TracebackType]) -> bool:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None or traceback.tb_frame.f_code is _ARMED:
        return False
    return pyfacts.op_at(traceback.tb_frame.f_code.co_code, traceback.tb_lasti) in pyfacts.RAISING
