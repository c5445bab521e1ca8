"""The warm parent: an interpreter that is ready, inside the sandbox, and forks for each task.

It listens on a socket for one task at a time, with the file descriptors that belong to it.  The fork takes its rights
away (confine.py) and becomes the task's process, which ends as an interpreter ends.  The parent tells how it ended,
ends whatever it left running, empties the work folder, and says whether the sandbox is clean again.  Knows nothing of
what a task is, or of what is recorded.

Its messages are JSON, one a packet; docs/security.md lists them.
"""

from __future__ import annotations

import _socket
import gc
import json
import os
import select
import shutil
import signal
import stat
import sys
import time
from typing import Any, Dict, List, NamedTuple, NoReturn, Optional, Tuple

from . import confine, tracers

PACKET = 1 << 16
MAX_FDS = 8
PATIENCE = 5.0
"""Seconds within which what a task left running must be gone."""

_INIT = 1


class Task(NamedTuple):
    """What a fork is to do, as file descriptors: its configuration, and the wire."""

    config: int
    wire: int


def serve(control_fd: int) -> Task:
    """Serve tasks until the other end closes.  Returns in a fork only, once for each task."""
    control = _socket.socket(fileno=control_fd)
    start, _ = _received(control)
    if start is None:
        os._exit(0)
    return _Parent(control, start).serve()


def _received(control: Any) -> Tuple[Optional[Dict[str, Any]], List[int]]:
    """A message and its file descriptors; None at the end."""
    room = _socket.CMSG_SPACE(4 * MAX_FDS)
    data, ancillary, _, _ = control.recvmsg(PACKET, room)
    fds: List[int] = []
    for level, kind, content in ancillary:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
            fds += [int.from_bytes(content[at : at + 4], sys.byteorder) for at in range(0, len(content) - 3, 4)]
    return (json.loads(data.decode("ascii")) if data else None), fds


class _Parent:
    """The state of the warm parent: the socket, the walls, and the task that runs."""

    def __init__(self, control: Any, start: Dict[str, Any]) -> None:
        self._control = control
        self._folders: List[str] = start["folders"]
        self._work: str = start["work"]
        self._walls: bool = start["walls"]
        self._sockets: bool = start["sockets"]
        self._caps = confine.Caps(**start["caps"])
        self._rules = -1
        self._scoped = False
        if self._walls and confine.landlock_abi():
            self._rules = confine.ruleset(start["reads"], start["writes"])
            self._scoped = confine.scopes_signals(confine.landlock_abi())
        if self._walls:
            confine.dumpable(False)
        if os.getpid() != _INIT and sys.platform == "linux":
            confine.adopt_orphans()
        # Whatever a task needs first is here already: the C core, and the module that every task seeds.
        tracers.parts(start["library"])
        import random  # noqa: F401

        self._task = 0
        self._woken, waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(waker, False)
        self._waker = waker
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._end_all()
        self._say(ready=self._swept())
        gc.collect()
        gc.freeze()

    def _say(self, **message: Any) -> None:
        try:
            self._control.send(json.dumps(message).encode("ascii"))
        except OSError:
            self._leave()

    def serve(self) -> Task:
        while True:
            readable, _, _ = select.select([self._control, self._woken], [], [])
            if self._woken in readable:
                try:
                    os.read(self._woken, 1 << 12)
                except OSError:
                    pass
                self._reap()
            if self._control in readable:
                message, fds = _received(self._control)
                if message is None:
                    self._leave()
                elif message["do"] == "run":
                    task = self._forked(fds)
                    if task is not None:
                        return task
                elif message["do"] == "kill" and self._task:
                    self._end_all()

    def _forked(self, fds: List[int]) -> Optional[Task]:
        """Fork; None in the parent."""
        try:
            os.mkdir(self._work, 0o700)
        except OSError:
            pass
        pid = os.fork()
        if pid:
            self._task = pid
            for fd in fds:
                os.close(fd)
            return None
        try:
            return self._become(fds)
        except BaseException as error:
            os.write(2, "the sandbox cannot be closed: {}\n".format(error).encode("utf-8", "replace"))
            os._exit(125)

    def _become(self, fds: List[int]) -> Task:
        """Be the task's process from here on."""
        config, wire, *standard = fds
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in (self._control.detach(), self._woken, self._waker):
            os.close(fd)
        for number, fd in enumerate(standard):
            os.dup2(fd, number, inheritable=True)
            os.close(fd)
        os.chdir(self._work)
        if self._walls:
            confine.cap(self._caps)
            confine.dumpable(True)
            confine.no_new_privileges()
            if self._rules >= 0:
                confine.restrict(self._rules)
                os.close(self._rules)
            own = None if self._scoped or os.getppid() == _INIT else os.getpid()
            confine.filter_calls(confine.filter_of(os.uname().machine, sockets=self._sockets, own=own))
        return Task(config, wire)

    def _reap(self) -> None:
        """Take note of children that ended; when it was the task's, end what it left, and clean up."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            self._ended(pid, status)

    def _ended(self, pid: int, status: int) -> None:
        if pid == self._task:
            self._task = 0
            self._say(ended=status)
            self._say(clean=self._end_all() and self._swept())

    def _end_all(self) -> bool:
        """End every process below this one; whether none is left."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid:
                self._ended(pid, status)
                continue
            if time.monotonic() > until:
                return False
            if os.getpid() == _INIT:
                # Everything in this namespace but us: nothing can fork its way out of it.
                _kill(-1)
            else:
                for each in descendants(os.getpid()):
                    _kill(each)
            select.select([], [], [], 0.0005)

    def _swept(self) -> bool:
        """Empty the folders that tasks can write to; whether they are empty."""
        try:
            return all(_sweep(folder) for folder in self._folders)
        except (OSError, RecursionError, ValueError):
            return False

    def _leave(self) -> NoReturn:
        self._end_all()
        self._swept()
        os._exit(0)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


def descendants(pid: int) -> List[int]:
    """Processes below one, by the kernel's own lists."""
    found: List[int] = []
    waiting = [pid]
    while waiting:
        folder = "/proc/{}/task".format(waiting.pop())
        try:
            threads = os.listdir(folder)
        except OSError:
            continue
        for thread in threads:
            try:
                with open("{}/{}/children".format(folder, thread), "rb") as stream:
                    children = [int(word) for word in stream.read().split()]
            except (OSError, ValueError):
                continue
            found += children
            waiting += children
    return found


def _sweep(folder: str) -> bool:
    if not os.listdir(folder):
        return True
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if stat.S_ISDIR(os.lstat(path).st_mode):
            shutil.rmtree(path, onerror=_opened_up)
        else:
            os.unlink(path)
    return not os.listdir(folder)


def _opened_up(function: Any, path: str, _: Any) -> None:
    """A folder whose rights were taken away is still its owner's to give back."""
    for each in (os.path.dirname(path), path):
        if stat.S_ISDIR(os.lstat(each).st_mode):
            os.chmod(each, 0o700)
    if function in (os.unlink, os.rmdir):
        function(path)
    else:
        shutil.rmtree(path)
