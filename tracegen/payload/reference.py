"""The tracer as a definition, in ``sys.settrace``: what a trace of a program is, written to be read.

Every event of every activation that is entered becomes one step on the wire.  Which calls are entered and
which begin a trace is the recorder's to say; how a value is shown, Values'.

What a Python trace function cannot do, and the C core must:
* Reading ``f_locals`` on 3.12 and older may undo another thread's change of a closure (CPython #74929), and
  refreshes the dict that the program's own ``locals()`` returned.
* Close to the recursion limit the trace function itself fails: its RecursionError reaches the program, and
  CPython takes the trace function away.  The trace then ends as ``untraced``.
* A program that catches everything inside an endless repr goes on untraced: the deadline outside ends it.
"""

from __future__ import annotations

import gc
import sys
import threading
from _thread import _local
from types import FrameType, FunctionType, MethodType, TracebackType
from typing import Any, Dict, List, Optional, Set, Tuple

from . import pyfacts, wire
from .recorder import Interval, Known, Recorder, Stream
from .values import UNCHANGING, Values, cut, identity, is_kind, type_name

REPR_LINES = 10_000
"""Line events that a foreign repr may take."""

TraceFunction = Any
"""``(frame, event, argument)`` to the local trace function, or None."""

_call_tracing = sys.call_tracing
_settrace = sys.settrace
_gettrace = sys.gettrace
_repr = repr
_referents = gc.get_referents


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
        return in_place

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
        known = self.recorder.known(frame.f_code)
        if known is None:
            return None
        stream = self._stream()
        interval = self.recorder.open(stream, known, stream.depth + 1)
        if interval is not None:
            stream.depth += 1
            frame.f_trace = _Activation(self, stream, known, stream.depth, interval).event
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
        known = self.recorder.known(frame.f_code)
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
            activation = _Activation(self, stream, known, stream.depth + 1, interval)
        else:
            activation.move(stream)
            if activation.interval is not None:
                recorder.resume(stream, activation.interval, stream.depth + 1)
        stream.depth = activation.depth
        activation.called(frame)
        return activation.event

    def _activation_of(self, frame: FrameType) -> Optional[_Activation]:
        """The activation that this frame had when it yielded.  It lives on the frame and dies with it."""
        local = frame.f_trace
        if type(local) is MethodType and type(local.__self__) is _Activation and local.__self__.tracer is self:
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
    named = function if bound is None and hasattr(function, "__qualname__") else type(bound or function)
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
    return _op(traceback.tb_frame.f_code.co_code, traceback.tb_lasti) in pyfacts.RAISING


def _op(ops: bytes, at: int) -> int:
    return ops[at] if 0 <= at < len(ops) else -1


