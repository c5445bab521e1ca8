"""A data set made by worker processes, shard by shard: nothing is lost, and nothing is made twice.

A worker gets the items of one shard, writes the shard itself and says so; if it dies, a fresh one tries again.
Whatever ends the run, finished shards stay, and the same command goes on.  Knows nothing of how rows are made
(`Work`), or of how files get on the disk (manifest.py).

Longer than the house's 350 lines: the two ends of the pipe to a worker stand in one file.
"""

from __future__ import annotations

import ctypes
import errno
import multiprocessing
import os
import re
import signal
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from tracegen import manifest, shards
from tracegen.manifest import DataSet, Item, Marker, State
from tracegen.progress import Damaged, Finished, Listener, Progress, Retried, ShardDone, Started
from tracegen.settings import CannotRun

RETRIES = 2
"""How often a shard is tried again after its worker died."""
GRACE = 10.0
"""Seconds in which a worker may end by itself before it is killed."""

ItemT_contra = TypeVar("ItemT_contra", bound=Item, contravariant=True)
ItemT = TypeVar("ItemT", bound=Item)


@dataclass(frozen=True, slots=True)
class Part:
    """What the work on one shard gives.

    ``table``: rows in the order of the items, in harvest.SCHEMA; nothing in them depends on a clock, a machine
    or a process.  ``cut``: rows that the wall clock cut off; they go to a side file.  ``counts`` add up over
    shards: {"kept.returned": 12}.  ``said``: lines for people about single items.
    """

    table: pa.Table
    cut: pa.Table
    counts: Mapping[str, int]
    said: tuple[str, ...] = ()


class Bench(Protocol[ItemT_contra]):
    """What a worker has at hand while it lives: its sandboxes, warm."""

    def make(self, items: Sequence[ItemT_contra], done: Callable[[], None]) -> Part:
        """The part of one shard; ``done`` is called after each item, and says that the worker is alive."""


class Work(Protocol[ItemT_contra]):
    """How items become rows: a frozen value that travels to the workers."""

    @property
    def kind(self) -> str:
        """What the items are: "samples", "functions"."""

    @property
    def identity(self) -> Mapping[str, object]:
        """All options that change rows, as JSON."""

    def opened(self, slot: int) -> AbstractContextManager[Bench[ItemT_contra]]:
        """A worker's bench; of the workers that live at a time each has another ``slot``, from 0."""


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


class WorkFailed(Exception):
    """An exception of the work itself, which no retry mends: the worker's traceback."""


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
        _sweep(dataset)
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
        pool = _Pool(work, dataset, tasks, min(jobs, len(todo)), patience, tell, before)
        with closing(pool.run()) as running:
            for index, marker in running:
                done[index] = marker
                made += 1
        whole = _conclude(dataset, done)
    except KeyboardInterrupt:
        raise Stopped(Summary(_totals(done), len(mine), made, None)) from None
    if whole is None and len(mine) == len(wanted.shards):
        raise CannotRun(f"{dataset.folder}: somebody changed it meanwhile; run the same command again")
    share_of_it = _totals(done)
    tell(Finished(share_of_it.shards, share_of_it.rows, whole is not None))
    return Summary(share_of_it, len(mine), made, whole)


def _sweep(dataset: DataSet) -> None:
    for name in ("", "data", "cut", "state"):
        shards.sweep(dataset.folder / name)


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
    # A data set that is finished may lie where nobody can write.
    if not path.is_file() or path.read_bytes() != data:
        shards.put(path, data)
    return whole


def _totals(markers: Mapping[int, Marker]) -> Totals:
    counts: Counter[str] = Counter()
    for marker in markers.values():
        counts.update(marker.counts)
    rows = sum(marker.part.rows for marker in markers.values())
    cut = sum(marker.cut.rows for marker in markers.values() if marker.cut is not None)
    return Totals(len(markers), rows, cut, dict(sorted(counts.items())))


# -- The worker's side.


@dataclass(frozen=True, slots=True)
class _Ready:
    """The bench stands: items may come."""


@dataclass(frozen=True, slots=True)
class _ItemDone:
    pass


