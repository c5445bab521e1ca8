"""The command line that starts a warm parent behind a level's walls, and what the two sides call the same files.

Knows what bubblewrap and the landlock launcher are told; knows nothing of tasks (session.py), or of whether a level
works on this machine (levels.py).
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tracegen.execution import PAYLOAD
from tracegen.payload import confine
from tracegen.sandbox.bounds import MIB, Bounds, Level
from tracegen.sandbox.interpreter import Needs
from tracegen.sandbox.users import OUTER_UIDS, UID
from tracegen.settings import CannotRun

LAUNCHER = Path(__file__).parent / "launch.py"
SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin")
FILES = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/alternatives")
DEVICES = ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom")
"""Not /dev/zero: what is mapped of it, shared, is memory in no process's account."""
SHARED = 8 * MIB
"""Bytes of /dev/shm, where semaphores live."""
INSIDE = "/foretrace"
"""Where the payload lies behind bubblewrap."""


@dataclass(frozen=True, slots=True)
class Walls:
    """How a warm parent is started (``argv``), and how files are called on its side.

    ``folders`` are those that tasks can write to, and that are emptied after each; ``work`` is where a task starts.
    """

    argv: tuple[str, ...]
    library: str
    folders: tuple[str, ...]
    work: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def walls(
    level: Level, needs: Needs, library: str, home: Path, bounds: Bounds, uid: int | None, fds: tuple[int, int]
) -> Walls:
    """``home``: a folder of this side's, empty, for the sandbox alone.  ``uid``: whom root becomes.  ``fds``: the
    control socket's, and one to read the sandbox's list of users from.  Raises CannotRun."""
    if level is Level.BWRAP:
        return _bubblewrap(needs, _readable(library, home), bounds, uid, fds)
    control = str(fds[0])
    box = home / "box"
    box.mkdir()
    work = str(box / "work")
    if level is Level.PROCESS:
        argv = (needs.executable, str(PAYLOAD / "bootstrap.py"), control)
        return Walls(argv, library, (str(box),), work, (), ())
    inside = home / "payload"
    inside.mkdir(mode=0o755)
    for path in PAYLOAD.glob("*.py"):
        shutil.copyfile(path, inside / path.name)
    reads = (*SYSTEM, *FILES, *DEVICES, *needs.folders, str(home))
    writes = (str(box), "/dev/null")
    said = {"uid": uid, "reads": [*reads, "/proc"], "writes": writes, "abi": confine.landlock_abi()}
    if uid is not None:
        # Not theirs, and sticky: its rights and attributes are the same for each task.
        os.chown(box, 0, uid)
        os.chmod(box, 0o1770)
        os.chmod(home, 0o755)
    bootstrap = (needs.executable, str(inside / "bootstrap.py"), control)
    launch = (sys.executable, "-I", "-S", str(LAUNCHER), str(PAYLOAD), json.dumps(said))
    return Walls((*launch, *bootstrap), _readable(library, home), (str(box),), work, reads, writes)


def _readable(library: str, home: Path) -> str:
    """A copy of the C core that the sandbox's user can read: the cache is nobody else's."""
    if not library:
        return ""
    copy = home / "tracer.so"
    shutil.copyfile(library, copy)
    copy.chmod(0o755)
    return str(copy)


