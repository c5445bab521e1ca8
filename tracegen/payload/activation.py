"""One activation of a code object: its names, what each showed last, and its events as steps.

The half of the reference tracer that belongs to a frame; reference.py is the half that belongs to the process.
It lives on the frame, as its local trace function, and dies with it.
"""

from __future__ import annotations

import gc
from types import FrameType
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Set, Tuple

from . import pyfacts, wire
from .recorder import Interval, Stream
from .scope import Known
from .values import UNCHANGING, cut, identity, is_kind, type_name

if TYPE_CHECKING:
    from .reference import Tracer

TraceFunction = Any
"""``(frame, event, argument)`` to the local trace function, or None."""

_referents = gc.get_referents
_NOTHING = object()


class Activation:
    """One activation of a code object: its names in the order of showing, with what each showed last."""

    __slots__ = (
        "_line",
        "_namespace",
        "_objects",
        "_raised",
        "_stream",
        "_texts",
        "depth",
        "interval",
        "known",
        "tracer",
    )

    def __init__(self, tracer: Tracer, stream: Stream, known: Known, depth: int, interval: Optional[Interval]) -> None:
        self.tracer = tracer
        self.known = known
        self.depth = depth
        self.interval = interval
        self._stream = stream
        self._texts: Dict[str, str] = {}
        self._objects: Dict[str, object] = {}
        self._namespace: Any = None
        self._line = known.line
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
        op = pyfacts.op_at(self.known.ops, frame.f_lasti)
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
        # From 3.11 on a module is called at line 0, and an instruction of the compiler's own may have no line.
        self._line = line or self._line
        self.tracer.recorder.write(self._stream, self.known, event, flags, self._line, self.depth, text)

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
            if before is None or identity(type(value)) not in UNCHANGING or objects.get(name, _NOTHING) is not value:
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
