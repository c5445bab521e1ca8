"""What a figure needs beside it: the machine, the versions, the commit, the command."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "runs" / "benchmarks"
"""Where machine-readable results of the last run lie; git ignores it."""


def described(*others: str) -> str:
    """One paragraph to stand beside figures; ``others`` are packages whose versions matter too."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("pyarrow", "datasets", "numpy", *others))
    return (
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {platform.system()}; "
        f"CPython {platform.python_version()}, {versions}; commit {commit.strip() or 'none'}; "
        f"`python {shlex.join([os.path.relpath(sys.argv[0], ROOT), *sys.argv[1:]])}`"
    )
