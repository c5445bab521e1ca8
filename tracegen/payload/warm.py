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
import signal
import stat
import sys
import time
from typing import Any, Dict, List, NamedTuple, NoReturn, Optional, Tuple

from . import confine, tracers

PACKET = 1 << 16
MAX_FDS = 8
HIGHEST_FD = 1024
PATIENCE = 5.0
"""Seconds within which what a task left running must be gone."""

_INIT = 1


class Task(NamedTuple):
    """What a fork is to do, as file descriptors: its configuration, and the wire."""

    config: int
    wire: int


def serve(control_fd: int) -> Task:
    """Serve tasks until the other end closes.  Returns in a fork only, once for each task."""
    # Whatever else came with us stays from task to task, and is none of theirs.
    os.closerange(3, control_fd)
    os.closerange(control_fd + 1, HIGHEST_FD)
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
        self._folders = {folder: stat.S_IMODE(os.stat(folder).st_mode) for folder in start["folders"]}
        self._work: str = start["work"]
        self._walls: bool = start["walls"]
        self._caps = confine.Caps(seconds=0, **start["caps"])
        self._rules = -1
        abi = min(confine.landlock_abi(), start["abi"]) if self._walls else 0
        self._view = confine.View(namespaces=start["namespaces"], owner=start["owner"], abi=abi)
        if abi:
            self._rules = confine.ruleset(start["reads"], start["writes"], abi, tcp=self._view.namespaces)
        # Whether -1 means all of the sandbox, and nobody else: the kernel goes through them at once.
        self._all_at_once = os.getpid() == _INIT or start["scoped"]
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
                    task = self._forked(fds, message["seconds"])
                    if task is not None:
                        return task
                elif message["do"] == "kill" and self._task:
                    self._end_all()

    def _forked(self, fds: List[int], seconds: int) -> Optional[Task]:
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
            return self._become(fds, seconds)
        except BaseException as error:
            os.write(2, "the sandbox cannot be closed: {}\n".format(error).encode("utf-8", "replace"))
            os._exit(125)

    def _become(self, fds: List[int], seconds: int) -> Task:
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
            confine.cap(self._caps._replace(seconds=seconds))
            confine.dumpable(True)
            confine.no_new_privileges()
            if self._rules >= 0:
                confine.restrict(self._rules)
                os.close(self._rules)
            own = None if self._all_at_once else os.getpid()
            confine.filter_calls(confine.filter_of(os.uname().machine, self._view._replace(own=own)))
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
            if self._all_at_once:
                # Nothing can fork its way out of that, as it could out of a list.
                _kill(-1)
            else:
                for each in descendants(os.getpid()):
                    _kill(each)
            select.select([], [], [], 0.0005)

    def _swept(self) -> bool:
        """Empty the folders that tasks can write to; whether they are empty."""
        try:
            for folder, mode in self._folders.items():
                empty(folder, mode)
        except OSError:
            return False
        return True

    def _leave(self) -> NoReturn:
        self._end_all()
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


def empty(folder: str, mode: Optional[int] = None) -> None:
    """Empty a folder that nobody writes to any more, however deep it is and whatever rights were taken from it.

    Follows no link, and leaves what is mounted in it.  What lies in folders is moved up first: nothing here grows with
    the depth.  ``mode`` is given back to the folder itself, if it is ours.  Raises OSError.
    """
    if mode is not None and os.lstat(folder).st_uid == os.geteuid():
        os.chmod(folder, mode)
    top = os.open(folder, _OPENED)
    try:
        fresh = "{}.".format(os.urandom(8).hex())
        count = 0
        device = os.fstat(top).st_dev
        names = [each for each in os.listdir(top) if os.stat(each, dir_fd=top, follow_symlinks=False).st_dev == device]
        while names:
            name = names.pop()
            if not _is_folder(name, top):
                os.unlink(name, dir_fd=top)
                continue
            inner = _opened_up(lambda: os.open(name, _OPENED, dir_fd=top), name, top)  # noqa: B023
            try:
                if os.fstat(inner).st_uid == os.geteuid():
                    os.chmod(inner, 0o700)
                for each in os.listdir(inner):
                    if _is_folder(each, inner):
                        count += 1
                        moved = fresh + str(count)
                        _opened_up(lambda: os.rename(each, moved, src_dir_fd=inner, dst_dir_fd=top), each, inner)  # noqa: B023
                        names.append(moved)
                    else:
                        os.unlink(each, dir_fd=inner)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)
        for attribute in os.listxattr(top):
            if attribute.startswith(("user.", "system.")):
                os.removexattr(top, attribute)
    finally:
        os.close(top)


_OPENED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _opened_up(act: Any, name: str, parent: int) -> Any:
    """A folder whose rights were taken away is still its owner's to give back."""
    try:
        return act()
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        return act()


def _is_folder(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
