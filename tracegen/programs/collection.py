"""Outcomes of samples, stored as a data set: what is kept, what is dropped, and which outputs are as said.

Knows nothing of how samples are run (functions.py) or of where they come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from tracegen import shards
from tracegen.programs.functions import Outcome, main_trace
from tracegen.programs.repositories import CLOCK


@dataclass(slots=True)
class Collection:
    """Counts of traces by ending, and of dropped samples by reason; ids of those with another output than said."""

    kept: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    agreed: int = 0
    differs: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """The traces of the data set."""
        return self.kept.total()


def store(output: Path, outcomes: Iterable[Outcome], say: Callable[[str], None]) -> Collection:
    """Write the one trace of every outcome; ``say`` gets a line for each that has trouble."""
    found = Collection()
    shards.write(output, _tables(outcomes, found, say))
    return found


def _tables(outcomes: Iterable[Outcome], found: Collection, say: Callable[[str], None]) -> Iterator[pa.Table]:
    for outcome in outcomes:
        if outcome.told is None:
            found.dropped["cannot run"] += 1
            say(f"{outcome.sample.id}: {outcome.trouble}")
            continue
        table = main_trace(outcome.told)
        found.dropped.update(outcome.told.dropped)
        if table.num_rows and table.column("ending")[0].as_py() == "seconds":
            found.dropped[CLOCK] += 1
            continue
        found.kept.update(table.column("ending").to_pylist())
        found.agreed += outcome.agrees is True
        if outcome.agrees is False:
            found.differs.append(outcome.sample.id)
            say(f"{outcome.sample.id}: the output is not the one that the sample says")
        yield table
