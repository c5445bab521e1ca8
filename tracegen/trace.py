"""Traces: what was recorded, and the one bridge from it to frames.

A `Step` is one recorded event at its real place; a `Trace` is a run of them with what is needed to read
them again: sources, entry, interpreter, ending.  `speak` turns steps into frames.  Knows nothing of how
steps are stored in columns (columns.py) or of how frames are spelled (grammar.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from html import escape

from tracegen.context import Context, Place
from tracegen.frame import Event, Frame
from tracegen.grammar import Piece, pieces, render

Change = tuple[str, str | None]
"""A local that changed: its new repr, or None if the name is gone."""


class Ending(Enum):
    """How a recording came to its end.  ``returned``, ``raised`` and ``left`` are whole; all others are cut off."""

    RETURNED = "returned"
    RAISED = "raised"
    LEFT = "left"
    """A recorded block, which is no scope of its own, was left (`tracegen.record`)."""
    EVENTS = "events"
    """The limit on events was reached."""
    SECONDS = "seconds"
    """The wall clock ran out: the recording's limit, or the deadline that kills the process."""
    BYTES = "bytes"
    """The limit on the bytes of a trace was reached."""
    DEPTH = "depth"
    """The limit on the stack's depth was reached."""
    MEMORY = "memory"
    """The wire was full."""
    UNTRACED = "untraced"
    """The program took the tracer away, or replaced it."""
    EXITED = "exited"
    """The process ended itself without unwinding (``os._exit``, ``exec``)."""
    KILLED = "killed"
    """A signal ended the process."""
    UNFINISHED = "unfinished"
    """The entry point was never left: a generator dropped, a thread still running at the end."""

    @property
    def cut_off(self) -> bool:
        """Whether the recording stopped before its entry point was left."""
        return self not in (Ending.RETURNED, Ending.RAISED, Ending.LEFT)


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded event.

    ``file`` indexes the trace's files, ``line`` counts from 1, ``depth`` is 0 in the entry point.
    ``locals`` are those that changed since the previous step of the same activation; a CALL, a
    generator's resumption too, starts afresh and lists them all.  ``unwinding`` marks a RETURN that
    is an exception on its way out: CPython reports it with the value None, which nobody returned.
    """

    event: Event
    file: int
    line: int
    depth: int
    locals: tuple[Change, ...] = ()
    value: str | None = None
    unwinding: bool = False

    def __post_init__(self) -> None:
        if self.event.shows_locals == (self.value is not None):
            raise ValueError(f"a {self.event.value} step with value {self.value!r}")
        if self.locals and not self.event.shows_locals:
            raise ValueError(f"a {self.event.value} step with locals")
        if self.unwinding and self.event is not Event.RETURN:
            raise ValueError(f"a {self.event.value} step cannot unwind")
        if self.file < 0 or self.line < 1 or self.depth < 0:
            raise ValueError(f"no such place: file {self.file}, line {self.line}, depth {self.depth}")


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a trace starts: the function's qualified name and the place of its ``def`` line.

    A script's entry is its module, ``<module>`` at line 1 without a marker.
    """

    name: str
    file: int
    line: int

    @property
    def marked(self) -> Place | None:
        """The place whose context line carries the marker, if one does."""
        return None if self.name == "<module>" else (self.file, self.line)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a trace comes from and under what settings it was made.  No clock, no path of a machine."""

    source: str
    python: str
    tracer: str
    values: str
    limits: str
    hash_seed: str
    isolation: str
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """One recorded execution.

    ``id`` names what was run and how (never the tracer, the clock or a path); ``content`` is a hash of
    what the text is made of: two traces have the same content if and only if they speak the same text.
    ``input`` is the argument list's source, what a program reads, or for a test the ordinal of the call.
    ``expected`` is what a program's test wants to be printed, ``verdict`` what a judge says of ``stdout``.
    """

    id: str
    content: str
    program_id: str
    input: str
    context: Context
    files: tuple[str, ...]
    entry: Entry
    python: str
    ending: Ending
    detail: str
    steps: Sequence[Step] = field(repr=False)
    stdout: str | None
    provenance: Provenance
    expected: str | None = None
    verdict: str | None = None

    def frames(self) -> tuple[Frame, ...]:
        """The frames that this trace speaks."""
        return tuple(speak(self))

    def pieces(self) -> list[Piece]:
        """The trace in CWM's format: control tokens and text."""
        return pieces(self.frames(), context=self.context.text, finished=not self.ending.cut_off)

    def text(self) -> str:
        """The trace as CWM's text."""
        return render(self.pieces())

    def __str__(self) -> str:
        steps = f"{len(self.steps)} step{'' if len(self.steps) == 1 else 's'}"
        ending = self.ending.value + (f" ({self.detail})" if self.detail else "")
        return f"{self.entry.name}: {steps}, {'cut off: ' if self.ending.cut_off else ''}{ending}"

    def _repr_html_(self, limit: int = 500) -> str:
        """The trace as a notebook shows it: line, source, what changed."""
        rows = []
        for step, frame in zip(self.steps[:limit], speak(self), strict=False):
            rows.append(
                f"<tr><td>{step.event.value}</td><td>{escape(self.files[step.file])}:{step.line}</td>"
                f"<td style='text-align:left'><pre>{'  ' * step.depth}{escape(frame.source.rstrip())}</pre></td>"
                f"<td style='text-align:left'><pre>{escape(what_changed(step))}</pre></td></tr>"
            )
        more = len(self.steps) - limit
        rest = f"<p>… and {more} more steps</p>" if more > 0 else ""
        head = "<tr><th>event</th><th>place</th><th>source</th><th>what changed</th></tr>"
        return f"<p>{escape(str(self))}</p><table>{head}{''.join(rows)}</table>{rest}"


def what_changed(step: Step) -> str:
    """A step's news for people: the locals that changed, or the value."""
    if step.value is not None:
        verb = "unwinds" if step.unwinding else {Event.RETURN: "returns", Event.EXCEPTION: "raises"}[step.event]
        return verb if step.unwinding else f"{verb} {step.value}"
    return ", ".join(f"del {name}" if text is None else f"{name} = {text}" for name, text in step.locals)


def speak(trace: Trace) -> Iterator[Frame]:
    """Steps to frames: real places to source lines, changed locals to whole locals.

    Raises ValueError for a step at a place that the context does not show.
    """
    sources = trace.context.sources(trace.entry.marked)
    stack: list[dict[str, str]] = []
    for number, step in enumerate(trace.steps):
        source = sources.get((step.file, step.line))
        if source is None:
            raise ValueError(f"step {number} is at {trace.files[step.file]}:{step.line}, which the context lacks")
        # A recording that began inside a function has no CALL for it.
        if step.event is Event.CALL or not stack:
            stack.append({})
        if step.event.shows_locals:
            shown = stack[-1]
            for name, text in step.locals:
                if text is None:
                    shown.pop(name, None)
                else:
                    shown[name] = text
            yield Frame(step.event, source, tuple(shown.items()))
        else:
            yield Frame(step.event, source, value=step.value)
        if step.event is Event.RETURN:
            stack.pop()
