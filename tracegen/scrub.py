"""Clean values: what gives away a person, a machine or a secret, or differs between runs, becomes a mark.

One scan over a table's buffers finds the rows that may hold such a thing; only those are looked at in Python,
and a table without any is given back as it is.  Variables' names, program ids and ids are never touched; an id
stays the hash of what was run, as it was: whoever guesses a hidden name in it can check the guess.  Knows
neither what is looked for (giveaways.py) nor how it is marked (marks.py).

What is cut in two is not seen: a secret at a value's cut, or taken apart by the program itself.
"""

from __future__ import annotations

import json
import re
import socket
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from getpass import getuser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracegen import columns, giveaways
from tracegen.giveaways import SECRET_NAME, Giveaway, Kind
from tracegen.harvest import content_of, restored, storable
from tracegen.marks import MARK, MARK_CHEAP, Marks, count
from tracegen.payload.wire import quote
from tracegen.stored import trace_at

FOLDERS = ("/tmp", "/var/tmp")
"""Where temporary files are on every Linux."""

ORDER = {"context": 0, "locals": 1, "value": 1, "input": 2, "stdout": 3, "expected": 3, "files": 4}
"""The columns of texts that are scrubbed, as a reader meets them: steps' locals and values are one sequence."""


@dataclass(frozen=True)
class Scrubber:
    """Who and where this is: what is to be hidden.  Plain values: it travels to worker processes."""

    home: str
    user: str
    host: str
    temporary: tuple[str, ...] = FOLDERS

    @classmethod
    def of_this_machine(cls) -> Scrubber:
        """The scrubber of whoever runs this, here."""
        try:
            user = getuser()
        except (OSError, KeyError):  # a user id without a name, as in a container
            user = ""
        try:
            home = str(Path.home())
        except RuntimeError:
            home = ""
        folder = tempfile.gettempdir()
        folders = dict.fromkeys([*FOLDERS, folder, str(Path(folder).resolve())])
        return cls(home, user, socket.gethostname(), tuple(folders))

    def text(self, text: str) -> tuple[str, Counter[str]]:
        """One text by itself, and how many marks of each kind were set."""
        marks = Marks(_giveaways(self), (found[0] for found in MARK.finditer(text)))
        while True:
            learned = marks.learned
            hidden = marks.hide(text)
            if marks.learned == learned:
                return hidden, count(hidden) - count(text)

    def table(self, table: pa.Table) -> tuple[pa.Table, Counter[str]]:
        """Rows in `harvest.SCHEMA` with marks, and how many marks of each kind were set in them.

        The same object if there are none.  Changed rows have the `content` of what they now say.
        """
        counts: Counter[str] = Counter()
        old = table.to_batches()
        new = [_Batch(batch, self).scrubbed(counts) for batch in old]
        same = all(one is other for one, other in zip(old, new, strict=True))
        return (table if same else pa.Table.from_batches(new, table.schema)), counts


@lru_cache(maxsize=16)
def _giveaways(who: Scrubber) -> tuple[Giveaway, ...]:
    """What to look for, in the order in which it is marked.

    Secrets first: a name may stand in one.  Folders before names: they are sure.
    """
    host = who.host.partition(".")[0]
    return (
        *giveaways.SECRETS,
        *giveaways.temporary(who.temporary),
        *giveaways.home(who.home),
        *giveaways.RUNS,
        *giveaways.name(Kind.USER, who.user),
        *(giveaways.name(Kind.HOST, who.host) if host != who.host else ()),
        *giveaways.name(Kind.HOST, host),
    )


@lru_cache(maxsize=16)
def _cheap(who: Scrubber) -> str:
    """One expression for RE2 that is found in every text that has something to hide."""
    return "|".join(dict.fromkeys([giveaways.PEM_CHEAP, *(f"(?:{each.cheap})" for each in _giveaways(who))]))


def _holds(texts: pa.Array, pattern: str) -> np.ndarray:
    """The places of the texts in which a pattern is found.

    All of them are scanned as one first: mostly nothing is found, and a scan without borders is faster.
    """
    offsets, data = texts.buffers()[1:]
    if data is None or not len(texts):
        return np.zeros(0, np.int64)
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    whole = pa.py_buffer(np.array([bounds[0], bounds[-1]], np.int64))
    if not pc.match_substring_regex(pa.LargeStringArray.from_buffers(1, whole, data), pattern)[0].as_py():
        return np.zeros(0, np.int64)
    found: np.ndarray = pc.fill_null(pc.match_substring_regex(texts, pattern), False).to_numpy(zero_copy_only=False)
    return np.flatnonzero(found)


def _bounds(lists: pa.ListArray) -> np.ndarray:
    """Where each list starts in what `flatten` gives, and where the last one ends."""
    offsets: np.ndarray = lists.offsets.to_numpy()
    bounds: np.ndarray = offsets - offsets[0]
    return bounds


def _with(texts: pa.Array, new: dict[int, str]) -> pa.Array:
    """Texts, some of them replaced."""
    if not new:
        return texts
    mask = np.zeros(len(texts), bool)
    mask[list(new)] = True
    return pc.replace_with_mask(texts, mask, pa.array([new[place] for place in sorted(new)], texts.type))


