"""A real run of `collect functions` whose processes are all killed, at any moment, again and again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from benchmarks.chaos import MODULES, command, endure, leftovers


def test_what_runs_in_a_sandbox_is_seen_and_counts_as_left(tmp_path: Path) -> None:
    temporary = tmp_path / "chaos-seen"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    run = subprocess.Popen(
        command(("textwrap",), tmp_path / "set"), start_new_session=True, stderr=subprocess.DEVNULL, env=environment
    )
    try:
        deadline = time.monotonic() + 60
        while not any(_is_warm_parent(process) for process in leftovers(temporary)):
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    deadline = time.monotonic() + 30
    while leftovers(temporary) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not leftovers(temporary)


def _is_warm_parent(process: int) -> bool:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"python" in words[0] and words[1].endswith(b"/payload/bootstrap.py")


def test_a_run_killed_three_times_ends_with_the_bytes_of_one_that_nobody_disturbed(tmp_path: Path) -> None:
    found = endure(("bisect", "colorsys"), tmp_path, kills=3, seed=1)
    assert found.same and found.kills == 3 and found.shards > 2
    assert found.left == 0


@pytest.mark.slow
def test_a_run_killed_thirty_times_does_too(tmp_path: Path) -> None:
    found = endure(MODULES, tmp_path, kills=30, seed=2)
    assert found.same and found.kills == 30
