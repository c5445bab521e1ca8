"""A process and all below it, as the kernel counts them: how many, and how much memory they hold together.

Reads /proc of Linux; processes come and go while it looks, and count for what was seen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from tracegen.payload.warm import descendants

__all__ = ["Seen", "descendants", "seen"]

FEW_SOCKETS = 8
"""Open sockets of all processes that are not counted."""
BUFFER = 512 << 10
"""Bytes that a socket may hold of memory that is in no process's account; what TCP holds is asked for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What processes take together: ``memory`` in bytes, and ``threads``, one at least for each."""

    memory: int
    threads: int


def seen(pids: list[int], enough: int) -> Seen:
    """What these processes hold together.

    Resident and swapped pages are added up first.  That counts a shared page again for each, so what is below
    ``enough`` is so indeed; beyond it each page is counted once, by the kernel's proportional sums.  Processes that
    share pages and end while they are added up make those sums too large, so there are two, and the lower one counts.
    """
    threads = 0
    rough: dict[int, int] = {}
    sockets: set[str] = set()
    for pid in pids:
        status = _status(pid)
        rough[pid] = _held(status)
        threads += status.get("Threads", 1)
        sockets.update(_sockets(pid))
    buffers = 0
    if len(sockets) > FEW_SOCKETS:
        buffers = (len(sockets) - FEW_SOCKETS) * BUFFER + _queues(pids[-1])
    if buffers + sum(rough.values()) >= enough:
        return Seen(buffers + min(sum(map(_proportional, pids)) for _ in range(2)), threads)
    return Seen(buffers + sum(rough.values()), threads)


def _status(pid: int) -> dict[str, int]:
    try:
        with open(f"/proc/{pid}/status", "rb") as stream:
            lines = stream.read().decode("ascii", "replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {name: int(value.split()[0]) for name, _, value in pairs if name in ("VmRSS", "VmSwap", "Threads")}


def _held(status: dict[str, int]) -> int:
    return 1024 * (status.get("VmRSS", 0) + status.get("VmSwap", 0))


def _sockets(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        for name in os.listdir(folder):
            target = os.readlink(f"{folder}/{name}")
            if target.startswith("socket:"):
                yield target
    except OSError:
        return


def _queues(pid: int) -> int:
    """Bytes that wait in the TCP sockets of a process's network; the kernel's overhead is as much again."""
    found = 0
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{name}", encoding="ascii") as stream:
                next(stream, "")
                found += sum(int(part, 16) for line in stream for part in line.split()[4].split(":"))
        except (OSError, IndexError, ValueError):
            continue
    return 2 * found


def _proportional(pid: int) -> int:
    found = 0
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as stream:
            for line in stream:
                if line.startswith((b"Pss:", b"SwapPss:")):
                    found += int(line.split()[1]) * 1024
    except (OSError, IndexError, ValueError):
        # Gone, and then it holds nothing; or nobody's to look into, and then what it holds is all that is known.
        return _held(_status(pid))
    return found
