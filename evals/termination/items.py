"""Items of the halting suite: a program, an input, a label, and the certificate that proves it; rows of JSONL.

Knows nothing of whether a certificate holds: see certificates.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tracegen import CannotRun
from tracegen.programs.rows import read_rows, text_of


class Label(Enum):
    """What a program does on its input."""

    HALTS = "halts"
    LOOPS = "loops"


@dataclass(frozen=True, slots=True)
class Completed:
    """A run that returned: ``steps`` lines of the program were run."""

    steps: int


@dataclass(frozen=True, slots=True)
class Lasso:
    """A run whose whole state is the same before the steps ``first`` and ``second`` (from 0)."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Recurrent:
    """A set of states of the loop at ``line`` that is reached and never left; ``members`` says which."""

    line: int
    members: tuple[str, ...]


Certificate = Completed | Lasso | Recurrent


@dataclass(frozen=True, slots=True)
class Item:
    """One program with its input, an argument list.  ``pair`` names an item of the other label that is nearly it."""

    id: str
    code: str
    input: str
    label: Label
    family: str
    pair: str
    certificate: Certificate


def read_items(path: Path) -> list[Item]:
    """Items from JSONL.  Raises CannotRun with the line that is wrong."""
    return read_rows(path, "items", _item)


def spelled(items: Iterable[Item]) -> str:
    """Items as JSONL, which `read_items` reads back."""
    return "".join(json.dumps(_row(item)) + "\n" for item in items)


def _row(item: Item) -> dict[str, object]:
    held = item.certificate
    if isinstance(held, Completed):
        certificate: dict[str, object] = {"kind": "completed", "steps": held.steps}
    elif isinstance(held, Lasso):
        certificate = {"kind": "lasso", "first": held.first, "second": held.second}
    else:
        certificate = {"kind": "recurrent", "line": held.line, "set": list(held.members)}
    texts = {name: getattr(item, name) for name in ("id", "code", "input")}
    return texts | {
        "label": item.label.value,
        "family": item.family,
        "pair": item.pair,
        "certificate": certificate,
    }


def _item(row: Mapping[str, object], where: str) -> Item:
    label = text_of(row, "label", where)
    if label not in [each.value for each in Label]:
        raise CannotRun(f'{where}: field "label": wanted halts or loops, found {label!r}')
    certificate = row.get("certificate")
    if not isinstance(certificate, dict):
        raise CannotRun(f'{where}: field "certificate": wanted an object, found {type(certificate).__name__}')
    texts = {name: text_of(row, name, where) for name in ("id", "code", "input", "family", "pair")}
    return Item(**texts, label=Label(label), certificate=_certificate(certificate, where))


def _certificate(row: Mapping[str, object], where: str) -> Certificate:
    kind = row.get("kind")
    if kind == "completed":
        return Completed(_count(row, "steps", where))
    if kind == "lasso":
        return Lasso(_count(row, "first", where), _count(row, "second", where))
    if kind == "recurrent":
        members = row.get("set")
        if not isinstance(members, list) or not all(isinstance(each, str) for each in members):
            raise CannotRun(f'{where}: field "set" of the certificate: wanted a list of texts')
        return Recurrent(_count(row, "line", where), tuple(members))
    raise CannotRun(f"{where}: certificate of kind {kind!r}: there are completed, lasso and recurrent")


def _count(row: Mapping[str, object], name: str, where: str) -> int:
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise CannotRun(f'{where}: field "{name}" of the certificate: wanted a number from 0, found {value!r}')
    return value
