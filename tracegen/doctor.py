"""What this machine can do, and why not more."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict, dataclass
from importlib import metadata

from tracegen import interpreters, native
from tracegen.payload.pyfacts import NEWEST, OLDEST
from tracegen.sandbox import levels
from tracegen.settings import CannotRun, Settings

PACKAGES = ("pyarrow", "datasets", "coverage", "click", "tqdm", "rich", "torch", "transformers", "ray")


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found.  ``packages`` maps a name to its version, or to None."""

    host: str
    system: str
    interpreters: list[str]
    tracer: str
    sandbox: str
    packages: dict[str, str | None]


def examine() -> Examination:
    """Look at this machine: interpreters are asked what they are, and a sandbox is tried."""
    found = [f"{interpreter}  {interpreter.path}  {_tracer(interpreter.path)}" for interpreter in interpreters.found()]
    return Examination(
        host=f"{sys.implementation.name} {platform.python_version()}  {sys.executable}",
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        interpreters=found,
        tracer=_tracer(sys.executable),
        sandbox=_sandbox(),
        packages={name: _version(name) for name in PACKAGES},
    )


def _tracer(python: str) -> str:
    try:
        native.library(python)
    except native.Unavailable as error:
        return f"reference (pure Python): {error}"
    return "native (C)"


def _sandbox() -> str:
    try:
        return str(levels.strongest(Settings()))
    except CannotRun as error:
        return f"none: {error}"


def as_json(found: Examination) -> str:
    """One JSON object."""
    return json.dumps(asdict(found), indent=2)


def as_text(found: Examination) -> str:
    """For people."""
    wanted = f"CPython {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
    lines = [
        f"host          {found.host}",
        f"system        {found.system}",
        f"tracer        {found.tracer}",
        f"sandbox       {found.sandbox}",
        f"interpreters  {len(found.interpreters)} that can be traced ({wanted})",
        *(f"              {interpreter}" for interpreter in found.interpreters),
        "packages",
        *(f"              {name} {version or 'is not installed'}" for name, version in found.packages.items()),
    ]
    return "\n".join(lines)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
