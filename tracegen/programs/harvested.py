"""Calls that somebody saw: argument lists by function, from a JSONL file of {function, args}."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tracegen.programs.rows import read_rows, text_of


@dataclass(frozen=True, slots=True)
class _Call:
    id: str
    function: str
    args: str


def read_calls(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Argument lists by function (``module:name``), in their order.  Raises CannotRun with the line that is wrong."""
    found: dict[str, tuple[str, ...]] = {}
    for call in read_rows(path, "calls", _call):
        found[call.function] = (*found.get(call.function, ()), call.args)
    return found


def _call(row: Mapping[str, object], where: str) -> _Call:
    function, args = (text_of(row, name, where) for name in ("function", "args"))
    return _Call(json.dumps([function, args]), function, args)
