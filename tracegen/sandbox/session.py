"""A sandbox that stays: a warm parent behind walls, one task after the other, each watched from outside.

Sends a task with its own shared memory and pipes, keeps time, adds up memory, files and output of all of its
processes, ends what goes beyond, and begins a new sandbox when one is not clean again.  Knows nothing of what a task
means; a task's end is a `Finished`, as of any child.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO

from tracegen import columns
from tracegen.execution import Finished, Lanes, Outputs, Stop, request, shared_memory
from tracegen.notes import WireError
from tracegen.payload.scope import Selection
from tracegen.sandbox import tree
from tracegen.sandbox.bounds import Bounds, Level
from tracegen.sandbox.interpreter import needs
from tracegen.sandbox.parent import ANSWER_SECONDS, Lost, Parent
from tracegen.settings import CannotRun, Settings

WATCH_SECONDS = 0.05
"""The longest time between two looks at a task's processes and files.  A task that ends before the first costs none."""
HURRY_SECONDS = 0.005
"""The shortest."""
FILL_RATE = 4 << 30
"""Bytes of memory that a thread can touch in a second, at most: how soon what is left could be gone."""
KILL_SECONDS = 2.0
"""Within which a warm parent must have ended a task, or it is ended with it."""
TRIES = 3
"""How often a task is begun when its sandbox dies around it."""


@dataclass(frozen=True, slots=True)
class _End:
    """How a task's process ended: its status as ``waitpid`` has it, who ended it, and whether nothing is left of it."""

    status: int
    stopped: Stop | None
    clean: bool

    @property
    def by_others(self) -> bool:
        """Whether a SIGKILL that was not ours ended it: the kernel's, for want of memory, or its own."""
        return self.stopped is None and os.waitstatus_to_exitcode(self.status) == -signal.SIGKILL


