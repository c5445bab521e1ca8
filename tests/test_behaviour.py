"""A program behaves under the native tracer as it does untraced: each script of behaviours/ prints the same.

What tracing does show, and cannot hide:
* ``sys.gettrace()`` is not None, and ``f_trace`` of a generator's or coroutine's frame is the tracer's own object.
* A constant that the program could not tell from an equal one (a str, an int, a float, a tuple of such) may have one
  reference more than it had, and lives as long as a variable that showed it: `sys.getrefcount` of it may differ.
* Under the value policy ``repr`` a foreign ``__repr__`` runs, with whatever it does.
* Under the value policy ``fields`` an instance whose attributes lie in its object (3.11 and later) is given the dict
  that ``vars()`` of it would make: `gc.get_objects` sees it.
* When the collector of cycles runs by itself depends on how many containers were made.  Tracing makes a few, so it runs
  a little earlier: what dies in it dies earlier, in the same order.
* A code object that ran is kept until the process ends, and with it its constants; `gc.get_objects` sees what the
  tracer knows of it.
* From 3.11 on CPython does not specialise a call while anybody traces, and a specialised one may take a level less of
  the stack: where a call of ``str`` or of a class is the one that fails, a traced program fails one call earlier.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.scripted import every_interpreter
from tracegen import Ending, Limits, Settings
from tracegen.programs.scripts import trace_script

UNFREE = Limits(events=1_000_000, bytes=1 << 30, depth=100_000, seconds=60.0)

PROGRAMS = {path.stem: path for path in sorted((Path(__file__).parent / "behaviours").glob("*.py"))}


def printed_plainly(python: str, path: Path) -> tuple[str, str]:
    """What the script prints untraced, in the environment that a traced one has."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run([python, str(path)], env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout, done.stderr


def printed_traced(python: str, path: Path, values: str) -> tuple[str, str]:
    """What the script prints traced to its end."""
    told = trace_script(path, (), Settings(python=python, tracer="native", values=values, limits=UNFREE))
    endings = {trace.ending for trace in told.traces() if trace.entry.name == "<module>"}
    assert endings <= {Ending.RETURNED, Ending.RAISED} and endings
    return told.finished.output, told.finished.stderr.decode()


@pytest.mark.parametrize("name", sorted(PROGRAMS.keys() - {"attributes"}))
@every_interpreter
def test_a_program_prints_what_it_prints_untraced(python: str, name: str) -> None:
    assert printed_traced(python, PROGRAMS[name], "repr") == printed_plainly(python, PROGRAMS[name])


@pytest.mark.parametrize("name", ["attributes", "references", "finalisers"])
@every_interpreter
def test_a_program_whose_attributes_are_read_prints_what_it_prints_untraced(python: str, name: str) -> None:
    assert printed_traced(python, PROGRAMS[name], "fields") == printed_plainly(python, PROGRAMS[name])
