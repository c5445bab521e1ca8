"""Worker processes, from both ends of the pipe: the parent hands out shards and buries the dead; the worker makes them.

A worker that dies for reasons of its own is replaced, and its shard tried again; an exception of the work is not.
Knows nothing of what a data set needs besides shards: see supervisor.py.
"""

from __future__ import annotations

import ctypes
import errno
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from tracegen import aside
from tracegen.manifest import DataSet, Item, Marker
from tracegen.progress import Listener, Progress, Retried, ShardDone
from tracegen.settings import CannotRun
from tracegen.work import Work

RETRIES = 2
"""How often a shard is tried again after its worker died."""
GRACE = 10.0
"""Seconds in which a worker may end by itself before it is killed."""


class WorkFailed(Exception):
    """An exception of the work itself, which no retry mends: the worker's traceback."""


def sweep(dataset: DataSet) -> None:
    """Remove what the dead have left aside."""
    for name in ("", "data", "cut", "state"):
        aside.sweep(dataset.folder / name)


# -- The worker's side.


@dataclass(frozen=True, slots=True)
class _Ready:
    """The bench stands: items may come."""


@dataclass(frozen=True, slots=True)
class _ItemDone:
    pass


@dataclass(frozen=True, slots=True)
class _Alive:
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

    def tell(message: _Ready | _ItemDone | _Alive | _Made | _Failed) -> None:
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
                part = bench.make(items, lambda item=True: tell(_ItemDone() if item else _Alive()))
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


class Pool:
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
            elif isinstance(message, _Alive):
                continue
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
        sweep(self._dataset)
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
                # One of the two: a signal while it closes its bench at the pipe's end would break that off.
                if gently:
                    worker.pipe.close()
                else:
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
                worker.pipe.close()
            # Why the run ends matters more than what cannot be tidied up.
            with suppress(CannotRun):
                sweep(self._dataset)
