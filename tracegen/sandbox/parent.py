"""A running warm parent as this side sees it: its process, and the socket by which it is told what to do.

Knows its messages (payload/warm.py has the other side); knows nothing of what a task is: see session.py.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from typing import BinaryIO

from tracegen.execution import environment
from tracegen.homes import Home
from tracegen.payload import confine
from tracegen.sandbox import files, tree
from tracegen.sandbox.bounds import Bounds, Level
from tracegen.sandbox.interpreter import Needs
from tracegen.sandbox.users import User
from tracegen.sandbox.walls import PASSWD, walls
from tracegen.settings import NoSandbox

PACKET = 1 << 16
START_SECONDS = 30.0
ANSWER_SECONDS = 10.0
"""Seconds within which a warm parent must say what it has to say."""
LEAVE_SECONDS = 2.0
"""Seconds within which it must be gone when nobody wants it any more."""


class Lost(Exception):
    """The sandbox is gone, or does not answer."""


class Parent:
    """A running warm parent, and this side's end of its control socket."""

    def __init__(self, level: Level, wanted: Needs, library: str, bounds: Bounds) -> None:
        self._level = level
        self._bounds = bounds
        self._user = User() if os.getuid() == 0 and level is not Level.PROCESS else None
        self._home = Home()
        self._process: subprocess.Popen[bytes] | None = None
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            # A pipe, as tasks have one: Python's streams remember for ever whether they could seek at their start.
            complaints, theirs_too = os.pipe()
            with tempfile.TemporaryFile() as users, os.fdopen(complaints, "rb", 0) as heard:
                users.write(PASSWD)
                users.flush()
                users.seek(0)
                fds = (theirs.fileno(), users.fileno())
                uid = self._user.uid if self._user else None
                self._walls = walls(level, wanted, library, self._home.path, bounds, uid, fds)
                self.library = self._walls.library
                self._start(theirs, fds if level is Level.BWRAP else fds[:1], theirs_too)
                self._greet(heard)
        except BaseException:
            self.end()
            raise
        finally:
            theirs.close()

    def _start(self, theirs: socket.socket, fds: tuple[int, ...], complaints: int) -> None:
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
            raise NoSandbox(f"{argv[0]}: cannot be started: {error.strerror}") from None
        finally:
            os.close(complaints)
        theirs.close()

    def _greet(self, complaints: BinaryIO) -> None:
        caps = {
            "memory": self._bounds.memory,
            "file_bytes": self._bounds.disk,
            "processes": self._bounds.processes + self._others(),
            "open_files": self._bounds.open_files,
        }
        abi = confine.landlock_abi()
        start = {
            "library": self.library,
            "folders": self._walls.folders,
            "work": self._walls.work,
            "walls": self._level is not Level.PROCESS,
            "namespaces": self._level is Level.BWRAP,
            "owner": self._level is Level.LANDLOCK and self._user is None,
            "scoped": self._level is Level.LANDLOCK and confine.scopes_signals(abi),
            "abi": abi,
            "reads": self._walls.reads,
            "writes": self._walls.writes,
            "caps": caps,
        }
        try:
            self.send(start, [])
            if not self.hear("ready", START_SECONDS):
                raise Lost("its folders cannot be emptied")
        except Lost as error:
            self._process_ended()
            os.set_blocking(complaints.fileno(), False)
            said = (complaints.read(1 << 16) or b"").decode("utf-8", "replace").strip().splitlines()
            why = said[-1][:300] if said else str(error)
            raise NoSandbox(f"the sandbox does not start at the level {self._level.value}: {why}") from None

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

    def processes(self) -> list[int]:
        """All of the sandbox, the warm parent and whatever stands above it included."""
        return [self.pid, *tree.descendants(self.pid)]

    def has_written_too_much(self, pids: list[int]) -> bool:
        """Whether the files of a task with these processes are more than they may be."""
        most = files.Most(self._bounds.disk + files.ROUNDING, self._bounds.files)
        if self._level is Level.BWRAP:
            # The first below bubblewrap is the warm parent, which sees what tasks see.
            return len(pids) > 1 and files.exceeds_in_namespace(pids[1], self._walls.folders, most)
        return files.exceeds(self._home.path / "box", pids, most)

    def send(self, message: Mapping[str, object], fds: list[int]) -> None:
        """Raises Lost."""
        try:
            socket.send_fds(self.control, [json.dumps(message).encode("ascii")], fds)
        except (BrokenPipeError, ConnectionResetError):
            # The same as the end that receive() would read: which of the two sees it first is a matter of time.
            raise Lost("it ended") from None
        except OSError as error:
            raise Lost(f"nothing can be sent to it: {error.strerror}") from None

    def receive(self) -> dict[str, int]:
        """The next message.  Raises Lost at the end, or for what no warm parent of ours says."""
        try:
            data = self.control.recv(PACKET)
            said = json.loads(data) if data else None
        except (OSError, ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or not all(isinstance(value, int) for value in said.values()):
            raise Lost("it ended")
        return said

    def hear(self, key: str, seconds: float) -> int:
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
            if not self._leaves(LEAVE_SECONDS):
                # With the first below it everything goes: see launch.py's keeper, and what pid 1 is to a namespace.
                pids = tree.descendants(process.pid)
                for pid in [*pids, process.pid] if self._level is Level.PROCESS else pids[:1]:
                    _kill(pid)
                if not self._leaves(LEAVE_SECONDS):
                    for pid in [*tree.descendants(process.pid), process.pid]:
                        _kill(pid)
            process.wait()
            self._process = None
        self._home.close()
        if self._user is not None:
            self._user.close()
            self._user = None

    def _leaves(self, seconds: float) -> bool:
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
