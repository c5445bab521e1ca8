"""A child's life: read what to run, set the tracer up, run it, write down how it ended.

Runs a script, a function through its synthetic caller or through many, or a test suite (suite.py).  Knows what a
target is; knows nothing of how events become steps (reference.py) or of contexts and shards, which are the parent's.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import mmap
import os
import re
import signal
import sys
import time
import traceback
import types
from typing import Any, Dict, NoReturn, Optional, Tuple

from . import pyfacts, suite, tracers, wire
from .recorder import Limits
from .reference import Tracer
from .scope import Selection

CANNOT_RUN = 2

_THIS = __file__


def main(config_fd: int, wire_fd: int) -> None:
    """Run what the configuration (JSON on a file descriptor) says, and record it on the wire."""
    # As bytes: a text's encoding would be one more module to load, in every task.
    with open(config_fd, "rb") as stream:
        config: Dict[str, Any] = json.loads(stream.read())
    memory = _mapped(wire_fd)
    try:
        parts = tracers.parts(config["library"])
    except ImportError as error:
        _refuse(wire.Writer(memory), "library", str(error))
    writer = parts.Writer(memory)
    writer.note(
        "python",
        version=".".join(map(str, sys.version_info[:3])),
        tracer=parts.name,
        values=config["values"],
        hash_seed=os.environ.get("PYTHONHASHSEED", "random"),
    )
    if not pyfacts.supported:
        _refuse(writer, "python", f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}")
    selection: Dict[str, Any] = {k: tuple(v) if type(v) is list else v for k, v in config["selection"].items()}
    selection["include"] = _included(writer, selection["include"])
    recorder = parts.Recorder(writer, Selection(**selection), Limits(**config["limits"]))
    tracer = parts.Tracer(recorder, config["values"])
    # The first to register is the last to run: after the program's own, and after its threads.
    atexit.register(recorder.finish)
    # However we were started: the program finds Ctrl-C as Python has it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.register_at_fork(after_in_child=recorder.let_go)
    sys.addaudithook(_Watch(tracer).heard)
    _seed(config["seed"])
    target = config["target"]
    if target["kind"] == "tests":
        _tests(tracer, writer, target)
        return
    if target["kind"] == "calls":
        _calls(tracer, writer, target, parts, memory)
        return
    code, namespace = {"script": _script, "function": _function}[target["kind"]](writer, target)
    if target.get("traced", True):
        _traced(tracer, parts.execute, code, namespace)
    else:
        exec(code, namespace)


class _Watch:
    """Hears of what would make a trace say what is not so."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def heard(self, event: str, args: Tuple[Any, ...]) -> None:
        """Audit hook; CPython does not trace it."""
        if event == "sys.settrace":
            tracer = self._tracer
            if not tracer.setting and not tracer.in_repr and tracer.lost():
                tracer.recorder.odd("the trace function was set or taken away")
        elif event in ("os.fork", "os.forkpty", "os.exec"):
            self._tracer.recorder.odd(event)


def _mapped(descriptor: int) -> memoryview:
    mapped = mmap.mmap(descriptor, 0)
    os.close(descriptor)
    return memoryview(mapped)


def _seed(seed: int) -> None:
    import random

    random.seed(seed)


def _refuse(writer: wire.Writer, kind: str, message: str) -> NoReturn:
    writer.note("error", kind=kind, message=message)
    os._exit(CANNOT_RUN)


def _included(writer: wire.Writer, names: Tuple[str, ...]) -> Tuple[str, ...]:
    """Folders and files of what ``--include`` names: paths, or modules of this interpreter."""
    found = []
    for name in names:
        if os.path.isabs(name):
            if not os.path.exists(name):
                _refuse(writer, "include", f"{name}: no such file or folder")
            found.append(name)
            continue
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            spec = None
        if spec is None or not (spec.submodule_search_locations or spec.has_location):
            _refuse(writer, "include", f"no module {name!r} with a source file")
        origin = spec.origin
        if spec.submodule_search_locations:
            found += [os.path.abspath(folder) for folder in spec.submodule_search_locations]
        elif origin is not None:
            found.append(os.path.abspath(origin))
    return tuple(found)


def _compiled(writer: wire.Writer, source: Any, filename: str, kind: str = "syntax") -> types.CodeType:
    try:
        return compile(source, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        _refuse(writer, kind, f"line {error.lineno}: {error.msg}" if error.lineno else str(error.msg))
    except (ValueError, OverflowError, MemoryError, RecursionError) as error:
        _refuse(writer, kind, f"{type(error).__name__}: {error}")


def _script(writer: wire.Writer, target: Dict[str, Any]) -> Tuple[types.CodeType, Dict[str, Any]]:
    path, source = target["path"], target.get("source")
    if source is None:
        with open(path, "rb") as stream:
            source = stream.read()
    code = _compiled(writer, source, path)
    sys.argv = [target["shown"], *target["argv"]]
    sys.path.insert(0, os.path.dirname(path) or os.getcwd())
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=path, __builtins__=__import__("builtins"), __cached__=None)
    sys.modules["__main__"] = module
    return code, module.__dict__


