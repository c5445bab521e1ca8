"""What the command is to predict: a call of a function in a file, a script, or a recorded trace.

Runs nothing, but for the truth of a file's target.  Knows nothing of models.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

import tracegen
from cwm_model.predicting.prompts import Prompt, frames_of, prompt_of_call, prompt_of_script, prompt_of_trace
from tracegen.frame import Frame
from tracegen.programs.calls import call_in_file, trace_call
from tracegen.programs.scripts import trace_script
from tracegen.programs.told import Told
from tracegen.settings import CannotRun, Settings
from tracegen.trace import Trace


@dataclass(frozen=True, slots=True)
class Target:
    """A program by name, and what a model is asked about it.

    ``truth`` are the frames behind the prompt's head, ``finished`` whether the trace ends behind them; None if nobody
    ran it.
    """

    program_id: str
    prompt: Prompt
    truth: tuple[Frame, ...] | None = None
    finished: bool = False


def target_of(target: str, arguments: str | None, wanted: str | None, *, run: bool = False) -> Target:
    """``file.py::function`` with an argument list, ``script.py``, or a data set's folder and a trace's id in it.

    ``run``: the truth is needed; a file is run as `foretrace trace` runs it, with the rights of this process.  Raises
    CannotRun.
    """
    file, colons, function = target.partition("::")
    path = Path(file)
    if path.is_dir() and not colons:
        if arguments is not None:
            raise CannotRun("--args: means nothing for a data set")
        if wanted is None:
            raise CannotRun(f"{target}: is a data set: give --trace ID; `foretrace show {target}` lists them")
        return _of_trace(_stored(path, wanted))
    if wanted is not None:
        raise CannotRun(f"--trace: is for a data set, and {target} is no folder")
    if colons:
        call = call_in_file(path, function, arguments or "")
        prompt = prompt_of_call(call)
        return _of_trace(_only(trace_call(call, Settings()), target)) if run else Target(call.program_id, prompt)
    if arguments is not None:
        raise CannotRun("--args: means nothing for a script")
    prompt = prompt_of_script(path)
    return _of_trace(_only(trace_script(path, [], Settings()), target)) if run else Target(path.name, prompt)


def _of_trace(trace: Trace) -> Target:
    prompt = prompt_of_trace(trace)
    truth = frames_of(trace)[len(prompt.head) :]
    return Target(trace.program_id, prompt, truth, not trace.ending.cut_off)


def _stored(folder: Path, wanted: str) -> Trace:
    either = pc.starts_with(pc.field("id"), wanted) | (pc.field("program_id") == wanted)
    trace = next(tracegen.read(folder, where=either), None)
    if trace is None:
        raise CannotRun(f"{folder}: no trace {wanted!r}; `foretrace show {folder}` lists them")
    return trace


def _only(told: Told, name: str) -> Trace:
    trace = next(told.traces(), None)
    if trace is None:
        raise CannotRun(f"{name}: nothing was recorded; `foretrace trace {name}` says why")
    return trace