@dataclass(frozen=True, slots=True)
class _Made:
    """The shard is on the disk, and its marker too."""


@dataclass(frozen=True, slots=True)
class _Failed:
    text: str
    refused: bool


def _serve(work: Work[Any], dataset: DataSet, pipe: Connection[Any, Any], slot: int, parent: int) -> None:
    """A worker's life: shards come through the pipe until it ends."""
    _die_with(parent)
    # Functions and not SIG_IGN: what is ignored stays ignored in the programs that are traced.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.signal(signal.SIGTERM, _leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def tell(message: _Ready | _ItemDone | _Made | _Failed) -> None:
        try:
            pipe.send(message)
        except OSError:
            sys.exit(1)  # Nobody listens any more.

    try:
        with work.opened(slot) as bench:
            tell(_Ready())
            while True:
                try:
                    index, items = pipe.recv()
                except (EOFError, ConnectionResetError):
                    return
                part = bench.make(items, lambda: tell(_ItemDone()))
                dataset.store(index, part.table, part.cut, part.counts, part.said)
                tell(_Made())
    except CannotRun as error:
        tell(_Failed(str(error), refused=True))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = f"{error.filename or 'a temporary file'}: {error.strerror}"
            tell(_Failed(f"{what}; make room, then run the same command again", refused=True))
        else:
            tell(_Failed(traceback.format_exc(), refused=False))
    finally:
        # It ends anyway; an interpreter that is shutting down has no place to raise SystemExit in.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


def _leave(number: int, frame: FrameType | None) -> None:
    """Unwind, once, so that the bench is closed."""
    signal.signal(number, lambda number, frame: None)
    sys.exit(128 + number)


# -- The parent's side.


