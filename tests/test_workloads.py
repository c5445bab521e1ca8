"""The benchmarks' workloads do what they state: line events, calls and container operations, counted."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from benchmarks.workloads import CONTAINER_METHODS, WORKLOADS, Workload

each_workload = pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)


def evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below this one that run: all but annotations."""
    yield node
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from evaluated(child)


def container_operations(source: str) -> Counter[int]:
    """Container operations by line."""
    found: Counter[int] = Counter()
    for node in evaluated(ast.parse(source)):
        method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if isinstance(node, ast.Subscript) or (method and node.func.attr in CONTAINER_METHODS):  # type: ignore[attr-defined]
            found[node.lineno] += 1  # type: ignore[attr-defined]
    return found


@each_workload
def test_a_workload_does_what_it_states(workload: Workload) -> None:
    module = workload.module
    lines: Counter[int] = Counter()
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal calls
        if frame.f_code.co_filename != module.__file__:
            return None
        calls += event == "call"
        lines[frame.f_lineno] += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        module.run()
    finally:
        sys.settrace(before)
    source = Path(module.__file__).read_text(encoding="utf-8")
    operations = container_operations(source)
    assert (lines.total(), calls) == (module.LINES, module.CALLS)
    assert sum(operations[line] * times for line, times in lines.items()) == module.CONTAINER_OPERATIONS
    stated = [f"{module.LINES:,} line events", f"{module.CALLS:,} call"]
    assert all(words in (module.__doc__ or "") for words in stated)


@each_workload
def test_a_workload_does_the_same_each_time(workload: Workload) -> None:
    assert workload.module.run() == workload.module.run()


def test_workload_a_has_five_locals() -> None:
    assert len(WORKLOADS["a"].module.run.__code__.co_varnames) == 5