@functools.cache
def _can_map_users() -> bool:
    """Whether users without rights may make user namespaces here."""
    test = [
        "setpriv",
        "--reuid",
        str(OUTER_UIDS[-1]),
        "--clear-groups",
        "unshare",
        "--user",
        f"--map-user={UID}",
        "true",
    ]
    try:
        return subprocess.run(test, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _bubblewrap(needs: Needs, library: str, bounds: Bounds, uid: int | None, fds: tuple[int, int]) -> Walls:
    program = shutil.which("bwrap")
    if program is None:
        raise CannotRun("bubblewrap is not installed: there is no bwrap on PATH")
    argv = [program, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    argv += ["--die-with-parent", "--as-pid-1", "--hostname", "sandbox"]
    for path in (needs.executable, *needs.folders, *(link for link, _ in needs.links)):
        if path.startswith("/dev/shm/") or (path.startswith("/tmp/") and path.count("/") == 2 and os.path.islink(path)):
            raise CannotRun(f"{path} lies where the sandbox has its own files: give an interpreter that lies elsewhere")
    if uid is not None:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise CannotRun("setpriv (of util-linux) is not on PATH: root needs it to become nobody in the sandbox")
        # Root makes the mounts, which reach where only root does; then the user is changed for good.
        argv += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]
        become = [setpriv, "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--no-new-privs"]
        become += ["--inh-caps=-all", "--bounding-set=-all"]
        if _can_map_users():
            # The same user inside, whoever it is outside: programs ask, and their traces say.
            become += ["unshare", "--user", f"--map-user={UID}", f"--map-group={UID}"]
    else:
        argv += ["--unshare-user", "--uid", str(UID), "--gid", str(UID)]
        become = []
    for path in SYSTEM:
        if os.path.islink(path):
            argv += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            argv += ["--ro-bind", path, path]
    for path in FILES:
        argv += ["--ro-bind-try", path, path]
    argv += ["--ro-bind-data", str(fds[1]), "/etc/passwd"]
    shown = [("--ro-bind", folder, folder) for folder in needs.folders]
    shown += [("--symlink", target, link) for link, target in needs.links]
    below_tmp = [each for each in shown if each[2].startswith("/tmp/")]
    argv += _shown([each for each in shown if each not in below_tmp])
    argv += _shown([("--ro-bind", str(PAYLOAD), f"{INSIDE}/payload")])
    if library:
        argv += ["--ro-bind", library, f"{INSIDE}/tracer.so"]
    # /dev/full reads as zeros too, but cannot be mapped (see DEVICES).
    argv += ["--proc", "/proc", "--dev", "/dev", "--dev-bind", "/dev/full", "/dev/zero"]
    for size, folder in ((SHARED, "/dev/shm"), (bounds.disk, "/tmp")):
        argv += ["--perms", "1777", "--size", str(size), "--tmpfs", folder]
    # What lies in a folder of /tmp lies in one here, which is mounted there and nobody's to change or to sweep away.
    for top in dict.fromkeys("/".join(target.split("/")[:3]) for _, _, target in below_tmp):
        within = [each for each in below_tmp if each[2] == top or each[2].startswith(f"{top}/")]
        if top in needs.folders:
            argv += _shown(within, {"/tmp"})
        else:
            argv += ["--perms", "0755", "--tmpfs", top, *_shown(within, {"/tmp", top}), "--remount-ro", top]
    argv += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--"]
    bootstrap = [needs.executable, f"{INSIDE}/payload/bootstrap.py", str(fds[0])]
    folders = ("/tmp", "/dev/shm")
    reads = (*SYSTEM, *FILES, "/etc/passwd", "/proc", "/dev", *needs.folders, INSIDE)
    writes = (*folders, *DEVICES, "/dev/zero")
    inside = f"{INSIDE}/tracer.so" if library else ""
    return Walls((*argv, *become, *bootstrap), inside, folders, "/tmp/work", reads, writes)


def _shown(what: list[tuple[str, str, str]], made: set[str] | None = None) -> list[str]:
    """bubblewrap's arguments for (how, source, target), and the folders on the way but for those that are made."""
    made = set(made or ())
    argv = []
    for how, source, target in what:
        for parent in map(str, reversed(Path(target).parents[:-1])):
            if parent not in made:
                # bubblewrap's own choice for what is on the way would shut others out.
                argv += ["--perms", "0755", "--dir", parent]
                made.add(parent)
        argv += [how, source, target]
    return argv


PASSWD = f"sandbox:x:{UID}:{UID}:sandbox:/tmp/work:/bin/sh\n".encode("ascii")
"""The list of users that a program behind bubblewrap sees."""


def unreadable(needs: Needs) -> str | None:
    """The first folder on the way to the interpreter that root's sandbox users cannot enter; None if there is none."""
    uid = OUTER_UIDS[0]
    for folder in (needs.executable, *needs.folders):
        test = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "test", "-r", folder]
        if subprocess.run(test, capture_output=True, check=False).returncode != 0:
            for parent in reversed([Path(folder), *Path(folder).parents]):
                if parent.stat().st_mode & 0o005 != 0o005:
                    return str(parent)
    return None
