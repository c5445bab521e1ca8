"""CPython's own tests under the native tracer: each has the outcome that it has without.

    python -m benchmarks.cpython_tests [--python 3.11 ...] [--values repr|fields|safe] [--first] [NAME ...]

For each interpreter found, each module of `cpython_modules.MODULES` (or those named) runs twice in fresh processes with
the same seed and environment, untraced and under the native tracer, which enters the tests and the standard library
that they exercise.  Prints, for each interpreter, how many tests ran, how many had the same outcome, each that had not,
and how many steps were recorded.  A process that dies or stands still is said, and another runs the rest.

A test that differs is run again with the value policy ``fields``, under which no foreign repr runs: whether its own
`__repr__` made the difference.  Exit code 1 if a test differs for a reason that is not known
(`cpython_modules.REASONS`).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cpython_modules import FIRST, LEFT_OUT, MODULES, OF_REPR, reason
from benchmarks.machine import RESULTS, described
from tracegen import interpreters, native
from tracegen.interpreters import Interpreter

PAYLOAD = Path(native.__file__).parent / "payload"
CHILD = Path(__file__).with_name("cpython_child.py")
SECONDS = 30.0
"""After which a test that stands still is killed."""
PROCESSES = 20
"""So many processes a module, at most: each test that kills its own costs one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one test ended; ``meddled``: it set a trace function itself, perhaps for `support.no_tracing`."""

    name: str
    detail: str = ""
    meddled: bool = False


GONE = Outcome("not run")


@dataclass(slots=True)
class Ran:
    """What one module's tests did: each one's outcome, and what was recorded of them.

    ``brief``: those too long to be recorded whole, of which the first call of each function is.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    brief: list[str] = field(default_factory=list)
    steps: int = 0
    text: int = 0
    full: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Tally:
    """What one interpreter's modules came to."""

    modules: int = 0
    tests: int = 0
    same: int = 0
    steps: int = 0
    full: int = 0
    brief: int = 0
    meddled: list[str] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)


def environment(folder: Path) -> dict[str, str]:
    """The same for both: nothing of ours that a test could find."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}


def lines_of(journal: Path, process: subprocess.Popen[bytes], seconds: float) -> Iterator[list[object]]:
    """What a child says, as it says it; it is killed if it says nothing for so long."""
    heard = time.monotonic()
    with journal.open(encoding="ascii") as stream:
        begun = ""
        while True:
            ended = process.poll() is not None
            for line in iter(stream.readline, ""):
                begun += line
                if begun.endswith("\n"):
                    yield json.loads(begun)
                    begun, heard = "", time.monotonic()
            if ended:
                return
            if time.monotonic() - heard > seconds:
                process.send_signal(signal.SIGABRT)  # its faulthandler says where it stands
                process.wait()
            time.sleep(0.02)


def run_once(python: str, config: dict[str, object], folder: Path, ran: Ran, seconds: float) -> bool:
    """One process; whether it came to its end.  The test that ended it gets that for an outcome."""
    journal, said = folder / "journal", folder / "said"
    journal.write_text("")
    work = folder / "work"
    work.mkdir()
    told = folder / "config"
    told.write_text(json.dumps({**config, "journal": str(journal), "done": list(ran.outcomes), "brief": ran.brief}))
    started, running = time.monotonic(), ""
    with said.open("wb") as output:
        process = subprocess.Popen(
            [python, str(CHILD), str(told)],
            cwd=work,
            env=environment(work),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            finished = False
            for kind, *rest in lines_of(journal, process, seconds):
                if kind == "begin":
                    running = str(rest[0])
                elif kind == "end":
                    test, outcome, detail, meddled = rest
                    ran.outcomes[str(test)] = Outcome(str(outcome), str(detail), bool(meddled))
                    finished = test == config["module"]  # the module skips itself
                    running = ""
                else:
                    steps, text, full = (int(str(number)) for number in rest)
                    ran.steps, ran.text, ran.full = ran.steps + steps, ran.text + text, ran.full + full
                    finished = True
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)  # what its tests left behind, too
            except ProcessLookupError:
                pass
            process.wait()
    ran.seconds += time.monotonic() - started
    if not finished:
        status = process.returncode
        died = f"stood still for {seconds:.0f} s" if status == -signal.SIGABRT else f"ended with {status}"
        tail = said.read_bytes().decode("utf-8", "replace")
        tail = tail[max(tail.rfind("Fatal Python error"), 0) :][:3000]
        if status == -signal.SIGABRT and config["library"] and running and running not in ran.brief:
            ran.brief.append(running)
            return False
        ran.outcomes[running or f"{config['module']}: no test, after {len(ran.outcomes)}"] = Outcome(died, tail)
    return finished


def run_module(
    python: str, module: str, library: str, values: str, seconds: float = SECONDS, only: Sequence[str] = ()
) -> Ran:
    """All tests of a module, or ``only`` those, in as many processes as it takes."""
    ran = Ran()
    config: dict[str, object] = {"module": module, "library": library, "values": values, "payload": str(PAYLOAD)}
    config["only"] = list(only)
    for _ in range(PROCESSES):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            if run_once(python, config, Path(folder), ran, seconds):
                break
    return ran


def exists(python: str, module: str) -> bool:
    """Whether this interpreter's library has the module."""
    ask = "import importlib.util as u, sys; sys.exit(u.find_spec('test.' + sys.argv[1]) is None)"
    return subprocess.run([python, "-I", "-c", ask, module], stderr=subprocess.DEVNULL, check=False).returncode == 0


