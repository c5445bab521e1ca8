r"""Golden cases of the format: what the released 32B model writes, greedy, our traces give byte for byte.

The texts are spelled out here, so that a mistake in the grammar cannot hide behind the grammar.
"""

from __future__ import annotations

import pytest

from tests import golden
from tracegen.frame import Event
from tracegen.programs.calls import main_trace
from tracegen.programs.samples import Sample, run_sample
from tracegen.settings import Settings
from tracegen.stored import trace_at
from tracegen.trace import Trace

PYTHONS = golden.interpreters()
COMPREHENSIONS_ARE_FRAMES = ("3.8", "3.9", "3.10", "3.11")

CASE_A = """\
def f(s):
    nums = ''.join(filter(lambda c:c.isdecimal(), s))
    if nums == '': return 'none'
    m = max([int(num) for num in nums.split(',')])
    return str(m)
"""

CASE_B = """\
def f(text):
    return sum(1 for c in text if c.isdigit())
"""

MULTI_LINE = """\
def f(text, tabsize):
    return '\\n'.join([
    \tt.expandtabs(tabsize)
        for t in text.split('\\n')
    ])
"""


def traced(code: str, arguments: str, version: str) -> Trace:
    """A sample's main trace in an interpreter of this machine."""
    if version not in PYTHONS:
        pytest.skip(f"Python {version} is not on this machine")
    outcome = run_sample(Sample("case", code, arguments), Settings(python=PYTHONS[version]))
    assert outcome.trouble is None
    assert outcome.told is not None
    return trace_at(main_trace(outcome.told), 0)


def head(code: str, call: str) -> str:
    """The prompt, with main's CALL frame: code that ends in a newline leaves an empty line before main."""
    return (
        f"<|begin_of_text|><|trace_context_start|>\n{code}\ndef main():  # << START_OF_TRACE\n    return {call}\n"
        "<|frame_sep|><|call_sep|>{}<|action_sep|>def main():\n<|frame_sep|>"
    )


@pytest.mark.parametrize("version", COMPREHENSIONS_ARE_FRAMES)
def test_a_comprehension_and_a_lambda_are_written_as_the_model_writes_them(version: str) -> None:
    nums = "    nums = ''.join(filter(lambda c:c.isdecimal(), s))\n"
    longest = "    m = max([int(num) for num in nums.split(',')])\n"
    filtered = "".join(
        f'<|call_sep|>{{"c": "{c!r}"}}<|action_sep|>{nums}<|frame_sep|>'
        f'<|line_sep|>{{"c": ".."}}<|action_sep|>{nums}<|frame_sep|>'
        f'<|return_sep|><|action_sep|>{nums}<|arg_sep|>"{c != ","}"<|frame_sep|>'
        for c in "01,001"
    )
    expected = (
        "<|line_sep|>{}<|action_sep|>    return f('01,001')\n<|frame_sep|>"
        '<|call_sep|>{"s": "\'01,001\'"}<|action_sep|>def f(s):\n<|frame_sep|>'
        f'<|line_sep|>{{"s": ".."}}<|action_sep|>{nums}<|frame_sep|>'
        f"{filtered}"
        '<|line_sep|>{"s": "\'01,001\'", "nums": "\'01001\'"}<|action_sep|>'
        "    if nums == '': return 'none'\n<|frame_sep|>"
        f'<|line_sep|>{{"s": "..", "nums": ".."}}<|action_sep|>{longest}<|frame_sep|>'
        f'<|call_sep|>{{".0": "<list_iterator object>"}}<|action_sep|>{longest}<|frame_sep|>'
        f'<|line_sep|>{{".0": ".."}}<|action_sep|>{longest}<|frame_sep|>'
        f'<|line_sep|>{{".0": "..", "num": "\'01001\'"}}<|action_sep|>{longest}<|frame_sep|>'
        f'<|return_sep|><|action_sep|>{longest}<|arg_sep|>"[1001]"<|frame_sep|>'
        '<|line_sep|>{"s": "\'01,001\'", "nums": "\'01001\'", "m": "1001"}<|action_sep|>'
        "    return str(m)\n<|frame_sep|>"
        "<|return_sep|><|action_sep|>    return str(m)\n<|arg_sep|>\"'1001'\"<|frame_sep|>"
        "<|return_sep|><|action_sep|>    return f('01,001')\n<|arg_sep|>\"'1001'\"<|frame_sep|>"
        "<|end_of_text|>"
    )
    assert traced(CASE_A, "'01,001'", version).text() == head(CASE_A, "f('01,001')") + expected


