"""Two tracers, the same programs, the same bytes: the half that runs inside the interpreter under test.

``python -s -B differential.py PAYLOAD LIBRARY FIRST COUNT`` runs random programs, ``... PAYLOAD LIBRARY FILE ...``
those of files.  Each runs twice in this process, under the reference tracer and under the one that is compared: the
native library, or, where LIBRARY is empty, the reference of the payload in ``--other``.  Prints a JSON line for each
program that differs and one for all; says on stderr which program runs, because a tracer may take the process down.
Knows nothing of how processes are started: see fuzzer.py.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import hashlib
import io
import json
import os
import re
import struct
import sys
import threading
import time
import types
import warnings
from typing import Any, Iterator, NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[0] = ROOT

from tests.random_programs.generator import generated  # noqa: E402
from tests.random_programs.program import FILE, Program, read  # noqa: E402

sys.path.pop(0)

EVENTS = ("call", "line", "return", "exception", "pause", "resume")
CONTEXT = 3
"""Steps that are shown in front of the first that differs."""

SHOWN = 2_000
"""Characters that are shown of a step."""

_ADDRESS = re.compile("0x[0-9a-fA-F]+")


class Side(NamedTuple):
    """One of the two tracers."""

    parts: Any
    """Has ``Writer``, ``Recorder`` and ``Tracer``."""
    payload: Any
    """Has the modules ``wire`` and ``recorder``."""


class Outcome(NamedTuple):
    """What a run left: the committed bytes of each lane, and what the program could tell."""

    steps: bytes
    text: bytes
    notes: bytes
    ended: str
    printed: str
    raised: bool

    def differs(self, other: Outcome) -> str:
        """The names of what differs, or nothing."""
        return " ".join(name for name in self._fields if getattr(self, name) != getattr(other, name))


def side(folder: str, library: str, native: bool) -> Side:
    """The tracers of a payload, loaded as in a traced child."""
    kept = list(sys.path)
    sys.path.insert(0, folder)
    bootstrap = types.ModuleType("bootstrap")
    with open(os.path.join(folder, "bootstrap.py"), encoding="utf-8") as stream:
        exec(compile(stream.read(), "bootstrap.py", "exec"), bootstrap.__dict__)
    sys.path[:] = kept
    bootstrap.__dict__["load"](folder)
    payload = sys.modules[bootstrap.__dict__["PRIVATE"]]
    tracers = getattr(payload, "tracers", None)
    if tracers is not None:
        return Side(tracers.native(library) if native else tracers.reference(), payload)
    if native:
        raise SystemExit(f"{folder} has no module tracers: there is no native tracer yet")
    parts = types.SimpleNamespace(
        Writer=getattr(payload, "wire").Writer,  # noqa: B009
        Recorder=getattr(payload, "recorder").Recorder,  # noqa: B009
        Tracer=getattr(payload, "reference").Tracer,  # noqa: B009
    )
    return Side(parts, payload)


def play(chosen: Side, program: Program, code: types.CodeType) -> Outcome:
    """Run a program under a tracer."""
    conduct, wire = program.conduct, chosen.payload.wire
    lanes = conduct.steps_lane, conduct.text_lane, conduct.notes_lane
    buffer = bytearray(wire.wire_bytes(*lanes))
    wire.lay_out(buffer, *lanes)
    recorder = chosen.parts.Recorder(chosen.parts.Writer(buffer), selection(chosen, program), limits(chosen, program))
    tracer = chosen.parts.Tracer(recorder, conduct.policy)
    module = types.ModuleType("program")
    sys.modules["program"] = module
    namespace = module.__dict__
    ended, raised = "", False
    kept = sys.stdout, sys.stderr
    printed = io.StringIO()
    sys.stdout, sys.stderr = printed, io.StringIO()
    try:
        if conduct.traced == "main":
            exec(code, namespace)
        tracer.start()
        if conduct.traced != "main":
            exec(code, namespace)
        ended = f"returned {type(namespace['main']()).__name__}"
    except BaseException as error:
        ended, raised = f"raised {type(error).__name__}: {_said(error)}", True
    finally:
        in_place = tracer.stop()
        recorder.finish()
        tracer.close()
        sys.stdout, sys.stderr = kept
    # What a program left behind is not for the next: what is still suspended dies here, untraced.
    sys.settrace(None)
    threading.settrace(None)
    sys.set_asyncgen_hooks(None, None)
    namespace.clear()
    gc.collect()
    steps = bytes(buffer[4096 : 4096 + 24 * _word(buffer, wire.STEPS_COMMITTED)])
    start = 4096 + lanes[0]
    text = bytes(buffer[start : start + (struct.unpack_from("<Q", steps, len(steps) - 24)[0] if steps else 0)])
    start += lanes[1]
    notes = bytes(buffer[start : start + _word(buffer, wire.NOTES_COMMITTED)])
    return Outcome(steps, text, notes, f"{ended}, in place: {in_place}", _ADDRESS.sub("0x", printed.getvalue()), raised)


def selection(chosen: Side, program: Program) -> Any:
    """What is entered, and what begins a trace."""
    conduct = program.conduct
    module = getattr(chosen.payload, "scope", None) or chosen.payload.recorder
    return module.Selection(
        begin=conduct.begin,
        file=FILE,
        name=conduct.name,
        files=(FILE,),
        roots=("/roots",),
        never=("/roots/never",),
        omit=("/roots/omit",),
        each=conduct.each,
    )


def limits(chosen: Side, program: Program) -> Any:
    """What a trace may take; never the clock."""
    conduct = program.conduct
    return chosen.payload.recorder.Limits(
        events=conduct.events, seconds=1e9, bytes=conduct.bytes, characters=conduct.characters, depth=conduct.depth
    )


def _word(buffer: bytearray, index: int) -> int:
    return int(struct.unpack_from("<Q", buffer, 8 * index)[0])


def _said(error: BaseException) -> str:
    try:
        return _ADDRESS.sub("0x", str(error))
    except BaseException as second:
        return f"(no text: {type(second).__name__})"


def told(outcome: Outcome) -> list[str]:
    """Steps as people read them, then the notes."""
    lines, start = [], 0
    for at in range(0, len(outcome.steps), 24):
        end, line, file, depth, thread, event, flags = struct.unpack_from("<QIIIHBB", outcome.steps, at)
        text = outcome.text[start:end].decode("utf-8", "backslashreplace")
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}... {len(text)} characters"
        name = "unwind" if flags else EVENTS[event]
        lines.append(f"step {at // 24}: thread {thread} file {file} depth {depth} line {line} {name} {shown}")
        start = end
    at = 0
    while at < len(outcome.notes):
        size = struct.unpack_from("<I", outcome.notes, at)[0]
        lines.append(f"note: {outcome.notes[at + 4 : at + 4 + size].decode('ascii', 'backslashreplace')}")
        at += 4 + size
    return [*lines, f"printed: {outcome.printed[-SHOWN:]!r}", outcome.ended]


def first_difference(one: Outcome, other: Outcome) -> tuple[list[str], list[str]]:
    """What both tell from shortly before they part to where they do."""
    left, right = told(one), told(other)
    at = 0
    while at < min(len(left), len(right)) and left[at] == right[at]:
        at += 1
    return left[max(at - CONTEXT, 0) : at + 2], right[max(at - CONTEXT, 0) : at + 2]


def programs(argv: list[str]) -> Iterator[tuple[str, Program]]:
    """Names and programs: of files, or of a range of seeds."""
    if argv[0].isdigit():
        first, count = map(int, argv)
        for seed in range(first, first + count):
            yield str(seed), generated(seed)
    else:
        for path in argv:
            with open(path, encoding="utf-8") as stream:
                yield path, read(stream.read())


def compare(one: Side, other: Side, program: Program) -> tuple[Outcome, Outcome]:
    """A program under both, compiled anew for each: what CPython learns of code stays with the code."""
    first = play(one, program, compile(program.source, FILE, "exec", dont_inherit=True))
    return first, play(other, program, compile(program.source, FILE, "exec", dont_inherit=True))


def main() -> None:
    """Compare, and say what differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("payload")
    parser.add_argument("library")
    parser.add_argument("--other", default="")
    parser.add_argument("--patience", type=float, default=20.0, help="a program that still runs ends the process")
    parser.add_argument("--first", action="store_true", help="up to the first program that differs")
    parser.add_argument("programs", nargs="+")
    given = parser.parse_args()
    one = side(given.payload, "", native=False)
    other = side(given.other or given.payload, given.library, native=bool(given.library))
    warnings.simplefilter("ignore")
    errors = sys.stderr
    faulthandler.enable(errors)
    gc.collect()
    gc.freeze()
    gc.disable()
    sums = dict.fromkeys(("programs", "steps", "raised", "early", "differences"), 0)
    sources, began = hashlib.sha256(), time.perf_counter()
    for name, program in programs(given.programs):
        print(f"runs {name}", file=errors, flush=True)
        faulthandler.dump_traceback_later(given.patience, exit=True, file=errors)
        first, second = compare(one, other, program)
        faulthandler.cancel_dump_traceback_later()
        sources.update(program.source.encode("utf-8") + repr(program.conduct).encode())
        sums["programs"] += 1
        sums["steps"] += len(first.steps) // 24
        sums["raised"] += first.raised
        sums["early"] += first.raised and len(first.steps) < 24 * 30
        what = first.differs(second)
        if what:
            sums["differences"] += 1
            left, right = first_difference(first, second)
            print(json.dumps({"program": name, "what": what, "left": left, "right": right}), flush=True)
            if given.first:
                break
    print(json.dumps({**sums, "sources": sources.hexdigest(), "seconds": round(time.perf_counter() - began, 2)}))
    sys.stdout.flush()
    # No exit of a stranger's: what atexit or a destructor would do is not what is tested.
    os._exit(0)


if __name__ == "__main__":
    main()
