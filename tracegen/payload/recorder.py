"""Which calls become traces, and when a trace has had enough.

A thread has one stream of steps; a trace is an interval of it, and intervals may nest (A calls B, both
wanted: two traces, recorded once).  A generator's interval pauses when it yields and ends when it finishes.
Reaching a limit ends the interval, never the program.  Knows nothing of how events or values are had: see
reference.py; what is written is docs/wire.md.
"""

from __future__ import annotations

from time import monotonic
from typing import List, NamedTuple, Optional

from . import wire
from .scope import Known, Scope, Selection


class Limits(NamedTuple):
    """What one trace may take.  ``characters`` cuts a value; the others end the recording."""

    events: int = 10_000
    seconds: float = 10.0
    bytes: int = 1_000_000
    characters: int = 65_536
    depth: int = 1_000


class Interval:
    """One trace that is being recorded."""

    __slots__ = ("base", "bytes", "deadline", "end", "ended", "number", "steps")

    def __init__(self, number: int, base: int, deadline: float) -> None:
        self.number = number
        self.base = base
        self.deadline = deadline
        self.steps = 0
        self.bytes = 0
        self.ended = False
        self.end = (0, "", "")


class Stream:
    """One thread's steps: its number, the depth of its stack, the intervals that take its steps."""

    __slots__ = ("depth", "number", "open")

    def __init__(self, number: int) -> None:
        self.number = number
        self.depth = 0
        self.open: List[Interval] = []


class Recorder:
    """Decides and keeps books; writes the wire.  Shared by all threads of the process."""

    def __init__(self, writer: wire.Writer, selection: Selection, limits: Limits, node: str = "") -> None:
        self._writer = writer
        self._selection = selection
        self.limits = limits
        self.node = node
        """The test that runs; it names the traces that begin meanwhile."""
        self.scope = Scope(writer, selection)
        self._streams = 0
        self._traces = 0
        self._ongoing: List[Interval] = []
        self._begun = False

    def stream(self) -> Stream:
        """A stream for a thread that has none yet."""
        number, self._streams = self._streams, self._streams + 1
        return Stream(number)

    def begin(self, stream: Stream, known: Known) -> Optional[Interval]:
        """The interval that this call begins, if it begins one."""
        known.calls += 1
        if self._wants(stream, known) and self._writer.open:
            return self.open(stream, known, stream.depth + 1)
        return None

    def _wants(self, stream: Stream, known: Known) -> bool:
        chosen = self._selection.begin
        if chosen == "functions":
            return known.begins and known.traces < self._selection.each
        if chosen == "outermost" or stream.number > 0:
            return not stream.open
        return known.begins and not self._begun

    def open(self, stream: Stream, known: Known, base: int) -> Optional[Interval]:
        """Begin an interval whose entry point is at depth ``base``; None if the wire is full."""
        try:
            self._writer.note(
                "begin",
                trace=self._traces,
                thread=stream.number,
                step=self._writer.steps,
                file=known.file,
                line=known.line,
                name=known.name,
                node=self.node,
                call=known.calls,
            )
        except wire.Full:
            return None
        interval = Interval(self._traces, base, monotonic() + self.limits.seconds)
        self._traces += 1
        self._begun = True
        known.traces += 1
        known.spent = self._selection.begin == "functions" and known.traces >= self._selection.each
        stream.open.append(interval)
        self._ongoing.append(interval)
        return interval

    def admits(self, stream: Stream, depth: int) -> bool:
        """Whether any trace takes a step at this depth; those that have reached a limit end here."""
        if not stream.open or not self._writer.open:
            return False
        stream.open = [interval for interval in stream.open if not interval.ended]
        for interval in list(stream.open):
            if interval.steps >= self.limits.events:
                self.end(stream, interval, "events")
            elif depth - interval.base >= self.limits.depth:
                self.end(stream, interval, "depth")
            elif monotonic() > interval.deadline:
                self.end(stream, interval, "seconds")
        return bool(stream.open)

    def write(self, stream: Stream, known: Known, event: int, flags: int, line: int, depth: int, text: str) -> None:
        """Write one step that was admitted, unless its bytes are too many for every trace."""
        data = wire.encoded(text)
        size = wire.STEP.size + len(data)
        for interval in list(stream.open):
            if interval.bytes + size > self.limits.bytes:
                self.end(stream, interval, "bytes")
        if not stream.open:
            return
        try:
            self._writer.step(event, flags, known.file, line, depth, stream.number, data)
        except wire.Full:
            for interval in list(stream.open):
                self.end(stream, interval, "memory")
            return
        for interval in stream.open:
            interval.steps += 1
            interval.bytes += size

    def pause(self, stream: Stream, interval: Interval) -> None:
        """The entry point yielded: its interval takes no steps until it goes on."""
        if interval in stream.open:
            stream.open.remove(interval)
            self._mark(stream, interval, wire.PAUSE)

    def resume(self, stream: Stream, interval: Interval, base: int) -> None:
        """The entry point goes on, perhaps on another thread and at another depth."""
        if not interval.ended and interval not in stream.open:
            interval.base = base
            stream.open.append(interval)
            self._mark(stream, interval, wire.RESUME)

    def end(self, stream: Stream, interval: Interval, ending: str, detail: str = "") -> None:
        """The trace is complete, or cut off."""
        if interval not in self._ongoing:
            return
        if not interval.ended:
            interval.ended, interval.end = True, (self._writer.steps, ending, detail)
        if interval in stream.open:
            stream.open.remove(interval)
        step, ending, detail = interval.end
        if self._last("end", trace=interval.number, step=step, ending=ending, detail=detail):
            self._ongoing.remove(interval)

    def odd(self, what: str) -> None:
        """Note something that a reader of the traces should know."""
        self._last("odd", what=what)

    def _mark(self, stream: Stream, interval: Interval, event: int) -> None:
        try:
            self._writer.mark(event, interval.number, stream.number)
        except wire.Full:
            self.end(stream, interval, "memory")

    def _last(self, kind: str, /, **values: wire.NoteValue) -> bool:
        """A note that may use what is kept back; false too close to the recursion limit (`end_all` says it then)."""
        try:
            self._writer.note(kind, last=True, **values)
        except wire.Full:
            pass  # the parent sees a trace cut off
        except RecursionError:
            return False
        return True

    def end_all(self, ending: str, detail: str = "") -> None:
        """Cut off every trace, paused ones too."""
        nowhere = Stream(-1)
        for interval in list(self._ongoing):
            self.end(nowhere, interval, ending, detail)

    def finish(self) -> None:
        """The process ends in good order: what is still open is unfinished; the books are written."""
        self.end_all("unfinished")
        try:
            if self._selection.begin == "functions":
                for known in self.scope.codes.values():
                    if known.begins:
                        self._writer.note(
                            "calls",
                            file=known.file,
                            line=known.line,
                            name=known.name,
                            calls=known.calls,
                            traces=known.traces,
                        )
        except wire.Full:
            self.odd("no room for the calls of every function")
        self._last("finish")
        self.let_go()

    def let_go(self) -> None:
        """Write no more: at the end, and at once in a forked child."""
        self._writer.let_go()
