"""What a container among the locals costs a line, by kind, size and what is done to it.

    python -m benchmarks.containers [--tracer reference] [--sizes 10 100 ...]

A loop of one statement runs so many times and twice as many, which cancels the call and its first rendering.  The
same loop runs with the container out of sight (a global) and a scalar in its place, which cancels the program's own
work and what a scalar line costs.  What is left is what the container costs a line event that sees it unchanged, and
one that sees it changed.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import statistics
import struct
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from benchmarks import noop
from benchmarks.contenders import Recording, payload
from benchmarks.machine import RESULTS, described
from benchmarks.tables import number, table
from tracegen import native

FILE = "<containers>"
UNCHANGED = "unchanged"
STATEMENT = "seen = i"
ENOUGH_NS = 50_000_000
MOST = 400
LEAST = 15
SIZES = (10, 100, 1000, 10_000)
WRITTEN = 4 << 20
"""Bytes that are written at most, to time writing by itself."""

STEP = struct.Struct("<Q16x")


@dataclass(frozen=True)
class Kind:
    """A kind of container: how one of a size is made, and the statements that change it.

    In a statement ``c`` is the container, ``i`` counts from 0, and ``n`` is the size.
    """

    name: str
    make: Callable[[int], Any]
    changes: dict[str, str]
    sizes: tuple[int, ...] = SIZES


def numbers(size: int) -> list[int]:
    return [index * 7919 % 100_003 for index in range(size)]


SEQUENCE = {"one item set": "c[i * 5 % n] = i", "append": "c.append(i)", "pop": "c.pop()"}
INNER = {"one item set": "c[i % len(c)][0] = i", "append": "c[i % len(c)].append(i)"}

KINDS = (
    Kind("list of ints", numbers, SEQUENCE),
    Kind("list of strs", lambda size: [f"item {index}" for index in range(size)], SEQUENCE),
    Kind(
        "dict",
        lambda size: dict(zip(map(str, range(size)), numbers(size), strict=True)),
        {"one item set": "c[str(i)] = i", "append": "c[i] = i", "pop": "c.popitem()"},
    ),
    Kind("set", lambda size: set(range(size)), {"append": "c.add(-1 - i)", "pop": "c.pop()"}),
    Kind("frozenset", lambda size: frozenset(range(size)), {}),
    Kind("tuple", lambda size: tuple(numbers(size)), {}),
    Kind("tuple of one-item lists", lambda size: tuple([value] for value in numbers(size)), INNER),
    Kind("tuple of 10 lists", lambda size: tuple(numbers(size // 10) for _ in range(10)), INNER),
    Kind(
        "square table",
        lambda size: [numbers(round(size**0.5)) for _ in range(round(size**0.5))],
        INNER,
        (100, 2500, 10_000),
    ),
    Kind("deque (foreign)", lambda size: deque(numbers(size)), SEQUENCE),
)


def iterations(name: str, size: int) -> int:
    """How often the loop runs: often, where nothing is written; else so that a container keeps about its size."""
    return 500 if name == UNCHANGED else max(8, min(size // 20, 64))


def at_first(name: str, size: int) -> int:
    """The size before the first iteration, so that it is ``size`` in the middle of those that count."""
    growth = {"append": -3, "pop": 3}.get(name, 0) * iterations(name, size) // 2
    return max(size + growth, size // 2)


class Bench:
    """A tracer, and a recording of it for each measurement."""

    def __init__(self, tracer: str) -> None:
        self._code: Any = payload()
        if tracer == "native":
            self._parts = self._code.tracers.native(str(native.library(sys.executable)))
        else:
            self._parts = self._code.tracers.reference()

    def iteration_ns(self, kind: Kind, name: str, size: int, shown: bool) -> float:
        """Nanoseconds of one traced iteration; the container is a local, or out of sight."""
        statement = {UNCHANGED: STATEMENT, **kind.changes}[name]
        body = statement if shown else re.sub(r"\bc\b", "C", statement)
        namespace: dict[str, Any] = {}
        source = f"def run(c, n, times):\n    for i in range(times):\n        {body}\n"
        exec(compile(source, FILE, "exec"), namespace)
        run = namespace["run"]
        once = iterations(name, size)
        found: dict[int, list[int]] = {once: [], 2 * once: []}
        recording = Recording(self._code, self._parts, (FILE,))
        gc.collect()
        recording.start()
        try:
            began = perf_counter_ns()
            while len(found[once]) < LEAST or (len(found[once]) < MOST and perf_counter_ns() - began < ENOUGH_NS):
                for times, took in found.items():
                    namespace["C"] = container = kind.make(at_first(name, size))
                    given = container if shown else 0
                    started = perf_counter_ns()
                    run(given, size, times)
                    took.append(perf_counter_ns() - started)
        finally:
            recording.stop()
        return (statistics.median(found[2 * once]) - statistics.median(found[once])) / once


def repr_ns(value: object) -> float:
    """Nanoseconds of ``repr``, by itself."""
    took = []
    for _ in range(LEAST):
        started = perf_counter_ns()
        repr(value)
        took.append(perf_counter_ns() - started)
    return statistics.median(took)


def writing_ns(helper: noop.Noop, text: bytes) -> float:
    """Nanoseconds for writing such a text into fresh memory: what no tracer that keeps it can go below."""
    times = max(8, min(WRITTEN // len(text), 2000))
    ends = [len(text) * index for index in range(1, times + 1)]
    records = b"".join(STEP.pack(end) for end in ends)
    took = [helper.written(memoryview(text * times), memoryview(records)) / times for _ in range(LEAST)]
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tracer", choices=("native", "reference"), default="native")
    parser.add_argument("--sizes", nargs="+", type=int)
    given = parser.parse_args()
    bench = Bench(given.tracer)
    with tempfile.TemporaryDirectory() as name:
        helper = noop.loaded(noop.built(Path(name)))
    rows = []
    told = []
    columns = [UNCHANGED, *SEQUENCE]
    for kind in KINDS:
        for size in given.sizes or kind.sizes:
            print(f"\r{kind.name} {size:<30}", end="", file=sys.stderr)
            cells = {}
            for name in (UNCHANGED, *kind.changes):
                seen, unseen = (bench.iteration_ns(kind, name, size, shown) for shown in (True, False))
                cells[name] = max(seen - unseen, 0.0)
            # Both line events of an iteration see the container; one of them sees it changed.
            cells[UNCHANGED] /= 2
            cells |= {name: max(cells[name] - cells[UNCHANGED], 0.0) for name in kind.changes}
            value = kind.make(size)
            plain, writing = repr_ns(value), writing_ns(helper, repr(value).encode())
            told.append({"kind": kind.name, "size": size, "repr": plain, "writing": writing, **cells})
            texts = [number(cells[name]) if name in cells else "–" for name in columns]
            rows.append([kind.name, f"{size:,}", *texts, number(plain), number(writing)])
    print(file=sys.stderr)
    machine = described()
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "containers.json").write_text(json.dumps({"machine": machine, "found": told}, indent=1) + "\n")
    print(f"{machine}; tracer {given.tracer}\n")
    print(table(["ns a line", "size", *columns, "`repr` alone", "writing it alone"], rows))


if __name__ == "__main__":
    main()
