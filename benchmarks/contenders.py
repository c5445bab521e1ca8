"""The tracers that are compared, each set up to keep a complete record of one workload in memory.

A `Session` is one recording.  Imports a peer only when it is asked for, and nothing of tracegen but its payload, as a
traced process loads it: these processes' memory is measured.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import json
import mmap
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import noop

PAYLOAD = Path(__file__).parent.parent / "tracegen" / "payload"
WIRE = (256 << 20, 1 << 30, 16 << 20)
"""Bytes of the lanes for steps, text and notes: sparse, and more than any workload fills."""

NEVER = 1 << 60
UNCUT = 10**9


@dataclass
class Session:
    """One recording of one run: what is timed is ``start``, ``run``, ``stop``."""

    run: Callable[[], object]
    start: Callable[[], object]
    stop: Callable[[], object]
    output: Callable[[], bytes]
    """What was recorded, once it is over; not timed."""


def _nothing() -> None:
    """A start, or a stop, that the peer does in its ``run``."""


def untraced(module: Any, library: Path | None) -> Session:
    return Session(module.run, _nothing, _nothing, bytes)


def c_noop(module: Any, library: Path | None) -> Session:
    assert library is not None
    helper = noop.loaded(library)
    return Session(module.run, helper.start, helper.stop, bytes)


def python_noop(module: Any, library: Path | None) -> Session:
    def trace(frame: object, event: str, argument: object) -> Any:
        return trace

    return Session(module.run, lambda: sys.settrace(trace), lambda: sys.settrace(None), bytes)


@functools.cache
def payload() -> ModuleType:
    """The payload, loaded under its private name as in a traced process."""
    spec = importlib.util.spec_from_file_location("_bootstrap", PAYLOAD / "bootstrap.py")
    assert spec is not None and spec.loader is not None
    bootstrap = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    bootstrap.load(str(PAYLOAD))
    return sys.modules[bootstrap.PRIVATE]


class Recording:
    """One of our tracers over a wire of its own; ``files`` are what is entered."""

    def __init__(self, code: Any, parts: Any, files: tuple[str, ...]) -> None:
        self.buffer = mmap.mmap(-1, code.wire.wire_bytes(*WIRE))
        code.wire.lay_out(memoryview(self.buffer), *WIRE)
        self._writer = parts.Writer(memoryview(self.buffer))
        version = ".".join(map(str, sys.version_info[:3]))
        self._writer.note("python", version=version, tracer="benchmark", values="repr", hash_seed="0")
        selection = code.scope.Selection(begin="outermost", files=files)
        limits = code.recorder.Limits(events=NEVER, seconds=1e9, bytes=NEVER, characters=UNCUT, depth=100_000)
        self._recorder = parts.Recorder(self._writer, selection, limits)
        self._tracer = parts.Tracer(self._recorder, "repr")
        self.start = self._tracer.start
        self._code = code
        self.pause = self._tracer.stop

    @property
    def steps(self) -> int:
        """Steps committed so far."""
        return int(self._writer.steps)

    def stop(self) -> None:
        """End the recording, and write the last notes."""
        self._tracer.stop()
        self._recorder.finish()

    def output(self) -> bytes:
        """What was written, as a wire without empty room."""
        wire = self._code.wire
        view = memoryview(self.buffer)
        words = view[: wire.HEADER_BYTES].cast("Q")
        steps, notes = words[wire.STEPS_COMMITTED], words[wire.NOTES_COMMITTED]
        at = wire.HEADER_BYTES
        (text, *_) = wire.STEP.unpack_from(view, at + (steps - 1) * wire.STEP.size)
        used = (steps * wire.STEP.size, text, notes)
        sizes = [size + -size % 8 for size in used]
        packed = bytearray(wire.wire_bytes(*sizes))
        wire.lay_out(packed, *sizes)
        packed[wire.STEPS_COMMITTED * 8 : (wire.NOTES_COMMITTED + 1) * 8] = words[
            wire.STEPS_COMMITTED : wire.NOTES_COMMITTED + 1
        ].tobytes()
        to = at
        for size, room, full in zip(used, sizes, WIRE, strict=True):
            packed[to : to + size] = view[at : at + size]
            to += room
            at += full
        return bytes(packed)


def reference(module: Any, library: Path | None) -> Session:
    code: Any = payload()
    recording = Recording(code, code.tracers.reference(), (module.__file__,))
    return Session(module.run, recording.start, recording.stop, recording.output)


def native(module: Any, library: Path | None) -> Session:
    code: Any = payload()
    recording = Recording(code, code.tracers.native(str(library)), (module.__file__,))
    return Session(module.run, recording.start, recording.stop, recording.output)


def hunter(module: Any, library: Path | None) -> Session:
    import hunter

    kept = io.StringIO()
    settings = {"stream": kept, "force_colors": False, "repr_limit": UNCUT, "repr_func": repr}

    def start() -> None:
        actions = [hunter.CodePrinter(**settings), hunter.VarsSnooper(**settings)]
        hunter.trace(filename=module.__file__, actions=actions)

    return Session(module.run, start, hunter.stop, lambda: kept.getvalue().encode())


def pysnooper(module: Any, library: Path | None) -> Session:
    import pysnooper

    kept = io.StringIO()
    snooped = pysnooper.snoop(kept, depth=UNCUT, max_variable_length=None, color=False)(module.run)
    return Session(snooped, _nothing, _nothing, lambda: kept.getvalue().encode())


def snoop(module: Any, library: Path | None) -> Session:
    import snoop

    kept = io.StringIO()
    snoop.install(out=kept, color=False, builtins=False)
    snooped = snoop.snoop(depth=UNCUT)(module.run)
    return Session(snooped, _nothing, _nothing, lambda: kept.getvalue().encode())


def viztracer(module: Any, library: Path | None) -> Session:
    from viztracer import VizTracer
    from viztracer.code_monkey import CodeMonkey

    tracer = VizTracer(verbose=0, tracer_entries=500_000)
    monkey = CodeMonkey(module.__file__)
    monkey.add_instrument("log_var", {"varnames": [".*"]})
    namespace: dict[str, Any] = {"__name__": module.__name__, "__viz_tracer__": tracer}
    exec(monkey.compile(Path(module.__file__).read_bytes(), module.__file__, "exec"), namespace)

    def output() -> bytes:
        tracer.parse()
        return json.dumps(tracer.data).encode()

    return Session(namespace["run"], tracer.start, tracer.stop, output)


CONTENDERS: dict[str, Callable[[Any, Path | None], Session]] = {
    "untraced": untraced,
    "C no-op": c_noop,
    "Python no-op": python_noop,
    "native": native,
    "reference": reference,
    "hunter": hunter,
    "PySnooper": pysnooper,
    "snoop": snoop,
    "VizTracer": viztracer,
}
"""By the names of the tables; ``library`` is noop.so for the C no-op, the native core for native."""
