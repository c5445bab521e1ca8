"""Line coverage of tracegen: the tests file by file, and the children that they cannot see into.

    python -m benchmarks.coverage_everywhere

A test file is a process of its own, because a test that takes coverage's trace function away (which the tracer
must) takes it from all tests after it.  Children run through an interpreter that starts them under coverage:
every kind of target, and every way in which one can be refused.  Still blind: what runs inside a trace callback.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.machine import ROOT, described

SCRIPT = """
import os, threading, sys
class Shown:
    def __repr__(self): return "shown"
def work(n): return n + len(repr(Shown()))
worker = threading.Thread(target=work, args=(1,)); worker.start(); worker.join()
if os.fork() == 0:
    os._exit(0)
os.wait()
sys.settrace(None)
"""
TESTS = """
import pytest
def add(a, b): return a + b
def test_adds(): assert add(1, 2) == 3
def test_fails(): assert add(1, 2) == 4
@pytest.mark.xfail
def test_expected(): assert False
@pytest.fixture
def broken(): raise OSError
def test_errs(broken): pass
"""


def main() -> None:
    print(described(), flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = folder / "coveragerc"
        settings.write_text(f"[run]\nsource = {ROOT}/tracegen\nparallel = true\ndata_file = {folder}/data\n")
        coverage = [sys.executable, "-m", "coverage"]
        under = [*coverage, "run", f"--rcfile={settings}"]
        for tests in sorted((ROOT / "tests").glob("test_*.py")):
            command = [*under, "-m", "pytest", "-q", "-m", "not slow", str(tests)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            print(tests.name, done.stdout.strip().splitlines()[-1], flush=True)
        python = folder / "python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} -m coverage run --rcfile={settings} "$@"\n')
        python.chmod(0o755)
        for file, text in {
            "script.py": SCRIPT,
            "ends.py": "import sys\nsys.exit(3)\n",
            "raises.py": "1 / 0\n",
            "wrong.py": "def (\n",
            "nul.py": "a = 1\0\n",
            "functions.py": "def f(x): return x\n",
            "fails.py": "1 / 0\ndef f(x): return x\n",
            "test_it.py": TESTS,
        }.items():
            (folder / file).write_text(text)
        for arguments in (
            ["script.py", "--", "a"],
            ["ends.py"],
            ["raises.py"],
            ["wrong.py"],
            ["nul.py"],
            ["functions.py", "--include", "textwrap", "--include", "json", "--include", "functions.py"],
            ["functions.py", "--include", "no_such_module"],
            ["functions.py", "--include", "no..such"],
            ["functions.py::f", "--args", "1"],
            ["functions.py::g", "--args", "1"],
            ["fails.py::f", "--args", "1"],
            ["--pytest", "test_it.py::test_adds"],
        ):
            command = [str(Path(sys.executable).with_name("foretrace")), "trace", *arguments]
            with_python = [*command[:2], "--python", str(python), *command[2:]]
            subprocess.run(with_python, cwd=folder, capture_output=True, check=False)
        subprocess.run(
            [command[0], "collect", "repo", ".", "--trust", "-o", "out", "--python", str(python)],
            cwd=folder,
            capture_output=True,
            check=False,
        )
        environment = {**os.environ, "COVERAGE_RCFILE": str(settings)}
        subprocess.run([*coverage, "combine", "-q"], cwd=folder, env=environment, check=True)
        subprocess.run([*coverage, "report", "--show-missing"], cwd=folder, env=environment, check=True)


if __name__ == "__main__":
    main()
