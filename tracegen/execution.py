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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Protocol

from tracegen import columns
from tracegen.notes import Said, WireError
from tracegen.payload import wire as layout
from tracegen.payload.recorder import Limits
from tracegen.payload.scope import Selection
from tracegen.settings import CannotRun, Settings
from tracegen.trace import Ending

MIB = 1 << 20
PIPE_READS = 32
"""Reads that empty a pipe of a dead child; one that escaped and writes on is not waited for."""
PAYLOAD = Path(__file__).parent / "payload"


@dataclass(frozen=True, slots=True)
class Lanes:
    """Sizes of the wire's lanes in bytes.  The memory is sparse: what is not written costs nothing."""

    steps: int = 64 * MIB
    text: int = 256 * MIB
    notes: int = 8 * MIB

    @classmethod
    def holding(cls, limits: Limits, traces: int = 4) -> Lanes:
        """Room for so many traces of these limits, and no less than a few MiB."""
        steps = layout.STEP.size * limits.events * traces
        return cls(max(MIB, steps + -steps % 8), max(8 * MIB, limits.bytes * traces + -limits.bytes * traces % 8), MIB)


class Stop(Enum):
    """Why the parent ended a program.  When exactly it did depends on the clock, and so does what was recorded."""

    DEADLINE = "killed at the deadline"
    MEMORY = "killed: its processes together took more memory than allowed"
    DISK = "killed: it wrote more files than allowed"
    OUTPUT = "killed: it printed more than allowed"
    PROCESSES = "killed: it started more processes than allowed"


@dataclass(frozen=True, slots=True)
class Finished:
    """A child that has ended: what it recorded, what it printed, how it ended, and who ended it.

    ``returncode`` as subprocess has it: minus the signal's number if a signal ended it.  ``isolation``: the level of
    the sandbox that it ran in.
    """

    wire: columns.Wire
    returncode: int
    stopped: Stop | None
    stdout: bytes
    stderr: bytes
    stdout_cut: bool
    started: float = field(compare=False)
    isolation: str = "none"

    @property
    def timed_out(self) -> bool:
        """Whether it was killed at its deadline."""
        return self.stopped is Stop.DEADLINE

    @property
    def ending(self) -> tuple[Ending, str]:
        """The ending, and its detail, of a trace that the process's death cut off."""
        if self.stopped is not None:
            return Ending.SECONDS if self.timed_out else Ending.KILLED, self.stopped.value
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

    @property
    def settled_output(self) -> str | None:
        """Standard output, if it was the program that came to its end: else the clock chose how much there is."""
        return self.output if self.stopped is None else None


class Outputs:
    """What a child prints, taken from its pipes as it comes; each is kept up to a limit."""

    def __init__(self, descriptors: Sequence[int], limit: int) -> None:
        self._limit = limit
        self._kept = {descriptor: bytearray() for descriptor in descriptors}
        self._seen = dict.fromkeys(descriptors, 0)
        for descriptor in descriptors:
            os.set_blocking(descriptor, False)

    def drain(self, descriptor: int) -> bool:
        """Take what a pipe holds now; false at its end, or if there is nothing."""
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return False
        kept = self._kept[descriptor]
        kept += data[: self._limit - len(kept)]
        self._seen[descriptor] += len(data)
        return bool(data)

    def rest(self) -> None:
        """Take what the pipes of a dead child hold; one that escaped and writes on is not waited for."""
        for descriptor in self._kept:
            for _ in range(PIPE_READS):
                if not self.drain(descriptor):
                    break

    def kept(self, descriptor: int) -> bytes:
        """What was printed, up to the limit."""
        return bytes(self._kept[descriptor])

    def cut(self, descriptor: int) -> bool:
        """Whether there was more."""
        return self._seen[descriptor] > self._limit

    @property
    def seen(self) -> int:
        """Bytes of all, kept or not."""
        return sum(self._seen.values())


def request(target: Mapping[str, object], selection: Selection, settings: Settings, library: str) -> bytes:
    """The configuration that payload/child.py reads."""
    said = {
        "library": library,
        "values": settings.values,
        "limits": settings.limits._asdict(),
        "selection": selection._replace(include=_absolute(settings.include))._asdict(),
        "seed": settings.seed,
        "target": dict(target),
    }
    return json.dumps(said).encode("ascii")


class Run(Protocol):
    """How a target is run: `run`, or a sandbox's."""

    def __call__(
        self,
        target: Mapping[str, object],
        selection: Selection,
        settings: Settings,
        *,
        stdin: BinaryIO | None = None,
        lanes: Lanes | None = None,
    ) -> Finished:
        """Run it to its end.  Raises CannotRun."""


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
    memory, view = shared_memory(lanes or Lanes())
    process = None
    started = time.time()
    try:
        # The configuration waits in a file: a pipe could block on an interpreter that never reads.
        with tempfile.TemporaryFile() as config:
            config.write(request(target, selection, settings, library))
            config.flush()
            config.seek(0)
            try:
                process = subprocess.Popen(
                    [settings.python, str(PAYLOAD / "bootstrap.py"), str(config.fileno()), str(memory)],
                    cwd=folder or home,
                    env=environment(home),
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
    out, err = process.stdout.fileno(), process.stderr.fileno()
    outputs = Outputs((out, err), settings.output_bytes)
    deadline = time.monotonic() + settings.deadline
    stopped = None
    with selectors.DefaultSelector() as selector:
        for descriptor in (out, err):
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
                stopped = Stop.DEADLINE
                break
            if progress is not None and now >= tick:
                progress(columns.notes_so_far(view))
                tick = now + 1.0
            for key, _ in selector.select(min(patience, deadline - now)):
                if key.fd != ended and not outputs.drain(key.fd):
                    selector.unregister(key.fd)
        if ended >= 0:
            os.close(ended)
        # A grandchild may hold the pipes open: take what is there, wait for nobody.
        _kill(process)
        outputs.rest()
    found = columns.read(view)
    process.stdout.close()
    process.stderr.close()
    return Finished(found, process.returncode, stopped, outputs.kept(out), outputs.kept(err), outputs.cut(out), started)


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


def shared_memory(lanes: Lanes) -> tuple[int, memoryview]:
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


def environment(home: str) -> dict[str, str]:
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
