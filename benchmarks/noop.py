"""Builds noop.c for the running interpreter, and loads it: the tracer in C that does nothing."""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Protocol, cast

SOURCE = Path(__file__).with_name("noop.c")


class Noop(Protocol):
    """The module that noop.c makes."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def written(self, text: memoryview, records: memoryview) -> int: ...


def built(folder: Path) -> Path:
    """The library, compiled into ``folder`` with the compiler that Python names, or ``cc``."""
    library = folder / "noop.so"
    compiler = shlex.split(str(sysconfig.get_config_var("CC") or "cc"))
    flags = ["-O2", "-fPIC", "-shared", "-I", sysconfig.get_path("include")]
    subprocess.run([*compiler, *flags, str(SOURCE), "-o", str(library)], check=True)
    return library


def loaded(library: Path) -> Noop:
    """The built library as a module."""
    spec = importlib.util.spec_from_file_location("noop", library)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast(Noop, module)
