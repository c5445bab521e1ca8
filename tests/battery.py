"""Attacks run in the sandbox: what each achieves, what it takes, what the host lost, and what the next task finds.

docs/security.md has the table of what is to happen; tests/attacks has the programs.  Knows nothing of pytest.
Longer than the house's 350 lines: what an attack meets, and what is measured, belong together.
"""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tracegen import CannotRun, Settings
from tracegen.execution import MIB, PAYLOAD, Finished, Lanes, Stop
from tracegen.payload.scope import Selection
from tracegen.sandbox import Bounds, Level, Sandbox, files, tree

ROOT = Path(__file__).parent.parent
ATTACKS = Path(__file__).parent / "attacks"
TABLE = ROOT / "docs" / "security.md"
PRELUDE = (ATTACKS / "prelude.py").read_text(encoding="utf-8")
NAMES = sorted(path.stem for path in ATTACKS.glob("*.py") if path.stem != "prelude")

BOUNDS = Bounds(memory=256 * MIB, processes=64, open_files=256, disk=16 * MIB, files=2000, printed=4 * MIB)
"""Small, so that an attack is stopped before it costs anything."""
UNBOUND = Bounds(64 << 30, 1 << 20, 1 << 16, 1 << 40, 1 << 30, 1 << 40)
"""For the proof that an attack works where nothing stands in its way."""
LANES = Lanes(MIB, 8 * MIB, MIB)
HANGS, ENDS = 1.0, 30.0
"""Deadlines: of an attack that is to be stopped at it, and of one that is not."""
SELECTION = Selection(begin="code", file="<main>", name="main", files=("<program>", "<main>"))


@dataclass(frozen=True, slots=True)
class Cell:
    """What is to happen to an attack at a level; ``seconds`` and ``megabytes`` bound what it takes to stop it."""

    verdict: str
    reason: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0

    @classmethod
    def of(cls, text: str) -> Cell:
        """As the table has it: ``prevented``, ``stopped: memory, 5 s, 300 MB``, ``open: why``, ``achieved``,
        ``not run: why``."""
        verdict, _, rest = text.partition(": ")
        if verdict != "stopped":
            return cls(verdict, rest)
        reason, *numbers = rest.split(", ")
        found = {unit: float(number) for number, unit in (each.split(" ") for each in numbers)}
        return cls(verdict, reason, found.pop("s"), found.pop("MB", 0.0))


@dataclass(frozen=True, slots=True)
class Row:
    """One attack of the table."""

    name: str
    what: str
    cells: dict[Level, Cell]


def table() -> dict[str, Row]:
    """The rows of docs/security.md, by the attack's name."""
    rows = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        parts = [part.strip() for part in line.strip("|").split("|")]
        if len(parts) == 5 and re.fullmatch(r"`\w+`", parts[0]):
            name = parts[0].strip("`")
            levels = (Level.BWRAP, Level.LANDLOCK, Level.PROCESS)
            rows[name] = Row(name, parts[1], {at: Cell.of(cell) for at, cell in zip(levels, parts[2:], strict=True)})
    return rows


@dataclass(slots=True)
class Outcome:
    """What an attack did.  ``megabytes``: the most that it took of what it is stopped for."""

    tried: int = 0
    achieved: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    stopped: Stop | None = None
    returncode: int = 0
    damaged: bool = False
    seconds: float = 0.0
    megabytes: float = 0.0
    grown: float = 0.0
    stderr: str = ""


def program(source: str, told: object = None) -> dict[str, object]:
    """A target that calls ``begin``."""
    return {
        "kind": "function",
        "code": source,
        "filename": "<program>",
        "module": "program",
        "function": "begin",
        "folder": "",
        "caller": f"def main():\n    return begin({told!r})\n",
        "caller_filename": "<main>",
    }


def attack(sandbox: Sandbox, name: str, told: dict[str, object], deadline: float, watched: str = "") -> Outcome:
    """Run an attack, and hear what it says.  ``watched``: "memory" or "disk", to be measured meanwhile."""
    source = PRELUDE + "\n\n" + (ATTACKS / f"{name}.py").read_text(encoding="utf-8")
    outcome = Outcome()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with _Watch(sandbox, watched) as watch:
        try:
            settings = Settings(sandbox.python, deadline=deadline)
            finished = sandbox.run(program(source, told), SELECTION, settings, lanes=LANES)
        except CannotRun as error:
            outcome.damaged = "damaged its own recording" in str(error)
            outcome.stderr = str(error)
        else:
            _heard(outcome, finished)
    outcome.seconds = time.monotonic() - began
    outcome.megabytes = watch.most / MIB
    outcome.grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return outcome


