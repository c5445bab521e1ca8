"""Folders of sandboxes, in the temporary folder: marked as ours, locked while they are used, removed at the end.

A run that is killed cannot remove its own: whoever makes the next one removes those that nobody holds any more.  What
has no mark is somebody's data, whatever it is called.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from pathlib import Path
from types import TracebackType

from tracegen.payload.warm import empty

PREFIX = "foretrace-"
MARK = ".foretrace-home"
"""The file that only `Home` puts into a folder."""
YOUNG = 60.0
"""Seconds: a folder that is not locked may have been made just now."""


class Home:
    """A folder that is empty, ours and locked, until it is closed.  Use as a context manager."""

    def __init__(self) -> None:
        sweep()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        (self.path / MARK).touch(0o600)
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def __enter__(self) -> Home:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Remove it, with what is in it."""
        if self._lock >= 0:
            _remove(self.path)
            os.close(self._lock)
            self._lock = -1


def sweep() -> None:
    """Remove the folders of runs of this user that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                continue
            if not stat.S_ISREG((path / MARK).lstat().st_mode):
                continue
            if time.time() - found.st_mtime < YOUNG:
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
        except OSError:
            pass  # Somebody works there.
        finally:
            os.close(lock)


def _remove(path: Path) -> None:
    try:
        empty(str(path))
        path.rmdir()
    except OSError:
        pass
