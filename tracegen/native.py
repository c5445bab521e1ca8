"""The C core for an interpreter: the one that pip built, or one built once into a cache.

A library belongs to one interpreter's ABI.  For the one that runs this, pip builds it into the package; for another
(``--python``) it is built when it is first wanted, if a compiler and that interpreter's headers are there, and kept
under a name that holds the ABI and the hash of the sources.  Knows nothing of what the library does.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from tracegen.payload.tracers import LIBRARY

SOURCES = Path(__file__).parent / "payload" / "native"
FLAGS = ("-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-semantic-interposition")
SECONDS = 120

_ASK = """
import json, sys, sysconfig
print(json.dumps([sys.implementation.name, sysconfig.get_config_var("EXT_SUFFIX"), sys.version, sys.hexversion,
                  sysconfig.get_paths()["include"]]))
"""


class Unavailable(Exception):
    """There is no C core for an interpreter: one line that says why."""


@functools.cache
def library(python: str = sys.executable) -> Path:
    """The shared library for an interpreter; built if need be.  Raises Unavailable."""
    if os.path.abspath(python) == os.path.abspath(sys.executable):
        installed = SOURCES / (LIBRARY + (sysconfig.get_config_var("EXT_SUFFIX") or ".so"))
        if installed.exists() and installed.stat().st_mtime >= max(map(_changed, sources())):
            return installed
    implementation, suffix, version, release, include = _asked(python)
    if implementation != "cpython" or not suffix:
        raise Unavailable(f"{python} is {implementation}: the C core is CPython's")
    kept = _cache() / f"{LIBRARY}-{_fingerprint(f'{version} {release}')}{suffix}"
    if not kept.exists():
        if not (Path(include) / "Python.h").exists():
            raise Unavailable(f"{python} has no headers: there is no Python.h in {include}")
        _build(Path(include), kept)
    return kept


def sources() -> list[Path]:
    """The C files, headers included."""
    return sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.h")])


def compiler() -> list[str]:
    """The command that compiles C here: $CC, or cc."""
    return (os.environ.get("CC") or "cc").split()


def _changed(path: Path) -> float:
    return path.stat().st_mtime


def _asked(python: str) -> tuple[str, str, str, int, str]:
    try:
        done = subprocess.run([python, "-I", "-c", _ASK], capture_output=True, text=True, timeout=20, check=True)
        implementation, suffix, version, release, include = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        raise Unavailable(f"{python} does not answer") from None
    return str(implementation), str(suffix or ""), str(version), int(release), str(include)


def _fingerprint(interpreter: str) -> str:
    told = hashlib.sha256(interpreter.encode())
    for path in sources():
        told.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    told.update(repr((FLAGS, compiler())).encode())
    return told.hexdigest()[:16]


def _cache() -> Path:
    """Our own folder, nobody else's to write to: what lies there is loaded."""
    home = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(home) if home and os.path.isabs(home) else Path.home() / ".cache") / "foretrace"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise Unavailable(f"{folder}: {error.strerror}") from None
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise Unavailable(f"{folder}: others may write there; take their rights away")
    return folder


def _build(include: Path, kept: Path) -> None:
    """Compile beside the place, and put it there whole: two processes may build at once."""
    descriptor, aside = tempfile.mkstemp(suffix=".so", dir=kept.parent)
    os.close(descriptor)
    files = [str(path) for path in sources() if path.suffix == ".c"]
    command = [*compiler(), *FLAGS, f"-I{include}", *files, "-o", aside]
    if sys.platform == "darwin":
        command += ["-undefined", "dynamic_lookup"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode != 0:
            line = next((line for line in done.stderr.splitlines() if "error" in line), f"exit code {done.returncode}")
            raise Unavailable(f"the C core does not compile: {line.strip()[:200]}")
        os.replace(aside, kept)
    except FileNotFoundError:
        raise Unavailable(f"there is no C compiler: {compiler()[0]} is not on PATH") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"the C core cannot be built: {type(error).__name__}") from None
    finally:
        if os.path.exists(aside):
            os.unlink(aside)
