"""A second pass over a function by crosshair, which solves for the inputs that reach what the first one missed.

Crosshair runs the code with symbolic values, so it runs in the sandbox, in the program's interpreter, where it must be
installed.  How far it comes within its seconds depends on the machine: what it finds is not the same in every run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from tracegen.execution import MIB, Lanes, Run
from tracegen.payload.scope import Selection
from tracegen.settings import CannotRun, Settings

LANES = Lanes(MIB, MIB, MIB)
GRACE = 30.0
"""Seconds beyond its own, for loading a solver."""
MISSING = "crosshair is not installed there"

_DRIVER = """
import sys
with open("program.py", "w", encoding="utf-8", errors="surrogatepass") as file:
    file.write({code!r})
sys.path.insert(0, ".")
try:
    from crosshair.main import main
except ImportError:
    sys.exit({missing!r})
main(["cover", "--example_output_format=eval_expression", "--per_condition_timeout={seconds}", "program.{function}"])
"""


def solved(code: str, function: str, seconds: float, settings: Settings, run: Run) -> list[str]:
    """Argument lists by which crosshair reaches the function's lines; none if it finds none in its time.

    Raises CannotRun if crosshair is not installed in the interpreter that runs programs.
    """
    source = _DRIVER.format(code=code, missing=MISSING, seconds=seconds, function=function)
    target = {"kind": "script", "path": "<crosshair>", "source": source, "shown": "", "argv": [], "traced": False}
    patient = replace(settings, deadline=seconds + GRACE)
    finished = run(target, Selection(begin="code"), patient, lanes=LANES)
    if finished.returncode != 0 and MISSING.encode() in finished.stderr:
        raise CannotRun(f"{settings.python}: {MISSING}: `pip install crosshair-tool`, or leave --crosshair out")
    return list(dict.fromkeys(_argument_lists(finished.output, function)))


def _argument_lists(printed: str, function: str) -> Iterator[str]:
    """Those of calls that are written in literals: what is printed comes from a process that ran a stranger's code."""
    for line in printed.splitlines():
        try:
            call = ast.parse(line.strip(), mode="eval").body
            if isinstance(call, ast.Call) and ast.unparse(call.func) == function:
                for each in [*call.args, *(keyword.value for keyword in call.keywords)]:
                    ast.literal_eval(each)
                yield ast.unparse(call)[len(function) + 1 : -1]
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
            continue