class _Batch:
    """Rows whose columns are one piece of memory each.  Every column of texts is flat, with bounds of the rows."""

    def __init__(self, batch: pa.RecordBatch, who: Scrubber) -> None:
        self._batch = batch
        self._who = who
        self._steps = batch.column("steps").flatten()
        alone = [name for name in ("context", "input", "stdout", "expected") if name in batch.schema.names]
        self._texts = {name: batch.column(name) for name in alone}
        self._bounds = {name: np.arange(batch.num_rows + 1) for name in alone}
        self._texts["files"], self._bounds["files"] = batch.column("files").flatten(), _bounds(batch.column("files"))
        for name in ("locals", "value"):
            self._texts[name], self._bounds[name] = self._steps.field(name), _bounds(batch.column("steps"))
        self._new: dict[str, dict[int, str]] = {name: {} for name in ORDER}

    def scrubbed(self, counts: Counter[str]) -> pa.RecordBatch:
        """The batch with marks, itself if there are none; adds to ``counts``."""
        hits = {name: _holds(texts, _cheap(self._who)) for name, texts in self._texts.items()}
        rows: set[int] = set()
        for name, places in hits.items():
            rows.update(np.unique(np.searchsorted(self._bounds[name], places, side="right") - 1).tolist())
        changed = [row for row in sorted(rows) if self._scrub(row, hits, counts)]
        return self._rebuilt(changed) if changed else self._batch

    def _scrub(self, row: int, hits: dict[str, np.ndarray], counts: Counter[str]) -> bool:
        """Find what is new in a row; whether anything is."""
        spans = {name: slice(*bounds[row : row + 2].tolist()) for name, bounds in self._bounds.items()}
        told = {name: texts[spans[name]] for name, texts in self._texts.items()}
        wanted = {}
        for name, span in spans.items():
            first, last = np.searchsorted(hits[name], (span.start, span.stop))
            wanted[name] = set((hits[name][first:last] - span.start).tolist())
        source = restored(told["context"][0].as_py())
        given = [each for each in _giveaways(self._who) if not (each.word and _is_identifier(each.word, source))]
        marks = Marks(given, _marks_in(told))
        while True:
            learned = marks.learned
            new = _hidden(marks, told, wanted)
            if marks.learned == learned:
                break
            for name, texts in told.items():
                wanted[name].update(_holds(texts, marks.cheap).tolist())
        for name, place, old, text in new:
            self._new[name][place + spans[name].start] = text
            counts.update(count(text) - count(old))
        return bool(new)

    def _rebuilt(self, changed: list[int]) -> pa.RecordBatch:
        new = dict(zip(self._batch.schema.names, self._batch.columns, strict=True))
        texts = {name: _with(texts, self._new[name]) for name, texts in self._texts.items()}
        parts = [texts[name] if name in texts else self._steps.field(name) for name in columns.STEP.names]
        lists = {"files": texts.pop("files"), "steps": pa.StructArray.from_arrays(parts, fields=list(columns.STEP))}
        for name, items in lists.items():
            bounds = pa.array(self._bounds["files" if name == "files" else "value"], pa.int32())
            new[name] = pa.ListArray.from_arrays(bounds, items, type=new[name].type)
        new |= {name: texts[name] for name in new if name in texts}
        rows = pa.Table.from_arrays(list(new.values()), schema=self._batch.schema)
        contents = {}
        for row in changed:
            trace = trace_at(rows, row)
            contents[row] = content_of(trace.context, trace.entry, trace.ending, new["steps"][row].values)
        new["content"] = _with(new["content"], contents)
        return pa.RecordBatch.from_arrays(list(new.values()), schema=self._batch.schema)


def _marks_in(told: dict[str, pa.StringArray]) -> set[str]:
    """The marks that stand in a row's texts already."""
    return {
        mark[0]
        for texts in told.values()
        for place in _holds(texts, MARK_CHEAP)
        for mark in MARK.finditer(texts[int(place)].as_py())
    }


def _hidden(
    marks: Marks, told: dict[str, pa.StringArray], wanted: dict[str, set[int]]
) -> list[tuple[str, int, str, str]]:
    """The texts of a row that change: column, place, old, new.  Marks are numbered as a reader meets them."""
    known: dict[tuple[str, str], str] = {}

    def hide(text: str, called: str = "") -> str:
        key = (text, called if SECRET_NAME.search(called) else "")
        if key not in known:
            known[key] = marks.hide(text, called=key[1])
        return known[key]

    def context(stored: str) -> str:
        return storable(marks.hide(restored(stored), source=True))

    def plain(stored: str) -> str:
        return storable(hide(restored(stored)))

    def shown(stored: str) -> str:
        old = [(name, text) for name, text in json.loads(stored, object_pairs_hook=list)]
        new = [(name, text if text is None else hide(text, name)) for name, text in old]
        if new == old:
            return stored
        return "{" + ", ".join(f"{quote(name)}: {'null' if t is None else quote(t)}" for name, t in new) + "}"

    changed = []
    for _, place, name in sorted((ORDER[name], place, name) for name, places in wanted.items() for place in places):
        old = told[name][place].as_py()
        new = {"context": context, "locals": shown}.get(name, plain)(old)
        if new != old:
            changed.append((name, place, old, new))
    return changed


_LITERAL = re.compile(
    r"#[^\n]*|(?P<prefix>\b[A-Za-z]{1,3})?(?P<quote>\"{3}|'{3}|\"|')(?:\\.|(?!(?P=quote)).)*(?P=quote)", re.DOTALL
)
_FIELD = re.compile(r"\{[^{}]*\}")


def _is_identifier(word: str, source: str) -> bool:
    """Whether a word stands in a source outside of comments and strings: then it is the program's own."""
    if word not in source:
        return False

    def code(found: re.Match[str]) -> str:
        formatted = "f" in (found["prefix"] or "").lower()
        return " ".join(_FIELD.findall(found[0])) if formatted else " "

    return re.search(rf"\b{re.escape(word)}\b", _LITERAL.sub(code, source)) is not None
