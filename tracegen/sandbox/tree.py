"""A process and all below it, as the kernel counts them: how many, and how much memory they hold together.

Reads /proc of Linux; processes come and go while it looks, and count for what was seen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from tracegen.payload.warm import descendants

PAGE = os.sysconf("SC_PAGE_SIZE")

__all__ = ["descendants", "memory"]


def memory(pids: list[int], enough: int) -> int:
    """Bytes that these processes hold together.

    Resident pages are added up first.  That counts a shared page again for each, so what is below ``enough`` is so
    indeed; beyond it each page is counted once, by the kernel's proportional sums.
    """
    rough = sum(_resident(pids))
    if rough < enough:
        return rough
    return sum(map(_proportional, pids))


def _resident(pids: list[int]) -> Iterator[int]:
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm", "rb") as stream:
                yield int(stream.read().split()[1]) * PAGE
        except (OSError, IndexError, ValueError):
            continue


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as stream:
            for line in stream:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except (OSError, IndexError, ValueError):
        # Gone, or nobody's to look into: what is known is what it holds.
        return sum(_resident([pid]))
    return 0
