"""What a model is asked about a program, which is what its recorded trace begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cwm_model.masks.entrance import Entrance
from cwm_model.predicting.prompts import prompt_of_call, prompt_of_script, prompt_of_trace
from tests.asked import CODE, HEAD, PROMPT, TRUTH, call
from tracegen import CannotRun, Settings
from tracegen.grammar import render
from tracegen.programs.calls import trace_call
from tracegen.programs.scripts import trace_script


def test_a_call_is_asked_as_cwm_was_trained() -> None:
    assert render(PROMPT.pieces()) == (
        f"<|begin_of_text|><|trace_context_start|>\n{CODE}\ndef main():  # << START_OF_TRACE\n    return f(2)\n"
        "<|frame_sep|><|call_sep|>{}<|action_sep|>def main():\n<|frame_sep|>"
    )
    assert (PROMPT.head, PROMPT.depth) == (HEAD, 1)


def test_a_call_is_asked_as_its_recorded_trace_begins() -> None:
    [trace] = trace_call(call(), Settings()).traces()
    assert trace.pieces()[: len(PROMPT.pieces())] == PROMPT.pieces()
    assert prompt_of_trace(trace) == PROMPT
    assert trace.frames()[1:] == TRUTH


def test_a_script_is_asked_as_its_recorded_trace_begins_and_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text("# A comment.\nopen('ran', 'w')\n")
    prompt_of_script(path)
    assert not (tmp_path / "ran").exists()
    path.write_text("# A comment.\nx = 1\n")
    [trace] = trace_script(path, [], Settings()).traces()
    assert prompt_of_script(path) == prompt_of_trace(trace)


def test_a_recorded_block_has_no_call_to_begin_with() -> None:
    [trace] = trace_call(call(), Settings()).traces()
    block = prompt_of_trace(replace(trace, steps=trace.steps[1:]))
    assert (block.head, block.entrance, block.depth) == ((), Entrance.BLOCK, 1)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("def g():\n    pass\nclass C:\n    def f(): pass\n", "program.py::f: no such function; it has: C, g"),
        ("", "program.py::f: no such function; it has: none"),
        ("def f(:\n", "program.py:1: does not parse: invalid syntax"),
        ("x = '\0'", "program.py: does not parse: source code string cannot contain null bytes"),
    ],
)
def test_a_function_that_is_not_there_is_one_line(code: str, line: str) -> None:
    with pytest.raises(CannotRun) as refusal:
        prompt_of_call(call(code))
    assert str(refusal.value) == line


@pytest.mark.parametrize(
    "code",
    [
        "f = len",
        "if 1:\n    def f(): pass",
        "from a import b as f",
        "import f.g",
        "from a import *",
        "for f in 1,: pass",
    ],
)
def test_a_function_may_be_bound_in_any_way(code: str) -> None:
    assert prompt_of_call(call(code)).head == HEAD


def test_a_script_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\xff")
    (tmp_path / "b.py").write_text("if\n")
    for name, said in [
        ("a.py", "cannot be read as Python: "),
        ("b.py", ":1: does not parse"),
        ("c.py", "no such file"),
    ]:
        with pytest.raises(CannotRun, match=said):
            prompt_of_script(tmp_path / name)
