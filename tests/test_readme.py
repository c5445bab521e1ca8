"""What the README says: its commands and their output, its file map, and the examples."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def block(after: str) -> str:
    """The first fenced block behind a text."""
    found = re.search(r"```\w*\n(.*?)```", README[README.index(after) :], re.DOTALL)
    assert found is not None, after
    return found.group(1)


def run(arguments: str, folder: Path) -> str:
    result = subprocess.run([BIN / "foretrace", *arguments.split()], cwd=folder, capture_output=True, check=True)
    return result.stdout.decode("utf-8")


@pytest.mark.parametrize("heading", ["For people:", "For a model,"])
def test_the_first_trace_prints_what_the_readme_shows(heading: str, tmp_path: Path) -> None:
    (tmp_path / "halvings.py").write_text(block("`halvings.py`:"), encoding="utf-8")
    command, _, shown = block(heading).partition("\n")
    printed = run(command.removeprefix("$ foretrace "), tmp_path)
    assert [line.rstrip() for line in printed.rstrip().split("\n")] == shown.rstrip("\n").split("\n")


def test_the_file_map_names_every_file_and_no_other() -> None:
    shown = block("## The files")
    named = set(re.findall(r"\b\w+\.py\b", shown))
    packages = ("tracegen", "cwm_model", "evals")
    there = {path.name for package in packages for path in (ROOT / package).rglob("*.py")} | {"cli.py"}
    there |= {path.name for path in (ROOT / "examples").glob("*.py")}
    assert named == there - {"__init__.py"}
    for folder in re.findall(r"^(\w+)/", shown, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


def test_every_command_of_the_readme_exists() -> None:
    for line in block("## The command").splitlines():
        words = line.split()
        assert words[0] == "foretrace"
        path = words[1:3] if words[1] == "collect" else words[1:2]
        assert "Usage: foretrace" in run(" ".join([*path, "--help"]), ROOT)


def test_the_example_of_a_collection_runs() -> None:
    result = subprocess.run([sys.executable, "examples/collect_functions.py"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert re.match(r"\d\d traces of 7 functions, at the level (bwrap|landlock)\n", result.stdout)
    assert result.stdout.rstrip().endswith("<|end_of_text|>")


def test_the_recording_example_runs() -> None:
    result = subprocess.run([sys.executable, "examples/record_a_block.py"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "longest: 3" in result.stdout
    assert result.stdout.rstrip().endswith("<|end_of_text|>")


def test_the_demo_and_the_reading_example_run(tmp_path: Path) -> None:
    # A second demo replaces what the first one left.
    for items, model in ("2", True), ("0", False):
        result = subprocess.run(
            [sys.executable, "examples/demo.py", str(tmp_path / "data"), "--items", items],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        assert "tests      8: 8 passed" in result.stdout
        assert "<|action_sep|>def show(cents):" in result.stdout
        for said in ("cruxeval-o, trace, literal", "cruxeval-o, single, literal", "McNemar", "halvings.py::halvings: "):
            assert (said in result.stdout) is model
    read = subprocess.run(
        [sys.executable, "examples/read_a_data_set.py", str(tmp_path / "data")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(read.stdout.splitlines()) == 25 - 2  # two of the 25 traces raised


def test_every_make_target_of_the_readme_is_documented_by_make() -> None:
    help = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in re.findall(r"^make (\S+)", README, re.MULTILINE):
        assert re.search(rf"^  make {target}\b", help, re.MULTILINE), target
