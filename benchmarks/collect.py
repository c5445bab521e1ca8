"""What the sandbox costs a task, and what `collect functions` makes of ten modules of the standard library.

    python -m benchmarks.collect [--tasks N] [MODULE…]

Three figures.  A task in a warm sandbox against the same task in a plain fork of the same warm interpreter, and
against an interpreter of its own, in turns, in one run.  Kept traces a minute, and how many of the functions found
have one, with the lines covered.  And whether the programs, run again in fresh sandboxes from their contexts alone,
give the same traces.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import tracegen
from benchmarks.machine import described
from tracegen.context import MARKER
from tracegen.programs.calls import Call, main_trace, trace_call
from tracegen.sandbox import Level, Sandbox, levels
from tracegen.settings import Settings

MODULES = ("textwrap", "bisect", "heapq", "colorsys", "statistics", "posixpath", "calendar", "shlex", "html", "fnmatch")

CODE = """def f(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts, key=counts.get)
"""


def task() -> Call:
    """A program as collections of functions have it: a few lines, some forty steps."""
    return Call("f", CODE, "f", "'the cat and the hat and the bat'.split()", "<program>", "program.py", "program")


def cost(tasks: int) -> None:
    """One task's time in each surrounding, in turns."""
    # Root's own interpreter may lie where the user of a sandbox without mounts of its own cannot go.
    pythons = [Settings(), Settings(python="/usr/bin/python3")]
    settings = next((each for each in pythons if levels.trouble(Level.LANDLOCK, each) is None), pythons[0])
    print(f"tasks run in {settings.python}" if settings is not pythons[0] else "tasks run in this interpreter")
    call = task()
    times: dict[str, list[float]] = {}

    def timed(name: str, run: Callable[[], object]) -> None:
        started = time.perf_counter()
        run()
        times.setdefault(name, []).append(time.perf_counter() - started)

    boxes = {Level.PROCESS: Sandbox(settings, Level.PROCESS)}
    for level in (Level.LANDLOCK, Level.BWRAP):
        why = levels.trouble(level, settings)
        if why is None:
            boxes[level] = Sandbox(settings, level)
        else:
            print(f"{level.value}: not measured: {why}")
    for box in boxes.values():
        trace_call(call, settings, run=box.run)
    for _ in range(tasks):
        for level, box in boxes.items():
            timed(level.value, lambda box=box: trace_call(call, settings, run=box.run))  # type: ignore[misc]
    for _ in range(min(tasks, 50)):
        timed("interpreter", lambda: trace_call(call, settings))
    for box in boxes.values():
        box.close()
    plain = statistics.median(times[Level.PROCESS.value])
    print(f"\n| a task in | median, ms | against a plain fork | n |\n|{'---|' * 4}")
    names = {"process": "a plain fork of a warm interpreter", "interpreter": "an interpreter of its own, no sandbox"}
    for name, seconds in times.items():
        shown = names.get(name, f"a warm sandbox, {name}")
        median = statistics.median(seconds)
        print(f"| {shown} | {1000 * median:.2f} | {median / plain:.2f} | {len(seconds)} |")


def collected(modules: list[str], folder: Path) -> Path:
    """Collect the modules' functions by the command; prints its figures."""
    data = folder / "data"
    command = [str(Path(sys.executable).with_name("foretrace")), "collect", "functions", *modules, "-o", str(data)]
    started = time.perf_counter()
    done = subprocess.run([*command, "--jobs", "2", "--per-shard", "5", "--json"], check=True, capture_output=True)
    seconds = time.perf_counter() - started
    made = json.loads(done.stdout)
    counts = made["counts"]
    contents = {trace.content for trace in tracegen.read(data)}
    found, traced = counts["functions.found"], counts["functions.with a trace"]
    covered = counts["functions.permille of their lines covered"] / traced / 10
    print(f"\n`foretrace collect functions {' '.join(modules)}`, 2 jobs: {seconds:.1f} s in all\n")
    print(f"* {made['rows']} traces, {len(contents)} of them distinct: {60 * len(contents) / seconds:,.0f} a minute")
    print(f"* {found} functions found, {traced} with a finished trace ({traced / found:.0%})")
    print(f"* mean line coverage of those: {covered:.1f} %")
    print(f"* {counts['inputs.tried']} inputs tried, {counts['inputs.returned']} returned")
    for name, number in counts.items():
        if name.startswith(("dropped", "cut off", "kept", "scrubbed")):
            print(f"* {name}: {number}")
    return data


def again(data: Path) -> None:
    """Run every program from its stored context alone, and compare."""
    settings = Settings()
    level = levels.chosen(levels.AUTO, settings, trust=False)
    same = total = 0
    with Sandbox(settings, level) as box:
        for trace in tracegen.read(data):
            code, _, caller = trace.context.text.removeprefix("\n").rpartition("\ndef main():" + MARKER + "\n")
            expression = caller.strip().removeprefix("return ")
            listed = expression.startswith("list(") and not trace.input.startswith("list(")
            function = trace.program_id.partition(":")[2]
            call = Call(
                trace.program_id, code, function, trace.input, "<program>", "program.py", "program", listed=listed
            )
            assert call.caller.text.endswith(f"return {expression}\n"), (call.caller.text, expression)
            table = main_trace(trace_call(call, settings, run=box.run))
            total += 1
            same += table.num_rows == 1 and table.column("content")[0].as_py() == trace.content
    print(f"* run again by itself from its context, in a fresh sandbox: {same} of {total} give the same trace")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("modules", nargs="*", default=list(MODULES))
    options = parser.parse_args()
    print(described())
    cost(options.tasks)
    with tempfile.TemporaryDirectory() as folder:
        again(collected(options.modules, Path(folder)))


if __name__ == "__main__":
    main()
