"""Recording in this process: a block, or one call.

Longer than the house's 350 lines: every rule of one subject has its cases here, beside what they share.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import linecache
import pdb
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import coverage
import pytest

import tracegen
from tracegen import CannotRun, Ending, Event, Limits, Recording, Trace, parse
from tracegen.trace import what_changed


def double(x: int) -> int:
    y = x * 2
    return y


def fails(x: int) -> int:
    raise ValueError(x)


def numbers(n: int) -> Iterator[int]:
    yield from range(n)


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def add(self, by: int) -> int:
        self.count += by
        return self.count

    @classmethod
    def made(cls, count: int) -> Counter:
        counter = cls()
        counter.count = count
        return counter

    def __call__(self) -> int:
        return self.count


def said(trace: Trace) -> list[str]:
    """Each step as its event, its source and its news."""
    return [
        f"{'  ' * step.depth}{step.event.value} {frame.source.strip()} | {what_changed(step)}"
        for step, frame in zip(trace.steps, trace.frames(), strict=True)
    ]


# A block.


def test_a_block_is_recorded_line_by_line_with_what_it_calls() -> None:
    a = 1
    with tracegen.record() as recording:
        b = double(a)
        c = [a, b]
    assert c == [1, 2]
    steps = said(recording.trace)
    assert steps[0] == "line b = double(a) | a = 1, recording = <tracegen.recording.Recording object>"
    assert steps[1:6] == [
        "  call def double(x: int) -> int: | x = 1",
        "  line y = x * 2 | ",
        "  line return y | y = 2",
        "  return return y | returns 2",
        "line c = [a, b] | b = 2",
    ]
    assert [step for step in recording.trace.steps if step.event is not Event.LINE and step.depth == 0] == []
    assert recording.trace.ending is Ending.LEFT
    assert recording.trace.entry.name.endswith("test_a_block_is_recorded_line_by_line_with_what_it_calls")


def test_nothing_outside_the_block_is_recorded() -> None:
    double(1)
    with tracegen.record() as recording:
        pass
    double(2)
    assert all(step.depth == 0 for step in recording.trace.steps)
    assert "double" not in "".join(said(recording.trace))


def test_an_exception_leaves_the_block_and_is_recorded() -> None:
    with pytest.raises(ValueError, match="7"), tracegen.record() as recording:
        fails(7)
    steps = said(recording.trace)
    assert steps[1:5] == [
        "  call def fails(x: int) -> int: | x = 7",
        "  line raise ValueError(x) | ",
        "  exception raise ValueError(x) | raises ValueError(7)",
        "  return raise ValueError(x) | unwinds",
    ]
    assert steps[5] == "exception fails(7) | raises ValueError(7)"
    assert recording.trace.ending is Ending.LEFT


def test_the_standard_library_and_this_package_are_not_entered() -> None:
    with tracegen.record() as recording:
        found = functools.reduce(lambda x, y: x + y, [1, 2])
        parsed = parse([])
    assert (found, parsed.frames) == (3, ())
    assert recording.trace.files == ("test_recording.py",)
    assert [step.event for step in recording.trace.steps if step.depth == 1] == [Event.CALL, Event.LINE, Event.RETURN]
    assert max(step.depth for step in recording.trace.steps) == 1


def test_a_thread_that_starts_in_the_block_is_a_trace_of_its_own() -> None:
    with tracegen.record() as recording:
        thread = threading.Thread(target=double, args=(3,))
        thread.start()
        thread.join()
    assert [trace.entry.name for trace in recording.traces][1:] == ["double"]
    assert recording.traces[1].steps[-1].value == "6"
    assert recording.traces[1].ending is Ending.RETURNED
    assert recording.trace is recording.traces[0]


def test_a_block_can_be_recorded_in_a_generator_and_twice() -> None:
    with tracegen.record() as first:
        double(1)
    with tracegen.record() as second:
        double(2)
    assert [trace.steps[1].locals for trace in (first.trace, second.trace)] == [(("x", "1"),), (("x", "2"),)]


def test_policies_and_limits_are_those_of_the_settings() -> None:
    counter = Counter()
    with tracegen.record(values="fields", limits=Limits(events=3)) as recording:
        counter.add(2)
        counter.add(3)
    assert len(recording.trace.steps) == 3
    assert recording.trace.ending is Ending.EVENTS
    assert dict(recording.trace.steps[0].locals)["counter"] == "Counter(count=0)"
    assert recording.trace.provenance.values == "fields"
    assert "events 3" in recording.trace.provenance.limits


def test_a_policy_or_a_limit_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(CannotRun):
        tracegen.record(values="own")
    with pytest.raises(CannotRun):
        tracegen.record(limits=Limits(events=0))


def test_the_trace_is_not_to_be_had_while_the_block_runs() -> None:
    with tracegen.record() as recording:
        with pytest.raises(ValueError, match=r"^nothing is recorded; is the block still running\?$"):
            recording.trace  # noqa: B018
        assert recording.traces == ()
    assert isinstance(recording.trace, Trace)


def test_provenance_says_how_it_was_recorded() -> None:
    trace = tracegen.trace_call(double, 1)
    version = ".".join(map(str, sys.version_info[:3]))
    assert (trace.provenance.source, trace.provenance.python, trace.python) == (
        "recording",
        version,
        version.rsplit(".", 1)[0],
    )
    assert trace.provenance.tracer == "native"
    assert trace.provenance.isolation == "none"


def test_the_hash_seed_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    assert tracegen.trace_call(double, 1).provenance.hash_seed == "7"
    monkeypatch.delenv("PYTHONHASHSEED")
    assert tracegen.trace_call(double, 1).provenance.hash_seed == "random"


# What stood there before.


def with_trace_function(function: Any) -> tuple[Recording, Any, Any]:
    """Record a block while this trace function stands; and what stands before and after the block."""
    outside, outside_threads = sys.gettrace(), getattr(threading, "_trace_hook")  # noqa: B009
    try:
        sys.settrace(function)
        before = sys.gettrace()
        with tracegen.record() as recording:
            double(1)
        after = sys.gettrace()
    finally:
        sys.settrace(outside)
        threading.settrace(outside_threads)
    return recording, before, after


def test_a_debugger_is_named_and_back_afterwards() -> None:
    debugger = pdb.Pdb(stdin=io.StringIO(), stdout=io.StringIO())
    debugger.reset()
    debugger.stopframe = sys._getframe(1)  # a frame that is not traced: the debugger never asks for a command
    recording, before, after = with_trace_function(debugger.trace_dispatch)
    assert recording.displaced == "pdb.Pdb"
    assert "displaced the trace function of pdb.Pdb" in recording.trace.provenance.notes
    assert before == debugger.trace_dispatch
    assert after is before
    assert any(step.event is Event.CALL for step in recording.trace.steps)


def test_a_plain_trace_function_is_named_by_its_module_and_name() -> None:
    calls: list[str] = []

    def watching(frame: FrameType, event: str, arg: object) -> None:
        calls.append(frame.f_code.co_name)

    recording, before, after = with_trace_function(watching)
    assert recording.displaced is not None
    assert recording.displaced.startswith("tests.test_recording.") and recording.displaced.endswith(".watching")
    assert after is before is watching
    assert "double" not in calls


def test_coverage_is_named_and_back_afterwards() -> None:
    measuring = coverage.Coverage(data_file=None, config_file=False, include=[__file__])
    measuring.set_option("run:core", "ctrace")
    outside = sys.gettrace()
    measuring.start()
    try:
        before = sys.gettrace()
        with tracegen.record() as recording:
            double(1)
        after = sys.gettrace()
        fresh = tracegen.trace_call(double, 2)
    finally:
        measuring.stop()
        sys.settrace(outside)
    assert recording.displaced is not None and recording.displaced.startswith("coverage.")
    assert before is not None and after is before
    assert any(step.event is Event.CALL for step in recording.trace.steps)
    assert fresh.steps[-1].value == "4"


def test_nothing_is_displaced_where_nothing_stood() -> None:
    recording, before, after = with_trace_function(None)
    assert (recording.displaced, before, after) == (None, None, None)
    assert recording.trace.provenance.notes == ""


def test_a_block_whose_trace_function_was_replaced_is_untraced_and_says_so() -> None:
    outside, outside_threads = sys.gettrace(), getattr(threading, "_trace_hook")  # noqa: B009
    try:
        sys.settrace(None)
        with tracegen.record() as recording:
            sys.settrace(None)
            double(1)
    finally:
        sys.settrace(outside)
        threading.settrace(outside_threads)
    assert recording.trace.ending is Ending.UNTRACED
    assert recording.trace.provenance.notes == "another trace function stood there at the end"


# One call.


def test_a_call_is_recorded_from_its_call_to_its_return() -> None:
    trace = tracegen.trace_call(double, 4)
    assert said(trace) == [
        "call def double(x: int) -> int: | x = 4",
        "line y = x * 2 | ",
        "line return y | y = 8",
        "return return y | returns 8",
    ]
    assert (trace.entry.name, trace.ending, trace.detail) == ("double", Ending.RETURNED, "")


def test_a_call_takes_keywords_of_any_name() -> None:
    def named(function: int, *args: int, **kwargs: int) -> int:
        return function + kwargs["args"]

    assert tracegen.trace_call(named, function=1, args=2).steps[-1].value == "3"
    assert tracegen.trace_call(named, 1, 5, args=2).steps[0].locals == (
        ("function", "1"),
        ("args", "(5,)"),
        ("kwargs", "{'args': 2}"),
    )


def test_what_a_call_raises_is_in_the_trace_and_goes_no_further() -> None:
    trace = tracegen.trace_call(fails, 3)
    assert said(trace)[-2:] == [
        "exception raise ValueError(x) | raises ValueError(3)",
        "return raise ValueError(x) | unwinds",
    ]
    assert trace.ending is Ending.RAISED


def test_what_is_no_exception_of_the_programs_goes_on() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    outside = sys.gettrace()
    with pytest.raises(KeyboardInterrupt):
        tracegen.trace_call(interrupted)
    assert sys.gettrace() is outside


def test_methods_and_class_methods_are_recorded() -> None:
    counter = Counter()
    assert tracegen.trace_call(counter.add, 2).steps[-1].value == "2"
    assert tracegen.trace_call(Counter.made, 3).entry.name.endswith("made")
    assert counter.count == 2


def test_a_lambda_is_recorded() -> None:
    trace = tracegen.trace_call(lambda x: x + 1, 1)
    assert trace.steps[-1].value == "2"


@pytest.mark.parametrize(
    "function",
    [len, int, "text", functools.partial(double, 1), Counter()],
    ids=lambda function: type(function).__name__,
)
def test_what_has_no_python_code_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match=r"has no Python code to trace; give a function or a method$"):
        tracegen.trace_call(function)


def test_a_call_with_wrong_arguments_raises_as_it_does_without_us() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        tracegen.trace_call(double)


def test_a_recursive_call_is_one_trace() -> None:
    def factorial(n: int) -> int:
        return 1 if n == 0 else n * factorial(n - 1)

    trace = tracegen.trace_call(factorial, 3)
    assert max(step.depth for step in trace.steps) == 3
    assert trace.steps[-1].value == "6"


# What is given back.


def test_the_text_of_a_recording_is_read_back() -> None:
    for trace in (tracegen.trace_call(double, 4), tracegen.trace_call(fails, 1)):
        parsed = parse(trace.pieces())
        assert parsed.frames == trace.frames()
        assert parsed.context == trace.context.text
        assert parsed.oddities == ()
        assert parsed.finished is not trace.ending.cut_off
        assert trace.text().startswith("<|begin_of_text|><|trace_context_start|>")


def test_a_generator_that_is_only_made_records_nothing() -> None:
    """Making a generator runs none of its code: there is nothing to show until somebody takes from it."""
    with pytest.raises(ValueError, match=r"^numbers: it ran none of its code"):
        tracegen.trace_call(numbers, 2)
    taken = tracegen.trace_call(lambda: list(numbers(2)))
    assert [step.value for step in taken.steps if step.value is not None] == ["0", "1", "None", "[0, 1]"]


def test_the_context_marks_the_function() -> None:
    text = tracegen.trace_call(double, 1).context.text
    assert text.count("def double(x: int) -> int:  # << START_OF_TRACE\n") == 1


def test_code_of_a_notebook_cell_is_shown_by_its_source() -> None:
    source = "def cell(x):\r\n    return x\r\n"
    name = "<a cell of a notebook>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {}
    exec(compile(source, name, "exec"), namespace)
    try:
        trace = tracegen.trace_call(namespace["cell"], 5)
    finally:
        del linecache.cache[name]
    assert trace.context.text == "def cell(x):  # << START_OF_TRACE\n    return x\n"
    assert trace.files == (name,)


def test_code_without_source_is_not_told() -> None:
    namespace: dict[str, Any] = {}
    exec(compile("def f():\n    return 1", "<nowhere to be found>", "exec"), namespace)
    with pytest.raises(ValueError, match=r"^f: a step at a line that its source does not have$"):
        tracegen.trace_call(namespace["f"])


def test_a_recorded_trace_cannot_be_changed() -> None:
    trace = tracegen.trace_call(double, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        trace.steps = ()  # type: ignore[misc]
    with pytest.raises(TypeError):
        trace.steps[0] = trace.steps[1]  # type: ignore[index]


def test_a_recorded_trace_shows_in_a_notebook_escaped() -> None:
    def tagged(x: str) -> str:
        return "<b>" + x

    html = tracegen.trace_call(tagged, "<script>")._repr_html_()
    assert "<script>" not in html
    assert "x = &#x27;&lt;script&gt;&#x27;" in html
    assert "return &quot;&lt;b&gt;&quot; + x" in html


def test_the_same_call_has_the_same_identity() -> None:
    first, second, other = (tracegen.trace_call(double, n) for n in (1, 1, 2))
    assert (first.id, first.content) == (second.id, second.content)
    assert first.content != other.content