class Sandbox:
    """Runs tasks of one interpreter, one at a time.  Use as a context manager.

    Raises CannotRun where a level does not work on this machine.
    """

    def __init__(self, settings: Settings, level: Level, bounds: Bounds | None = None) -> None:
        self.level = level
        self.started = 0
        self.python = settings.python
        self._settings = settings
        self._bounds = bounds or Bounds()
        self._library = settings.library()
        self._needs = needs(settings.python)
        self._warm: Parent | None = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End everything of the sandbox."""
        if self._warm is not None:
            self._warm.end()
            self._warm = None

    @property
    def pid(self) -> int | None:
        """The process on this side that is above all of the sandbox's, while there is one."""
        return self._warm.pid if self._warm is not None else None

    def run(
        self,
        target: Mapping[str, object],
        selection: Selection,
        settings: Settings | None = None,
        *,
        stdin: BinaryIO | None = None,
        lanes: Lanes | None = None,
    ) -> Finished:
        """Run a target (payload/child.py) to its end.

        ``settings`` may differ from the sandbox's own in all but the interpreter and the tracer.  What died for
        reasons outside of the task is begun again: after the second SIGKILL that was not ours, it was the program's.
        Raises CannotRun if the sandbox cannot be had, or the wire was damaged by the program.
        """
        settings = settings or self._settings
        killed = 0
        for tried in range(1, TRIES + 1):
            warm = self._ready()
            try:
                with _Belongings(stdin) as belongings:
                    finished, end = self._run(warm, target, selection, settings, belongings, lanes or Lanes())
            except Lost as error:
                self.close()
                if tried == TRIES:
                    raise CannotRun(f"the sandbox died {TRIES} times under the same program: {error}") from None
                continue
            except WireError as error:
                raise CannotRun(f"the program damaged its own recording: {error}") from None
            except BaseException:
                self.close()
                raise
            killed += end.by_others
            if not end.by_others or killed == 2 or tried == TRIES:
                return finished
        raise AssertionError("unreachable")

    def _ready(self) -> Parent:
        if self._warm is None:
            self._warm = Parent(self.level, self._needs, self._library, self._bounds)
            self.started += 1
        return self._warm

    def _run(
        self,
        warm: Parent,
        target: Mapping[str, object],
        selection: Selection,
        settings: Settings,
        belongings: _Belongings,
        lanes: Lanes,
    ) -> tuple[Finished, _End]:
        memory, view = shared_memory(lanes)
        started = time.time()
        try:
            config = belongings.file(request(target, selection, settings, warm.library))
            seconds = int(settings.deadline + 5) * (os.cpu_count() or 1)
            warm.send({"do": "run", "seconds": seconds}, [config, memory, *belongings.theirs])
        finally:
            os.close(memory)
        belongings.give_away()
        outputs = Outputs(belongings.ours, settings.output_bytes)
        end = self._attend(warm, outputs, belongings.ours, settings.deadline)
        if not end.clean:
            # Before anything is read: what still runs could change it meanwhile.
            self.close()
        outputs.rest()
        found = columns.read(view)
        out, err = belongings.ours
        code = os.waitstatus_to_exitcode(end.status)
        kept, cut = (outputs.kept(out), outputs.kept(err)), outputs.cut(out)
        return Finished(found, code, end.stopped, *kept, cut, started, self.level.value), end

    def _attend(self, warm: Parent, outputs: Outputs, pipes: tuple[int, int], seconds: float) -> _End:
        """Wait for the task's end, or end it."""
        now = time.monotonic()
        deadline, look = now + seconds, now + WATCH_SECONDS
        stopped: Stop | None = None
        with selectors.DefaultSelector() as selector:
            for pipe in pipes:
                selector.register(pipe, selectors.EVENT_READ)
            selector.register(warm.control, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select(max(min(look, deadline) - time.monotonic(), 0)):
                    if key.fileobj is warm.control:
                        try:
                            said = warm.receive()
                        except Lost:
                            if stopped is not None:
                                return _End(signal.SIGKILL, stopped, clean=False)
                            raise
                        if "ended" in said:
                            return _End(said["ended"], stopped, self._is_clean(warm))
                    elif not outputs.drain(key.fd):
                        selector.unregister(key.fd)
                now = time.monotonic()
                if stopped is not None:
                    if now > deadline:
                        return _End(signal.SIGKILL, stopped, clean=False)
                    continue
                if now >= deadline:
                    stopped = Stop.DEADLINE
                elif outputs.seen > self._bounds.printed:
                    stopped = Stop.OUTPUT
                elif now >= look:
                    stopped, patience = self._looked(warm)
                    look = time.monotonic() + patience
                if stopped is not None:
                    try:
                        warm.send({"do": "kill"}, [])
                    except Lost:
                        return _End(signal.SIGKILL, stopped, clean=False)
                    deadline = look = now + KILL_SECONDS

    def _is_clean(self, warm: Parent) -> bool:
        try:
            return bool(warm.hear("clean", ANSWER_SECONDS))
        except Lost:
            return False

    def _looked(self, warm: Parent) -> tuple[Stop | None, float]:
        """What the task takes more of than it may, if anything; and until when to look again."""
        began = time.monotonic()
        pids = warm.processes()
        seen = tree.seen(pids, self._bounds.memory)
        if seen.memory > self._bounds.memory:
            return Stop.MEMORY, 0
        # A user's processes are counted by the kernel, but for a user who has others the limit is no exact one.
        if seen.threads > 2 * self._bounds.processes:
            return Stop.PROCESSES, 0
        if warm.has_written_too_much(pids):
            return Stop.DISK, 0
        at_once = min(seen.threads, os.cpu_count() or 1)
        soon = (self._bounds.memory - seen.memory) / (FILL_RATE * at_once)
        # Looking takes a share of the processor that stays small, whatever there is to see.
        return None, max(min(WATCH_SECONDS, max(HURRY_SECONDS, soon)), 3 * (time.monotonic() - began))


class _Belongings:
    """The file descriptors of a task: what it reads and prints."""

    def __init__(self, stdin: BinaryIO | None) -> None:
        self._open: list[int] = []
        try:
            source = os.open(os.devnull, os.O_RDONLY) if stdin is None else self._copied(stdin)
            self._open.append(source)
            out, out_end = self._pipe()
            err, err_end = self._pipe()
        except BaseException:
            self.close()
            raise
        self.ours = (out, err)
        self.theirs = (source, out_end, err_end)

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._open += ends
        return ends

    def _copied(self, stdin: BinaryIO) -> int:
        """A copy: what a file's own descriptor leads to could be opened for writing by the same user."""
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(stdin, copy)
            copy.seek(0)
            return os.dup(copy.fileno())

    def file(self, data: bytes) -> int:
        """A file with these bytes, at its start."""
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            self._open.append(os.dup(file.fileno()))
        return self._open[-1]

    def give_away(self) -> None:
        """Let go of what only the task must hold: the pipes end when it does."""
        for end in self.theirs:
            os.close(end)
            self._open.remove(end)

    def close(self) -> None:
        """Let go of the rest."""
        while self._open:
            os.close(self._open.pop())

    def __enter__(self) -> _Belongings:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
