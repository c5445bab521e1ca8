"""The native tracer keeps nothing of what it traced, on every interpreter that is found."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.fuzzer import PAYLOAD
from tests.scripted import every_interpreter
from tracegen import native

LEAKS = Path(__file__).with_name("leaks.py")
PROGRAMS = 12
MOST = 256
"""Bytes a program: it makes hundreds of activations, each more than that; CPython's own caches still fill."""


@every_interpreter
def test_round_after_round_no_more_memory_is_in_use(python: str) -> None:
    command = [python, "-s", "-B", str(LEAKS), str(PAYLOAD), str(native.library(python)), "0", str(PROGRAMS)]
    done = subprocess.run(command, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True)
    rounds = json.loads(done.stdout)
    growth = {name: (used[-1] - used[-4]) / 3 / PROGRAMS for name, used in rounds.items()}
    assert growth["native"] < max(MOST, 2 * growth["reference"]), rounds