class _Activation:
    """One activation of a code object: its names in the order of showing, with what each showed last."""

    __slots__ = ("_namespace", "_objects", "_raised", "_stream", "_texts", "depth", "interval", "known", "tracer")

    def __init__(self, tracer: Tracer, stream: Stream, known: Known, depth: int, interval: Optional[Interval]) -> None:
        self.tracer = tracer
        self.known = known
        self.depth = depth
        self.interval = interval
        self._stream = stream
        self._texts: Dict[str, str] = {}
        self._objects: Dict[str, object] = {}
        self._namespace: Any = None
        self._raised: Set[int] = set()

    def move(self, stream: Stream) -> None:
        """A generator goes on: on this thread, on top of its stack."""
        self._stream = stream
        self.depth = stream.depth + 1

    def called(self, frame: FrameType) -> None:
        """The CALL step: all locals."""
        self._raised.clear()
        if self.tracer.recorder.admits(self._stream, self.depth):
            self._record(wire.CALL, frame.f_lineno, self._changes(frame, everything=True))

    def event(self, frame: FrameType, event: str, arg: Any) -> Optional[TraceFunction]:
        """The local trace function: line, return and exception events of this activation."""
        if event == "line":
            if self._raised:
                # Handlers stand behind what they guard.  Who is in front of it again may come by once more.
                self._raised = {at for at in self._raised if at < frame.f_lasti}
            if self._admitted():
                self._record(wire.LINE, frame.f_lineno, self._changes(frame))
        elif event == "exception":
            self._raised.add(frame.f_lasti)
            if self._admitted():
                self._record(wire.EXCEPTION, frame.f_lineno, self._shown(arg[1]))
        elif event == "return":
            self._returned(frame, arg)
        return self.event

    def _returned(self, frame: FrameType, value: object) -> None:
        op = _op(self.known.ops, frame.f_lasti)
        # CPython reports an unwinding as a return of None.  The instruction alone does not tell: a generator
        # that an exception was thrown into still stands on its yield, or again, when a ``with`` raises it anew.
        yields = pyfacts.yields(self.known.ops, frame.f_lasti)
        unwinding = value is None and (frame.f_lasti in self._raised or (op not in pyfacts.RETURNING and not yields))
        yielding = not unwinding and self.known.generator and yields
        if yielding and type_name(value) == pyfacts.ASYNC_YIELD:
            value = _referents(value)[0]
        if self._admitted():
            text = "None" if unwinding else self._shown(value)
            self._record(wire.RETURN, frame.f_lineno, text, wire.UNWINDING if unwinding else 0)
        self._stream.depth = self.depth - 1
        if self.interval is not None:
            if yielding:
                self.tracer.recorder.pause(self._stream, self.interval)
            else:
                self.tracer.recorder.end(self._stream, self.interval, "raised" if unwinding else "returned")

    def _admitted(self) -> bool:
        return self.tracer.recorder.admits(self._stream, self.depth)

    def _record(self, event: int, line: Optional[int], text: str, flags: int = 0) -> None:
        # 3.11 and later call a module at line 0, and may have no line at all for made-up instructions.
        self.tracer.recorder.write(self._stream, self.known, event, flags, line or self.known.line, self.depth, text)

    def _shown(self, value: object) -> str:
        return cut(self.tracer.text(value), self.tracer.recorder.limits.characters)

    def _changes(self, frame: FrameType, everything: bool = False) -> str:
        """JSON of the locals that changed since the last step, or of all."""
        live = self._live(frame)
        texts, objects = self._texts, self._objects
        limit = self.tracer.recorder.limits.characters
        changes: List[str] = []
        for name in [*texts, *(name for name in live if name not in texts)]:
            if name not in live:
                del texts[name]
                objects.pop(name, None)
                if not everything:
                    changes.append(f"{wire.quote(name)}: null")
                continue
            value = live[name]
            before = texts.get(name)
            # The same object of an exact immutable type: nothing to render.
            if before is None or identity(type(value)) not in UNCHANGING or objects.get(name) is not value:
                texts[name] = text = self.tracer.text(value)
                if identity(type(value)) in UNCHANGING:
                    objects[name] = value
                else:
                    objects.pop(name, None)
            else:
                text = before
            if everything or text != before:
                changes.append(f"{wire.quote(name)}: {wire.quote(cut(text, limit))}")
        return "{" + ", ".join(changes) + "}"

    def _live(self, frame: FrameType) -> Dict[str, object]:
        """The live locals: by the code's own order, or a module's or class body's by its dict."""
        namespace: Any = self._namespace
        if namespace is None or not pyfacts.reading_locals_spoils_comprehensions:
            namespace = frame.f_locals
        if self.known.names is not None:
            return {name: namespace[name] for name in self.known.names if name in namespace}
        hidden: List[Tuple[str, object]] = []
        if type(namespace) is pyfacts.LOCALS_PROXY is not dict:
            hidden, namespace = list(namespace.items()), self._namespace
        self._namespace = namespace
        # A class body's namespace may be anything that its metaclass made: only a real dict is read.
        if not is_kind(namespace, dict):
            return dict(hidden)
        pairs = [*dict.items(namespace), *hidden]
        return {n: v for n, v in pairs if type(n) is str and not (n.startswith("__") and n.endswith("__"))}
