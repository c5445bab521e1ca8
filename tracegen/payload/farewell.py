"""A task's life in a fork of the warm parent, to an end that shows as an interpreter's does.

Knows nothing of what a task is (child.py), or of the warm parent (warm.py).
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from types import FunctionType, ModuleType
from typing import Any, Callable, NoReturn, Tuple

# Taken now: the program may put something else in their place.
_run_exit_functions: Any = getattr(atexit, "_run_exitfuncs")  # noqa: B009
_collect, _exit = gc.collect, os._exit


def live(main: Callable[[int, int], None], task: Tuple[int, int]) -> NoReturn:
    """Be a task, to an end as an interpreter's: threads, exit functions, what nobody holds any more, buffers.

    But for the last of it: taking every module apart touches every page that the fork shares, and took 9 of a task's
    12 ms.  What only another module's globals keep alive is not finalised.
    """
    modules, before = sys.modules, set(sys.modules)
    status = 0
    try:
        main(*task)
    except SystemExit as end:
        status = _exit_code(end.code)
    except BaseException:
        status = 1
        sys.excepthook(*sys.exc_info())
    threading = modules.get("threading")
    for step in (getattr(threading, "_shutdown", None), _run_exit_functions):
        try:
            if step is not None:
                step()
        except BaseException:
            sys.excepthook(*sys.exc_info())
    for name in [name for name in modules if name not in before or name == "__main__"]:
        _cleared(modules.pop(name))
    _collect()
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except BaseException:
            status = status or 120
    _exit(status)
    raise AssertionError("unreachable")


def _cleared(module: Any) -> None:
    """Let go of what the program's own modules hold, which no import system made: values in their order, so that files
    are flushed and finalisers find the functions and modules that they need."""
    try:
        if getattr(module, "__spec__", module) is not None:
            return
        names = vars(module)
        for name in list(names):
            if name[:2] != "__" and not isinstance(names[name], (ModuleType, FunctionType, type)):
                names[name] = None
    except BaseException:
        pass  # Somebody's own idea of a module.


def _exit_code(code: object) -> int:
    """What an interpreter makes of SystemExit's argument."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(2**63) <= code < 2**63 else 0xFF
    try:
        sys.stderr.write("{}\n".format(code))
    except BaseException:
        pass
    return 1