def _function(writer: wire.Writer, target: Dict[str, Any]) -> Tuple[types.CodeType, Dict[str, Any]]:
    """The code runs untraced as a module of its own name, then its caller, traced."""
    module = _loaded(writer, target)
    return _call(writer, module, target["caller"], target["caller_filename"])


def _loaded(writer: wire.Writer, target: Dict[str, Any]) -> types.ModuleType:
    """The target's code, run as a module in which the function is found."""
    filename, name = target["filename"], target["module"]
    code = _compiled(writer, target["code"], filename)
    if target["folder"]:
        sys.path.insert(0, target["folder"])
    sys.argv = [filename]
    module = types.ModuleType(name)
    module.__dict__.update(__file__=filename, __builtins__=__import__("builtins"))
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except BaseException as error:
        _refuse(writer, "import", "".join(traceback.format_exception_only(type(error), error)).strip())
    found: Any = module
    for part in target["function"].split("."):
        found = getattr(found, part, None)
    if not callable(found):
        functions = sorted(n for n, v in vars(module).items() if type(v) is types.FunctionType)
        _refuse(writer, "function", ", ".join(functions) or "no functions")
    return module


def _call(
    writer: wire.Writer, module: types.ModuleType, caller: str, filename: str
) -> Tuple[types.CodeType, Dict[str, Any]]:
    """What starts a synthetic caller, and the namespace to do it in."""
    # Its own namespace: a function of the program that is called main stays what it is.
    bound: Dict[str, Any] = {}
    exec(_compiled(writer, caller, filename, "arguments"), module.__dict__, bound)
    start = _compiled(writer, "main()", "<start>")
    return start, {"main": bound["main"], "__builtins__": __import__("builtins")}


class _Late(BaseException):
    """A call that takes too long is interrupted by this."""


class _Hurry:
    """Looks at a call now and then, and interrupts it when its trace is full, or when it takes too long."""

    SECONDS = 0.02
    FULL = re.compile(rb'"ending":"(events|bytes|depth|memory)"')

    def __init__(self, memory: memoryview, seconds: float) -> None:
        self._memory = memory
        self._seconds = seconds
        self._first = 0
        self._until = 0.0
        signal.signal(signal.SIGALRM, self._look)

    def start(self) -> None:
        """From here on."""
        self._first = wire.notes_committed(self._memory)
        self._until = time.monotonic() + self._seconds
        signal.setitimer(signal.ITIMER_REAL, self.SECONDS, self.SECONDS)

    @staticmethod
    def stop() -> None:
        """Up to here."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _look(self, number: int, frame: Optional[types.FrameType]) -> None:
        full = self.FULL.search(wire.notes_written(self._memory, self._first))
        if full or time.monotonic() > self._until:
            raise _Late


def _calls(
    tracer: Tracer, writer: wire.Writer, target: Dict[str, Any], parts: tracers.Parts, memory: memoryview
) -> None:
    """Many callers of one module, one after the other in this process: what they may be good for is looked at, and
    what is kept runs again by itself."""
    module = _loaded(writer, target)
    hurry = _Hurry(memory, target["seconds"])
    for number, caller in target["callers"]:
        tracer.recorder.node = str(number)
        outcome = "returned"
        try:
            code, namespace = _call(writer, module, caller, target["caller_filename"])
            hurry.start()
            tracer.start()
            try:
                parts.execute(code, namespace)
            finally:
                tracer.stop()
                hurry.stop()
        except _Late:
            outcome = "late"
        except BaseException:
            outcome = "raised"
        writer.note("test", node=str(number), outcome=outcome)


def _traced(tracer: Tracer, execute: Any, code: types.CodeType, namespace: Dict[str, Any]) -> None:
    tracer.start()
    try:
        execute(code, namespace)
    except SystemExit:
        raise
    except BaseException as error:
        tracer.stop()
        # CPython's own hook shows what the exception carries, not what it is given.
        shown = _own_frames(error)
        sys.excepthook(type(error), error.with_traceback(shown), shown)
        sys.exit(1)
    finally:
        # Threads that still run are traced until they end.
        tracer.stop(threads=False)


def _own_frames(error: BaseException) -> Optional[types.TracebackType]:
    """The traceback as the program would show it without us."""
    shown = error.__traceback__
    while shown is not None and shown.tb_frame.f_code.co_filename in (_THIS, "<start>"):
        shown = shown.tb_next
    return shown


def _tests(tracer: Tracer, writer: wire.Writer, target: Dict[str, Any]) -> None:
    sys.path.insert(0, os.getcwd())
    try:
        import pytest  # the target's own, not ours
    except ImportError:
        _refuse(writer, "pytest", "pytest is not installed there")
    # Plain asserts: pytest's rewriting adds locals of its own to every test.
    argv = ["-q", "--assert=plain", "-p", "no:cacheprovider", *target["args"]]
    sys.argv = ["pytest", *argv]
    status = pytest.main(argv, plugins=[suite.plugin(tracer if target["traced"] else None, writer)])
    sys.exit(int(status))
