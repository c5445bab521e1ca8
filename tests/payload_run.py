"""Runs small programs under the payload's tracer in this process, and reads back what was recorded.

A program is source text under a pretend file name; nothing is written to disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

import pytest

from tracegen import columns, native
from tracegen.payload import tracers, wire
from tracegen.payload.recorder import Limits
from tracegen.payload.scope import Selection

FILE = "<program>"
OUTERMOST = Selection(begin="outermost", files=(FILE,))
NAMES = ("call", "line", "return", "exception")


def parts_of(name: str) -> tracers.Parts:
    """The reference's parts, or the native tracer's."""
    return tracers.native(str(native.library())) if name == "native" else tracers.reference()


class Chosen:
    """The tracer that `run` uses: see `both_tracers`."""

    parts = tracers.reference()


@pytest.fixture(params=["reference", "native"])
def both_tracers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tracers.Parts:
    """Runs a test under each of the two."""
    parts = parts_of(request.param)
    monkeypatch.setattr(Chosen, "parts", parts)
    return parts


class Tape:
    """A wire in this process's memory, and its writer."""

    def __init__(self, steps: int = 1 << 18, text: int = 1 << 22, notes: int = 1 << 16) -> None:
        self.buffer = bytearray(wire.wire_bytes(steps, text, notes))
        wire.lay_out(self.buffer, steps, text, notes)
        self.writer = Chosen.parts.Writer(self.buffer)

    def read(self) -> columns.Wire:
        """What it says, validated as the parent does."""
        return columns.read(self.buffer)


@dataclass
class Run:
    """What was recorded of one call, and how the call ended."""

    found: columns.Wire
    namespace: dict[str, Any]
    value: object = None
    error: BaseException | None = None
    in_place: bool = True
    lists: list[list[str]] = field(default_factory=list)

    @property
    def steps(self) -> list[str]:
        """The steps of the only trace."""
        [only] = self.found.traces
        return told(self.found, only.number)

    @property
    def endings(self) -> list[str | None]:
        """The ending of each trace."""
        return [trace.ending.value if trace.ending else None for trace in self.found.traces]


def told(found: columns.Wire, trace: int = 0) -> list[str]:
    """A trace's steps as ``line event text``, indented by depth; an unwinding return is an ``unwind``."""
    texts = found.texts()
    said = []
    for at in found.traces[trace].index.tolist():
        record = found.records[at]
        name = "unwind" if record["flags"] else NAMES[record["event"]]
        said.append("  " * (int(record["depth"]) - 1) + f"{record['line']} {name} {texts[at].as_py()}")
    return said


def compiled(source: str, filename: str = FILE) -> dict[str, Any]:
    """The namespace that a program leaves, run untraced."""
    namespace: dict[str, Any] = {"__name__": "program"}
    exec(compile(dedent(source), filename, "exec", dont_inherit=True), namespace)
    return namespace


def run(
    source: str,
    entry: str | Callable[[dict[str, Any]], object] = "main",
    *,
    policy: str = "repr",
    limits: Limits | None = None,
    selection: Selection = OUTERMOST,
    tape: Tape | None = None,
    filename: str = FILE,
    catch: type[BaseException] = Exception,
) -> Run:
    """Run a program's module untraced, then its ``main`` traced; what it raises of ``catch`` is kept."""
    namespace = compiled(source, filename)
    tape = tape or Tape()
    recorder = Chosen.parts.Recorder(tape.writer, selection, limits or Limits())
    tracer = Chosen.parts.Tracer(recorder, policy)
    namespace["tracer"] = tracer
    value, caught = None, None
    tracer.start()
    try:
        value = namespace[entry]() if isinstance(entry, str) else entry(namespace)
    except catch as error:
        caught = error
    finally:
        in_place = tracer.stop()
        recorder.finish()
        tracer.close()
    return Run(tape.read(), namespace, value, caught, in_place)
