"""Rows on their way into a shard: what the clock cut off goes aside, the rest is cleaned, everything is counted.

Knows nothing of how rows are made; a shard's `Part` is what comes out.
"""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from tracegen.harvest import SCHEMA
from tracegen.scrub import Scrubber
from tracegen.trace import Ending
from tracegen.work import Part

KEPT, DROPPED, CUT, SCRUBBED = "kept", "dropped", "cut off", "scrubbed"
"""What the names of counts begin with: ``kept.returned``."""


class Filing:
    """One shard's rows as they come, in their order."""

    def __init__(self, scrubber: Scrubber | None) -> None:
        self._scrubber = scrubber
        self._kept: list[pa.Table] = []
        self._cut: list[pa.Table] = []
        self._said: list[str] = []
        self.counts: Counter[str] = Counter()

    def add(self, table: pa.Table, stopped: bool) -> None:
        """File rows; ``stopped``: their process was ended from outside, at a moment that the clock chose.

        A trace that had ended before, at its limit of events, is the same whatever the clock says.
        """
        late = {Ending.SECONDS.value, *({Ending.KILLED.value} if stopped else ())}
        for row, ending in enumerate(table.column("ending").to_pylist()):
            one = table.slice(row, 1)
            if ending in late:
                self._cut.append(one)
                self.counts[f"{CUT}.{one.column('detail')[0].as_py() or 'the seconds of a trace'}"] += 1
            else:
                self._kept.append(one)
                self.counts[f"{KEPT}.{ending}"] += 1

    def drop(self, dropped: Counter[str]) -> None:
        """Count what gave no row, by reason."""
        self.counts.update({f"{DROPPED}.{reason}": number for reason, number in dropped.items() if number})

    def say(self, key: str, line: str) -> None:
        """A line for people about a single item."""
        self._said.append(line if line.startswith(f"{key}: ") else f"{key}: {line}")

    def part(self) -> Part:
        """The shard."""
        return Part(self._cleaned(self._kept), self._cleaned(self._cut), dict(self.counts), tuple(self._said))

    def _cleaned(self, tables: list[pa.Table]) -> pa.Table:
        table = pa.concat_tables(tables).combine_chunks() if tables else SCHEMA.empty_table()
        if self._scrubber is None:
            return table
        table, marks = self._scrubber.table(table)
        self.counts.update({f"{SCRUBBED}.{kind}": number for kind, number in marks.items()})
        return table
