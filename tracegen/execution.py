"""Runs one child of a chosen interpreter under the tracer, to its end or to its deadline.

Makes the shared memory, starts the payload, keeps stdout and stderr apart, kills the process group at the
deadline, and says how it ended.  The child is not isolated: it runs with the rights of this process.  Knows
nothing of what the wire means (columns.py) or of what is run (programs/).
"""

from __future__ import annotations

import json
import mmap
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from tracegen import columns
from tracegen.notes import Said, WireError
from tracegen.payload import wire as layout
from tracegen.payload.scope import Selection
from tracegen.settings import CannotRun, Settings
from tracegen.trace import Ending

MIB = 1 << 20
PIPE_READS = 32
"""Reads that empty a pipe of a dead child; one that escaped and writes on is not waited for."""
PAYLOAD = Path(__file__).parent / "payload"
ISOLATION = "none"
"""What stands between the program and this machine, as provenance says it."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """Sizes of the wire's lanes in bytes.  The memory is sparse: what is not written costs nothing."""

    steps: int = 64 * MIB
    text: int = 256 * MIB
    notes: int = 8 * MIB


@dataclass(frozen=True, slots=True)
class Finished:
    """A child that has ended: what it recorded, what it printed, how it ended.

    ``returncode`` as subprocess has it: minus the signal's number if a signal ended it.
    """

    wire: columns.Wire
    returncode: int
    timed_out: bool
    stdout: bytes
    stderr: bytes
    stdout_cut: bool
    started: float = field(compare=False)

    @property
    def ending(self) -> tuple[Ending, str]:
        """The ending, and its detail, of a trace that the process's death cut off."""
        if self.timed_out:
            return Ending.SECONDS, "killed at the deadline"
        if self.returncode < 0:
            try:
                return Ending.KILLED, signal.Signals(-self.returncode).name
            except ValueError:
                return Ending.KILLED, f"signal {-self.returncode}"
        return Ending.EXITED, f"exit code {self.returncode}"

    @property
    def output(self) -> str:
        """Standard output as text; bytes that are not UTF-8 show as backslash escapes."""
        return self.stdout.decode("utf-8", "backslashreplace")


def run(
    target: Mapping[str, object],
    selection: Selection,
    settings: Settings,
    *,
    folder: Path | None = None,
    stdin: BinaryIO | None = None,
    lanes: Lanes | None = None,
    progress: Callable[[Said], None] | None = None,
) -> Finished:
    """Run a target (payload/child.py) in ``folder`` (a temporary one by default).

    ``progress`` is called every second with what the wire says so far.  Raises CannotRun if the
    interpreter cannot be started, or the wire was damaged by the program.
    """
    library = settings.library()
    home = tempfile.mkdtemp(prefix="foretrace-")
    memory, view = _shared_memory(lanes or Lanes())
    process = None
    started = time.time()
    try:
        # The configuration waits in a file: a pipe could block on an interpreter that never reads.
        with tempfile.TemporaryFile("w+", encoding="ascii") as config:
            said = {
                "wire": memory,
                "library": library,
                "values": settings.values,
                "limits": settings.limits._asdict(),
                "selection": selection._replace(include=_absolute(settings.include))._asdict(),
                "seed": settings.seed,
                "target": dict(target),
            }
            json.dump(said, config)
            config.flush()
            config.seek(0)
            try:
                process = subprocess.Popen(
                    [settings.python, str(PAYLOAD / "bootstrap.py"), str(config.fileno())],
                    cwd=folder or home,
                    env=_environment(home),
                    stdin=stdin or subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(memory, config.fileno()),
                    start_new_session=True,
                )
            except OSError as error:
                raise CannotRun(f"{settings.python}: cannot be started: {error.strerror}") from None
        return _attend(process, view, settings, started, progress)
    except WireError as error:
        raise CannotRun(f"the program damaged its own recording: {error}") from None
    finally:
        if process is not None:
            _kill(process)
        os.close(memory)
        shutil.rmtree(home, ignore_errors=True)


def _absolute(names: tuple[str, ...]) -> tuple[str, ...]:
    """``--include``: paths as the user means them, whatever folder the child runs in; module names as they are."""
    return tuple(os.path.abspath(name) if os.sep in name or name.endswith(".py") else name for name in names)


def _attend(
    process: subprocess.Popen[bytes],
    view: memoryview,
    settings: Settings,
    started: float,
    progress: Callable[[Said], None] | None,
) -> Finished:
    """Read the child's output until it ends or its time is over."""
    assert process.stdout is not None and process.stderr is not None
    kept = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    cut = dict.fromkeys(kept, False)
    deadline = time.monotonic() + settings.deadline
    timed_out = False
    with selectors.DefaultSelector() as selector:
        for descriptor in kept:
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ)
        # Wakes us when the child ends; where there is none (macOS), we look again soon.
        ended = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else -1
        if ended >= 0:
            selector.register(ended, selectors.EVENT_READ)
        patience = 1.0 if ended >= 0 else 0.01
        tick = time.monotonic()
        while not _has_ended(process):
            now = time.monotonic()
            if now >= deadline:
                timed_out = True
                break
            if progress is not None and now >= tick:
                progress(columns.notes_so_far(view))
                tick = now + 1.0
            for key, _ in selector.select(min(patience, deadline - now)):
                if key.fd != ended and not _drain(key.fd, kept, cut, settings.output_bytes):
                    selector.unregister(key.fd)
        if ended >= 0:
            os.close(ended)
        # A grandchild may hold the pipes open: take what is there, wait for nobody.
        _kill(process)
        for descriptor in kept:
            for _ in range(PIPE_READS):
                if not _drain(descriptor, kept, cut, settings.output_bytes):
                    break
    out, err = process.stdout.fileno(), process.stderr.fileno()
    found = columns.read(view)
    finished = Finished(found, process.returncode, timed_out, bytes(kept[out]), bytes(kept[err]), cut[out], started)
    process.stdout.close()
    process.stderr.close()
    return finished


def _drain(descriptor: int, kept: dict[int, bytearray], cut: dict[int, bool], limit: int) -> bool:
    """Take what a pipe holds now; false at its end, or if there is nothing."""
    try:
        data = os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return False
    room = limit - len(kept[descriptor])
    kept[descriptor] += data[:room]
    cut[descriptor] |= len(data) > room
    return bool(data)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the child has ended, without reaping it: until then nobody else can have its number."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the child's process group, what it started included, and reap the child."""
    if process.returncode is not None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def _shared_memory(lanes: Lanes) -> tuple[int, memoryview]:
    """A laid-out wire: its descriptor, and our view of it."""
    size = layout.wire_bytes(lanes.steps, lanes.text, lanes.notes)
    if hasattr(os, "memfd_create"):
        import fcntl

        descriptor = os.memfd_create("foretrace-wire", os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    else:  # macOS
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
        os.ftruncate(descriptor, size)
    view = memoryview(mmap.mmap(descriptor, size))
    layout.lay_out(view, lanes.steps, lanes.text, lanes.notes)
    return descriptor, view


def _environment(home: str) -> dict[str, str]:
    """A clean environment: nothing of the user's but the way to programs."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
    }
