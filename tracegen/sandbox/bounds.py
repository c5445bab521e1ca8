"""How much a task in the sandbox may take: one frozen value.  Knows nothing of how it is enforced."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MIB = 1 << 20


class Level(Enum):
    """What stands between a program and this machine, the strongest first (docs/security.md)."""

    BWRAP = "bwrap"
    """Namespaces, by bubblewrap: its own files, processes and network; Landlock and seccomp within, where they are."""
    LANDLOCK = "landlock"
    """Landlock, seccomp and limits: the machine's own files and processes, but out of reach."""
    PROCESS = "process"
    """A process of its own, with your rights: for code that you trust."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """``memory``: bytes of all processes of a task together, and of the address space of each.  ``processes``: with
    their threads.  ``open_files``: of each process.  ``disk``: bytes of all files together, and of each; ``files``: how
    many, with folders.  ``printed``: bytes of stdout and stderr together, kept or not.
    """

    memory: int = 1024 * MIB
    processes: int = 64
    open_files: int = 256
    disk: int = 64 * MIB
    files: int = 20_000
    printed: int = 64 * MIB
