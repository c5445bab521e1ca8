"""A sandbox that stays: a warm parent behind walls, one task after the other, each watched from outside.

Sends a task with its own shared memory and pipes, keeps time, adds up memory, files and output of all of its
processes, ends what goes beyond, and begins a new sandbox when one is not clean again.  Knows nothing of what a task
means; a task's end is a `Finished`, as of any child.
"""

from __future__ import annotations

import os
import selectors
import tempfile
import time
from collections.abc import Mapping
from types import TracebackType
from typing import BinaryIO

from tracegen import columns
from tracegen.execution import Finished, Lanes, Outputs, Stop, request, shared_memory
from tracegen.notes import WireError
from tracegen.payload.scope import Selection
from tracegen.sandbox import tree
from tracegen.sandbox.bounds import Bounds, Level
from tracegen.sandbox.interpreter import needs
from tracegen.sandbox.parent import CLEAN_SECONDS, Lost, Parent
from tracegen.settings import CannotRun, Settings

WATCH_SECONDS = 0.05
"""Between two looks at a task's processes and files.  A task that ends before the first costs none."""
TRIES = 3
"""How often a task is begun when its sandbox dies around it."""


class Sandbox:
    """Runs tasks of one interpreter, one at a time.  Use as a context manager.

    ``slot`` tells the sandboxes of one process apart.  Raises CannotRun where a level does not work on this machine.
    """

    def __init__(self, settings: Settings, level: Level, bounds: Bounds | None = None, slot: int = 0) -> None:
        self.level = level
        self._settings = settings
        self._bounds = bounds or Bounds()
        self._slot = slot
        self._library = settings.library()
        self._needs = needs(settings.python)
        self._warm: Parent | None = None
        self.started = 0

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End everything of the sandbox."""
        if self._warm is not None:
            self._warm.end()
            self._warm = None

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
        reasons outside of the task is begun again.  Raises CannotRun if the sandbox cannot be had, or the wire was
        damaged by the program.
        """
        settings = settings or self._settings
        for tried in range(1, TRIES + 1):
            warm = self._ready(settings)
            try:
                finished, clean = self._run(warm, target, selection, settings, stdin, lanes or Lanes())
            except Lost as error:
                self.close()
                if tried == TRIES:
                    raise CannotRun(f"the sandbox died {TRIES} times under the same program: {error}") from None
                continue
            except WireError as error:
                raise CannotRun(f"the program damaged its own recording: {error}") from None
            if not clean:
                self.close()
            return finished
        raise AssertionError("unreachable")

    def _ready(self, settings: Settings) -> Parent:
        if self._warm is None:
            self._warm = Parent(self.level, self._needs, self._library, self._bounds, self._slot, settings)
            self.started += 1
        return self._warm

    def _run(
        self,
        warm: Parent,
        target: Mapping[str, object],
        selection: Selection,
        settings: Settings,
        stdin: BinaryIO | None,
        lanes: Lanes,
    ) -> tuple[Finished, bool]:
        memory, view = shared_memory(lanes)
        pipes: list[int] = []
        try:
            with tempfile.TemporaryFile() as config, open(os.devnull, "rb") as nothing:
                config.write(request(target, selection, settings, warm.library))
                config.flush()
                config.seek(0)
                pipes = [*os.pipe(), *os.pipe()]
                out, out_end, err, err_end = pipes
                started = time.time()
                source = (stdin or nothing).fileno()
                warm.send({"do": "run"}, [config.fileno(), memory, source, out_end, err_end])
                for end in (out_end, err_end):
                    os.close(end)
                    pipes.remove(end)
            outputs = Outputs((out, err), settings.output_bytes)
            status, stopped = self._attend(warm, outputs, (out, err), settings.deadline)
            clean = warm.hear("clean", CLEAN_SECONDS)
            outputs.rest()
            found = columns.read(view)
            return (
                Finished(
                    found,
                    os.waitstatus_to_exitcode(status),
                    stopped,
                    outputs.kept(out),
                    outputs.kept(err),
                    outputs.cut(out),
                    started,
                    self.level.value,
                ),
                bool(clean),
            )
        finally:
            os.close(memory)
            for pipe in pipes:
                os.close(pipe)

    def _attend(
        self, warm: Parent, outputs: Outputs, pipes: tuple[int, int], seconds: float
    ) -> tuple[int, Stop | None]:
        """Wait for the task's end, or end it; its status as ``waitpid`` has it."""
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
                        said = warm.receive()
                        if "ended" in said:
                            return int(said["ended"]), stopped
                    elif not outputs.drain(key.fd):
                        selector.unregister(key.fd)
                now = time.monotonic()
                if stopped is not None:
                    if now > deadline:
                        raise Lost("it does not end its processes")
                    continue
                if now >= deadline:
                    stopped = Stop.DEADLINE
                elif outputs.seen > self._bounds.printed:
                    stopped = Stop.OUTPUT
                elif now >= look:
                    stopped = self._beyond(warm)
                    look = now + WATCH_SECONDS
                if stopped is not None:
                    warm.send({"do": "kill"}, [])
                    deadline = look = now + CLEAN_SECONDS

    def _beyond(self, warm: Parent) -> Stop | None:
        """What the task takes more of than it may, if anything."""
        pids = tree.descendants(warm.pid)
        if len(pids) > 2 * self._bounds.processes:
            return Stop.PROCESSES
        if tree.memory(pids, self._bounds.memory) > self._bounds.memory:
            return Stop.MEMORY
        if warm.written() > self._bounds.disk:
            return Stop.DISK
        return None
