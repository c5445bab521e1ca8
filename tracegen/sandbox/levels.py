"""Which level of the sandbox works on this machine, found by trying, and why no stronger one does."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

from tracegen.execution import Lanes
from tracegen.payload import confine
from tracegen.payload.scope import Selection
from tracegen.sandbox.bounds import MIB, Bounds, Level
from tracegen.sandbox.interpreter import needs
from tracegen.sandbox.session import Sandbox
from tracegen.sandbox.walls import unreadable
from tracegen.settings import CannotRun, Settings

AUTO = "auto"
LEVELS = (AUTO, *(level.value for level in Level))


@dataclass(frozen=True, slots=True)
class Found:
    """The strongest level that works, and for each stronger one the reason why it does not."""

    level: Level
    reasons: tuple[tuple[Level, str], ...]

    def __str__(self) -> str:
        return "; ".join([self.level.value, *(f"{level.value} does not work: {why}" for level, why in self.reasons)])


@functools.cache
def strongest(settings: Settings, bounds: Bounds | None = None) -> Found:
    """Try the levels for this interpreter, the strongest first.  Raises CannotRun if the interpreter does not work."""
    reasons: list[tuple[Level, str]] = []
    for level in Level:
        if level is Level.PROCESS:
            break
        why = trouble(level, settings, bounds)
        if why is None:
            return Found(level, tuple(reasons))
        reasons.append((level, why))
    return Found(Level.PROCESS, tuple(reasons))


def trouble(level: Level, settings: Settings, bounds: Bounds | None = None) -> str | None:
    """Why a level does not work with this interpreter and these bounds; None if it does.

    Raises CannotRun for what no level can help: an --include that is not there.
    """
    if level is Level.LANDLOCK:
        why = _landlock(settings)
        if why is not None:
            return why
    try:
        with Sandbox(settings, level, bounds) as sandbox:
            caller = {"caller": "def main():\n    return 1\n", "caller_filename": "<main>"}
            target = {"kind": "function", "code": "f = int\n", "filename": "<p>", "module": "p", "function": "f"}
            selection = Selection(begin="code", file="<main>", name="main", files=("<p>", "<main>"))
            lanes = Lanes(MIB, MIB, MIB)
            finished = sandbox.run({**target, **caller, "folder": ""}, selection, lanes=lanes)
    except CannotRun as error:
        return str(error)
    if finished.wire.error is not None and finished.wire.error[0] == "include":
        raise CannotRun(f"--include: {finished.wire.error[1]}")
    if finished.returncode != 0:
        lines = finished.stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else f"exit code {finished.returncode}"
    return None


def _landlock(settings: Settings) -> str | None:
    if not confine.landlock_abi():
        return "this kernel has no Landlock, or does not let it be used"
    if os.getuid() == 0:
        folder = unreadable(needs(settings.python))
        if folder is not None:
            return (
                f"{settings.python}: the sandbox's user cannot enter {folder}: give an interpreter outside of it with "
                f"--python, or let others enter (chmod o+rx {folder})"
            )
    return None


def chosen(wanted: str, settings: Settings, trust: bool, bounds: Bounds | None = None) -> Level:
    """The level that a command runs at.  Raises CannotRun below ``landlock`` unless the code is said to be trusted,
    and for a level that does not work."""
    way_out = "install bubblewrap, or say with --trust that you trust this code: it then runs with your rights"
    if wanted == AUTO:
        found = strongest(settings, bounds)
        if found.level is Level.PROCESS and not trust:
            reasons = "; ".join(f"{level.value}: {why}" for level, why in found.reasons)
            raise CannotRun(f"no sandbox works here ({reasons}); {way_out}")
        return found.level
    level = Level(wanted)
    if level is Level.PROCESS and not trust:
        raise CannotRun(f"--sandbox process isolates nothing; {way_out}")
    why = trouble(level, settings, bounds)
    if why is not None:
        raise CannotRun(f"--sandbox {wanted}: {why}")
    return level