def _heard(outcome: Outcome, finished: Finished) -> None:
    outcome.stopped, outcome.returncode = finished.stopped, finished.returncode
    outcome.stderr = finished.stderr[-2000:].decode("utf-8", "replace")
    said = re.findall(rb"^ATTACK (.*)$", finished.stdout, re.MULTILINE)
    if said:
        found = json.loads(said[-1])
        outcome.tried, outcome.achieved, outcome.refused = found["tried"], found["achieved"], found["refused"]


class _Watch:
    """Looks, in a thread, at what a sandbox takes."""

    def __init__(self, sandbox: Sandbox, what: str) -> None:
        self.most = 0
        self._sandbox = sandbox
        self._what = what
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._end.wait(0.01):
            top = self._sandbox.pid
            if top is None:
                continue
            pids = [top, *tree.descendants(top)]
            if self._what == "memory":
                self.most = max(self.most, tree.seen(pids, 0).memory)
            for box in Path(tempfile.gettempdir()).glob("foretrace-*/box") if self._what == "disk" else ():
                try:
                    self.most = max(self.most, files.taken(box, pids, files.Most(1 << 60, 1 << 60)).size)
                except (files.Exceeded, OSError):
                    continue

    def __enter__(self) -> _Watch:
        if self._what:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        if self._what:
            self._thread.join()


PROBE = (ATTACKS.parent / "probe.txt").read_text(encoding="utf-8") if (ATTACKS.parent / "probe.txt").exists() else ""


def probe(sandbox: Sandbox) -> str:
    """What an innocent task finds in the sandbox, and what is recorded of it, as text."""
    settings = Settings(sandbox.python, deadline=ENDS)
    finished = sandbox.run(program(PROBE), SELECTION, settings, lanes=LANES)
    said = [finished.returncode, finished.stopped, finished.stderr, finished.wire.finished, finished.wire.oddities]
    texts = [str(text) for text in finished.wire.texts()]
    text = "\n".join([repr(said), finished.stdout.decode(), *texts])
    text = re.sub(r"""0x[0-9a-f]+|(?<="name": "')\d+""", "X", text)
    text = re.sub(r"(st_ino|st_dev|st_.time|f_bfree|f_bavail|f_files|f_ffree|f_favail)=\d+", r"\1=X", text)
    return re.sub(r"foretrace-\w+", "foretrace-X", text)