class _Worker:
    """A process, our end of its pipe, and the shard that it was given."""

    def __init__(self, work: Work[Any], dataset: DataSet, slot: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.slot = slot
        self.index: int | None = None
        self.items_done = 0
        self.began = self.heard = time.monotonic()
        self.process: BaseProcess = context.Process(
            target=_serve, args=(work, dataset, theirs, slot, os.getpid()), name=f"foretrace-{slot}", daemon=True
        )
        # Until it has handlers of its own, Ctrl-C would end it with a traceback.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def take(self, index: int) -> None:
        """Begin a shard; its items are sent when the worker is ready for them."""
        self.index = index
        self.items_done = 0
        self.began = self.heard = time.monotonic()

    def why_dead(self) -> str:
        """How the process ended, in words; it is killed if it has not."""
        self.process.join(GRACE)
        code = self.process.exitcode
        if code is None:
            self.process.kill()
            self.process.join()
            return "its worker let go of its pipe"
        if code >= 0:
            return f"its worker ended with exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = ", as the kernel does when memory runs out" if -code == signal.SIGKILL else ""
        return f"its worker was ended by {name}{hint}"


class _Pool:
    """Workers for the shards that are still to be made; ``tasks`` are their items."""

    def __init__(
        self,
        work: Work[Any],
        dataset: DataSet,
        tasks: Mapping[int, Sequence[Item]],
        jobs: int,
        patience: float,
        tell: Listener,
        items_done: int,
    ) -> None:
        self._work = work
        self._dataset = dataset
        self._tasks = tasks
        self._jobs = jobs
        self._patience = patience
        self._tell = tell
        self._items_done = self._shown = items_done
        self._todo = deque(tasks)
        self._deaths: Counter[int] = Counter()
        self._workers: list[_Worker] = []

    def run(self) -> Generator[tuple[int, Marker], None, None]:
        """Each shard when it is finished.  Raises CannotRun, WorkFailed; no worker outlives it."""
        gently = False
        try:
            while self._todo or self._busy():
                self._employ()
                patience = min(worker.heard + self._patience for worker in self._busy()) - time.monotonic()
                pipes: list[Any] = [worker.pipe for worker in self._workers]
                ready = wait(pipes + [worker.process.sentinel for worker in self._workers], max(patience, 0.0))
                for worker in list(self._workers):
                    if worker.pipe in ready or worker.process.sentinel in ready:
                        yield from self._hear(worker)
                    elif worker.index is not None and time.monotonic() >= worker.heard + self._patience:
                        worker.process.kill()
                        worker.process.join()
                        self._bury(worker, f"its worker made no progress for {self._patience:g} s")
            gently = True
        finally:
            self._end(gently)

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.index is not None]

    def _employ(self) -> None:
        """Give shards to workers that have none; start workers while there are too few."""
        for worker in self._workers:
            if worker.index is None and self._todo:
                worker.take(self._todo.popleft())
                self._send(worker)
        while self._todo and len(self._workers) < self._jobs:
            slot = min(set(range(self._jobs)) - {worker.slot for worker in self._workers})
            worker = _Worker(self._work, self._dataset, slot)
            self._workers.append(worker)
            worker.take(self._todo.popleft())

    def _send(self, worker: _Worker) -> None:
        """Send a worker its items.  It waits for them: a long message cannot block."""
        assert worker.index is not None
        try:
            worker.pipe.send((worker.index, self._tasks[worker.index]))
        except OSError:
            pass  # It died: its sentinel says so next.

    def _hear(self, worker: _Worker) -> Iterator[tuple[int, Marker]]:
        """What a worker has said by now, or that it died."""
        # Asked first: what it said before it died is heard below.
        dead = not worker.process.is_alive()
        while worker.pipe.poll():
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                dead = True
                break
            worker.heard = time.monotonic()
            if isinstance(message, _Ready):
                self._send(worker)
            elif isinstance(message, _ItemDone):
                worker.items_done += 1
                self._show_progress()
            elif isinstance(message, _Made):
                yield self._made(worker)
            elif message.refused:
                raise CannotRun(message.text)
            else:
                raise WorkFailed(f"{self._called(worker.index)}: the work failed:\n{message.text}")
        if dead:
            self._bury(worker, worker.why_dead())

    def _called(self, index: int | None) -> str:
        """A shard as people can find it: its file, and its items."""
        items = () if index is None else self._tasks[index]
        if index is None or not items:
            return "a worker"
        return f"{self._dataset.name(index)} ({items[0].key!r} to {items[-1].key!r})"

    def _made(self, worker: _Worker) -> tuple[int, Marker]:
        index = worker.index
        assert index is not None
        found = self._dataset.found(index, hashed=False)
        if found.marker is None:
            raise CannotRun(f"{self._dataset.part(index)}: has vanished; run the same command again")
        worker.index = None
        worker.items_done = 0
        self._items_done += len(self._tasks[index])
        self._show_progress()
        seconds = time.monotonic() - worker.began
        self._tell(ShardDone(index, found.marker.part.rows, seconds, found.marker.said))
        return index, found.marker

    def _show_progress(self) -> None:
        now = self._items_done + sum(worker.items_done for worker in self._workers)
        if now != self._shown:
            self._shown = now
            self._tell(Progress(now))

    def _bury(self, worker: _Worker, why: str) -> None:
        """Forget a worker that died; its shard is tried again, or one time too often."""
        self._workers.remove(worker)
        worker.pipe.close()
        _sweep(self._dataset)
        index = worker.index
        if index is None:
            return
        self._deaths[index] += 1
        if self._deaths[index] > RETRIES:
            raise CannotRun(
                f"{self._called(index)}: given up after {self._deaths[index]} tries: {why}; fewer jobs leave more "
                "memory to each; finished shards stay: the same command goes on"
            )
        self._show_progress()
        self._tell(Retried(index, why))
        self._todo.appendleft(index)

    def _end(self, gently: bool) -> None:
        """End all workers: they may close their benches, but not take longer than `GRACE`."""
        workers, self._workers = self._workers, []
        if not workers:
            return
        try:
            for worker in workers:
                worker.pipe.close()
                if not gently:
                    worker.process.terminate()
            deadline = time.monotonic() + GRACE
            for worker in workers:
                worker.process.join(max(deadline - time.monotonic(), 0.0))
        finally:
            # Also at a second Ctrl-C.
            for worker in workers:
                worker.process.kill()
            for worker in workers:
                worker.process.join()
            # Why the run ends matters more than what cannot be tidied up.
            with suppress(CannotRun):
                _sweep(self._dataset)
