"""What a task's files take on a disk that they share with everybody: bytes and how many, wherever they hide.

Behind bubblewrap file systems of a fixed size keep bytes, and are asked for the number of files.  Elsewhere there is
only looking: into the folder, at files that are open and have no name any more, and at those that are only mapped.
Follows no link.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

DEEPEST = 100
"""Levels of folders that are looked into; what is deeper is too deep."""
BLOCK = 512
ROUNDING = 1 << 20
"""Bytes that a file system takes for itself: one file may be as large as all together, and lies in a folder."""
_OPENED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Most:
    """Bytes, and how many files."""

    size: int
    files: int


class Exceeded(Exception):
    """There is more than there may be."""


def exceeds_in_namespace(pid: int, folders: tuple[str, ...], most: Most) -> bool:
    """Whether a process sees more files than it may in the file systems at these folders."""
    count = 0
    for folder in folders:
        try:
            found = os.statvfs(f"/proc/{pid}/root{folder}")
        except OSError:
            continue
        count += found.f_files - found.f_ffree
    return count > most.files


def exceeds(box: Path, pids: list[int], most: Most) -> bool:
    """Whether the files in a folder, and those of it that only processes still hold, are larger or more."""
    try:
        taken(box, pids, most)
    except Exceeded:
        return True
    except OSError:
        return False
    return False


def taken(box: Path, pids: list[int], most: Most) -> Most:
    """How much there is.  Raises Exceeded as soon as it is too much."""
    look = _Look(most)
    device = os.stat(box).st_dev
    look.into(os.open(box, _OPENED), 0)
    for pid in pids:
        look.at_open(pid, device)
    for pid in pids:
        look.at_mapped(pid, f"{box}/")
    return look.found


class _Look:
    """Adds up; raises Exceeded as soon as it is too much."""

    def __init__(self, most: Most) -> None:
        self._most = most
        self._size = 0
        self._counted: set[int] = set()

    @property
    def found(self) -> Most:
        """So much until now."""
        return Most(self._size, len(self._counted))

    def _add(self, found: os.stat_result) -> None:
        if found.st_ino in self._counted:
            return
        self._counted.add(found.st_ino)
        self._size += found.st_blocks * BLOCK
        if self._size > self._most.size or len(self._counted) > self._most.files:
            raise Exceeded

    def into(self, folder: int, depth: int) -> None:
        """All below an open folder, which is closed."""
        try:
            if depth > DEEPEST:
                raise Exceeded
            with os.scandir(folder) as entries:
                for entry in entries:
                    try:
                        found = entry.stat(follow_symlinks=False)
                        self._add(found)
                        if stat.S_ISDIR(found.st_mode):
                            self.into(_opened(entry.name, folder), depth + 1)
                    except OSError:
                        continue
        finally:
            os.close(folder)

    def at_open(self, pid: int, device: int) -> None:
        """The open files of a process that have no name."""
        folder = f"/proc/{pid}/fd"
        try:
            names = os.listdir(folder)
        except OSError:
            return
        for name in names:
            try:
                found = os.stat(f"{folder}/{name}")
            except OSError:
                continue
            if found.st_dev == device and found.st_nlink == 0 and stat.S_ISREG(found.st_mode):
                self._add(found)

    def at_mapped(self, pid: int, prefix: str) -> None:
        """The mapped files of a process that have no name, and that nobody has open: how large they are is not to be
        found out, so there may be none."""
        try:
            with open(f"/proc/{pid}/maps", "rb") as stream:
                data = stream.read()
        except OSError:
            return
        for line in data.splitlines() if prefix.encode() in data else []:
            if line.endswith(b" (deleted)") and prefix.encode() in line and int(line.split()[4]) not in self._counted:
                raise Exceeded


def _opened(name: str, parent: int) -> int:
    """A folder in one that is open; one that cannot be read is its owner's, and so is made readable."""
    try:
        return os.open(name, _OPENED, dir_fd=parent)
    except PermissionError:
        # Not by its name: that may be a link to something else by now.
        held = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{held}", 0o700)
            return os.open(f"/proc/self/fd/{held}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        finally:
            os.close(held)
