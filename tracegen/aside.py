"""How a file of a data set gets on the disk: written aside, and given its name when it is whole and safe.

What a process that died has left aside is swept away, by whoever can tell that it died.  Knows nothing of what is in
a file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from tracegen.settings import CannotRun

# A process that may still be alive can be asked about only from its own machine and pid namespace.
_ASIDE = re.compile(r"\..+\.([0-9a-f]{8})-(\d+)(?:-at(\d*))?-[0-9a-f]{8}\.partial")
_DAY = 86400.0


def _here() -> str:
    """Names this machine, since it was started, and the pid namespace."""
    parts = [socket.gethostname()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            parts.append(os.readlink(path) if path.endswith("pid") else Path(path).read_text("ascii"))
        except OSError:  # macOS
            pass
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:8]


def put(path: Path, data: bytes | pa.Buffer, over: bool = True) -> None:
    """Write a file: when it has its name, it is whole, and it stays after a power cut.  Raises CannotRun.

    Where it exists already it is replaced, or left as it is if not ``over``.
    """
    who = f"{_here()}-{os.getpid()}-at{_process(os.getpid())[1]}"
    aside = path.with_name(f".{path.name}.{who}-{secrets.token_hex(4)}.partial")
    with refusals(path):
        try:
            with aside.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            if over:
                aside.replace(path)
            else:
                _link(aside, path)
            sync_folder(path.parent)
        finally:
            aside.unlink(missing_ok=True)


def _link(aside: Path, path: Path) -> None:
    """Give a file its name if nobody else has it: the first of several jobs wins."""
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    except OSError as error:
        # File systems without hard links (FAT, some that are mounted over a network).
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        if not path.exists():
            aside.replace(path)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems know no such thing.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def is_aside(name: str) -> bool:
    """Whether `put` names its files so while they are not whole."""
    return _ASIDE.fullmatch(name) is not None


def sweep(folder: Path) -> None:
    """Remove what `put` left here when its process was killed; what a living process writes is left alone.

    A process of another machine counts as dead when its file is older than a day.  Raises CannotRun.
    """
    with refusals(folder):
        for path in folder.iterdir() if folder.is_dir() else ():
            found = _ASIDE.fullmatch(path.name)
            if found and (_has_died(int(found[2]), found[3] or "") if found[1] == _here() else _is_old(path)):
                path.unlink(missing_ok=True)


def _has_died(pid: int, born: str) -> bool:
    """Whether the process that had this number, and began then, has ended: a number is given to others later."""
    state, began = _process(pid)
    if state:
        return state in "ZX" or (bool(born) and began != born)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return False


def _process(pid: int) -> tuple[str, str]:
    """A process's state, and when it began in ticks since the machine's start; empty where /proc does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return fields[0].decode("ascii"), fields[19].decode("ascii")
    except (OSError, IndexError, ValueError):
        return "", ""


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _DAY
    except FileNotFoundError:
        return False


_ADVICE = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "allow larger files, or put fewer items into a shard",
    errno.EROFS: "make it writable, or give another folder",
    errno.EACCES: "make it writable, or give another folder",
    errno.EPERM: "make it writable, or give another folder",
    errno.ENOENT: "its folder has vanished: bring it back",
    errno.ENOTDIR: "its folder is a file: remove it",
    errno.EISDIR: "there is a folder of this name: remove it",
    errno.EIO: "look after the disk",
}


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """An error of the file system becomes CannotRun: what, where, and what to do."""
    try:
        yield
    except OSError as error:
        code = error.errno or 0
        raise CannotRun(
            f"{path}: {error.strerror or error}; {_ADVICE.get(code, 'mend this')}, then run the same command again: "
            "finished shards stay"
        ) from None