class Host:
    """What an attack could do harm to: files, a process, servers, a token in an environment."""

    def __init__(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="battery-"))
        self.base.chmod(0o755)
        self._tempdir = tempfile.tempdir
        (self.base / "tmp").mkdir()
        tempfile.tempdir = str(self.base / "tmp")
        self.home = self.base / "home"
        self.home.mkdir()
        self.home.chmod(0o777)
        self.canary = self.home / "canary"
        self.canary.write_text("the host's own\n", encoding="utf-8")
        self.canary.chmod(0o666)
        self.token = "canary-token-" + os.urandom(8).hex()
        os.environ["FORETRACE_BATTERY_TOKEN"] = self.token
        # What a sandbox's processes inherit of the environment, however they are called: see running().
        self._path = os.environ["PATH"]
        os.environ["PATH"] += f":{self.base}/none"
        self._servers = _Servers(self.home / "socket")
        self._files = self._fingerprint()
        self._victim: subprocess.Popen[bytes] | None = None

    def told(self, sandbox: Sandbox, gentle: bool) -> dict[str, object]:
        """What an attack knows of the host: as much as can be."""
        return {
            "gentle": gentle,
            "level": sandbox.level.value,
            "home": str(self.home),
            "canary": str(self.canary),
            "token": self.token,
            "tcp": self._servers.tcp,
            "udp": self._servers.udp,
            "abstract": self._servers.abstract,
            "path": str(self._servers.path),
            "victim": self._victim_of(sandbox),
            "driver": os.getpid(),
            "repository": str(ROOT),
            "payload": str(PAYLOAD),
        }

    def _victim_of(self, sandbox: Sandbox) -> int:
        """A process of the same user as the sandbox's, outside of it."""
        if self._victim is None or self._victim.poll() is not None:
            argv = ["sleep", "3600"]
            if os.getuid() == 0 and sandbox.level is not Level.PROCESS:
                assert sandbox.pid is not None
                status = Path(f"/proc/{tree.descendants(sandbox.pid)[0]}/status").read_text(encoding="ascii")
                [uid] = re.findall(r"^Uid:\t(\d+)", status, re.MULTILINE)
                argv = ["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", *argv]
            self._victim = subprocess.Popen(argv, start_new_session=True)
            while not Path(f"/proc/{self._victim.pid}/comm").read_text(encoding="ascii").startswith("sleep"):
                time.sleep(0.001)
        return self._victim.pid

    def lost(self, killed_by_us: bool = False) -> list[str]:
        """What is not as it was.  ``killed_by_us``: a sandbox that ended took all processes of its user with it."""
        found = []
        if self._fingerprint() != self._files:
            found.append(f"files: {self._fingerprint()} instead of {self._files}")
        if self._servers.served:
            found.append(f"connections: {self._servers.served}")
        if self._victim is not None and not killed_by_us:
            state = Path(f"/proc/{self._victim.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            if state[0] not in "SR" or state[16] != "0":
                found.append(f"the process: state {state[0]}, nice {state[16]}")
        for name in ("/tmp/left", "/tmp/attack", "/dev/shm/left", "/dev/shm/attack", "/var/tmp/left"):
            if os.path.lexists(name):
                found.append(name)
        return found

    def _fingerprint(self) -> list[tuple[object, ...]]:
        return [
            (path.name, (s := path.lstat()).st_mode, s.st_uid, s.st_nlink, s.st_mtime_ns, s.st_size)
            + ((path.read_bytes(), tuple(os.listxattr(path))) if path.is_file() else ())
            for path in sorted(self.home.rglob("*"))
        ]

    def heal(self) -> None:
        """Everything as it was, after an attack that was let do harm."""
        for path in self.home.iterdir():
            if path not in (self.canary, self._servers.path):
                path.rmdir() if path.is_dir() else path.unlink()
        for attribute in os.listxattr(self.canary):
            os.removexattr(self.canary, attribute)
        self.canary.write_text("the host's own\n", encoding="utf-8")
        self.canary.chmod(0o666)
        self._servers.served.clear()
        self._files = self._fingerprint()
        self.end_victim()

    def end_victim(self) -> None:
        if self._victim is not None:
            self._victim.kill()
            self._victim.wait()
            self._victim = None

    def remains(self) -> list[str]:
        """What a sandbox has left on this machine after it was closed."""
        return sorted(path.name for path in (self.base / "tmp").iterdir())

    def running(self) -> list[str]:
        """Processes of a sandbox that are still there after it was closed."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{self.base}/none".encode() in (folder / "environ").read_bytes():
                    found.append(f"{folder.name} {(folder / 'comm').read_text(encoding='ascii').strip()}")
            except OSError:
                continue
        return [each for each in found if self._victim is None or not each.startswith(f"{self._victim.pid} ")]

    def close(self) -> None:
        self.end_victim()
        os.environ["PATH"] = self._path
        self._servers.close()
        tempfile.tempdir = self._tempdir
        os.environ.pop("FORETRACE_BATTERY_TOKEN", None)
        subprocess.run(["rm", "-rf", str(self.base)], check=True)


class _Servers:
    """Servers of the host that answer whoever reaches them, and remember it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.abstract = "foretrace-battery-" + os.urandom(8).hex()
        self.served: list[str] = []
        internet = socket.create_server(("127.0.0.1", 0))
        named, placed = (socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(2))
        named.bind("\0" + self.abstract)
        placed.bind(str(path))
        path.chmod(0o777)
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", 0))
        self.tcp, self.udp = internet.getsockname()[1], datagrams.getsockname()[1]
        self._sockets = (internet, named, placed, datagrams)
        for server in (internet, named, placed):
            server.listen()
            threading.Thread(target=self._serve, args=(server,), daemon=True).start()
        threading.Thread(target=self._answer, args=(datagrams,), daemon=True).start()

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
                with connection:
                    self.served.append(str(connection.recv(16)))
                    connection.sendall(b"served")
            except OSError:
                if server.fileno() < 0:
                    return

    def _answer(self, own: socket.socket) -> None:
        while True:
            try:
                data, sender = own.recvfrom(16)
                if sender is None:
                    return
                self.served.append(str(data))
                own.sendto(b"served", sender)
            except OSError:
                return

    def close(self) -> None:
        for each in self._sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
