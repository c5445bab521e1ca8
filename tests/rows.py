"""Rows of the data set made from wires written by hand: no process is started."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tests.wires import CALL, LINE, RETURN, HandWritten, small
from tracegen import Context, Ending, Entry, Provenance, Settings, Trace, columns
from tracegen.context import lines_of
from tracegen.harvest import Harvest, Telling, harvest
from tracegen.stored import trace_at

SOURCE = "def f(n):\n    return g(n)\ndef g(m):\n    raise E\n"
PROVENANCE = Provenance("test", "3.11.7", "reference", "repr", "events 10", "0", "none", "a note")


def context_of(text: str, file: int = 0) -> Context:
    """A context that is one file, without a marker."""
    return Context(text, tuple((file, line + 1) for line in range(len(lines_of(text)))))


def harvested(wire: HandWritten | None = None, **given: Any) -> Harvest:
    """Every trace of a wire; what `Telling` and `harvest` want besides may be given by name."""
    found = columns.read((wire or small()).bytes())
    settings = given.pop("settings", Settings())
    told: dict[str, Any] = {"program_id": "p", "input": "1", "context": context_of(given.pop("source", SOURCE))}
    told |= {"files": tuple(f"f{n}.py" for n in range(len(found.files))), "order": tuple(range(len(found.files)))}
    told |= {"entry": Entry("f", 0, 1)}
    rest: dict[str, Any] = {"died": (Ending.KILLED, "SIGKILL"), "provenance": PROVENANCE, "stdout": None}
    for name, value in given.items():
        assert name in told or name in rest, name
        (told if name in told else rest)[name] = value
    return harvest(found, [Telling(trace, **told) for trace in found.traces], identity=settings.identity, **rest)


def table(wire: HandWritten | None = None, **given: Any) -> pa.Table:
    """The rows of `harvested`, of which none may be dropped."""
    made = harvested(wire, **given)
    assert not made.dropped, made.dropped
    return made.table


def only(wire: HandWritten | None = None, **given: Any) -> Trace:
    """The one trace of `table`."""
    rows = table(wire, **given)
    assert rows.num_rows == 1
    return trace_at(rows, 0)


def numbered(count: int) -> pa.Table:
    """Rows with the program ids 0, 1, 2, …; row n says that ``n`` is n."""
    tables = []
    for n in range(count):
        wire = HandWritten().note("python", version="3.11.7", tracer="reference", values="repr", hash_seed="0")
        wire.note("file", path="/p/a.py").begin().step(CALL, 1, f'{{"n": "{n}"}}').step(LINE, 2, "{}")
        ending = "returned" if n % 2 == 0 else "events"
        tables.append(table(wire.step(RETURN, 2, str(n)).end(0, ending), program_id=str(n)))
    return pa.concat_tables(tables)