@pytest.mark.parametrize("version", COMPREHENSIONS_ARE_FRAMES)
def test_a_generator_expression_is_written_as_the_model_writes_it(version: str) -> None:
    iterator = "<str_ascii_iterator object>" if version == "3.11" else "<str_iterator object>"
    line = "    return sum(1 for c in text if c.isdigit())\n"
    rounds = "".join(
        f'<|call_sep|>{{".0": "{iterator}", "c": "\'{c}\'"}}<|action_sep|>{line}<|frame_sep|>'
        f'<|line_sep|>{{".0": "..", "c": ".."}}<|action_sep|>{line}<|frame_sep|>'
        f'<|return_sep|><|action_sep|>{line}<|arg_sep|>"{value}"<|frame_sep|>'
        for c, value in (("4", 1), ("5", 1), ("6", None))
    )
    expected = (
        "<|line_sep|>{}<|action_sep|>    return f('so456')\n<|frame_sep|>"
        '<|call_sep|>{"text": "\'so456\'"}<|action_sep|>def f(text):\n<|frame_sep|>'
        f'<|line_sep|>{{"text": ".."}}<|action_sep|>{line}<|frame_sep|>'
        f'<|call_sep|>{{".0": "{iterator}"}}<|action_sep|>{line}<|frame_sep|>'
        f'<|line_sep|>{{".0": ".."}}<|action_sep|>{line}<|frame_sep|>'
        f'<|line_sep|>{{".0": "..", "c": "\'s\'"}}<|action_sep|>{line}<|frame_sep|>'
        f'<|line_sep|>{{".0": "..", "c": "\'o\'"}}<|action_sep|>{line}<|frame_sep|>'
        f'<|return_sep|><|action_sep|>{line}<|arg_sep|>"1"<|frame_sep|>'
        f"{rounds}"
        f'<|return_sep|><|action_sep|>{line}<|arg_sep|>"3"<|frame_sep|>'
        "<|return_sep|><|action_sep|>    return f('so456')\n<|arg_sep|>\"3\"<|frame_sep|>"
        "<|end_of_text|>"
    )
    assert traced(CASE_B, "'so456'", version).text() == head(CASE_B, "f('so456')") + expected


@pytest.mark.parametrize(
    ("version", "frames"), [("3.8", 22), ("3.9", 22), ("3.10", 26), ("3.11", 26), ("3.12", 19), ("3.13", 17)]
)
def test_a_comprehension_over_lines_has_as_many_frames_as_line_events(version: str, frames: int) -> None:
    trace = traced(MULTI_LINE, r"'\tf9\n\tldf9\n\tadf9!\n\tf9?', 1", version)
    after_main = trace.frames()[1:]
    assert len(after_main) == frames
    if version in COMPREHENSIONS_ARE_FRAMES:
        inside = [tuple(name for name, _ in frame.locals) for frame in after_main if dict(frame.locals).get(".0")]
        assert set(inside) == {(".0", "tabsize"), (".0", "tabsize", "t")}


@pytest.mark.parametrize("version", golden.VERSIONS)
def test_a_finally_line_has_no_frame(version: str) -> None:
    code = "def f(n):\n    try:\n        n = 1 // n\n    finally:\n        n = None\n    return n\n"
    frames = [frame for frame in traced(code, "1", version).frames() if frame.event is Event.LINE]
    assert [frame.source.strip() for frame in frames] == ["return f(1)", "try:", "n = 1 // n", "n = None", "return n"]


def test_a_control_token_in_a_program_stays_text() -> None:
    version = next(iter(PYTHONS))
    trace = traced("def f(s):\n    return s + '<|end_of_text|>'\n", "'<|frame_sep|>'", version)
    assert "<|frame_sep|>" not in trace.pieces()
    assert any(isinstance(piece, str) and "<|frame_sep|>" in piece for piece in trace.pieces())
