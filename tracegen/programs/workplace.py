"""What every kind of work on a data set shares: how programs are run, behind which walls, and what is cleaned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata

from tracegen import interpreters
from tracegen.sandbox import Bounds, Level, Sandbox
from tracegen.scrub import Scrubber
from tracegen.settings import CannotRun, Settings


@dataclass(frozen=True, slots=True)
class Workplace:
    """A frozen value that travels to workers.  ``scrubber`` is None where values stay as they are."""

    settings: Settings
    level: Level
    scrubber: Scrubber | None
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def identity(self) -> Mapping[str, object]:
        """What of it changes rows.  Raises CannotRun if the interpreter does not answer."""
        interpreter = interpreters.probe(self.settings.python)
        if interpreter is None:
            raise CannotRun(f"{self.settings.python}: does not work as a Python interpreter")
        return {
            "foretrace": metadata.version("foretrace"),
            "python": str(interpreter),
            "scrubbed": self.scrubber is not None,
            "sandbox": self.level.value,
            "memory": self.bounds.memory,
            "disk": self.bounds.disk,
            "processes": self.bounds.processes,
            **self.settings.identity,
        }

    def sandbox(self) -> Sandbox:
        """A sandbox of this worker's; close it."""
        return Sandbox(self.settings, self.level, self.bounds)
