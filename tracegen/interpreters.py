"""The Python interpreters of this machine: where they are, and whether the tracer runs in them."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tracegen.payload.pyfacts import NEWEST, OLDEST

_SAY = "import sys; print(sys.implementation.name, *sys.version_info[:3])"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter that answered."""

    path: str
    implementation: str
    version: tuple[int, int, int]

    @property
    def supported(self) -> bool:
        """Whether the tracer runs in it: CPython 3.8 to 3.13."""
        return self.implementation == "cpython" and OLDEST <= self.version[:2] <= NEWEST

    def __str__(self) -> str:
        return f"{self.implementation} {'.'.join(map(str, self.version))}"


def probe(path: str) -> Interpreter | None:
    """Ask an interpreter what it is; None if it is none."""
    try:
        answer = subprocess.run([path, "-I", "-c", _SAY], capture_output=True, text=True, timeout=20, check=True)
        name, *version = answer.stdout.split()
        major, minor, micro = map(int, version)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(path, name, (major, minor, micro))


def found() -> list[Interpreter]:
    """Supported interpreters on PATH and in ~/.pyenv/versions: one for each minor version, oldest first."""
    candidates = []
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        candidates += sorted(map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")))
        candidates += filter(None, [shutil.which(f"python3.{minor}")])
    candidates += filter(None, [shutil.which("python3")])
    known: dict[tuple[int, int], Interpreter] = {}
    for path in dict.fromkeys(map(os.path.abspath, candidates)):
        interpreter = probe(path)
        if interpreter is not None and interpreter.supported:
            known.setdefault(interpreter.version[:2], interpreter)
    return [known[version] for version in sorted(known)]
