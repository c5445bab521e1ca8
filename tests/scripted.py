"""Runs a program, given as source, as a script under the tracer.  Knows nothing of what a test makes of it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tracegen import CannotRun, Event, Settings, Trace, interpreters
from tracegen.programs.scripts import trace_script
from tracegen.programs.told import Told

INTERPRETERS = interpreters.found()
every_interpreter = pytest.mark.parametrize("python", [i.path for i in INTERPRETERS], ids=map(str, INTERPRETERS))


class Chosen:
    """The tracer that `run` uses: see `each_tracer`."""

    tracer = "auto"


@pytest.fixture(params=["reference", "native"])
def each_tracer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test under each of the two."""
    monkeypatch.setattr(Chosen, "tracer", request.param)
    return str(request.param)


def run(folder: Path, source: str, *argv: str, stdin: Path | None = None, **settings: Any) -> Told:
    """Write ``folder/program.py`` and run it; ``settings`` are those of `Settings`."""
    settings.setdefault("tracer", Chosen.tracer)
    path = folder / "program.py"
    path.write_text(dedent(source), encoding="utf-8")
    return trace_script(path, argv, Settings(**settings), stdin)


def module_trace(told: Told) -> Trace:
    """The trace of the script itself; there is exactly one."""
    [found] = [trace for trace in told.traces() if trace.entry.name == "<module>"]
    return found


def refusal(folder: Path, source: str, **settings: Any) -> str:
    """The one line that says why the program could not be traced."""
    with pytest.raises(CannotRun) as caught:
        run(folder, source, **settings)
    message = str(caught.value)
    assert "\n" not in message
    return message


def lines(trace: Trace) -> list[int]:
    """The lines of its LINE steps, in order."""
    return [step.line for step in trace.steps if step.event is Event.LINE]


def last_locals(trace: Trace) -> dict[str, str]:
    """The locals that the last frame with locals shows."""
    return dict([frame for frame in trace.frames() if frame.event.shows_locals][-1].locals)
