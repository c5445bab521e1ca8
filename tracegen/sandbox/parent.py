"""A running warm parent as this side sees it: its process, and the socket by which it is told what to do.

Knows its messages (payload/warm.py has the other side); knows nothing of what a task is: see session.py.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tracegen.execution import environment
from tracegen.payload.confine import Caps
from tracegen.sandbox import tree
from tracegen.sandbox.bounds import Bounds, Level
from tracegen.sandbox.interpreter import Needs
from tracegen.sandbox.walls import PASSWD, walls
from tracegen.settings import CannotRun, Settings

PACKET = 1 << 16
START_SECONDS = 30.0
CLEAN_SECONDS = 10.0
"""Seconds within which a warm parent must say what it has to say."""


class Lost(Exception):
    """The sandbox is gone, or does not answer."""


class Parent:
    """A running warm parent, and this side's end of its control socket."""

    def __init__(
        self, level: Level, wanted: Needs, library: str, bounds: Bounds, slot: int, settings: Settings
    ) -> None:
        self._level = level
        self._home = Path(tempfile.mkdtemp(prefix="foretrace-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with tempfile.TemporaryFile() as users, tempfile.TemporaryFile() as complaints:
                users.write(PASSWD)
                users.flush()
                users.seek(0)
                fds = (theirs.fileno(), users.fileno())
                self._walls = walls(level, wanted, library, self._home, bounds, slot, fds)
                self.library = self._walls.library
                self._start(theirs, fds, complaints)
                self._greet(bounds, settings, complaints)
        except BaseException:
            self.end()
            raise
        finally:
            theirs.close()

    def _start(self, theirs: socket.socket, fds: tuple[int, int], complaints: BinaryIO) -> None:
        argv = self._walls.argv
        try:
            self._process = subprocess.Popen(
                argv,
                cwd="/",
                env=environment(self._walls.work),
                stdin=subprocess.DEVNULL,
                stdout=complaints,
                stderr=complaints,
                pass_fds=fds,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotRun(f"{argv[0]}: cannot be started: {error.strerror}") from None
        theirs.close()

    def _greet(self, bounds: Bounds, settings: Settings, complaints: BinaryIO) -> None:
        caps = Caps(
            memory=bounds.memory,
            file_bytes=bounds.disk,
            processes=bounds.processes + self._others(),
            open_files=bounds.open_files,
            seconds=int(settings.deadline) + 5,
        )
        start = {
            "library": self.library,
            "folders": self._walls.folders,
            "work": self._walls.work,
            "walls": self._level is not Level.PROCESS,
            "sockets": self._level is Level.BWRAP,
            "reads": self._walls.reads,
            "writes": self._walls.writes,
            "caps": caps._asdict(),
        }
        try:
            self.send(start, [])
            if not self.hear("ready", START_SECONDS):
                raise Lost("its folders cannot be emptied")
        except Lost as error:
            self._process_ended()
            complaints.seek(0)
            said = complaints.read(1 << 16).decode("utf-8", "replace").strip().splitlines()
            why = said[-1][:300] if said else str(error)
            raise CannotRun(f"the sandbox does not start at the level {self._level.value}: {why}") from None

    def _others(self) -> int:
        """Processes of the same user that are none of the sandbox's: the kernel counts them with its own."""
        if self._level is not Level.LANDLOCK or os.getuid() == 0:
            return 0
        own = os.getuid()
        count = 0
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and os.stat(f"/proc/{name}").st_uid == own:
                    count += len(os.listdir(f"/proc/{name}/task"))
            except OSError:
                continue
        return count

    @property
    def pid(self) -> int:
        """The process on this side that is above all of the sandbox's."""
        assert self._process is not None
        return self._process.pid

    def written(self) -> int:
        """Bytes of files that the task has written, where no file system of a fixed size keeps them."""
        if self._level is Level.BWRAP:
            return 0
        total = 0
        for folder, _, names in os.walk(self._home / "box"):
            for name in names:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_blocks * 512
                except OSError:
                    continue
        return total

    def send(self, message: Mapping[str, object], fds: list[int]) -> None:
        """Raises Lost."""
        try:
            socket.send_fds(self.control, [json.dumps(message).encode("ascii")], fds)
        except OSError as error:
            raise Lost(f"it is gone: {error.strerror}") from None

    def receive(self) -> dict[str, Any]:
        """The next message.  Raises Lost at the end, or for what no warm parent of ours says."""
        try:
            data = self.control.recv(PACKET)
            said = json.loads(data) if data else None
        except (OSError, ValueError):
            said = None
        if not isinstance(said, dict):
            raise Lost("it ended")
        return said

    def hear(self, key: str, seconds: float) -> Any:
        """What it says under a key, within a time.  Raises Lost."""
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            while selector.select(max(until - time.monotonic(), 0)):
                said = self.receive()
                if key in said:
                    return said[key]
        raise Lost(f"it does not answer within {seconds:g} s")

    def _process_ended(self) -> None:
        if self._process is not None:
            try:
                self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                pass

    def end(self) -> None:
        """End all of it: the warm parent first, if it still listens, then whatever is left."""
        self.control.close()
        process = self._process
        if process is not None:
            try:
                process.wait(CLEAN_SECONDS if self._level is not Level.BWRAP else 0.2)
            except subprocess.TimeoutExpired:
                pass
            for pid in [*tree.descendants(process.pid), process.pid] if process.returncode is None else []:
                try:
                    os.kill(pid, 9)
                except OSError:
                    pass
            process.wait()
            self._process = None
        shutil.rmtree(self._home, ignore_errors=True)
