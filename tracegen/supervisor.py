"""A data set made by worker processes, shard by shard: nothing is lost, and nothing is made twice.

A worker gets the items of one shard, writes the shard itself and says so; if it dies, a fresh one tries again.
Whatever ends the run, finished shards stay, and the same command goes on.  Knows nothing of how rows are made
(`Work`), or of how files get on the disk (manifest.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tracegen import aside, manifest, shards
from tracegen.manifest import DataSet, Item, Marker, State
from tracegen.progress import Damaged, Finished, Listener, Started
from tracegen.settings import CannotRun
from tracegen.work import Work
from tracegen.workers import Pool, sweep

ItemT = TypeVar("ItemT", bound=Item)


@dataclass(frozen=True, slots=True)
class Share:
    """Which shards one of several jobs makes: ``number`` counts from 1."""

    number: int = 1
    of: int = 1

    def indices(self, shards: int) -> range:
        """The shards of this share."""
        return range(self.number - 1, shards, self.of)


def parse_shard(text: str) -> Share:
    """What ``--shard i/N`` means.  Raises CannotRun.

    >>> parse_shard("2/8")
    Share(number=2, of=8)
    """
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if not found:
        raise CannotRun(f"--shard {text}: give i/N, as 2/8 for the second of eight jobs")
    number, of = int(found[1]), int(found[2])
    if not 1 <= number <= of:
        raise CannotRun(f"--shard {text}: the first of {of} jobs is 1/{of}, the last {of}/{of}")
    return Share(number, of)


@dataclass(frozen=True, slots=True)
class Totals:
    """Finished shards added up."""

    shards: int
    rows: int
    cut: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """What there is after a run: in its own ``share``, of how many shards that has; ``made`` of them by this run.

    ``whole`` adds up the shards of all shares, once they are all finished.
    """

    share: Totals
    wanted: int
    made: int
    whole: Totals | None


class Stopped(KeyboardInterrupt):
    """Ctrl-C, after the workers have ended; the text says how to go on."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(
            f"stopped: {summary.share.shards} of {summary.wanted} shards are finished; "
            "run the same command again to go on"
        )
        self.summary = summary


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """A shard of this run's share, and what there is of it."""

    index: int
    items: int
    state: State
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do: the shards of its share, of how many in all."""

    mine: tuple[PlannedShard, ...]
    shards: int
    items: int


def plan(
    work: Work[ItemT],
    items: Sequence[ItemT],
    output: Path,
    *,
    per_shard: int,
    share: Share | None = None,
    anew: bool = False,
) -> Plan:
    """What `collect` would do here; nothing is written.  Raises CannotRun where it would."""
    wanted = manifest.described(work.kind, work.identity, items, per_shard)
    dataset = manifest.opened(output, wanted, items, anew, look=True)
    mine = []
    for index in (share or Share()).indices(len(wanted.shards)):
        found = dataset.found(index)
        mine.append(PlannedShard(index, len(wanted.shards[index]), found.state, found.why))
    return Plan(tuple(mine), len(wanted.shards), wanted.items)


def collect(
    work: Work[ItemT],
    items: Sequence[ItemT],
    output: Path,
    *,
    jobs: int,
    per_shard: int,
    share: Share | None = None,
    events: Listener | None = None,
    anew: bool = False,
    patience: float = 600.0,
) -> Summary:
    """Make the data set of these items in ``output``, or go on with it; several jobs may share the folder.

    ``patience``: seconds without progress after which a worker counts as dead.  ``anew``: shards whose items
    changed since they were made are made again, which is an error otherwise.  Raises CannotRun; WorkFailed;
    `Stopped` at Ctrl-C.
    """
    if jobs < 1:
        raise CannotRun(f"{jobs} jobs: must be at least 1")
    wanted = manifest.described(work.kind, work.identity, items, per_shard)
    dataset = manifest.opened(output, wanted, items, anew)
    mine = (share or Share()).indices(len(wanted.shards))
    tell: Listener = events or (lambda event: None)
    done: dict[int, Marker] = {}
    made = 0
    try:
        sweep(dataset)
        for index in mine:
            found = dataset.found(index)
            if found.marker is not None:
                done[index] = found.marker
            elif found.state is State.CORRUPT:
                tell(Damaged(index, found.why))
        before = sum(len(wanted.shards[index]) for index in done)
        tell(Started(sum(len(wanted.shards[index]) for index in mine), before, len(mine), len(done)))
        todo = [index for index in mine if index not in done]
        tasks = {index: items[index * per_shard : (index + 1) * per_shard] for index in todo}
        pool = Pool(work, dataset, tasks, min(jobs, len(todo)), patience, tell, before)
        with closing(pool.run()) as running:
            for index, marker in running:
                done[index] = marker
                made += 1
        whole = _conclude(dataset, done)
    except KeyboardInterrupt:
        # What is on the disk counts: the signal may have come while its being done was told.
        later = {index: dataset.found(index, hashed=False).marker for index in mine if index not in done}
        done |= {index: marker for index, marker in later.items() if marker is not None}
        raise Stopped(Summary(_totals(done), len(mine), made, None)) from None
    if whole is None and len(mine) == len(wanted.shards):
        raise CannotRun(f"{dataset.folder}: somebody changed it meanwhile; run the same command again")
    share_of_it = _totals(done)
    tell(Finished(share_of_it.shards, share_of_it.rows, whole is not None))
    return Summary(share_of_it, len(mine), made, whole)


def _conclude(dataset: DataSet, sure: Mapping[int, Marker]) -> Totals | None:
    """Write the card if all shards are there, whoever made them."""
    markers = dataset.finished(sure)
    if markers is None:
        return None
    whole = _totals(markers)
    lines = [f"{whole.rows} traces of {dataset.manifest.items} {dataset.manifest.kind}.", ""]
    lines += [f"* {name}: {count}" for name, count in whole.counts.items()]
    card = shards.CARD.format(version=dataset.manifest.schema_version, summary="\n".join(lines).rstrip())
    path, data = dataset.folder / "README.md", card.encode("utf-8")
    # Once it is finished, the card is its owner's to edit; and it may lie where nobody can write.
    if not path.is_file() or path.read_bytes() == shards.UNFINISHED.encode("utf-8"):
        aside.put(path, data)
    return whole


def _totals(markers: Mapping[int, Marker]) -> Totals:
    counts: Counter[str] = Counter()
    for marker in markers.values():
        counts.update(marker.counts)
    rows = sum(marker.part.rows for marker in markers.values())
    cut = sum(marker.cut.rows for marker in markers.values() if marker.cut is not None)
    return Totals(len(markers), rows, cut, dict(sorted(counts.items())))