def compare(plain: Ran, traced: Ran, tally: Tally) -> dict[str, str]:
    """Add a module to an interpreter's tally; the tests that differ for no known reason, and how."""
    tally.modules += 1
    tally.steps += traced.steps
    tally.full += traced.full
    tally.brief += len(traced.brief)
    differ = {}
    for test in dict.fromkeys([*plain.outcomes, *traced.outcomes]):
        one, other = plain.outcomes.get(test, GONE), traced.outcomes.get(test, GONE)
        tally.tests += 1
        if other.meddled:
            tally.meddled.append(test)
        if one.name == other.name:
            tally.same += 1
        elif reason(test):
            tally.known[test] = f"{one.name}, traced {other.name}: {reason(test)}"
        else:
            differ[test] = f"{one.name}, traced {other.name}\n{other.detail or one.detail}"
    return differ


def run_interpreter(interpreter: Interpreter, names: list[str], values: str, seconds: float) -> Tally:
    """Every module, untraced and traced."""
    tally = Tally()
    library = str(native.library(interpreter.path))
    for module in names:
        if not exists(interpreter.path, module):
            continue
        plain = run_module(interpreter.path, module, "", values, seconds)
        traced = run_module(interpreter.path, module, library, values, seconds)
        differ = compare(plain, traced, tally)
        print(
            f"  {module}: {len(plain.outcomes)} tests, {traced.steps:,} steps, {plain.seconds:.1f} s, traced "
            f"{traced.seconds:.1f} s"
            + (f"; {traced.full} wires were full" if traced.full else "")
            + (f"; in part: {', '.join(traced.brief)}" if traced.brief else ""),
            flush=True,
        )
        if differ and values == "repr":
            # Does the difference go away where no foreign repr runs?
            silent = run_module(interpreter.path, module, library, "fields", seconds, list(differ)).outcomes
            for test in list(differ):
                died = traced.outcomes.get(test, GONE).name not in ("ok", "failure", "error", "skip")
                if died or silent.get(test, GONE).name != plain.outcomes.get(test, GONE).name:
                    continue
                tally.known[test] = differ.pop(test).partition("\n")[0] + f": {OF_REPR}"
        tally.unknown.update(differ)
        for test, what in differ.items():
            shown = what.strip().split("\n")
            print("\n      ".join([f"    DIFFERS {test}: {shown[0]}", *shown[1:12], *shown[12:][-4:]]), flush=True)
    return tally


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPython's own tests under the native tracer")
    parser.add_argument("--python", action="append", default=[], help="3.11, say; all that are found by default")
    parser.add_argument("--values", default="repr", choices=("repr", "safe", "fields"))
    parser.add_argument("--first", action="store_true", help="the first few modules only")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="after which a test that stands still is killed")
    parser.add_argument("names", nargs="*", metavar="NAME", help="test_dict, say")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    print(described())
    names = chosen.names or list(FIRST if chosen.first else MODULES)
    unknown = 0
    tallies = {}
    for interpreter in interpreters.found():
        short = ".".join(map(str, interpreter.version[:2]))
        if chosen.python and short not in chosen.python:
            continue
        print(f"\n{interpreter}, values {chosen.values}", flush=True)
        tally = tallies[str(interpreter)] = run_interpreter(interpreter, names, chosen.values, chosen.seconds)
        print(
            f"{interpreter}: {tally.modules} modules, {tally.tests} tests, {tally.same} the same, {len(tally.known)} "
            f"differ for a known reason, {len(tally.unknown)} for none; {len(tally.meddled)} set a trace function; "
            f"{tally.steps:,} steps recorded, {tally.full} wires were full, {tally.brief} tests were recorded in part"
        )
        print("  set a trace function themselves, which ends their traces: " + ", ".join(tally.meddled))
        for test, what in tally.known.items():
            print(f"  {test}: {what}")
        for test in tally.unknown:
            print(f"  NOT KNOWN {test}")
        unknown += len(tally.unknown)
    print("\nleft out: " + "; ".join(f"{name} ({why})" for name, why in LEFT_OUT.items()))
    RESULTS.mkdir(parents=True, exist_ok=True)
    record = {name: [t.modules, t.tests, t.same, t.meddled, t.steps, t.known, t.unknown] for name, t in tallies.items()}
    (RESULTS / f"cpython-{chosen.values}.json").write_text(json.dumps(record, indent=1))
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
