"""Kills a run of `collect functions` again and again, all of its processes at once, and looks at what is there at last.

    python -m benchmarks.chaos [--kills 30] [--seed 0] [MODULE…]

The process group gets SIGKILL at a random moment and the command is given again, until it has been killed so often;
then it runs to its end.  Its shards must equal, byte for byte, those of a run that nobody disturbed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import described

MODULES = ("textwrap", "bisect", "heapq", "colorsys", "html", "fnmatch", "posixpath", "shlex")


@dataclass(frozen=True)
class Endured:
    """``kills`` that hit a run, ``idle`` ones that came when a run had ended by itself, the seconds of a plain run.

    ``left``: processes that still ran at the end.
    """

    kills: int
    idle: int
    seconds: float
    shards: int
    same: bool
    left: int


def command(modules: tuple[str, ...], folder: Path) -> list[str]:
    """One run, in small shards."""
    foretrace = str(Path(sys.executable).with_name("foretrace"))
    small = ["--per-shard", "3", "--tries", "20", "--inputs-per-function", "4"]
    return [foretrace, "collect", "functions", *modules, "-o", str(folder), *small]


def shards(folder: Path) -> dict[str, bytes]:
    """The files of a data set that must be the same: shards, card and manifest, and nothing half-written."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if not name.startswith("state/")}


def leftovers(folder: Path) -> set[int]:
    """Processes that began with ``folder`` for their temporary files: by their command, environment or mounts."""
    name = folder.name.encode()
    found = set()
    for number in filter(str.isdigit, os.listdir("/proc")):
        for told in ("cmdline", "environ", "mountinfo"):
            try:
                known = name in Path(f"/proc/{number}/{told}").read_bytes()
            except OSError:
                continue
            if known:
                found.add(int(number))
    return found


def endure(modules: tuple[str, ...], folder: Path, kills: int, seed: int) -> Endured:
    """Run undisturbed, then disturbed, and compare; then see what still runs."""
    chance = random.Random(seed)
    # A name that no other process knows: other runs on this machine are not ours to count.
    temporary = Path(tempfile.mkdtemp(prefix="chaos-", dir=folder))
    environment = {**os.environ, "TMPDIR": str(temporary)}
    started = time.monotonic()
    subprocess.run(command(modules, folder / "plain"), check=True, capture_output=True, env=environment)
    seconds = time.monotonic() - started
    done = idle = 0
    while done < kills and idle < kills:
        run = subprocess.Popen(
            command(modules, folder / "killed"),
            start_new_session=True,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            # Any moment: while modules are imported, in the middle of a shard, or as a file gets its name.
            code = run.wait(chance.uniform(0.2, seconds * 0.6))
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            done += 1
            continue
        assert code == 0, f"exit code {code}"
        idle += 1
        # Finished before all kills had hit: begin anew, as somebody does who makes another data set.
        assert shards(folder / "killed") == shards(folder / "plain")
        (folder / "killed").rename(folder / f"finished-{idle}")
    subprocess.run(command(modules, folder / "killed"), check=True, capture_output=True, env=environment)
    found = shards(folder / "killed")
    return Endured(done, idle, seconds, len(found) - 2, found == shards(folder / "plain"), len(leftovers(temporary)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("modules", nargs="*", default=MODULES)
    options = parser.parse_args()
    print(described())
    with tempfile.TemporaryDirectory() as folder:
        found = endure(tuple(options.modules), Path(folder), options.kills, options.seed)
    print(
        f"{found.kills} kills, {found.idle} runs that ended before theirs; {found.shards} shards; undisturbed "
        f"{found.seconds:.1f} s; the same bytes: {found.same}; processes left: {found.left}"
    )
    sys.exit(not found.same)


if __name__ == "__main__":
    main()
