"""Two runs over the same items: what the one knows that the other does not.

Knows nothing of how a run came to be.
"""

from __future__ import annotations

from pathlib import Path

from evals.records import read_records
from evals.results import SAMPLES, by_item, stored
from evals.statistics import Paired, paired
from evals.task import Sample
from tracegen import CannotRun


def compare_runs(a: Path, b: Path) -> dict[str, Paired]:
    """The paired comparison of pass@1, and of every number that was measured in both, by its name.

    Raises CannotRun for runs of different tasks or data, whose items are not the same.
    """
    one, other = stored(a), stored(b)
    for name in ("task", "semantics", "hashes"):
        if one.get(name) != other.get(name):
            raise CannotRun(
                f"{a} and {b}: different {name}: {one.get(name)} and {other.get(name)}; items and rules must be equal"
            )
    ours, theirs = _samples(a), _samples(b)
    found = {"pass@1": paired(by_item(ours), by_item(theirs))}
    for name in dict.fromkeys(name for sample in ours for name in sample.judged.facts):
        left, right = by_item(ours, name), by_item(theirs, name)
        if left.keys() & right.keys():
            found[name] = paired(left, right)
    return found


def named(run: Path) -> str:
    """A run for people: where it is, and what was asked how."""
    found = stored(run)
    return f"{run} ({found.get('task')}, {found.get('mode')}, {found.get('semantics')} semantics)"


def _samples(run: Path) -> list[Sample]:
    records = read_records(run / SAMPLES).values()
    return [Sample(each.id, each.sample, each.judged) for each in records if each.judged is not None]
