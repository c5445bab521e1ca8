"""How programs are run and recorded: one frozen value, passed in.  Knows nothing of any program."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, dataclass, field

from tracegen import native
from tracegen.payload.recorder import Limits
from tracegen.payload.values import POLICIES

TRACERS = ("auto", "native", "reference")


class CannotRun(Exception):
    """What a user asked for cannot be done: one line that says what, where, and what to do about it."""


class NoSandbox(CannotRun):
    """The sandbox itself cannot be had: no fault of the program that was to run in it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``python``: the interpreter that runs the program.  ``tracer``: the C core (``native``), the ``reference``, or
    the core where there is one (``auto``): both record the same.  ``deadline``: seconds until its process is killed.

    ``limits`` are those of each trace (`Limits`); ``include`` names modules or paths that are entered
    although they are the standard library's or installed.  ``output_bytes``: how much of stdout, and of
    stderr, is kept.

    Raises CannotRun for a value that makes no sense.
    """

    python: str = sys.executable
    tracer: str = "auto"
    values: str = "repr"
    limits: Limits = field(default_factory=Limits)
    deadline: float = 60.0
    include: tuple[str, ...] = ()
    seed: int = 0
    output_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        if self.tracer not in TRACERS:
            raise CannotRun(f"tracer {self.tracer!r}: there are {', '.join(TRACERS)}")
        if self.values not in POLICIES:
            raise CannotRun(f"values {self.values!r}: there are {', '.join(POLICIES)}")
        for name, value in [*self.limits._asdict().items(), ("deadline", self.deadline)]:
            if not value > 0 or math.isnan(value):
                raise CannotRun(f"{name} {value}: must be more than 0")
        if math.isinf(self.deadline):
            raise CannotRun(f"deadline {self.deadline}: a program that hangs would never end; give seconds")

    def library(self) -> str:
        """Where the C core for the interpreter lies, or "": then the reference traces.

        Raises CannotRun if it is asked for, and there is none.
        """
        if self.tracer == "reference":
            return ""
        try:
            return str(native.library(self.python))
        except native.Unavailable as error:
            if self.tracer == "native":
                raise CannotRun(f"tracer native: {error}") from None
            return ""

    @property
    def identity(self) -> dict[str, object]:
        """What of this is part of a trace's identity: never the tracer, a clock or a path."""
        chosen = asdict(self)
        return {"values": chosen["values"], "include": chosen["include"], "seed": chosen["seed"]} | {
            name: value for name, value in self.limits._asdict().items() if name != "seconds"
        }
