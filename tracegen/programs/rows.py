"""Rows of a JSONL file that people give: read whole and checked, every complaint with its file and line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from tracegen.settings import CannotRun


class _Named(Protocol):
    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=_Named)


def read_rows(path: Path, what: str, made: Callable[[Mapping[str, object], str], Row]) -> list[Row]:
    """One row for each line that is not empty, in their order, each with an id of its own.

    ``made`` gets an object and "FILE:LINE"; ``what`` is what the file should hold.  Raises CannotRun.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise CannotRun(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CannotRun(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from None
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = made(_object(line, f"{path}:{number}"), f"{path}:{number}")
        if row.id in seen:
            raise CannotRun(f"{path}:{number}: id {row.id!r} stands in line {seen[row.id]} already")
        seen[row.id] = number
        rows.append(row)
    if not rows:
        raise CannotRun(f"{path}: no {what} in it")
    return rows


def _object(line: str, where: str) -> Mapping[str, object]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CannotRun(f"{where}: not JSON: {error}") from None
    if not isinstance(row, dict):
        raise CannotRun(f"{where}: wanted an object, found {type(row).__name__}")
    return row


def text_of(row: Mapping[str, object], name: str, where: str) -> str:
    """A field that must be there, and be text.  Raises CannotRun."""
    if name not in row:
        raise CannotRun(f'{where}: field "{name}" is missing')
    value = row[name]
    if not isinstance(value, str):
        raise CannotRun(f'{where}: field "{name}": wanted text, found {type(value).__name__}')
    return value
