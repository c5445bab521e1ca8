"""What running a program gives: its rows, what was dropped, and how the process ended.

Also the two questions that every kind of program asks of a finished run: could the target be run at all, and
where do its traces come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from tracegen import interpreters
from tracegen.columns import Wire
from tracegen.execution import Finished
from tracegen.payload.pyfacts import NEWEST, OLDEST
from tracegen.settings import CannotRun, Settings
from tracegen.stored import trace_at
from tracegen.trace import Provenance, Trace


@dataclass(frozen=True, slots=True)
class Told:
    """Rows of the data set from one run, dropped traces by reason, and the process's end."""

    table: pa.Table
    dropped: Counter[str]
    finished: Finished

    def traces(self) -> Iterator[Trace]:
        """The rows as traces."""
        for row in range(self.table.num_rows):
            yield trace_at(self.table, row)


def provenance(source: str, finished: Finished, settings: Settings) -> Provenance:
    """Where the traces of a run come from, how they were made, and behind which walls."""
    return provenance_of(source, finished.wire, settings, finished.isolation)


def provenance_of(source: str, found: Wire, settings: Settings, isolation: str = "none") -> Provenance:
    """The same of a wire without a child: of a recording in this process."""
    return Provenance(
        source=source,
        python=found.version,
        tracer=found.tracer,
        values=found.values,
        limits=", ".join(f"{name} {value}" for name, value in settings.limits._asdict().items()),
        hash_seed=found.hash_seed,
        isolation=isolation,
        notes="; ".join(dict.fromkeys(found.oddities)),
    )


SUPPORTED = f"CPython 3.{OLDEST[1]} to 3.{NEWEST[1]} are; give another interpreter with --python"

_REFUSALS = {
    "python": "{python}: {message} is not supported: " + SUPPORTED,
    "library": "{python}: the C core does not load: {message}; --tracer reference does without",
    "include": "--include: {message}",
    "syntax": "{name}: {message}; {python} cannot compile it",
    "import": "{name}: fails when it is loaded: {message}",
    "function": "{name}: no such function; it has: {message}",
    "arguments": "{name}: the arguments do not parse: {message}",
    "pytest": "{python}: {message}; install it, or give another interpreter with --python",
}


def refused(finished: Finished, name: str, settings: Settings) -> None:
    """Raises CannotRun if the target could not be run at all."""
    error = finished.wire.error
    if error is not None:
        kind, message = error
        template = _REFUSALS.get(kind, "{name}: {message}")
        raise CannotRun(template.format(name=name, message=message, python=settings.python))
    if not finished.wire.version:
        interpreter = interpreters.probe(settings.python)
        if interpreter is not None and not interpreter.supported:
            raise CannotRun(f"{settings.python}: {interpreter} is not supported: {SUPPORTED}")
        lines = finished.stderr.decode("utf-8", "replace").strip().splitlines()
        why = lines[-1] if lines else f"exit code {finished.returncode}"
        raise CannotRun(f"{settings.python}: does not work as a Python interpreter: {why[:200]}")
