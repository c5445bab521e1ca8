"""The items of the complexity task: a function, what it is called with, its counted steps, and the class they show.

A file's labels are checked against its own counts when it is read, and its counts against real traces by `recounted`.
Knows nothing of how a model is asked.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evals.growth.fit import POINTS, Growth, fitted
from evals.growth.inputs import INPUTS
from evals.growth.steps import steps
from tracegen import CannotRun
from tracegen.programs.declarations import parsed
from tracegen.programs.rows import read_rows, text_of
from tracegen.sandbox import Sandbox

NUMBERS = 1 << 53
"""Sizes and counts stay below: a float holds them."""


@dataclass(frozen=True, slots=True)
class Item:
    """A row of the data: ``builder`` names an input (inputs.py), ``counts`` are the steps at ``sizes``."""

    id: str
    code: str
    function: str
    builder: str
    sizes: tuple[int, ...]
    counts: tuple[int, ...]
    growth: Growth
    margin: float


def read_items(path: Path) -> list[Item]:
    """Items from JSONL.  Raises CannotRun with the line that is wrong."""
    return read_rows(path, "complexity items", _item)


def recounted(item: Item, sandbox: Sandbox) -> tuple[int, ...]:
    """The item's counts, anew, of real traces.  Raises CannotRun if a call does not return."""
    return tuple(steps(sandbox, item.id, item.code, item.function, item.builder, size) for size in item.sizes)


def _item(row: Mapping[str, object], where: str) -> Item:
    id, code, function, builder, said = (
        text_of(row, name, where) for name in ("id", "code", "function", "builder", "class")
    )
    sizes, counts = _integers(row, "sizes", where), _integers(row, "counts", where)
    _defined(code, function, where)
    if builder not in INPUTS:
        raise CannotRun(f'{where}: field "builder": there is no {builder!r}; there are {", ".join(INPUTS)}')
    classes = [each.value for each in Growth]
    if said not in classes:
        raise CannotRun(f'{where}: field "class": there is no {said!r}; there are {", ".join(classes)}')
    try:
        fit = fitted(sizes, counts)
    except ValueError as error:
        raise CannotRun(f'{where}: fields "sizes" and "counts": {error}') from None
    if fit is None or fit.growth.value != said:
        found = f"fit {fit.growth.value}" if fit else "fit no class clearly"
        raise CannotRun(f'{where}: field "class" is {said}, but the counts {found}; correct it, or drop the item')
    if row.get("margin") != fit.margin:
        raise CannotRun(f'{where}: field "margin": wanted {fit.margin} by the counts, found {row.get("margin")!r}')
    return Item(id, code, function, builder, sizes, counts, fit.growth, fit.margin)


def _integers(row: Mapping[str, object], name: str, where: str) -> tuple[int, ...]:
    value = row.get(name)
    if not isinstance(value, list) or not all(type(each) is int and 0 < each < NUMBERS for each in value):
        raise CannotRun(f'{where}: field "{name}": wanted a list of {POINTS} or more positive integers')
    return tuple(value)


def _defined(code: str, function: str, where: str) -> None:
    """Raises CannotRun if the code does not parse, or does not define the function."""
    try:
        tree = parsed(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else str(error) or "nested too deeply"
        raise CannotRun(f'{where}: field "code": is no Python: {why}') from None
    if not any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body):
        raise CannotRun(f'{where}: field "code": defines no function {function!r}')
