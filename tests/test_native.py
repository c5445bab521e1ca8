"""The C core's library: found, built once, or not to be had, for a reason that one line says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripted import INTERPRETERS, module_trace, run
from tracegen import CannotRun, Settings, doctor, native

OTHER = next(i.path for i in INTERPRETERS if i.version[:2] != sys.version_info[:2])


@pytest.fixture(autouse=True)
def forgetful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty cache, in memory and on disk."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = native.library
    found.cache_clear()
    yield
    found.cache_clear()


def why_not(python: str) -> str:
    with pytest.raises(native.Unavailable) as caught:
        native.library(python)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_pip_built_it_for_this_interpreter() -> None:
    assert native.library().parent == native.SOURCES


def test_another_interpreters_is_built_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = native.library(OTHER)
    assert first.parent == tmp_path / "cache" / "foretrace"
    assert list(first.parent.iterdir()) == [first]
    native.library.cache_clear()
    monkeypatch.setenv("CC", "/no/compiler")
    with pytest.raises(native.Unavailable):
        native.library(OTHER)  # another compiler, another library
    monkeypatch.delenv("CC")
    stamp = first.stat().st_mtime_ns
    assert native.library(OTHER) == first
    assert first.stat().st_mtime_ns == stamp


def test_without_a_compiler_the_reference_serves_and_everybody_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "/no/compiler")
    assert why_not(OTHER) == "there is no C compiler: /no/compiler is not on PATH"
    trace = module_trace(run(tmp_path, "x = 1\n", python=OTHER))
    assert trace.provenance.tracer == "reference"
    with pytest.raises(CannotRun, match=r"^tracer native: there is no C compiler"):
        Settings(python=OTHER, tracer="native").library()
    [said] = [line for line in doctor.examine().interpreters if OTHER in line]
    assert said.endswith("reference (pure Python): there is no C compiler: /no/compiler is not on PATH")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'core.c:1:1: error: no such thing' >&2; exit 1", "the C core does not compile: core.c:1:1: error: no "),
        ("exit 3", "the C core does not compile: exit code 3"),
    ],
)
def test_a_compiler_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    assert why_not(OTHER).startswith(message)
    assert list((tmp_path / "cache" / "foretrace").iterdir()) == []


def pretender(tmp_path: Path, answer: str) -> str:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{answer}'\n")
    python.chmod(0o755)
    return str(python)


def test_an_interpreter_that_is_not_cpython_has_none(tmp_path: Path) -> None:
    python = pretender(tmp_path, '["pypy", ".so", "3.11", 51054576, "/usr/include"]')
    assert why_not(python) == f"{python} is pypy: the C core is CPython's"


def test_an_interpreter_without_headers_has_none(tmp_path: Path) -> None:
    python = pretender(tmp_path, f'["cpython", ".so", "3.11", 51054576, "{tmp_path}"]')
    assert why_not(python) == f"{python} has no headers: there is no Python.h in {tmp_path}"


@pytest.mark.parametrize("answer", ["", "3.11", "[1, 2]", '["cpython"]'])
def test_what_does_not_answer_has_none(tmp_path: Path, answer: str) -> None:
    python = pretender(tmp_path, answer)
    assert why_not(python) == f"{python} does not answer"


def test_a_cache_that_others_may_write_to_is_not_loaded_from(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "foretrace"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert why_not(OTHER) == f"{folder}: others may write there; take their rights away"


def test_a_cache_that_cannot_be_made_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    assert why_not(OTHER).startswith(f"{tmp_path / 'cache' / 'foretrace'}: ")


def test_a_library_that_does_not_load_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "wrong.so"
    wrong.write_bytes(b"not a library")
    monkeypatch.setattr(native, "library", lambda python: wrong)
    with pytest.raises(CannotRun) as caught:
        run(tmp_path, "x = 1\n", tracer="native")
    assert "the C core does not load: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_installation_goes_on_without_a_compiler(tmp_path: Path) -> None:
    root = Path(native.__file__).parent.parent
    command = [sys.executable, str(root / "setup.py"), "-q", "build_ext", "-b", str(tmp_path), "-t", str(tmp_path)]
    environment = {**os.environ, "CC": "/no/compiler"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("*.so"))
