"""Answers that were made elsewhere: read, and told apart by what is in the file.

Three kinds: the official generations.json, one object of lists by sample; lm-eval's samples, a line for each item with
its ``doc`` and raw ``resps``; and lines of ``{"id": …, "predictions": […]}``.  A text stays as it stands, quotes
included.  Knows nothing of what is asked, nor of how an answer is found in a text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tracegen.programs.rows import read_rows, text_of
from tracegen.settings import CannotRun

KINDS = (
    'wanted {"sample_0": ["…"]} (official), lines of {"doc": …, "resps": …} (lm-eval), or lines of '
    '{"id": …, "predictions": ["…"]}'
)


@dataclass(frozen=True, slots=True)
class Predicted:
    """The answers to one item."""

    id: str
    answers: tuple[str, ...]


def read_predictions(path: Path) -> Mapping[str, list[str]]:
    """The answers to each item, by its id.  Raises CannotRun with the line that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CannotRun(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CannotRun(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from None
    whole = _whole(text, path)
    if whole is None:
        rows = read_rows(path, "predictions", _row)
        return {row.id: list(row.answers) for row in rows}
    if not whole:
        raise CannotRun(f"{path}:1: no predictions in it")
    return {id: list(_texts(answers, _place(path, text, id))) for id, answers in whole.items()}


def _whole(text: str, path: Path) -> dict[str, object] | None:
    """What an official file holds; None if the file is made of lines."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    try:
        line = json.loads(first)
    except (ValueError, RecursionError):
        line = None
    if isinstance(line, dict) and (not line or line.keys() & {"id", "doc", "predictions", "resps", "filtered_resps"}):
        return None if line else {}
    try:
        whole = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, path, text))
    except json.JSONDecodeError as error:
        raise CannotRun(f"{path}:{error.lineno}: not JSON: {error.msg}; {KINDS}") from None
    except (ValueError, RecursionError) as error:
        raise CannotRun(f"{path}:1: not JSON: {error}; {KINDS}") from None
    if not isinstance(whole, dict):
        raise CannotRun(f"{path}:1: found {type(whole).__name__}; {KINDS}")
    return whole


def _once(pairs: list[tuple[str, object]], path: Path, text: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for id, answers in pairs:
        if id in found:
            raise CannotRun(f"{_place(path, text, id)}: id {id!r} stands in the file twice")
        found[id] = answers
    return found


def _place(path: Path, text: str, id: str) -> str:
    """The file and the line in which an id first stands."""
    at = text.find(json.dumps(id))
    return f"{path}:{text.count(chr(10), 0, max(at, 0)) + 1}: {id}"


def _row(row: Mapping[str, object], where: str) -> Predicted:
    if "predictions" in row:
        return Predicted(text_of(row, "id", where), _texts(row["predictions"], f'{where}: field "predictions"'))
    doc = row.get("doc")
    if not isinstance(doc, dict):
        raise CannotRun(f"{where}: {KINDS}")
    name = "resps" if "resps" in row else "filtered_resps"
    if name not in row:
        raise CannotRun(f'{where}: field "resps" is missing')
    said = row[name]
    # One list of completions for each request to the model, and these items make one request.
    if isinstance(said, list) and len(said) == 1 and isinstance(said[0], list):
        said = said[0]
    return Predicted(text_of(doc, "id", f"{where}: doc"), _texts(said, f'{where}: field "{name}"'))


def _texts(found: object, where: str) -> tuple[str, ...]:
    if not isinstance(found, list):
        raise CannotRun(f"{where}: wanted a list of texts, found {type(found).__name__}")
    for number, each in enumerate(found):
        if not isinstance(each, str):
            raise CannotRun(f"{where}: answer {number}: wanted text, found {type(each).__name__}")
    if not found:
        raise CannotRun(f"{where}: no answer in it; an item without one is an empty text")
    return tuple(found)
