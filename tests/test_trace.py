"""Steps are checked at birth; a trace speaks frames."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import names, shown, texts, unhurried
from tracegen import Context, Ending, Entry, Event, Frame, Provenance, Special, Step, Trace, parse, speak
from tracegen.context import MARKER
from tracegen.trace import what_changed

CALL, LINE, RETURN, EXCEPTION = Event.CALL, Event.LINE, Event.RETURN, Event.EXCEPTION
PROVENANCE = Provenance("test", "3.11.7", "reference", "repr", "", "0", "none")
TEXT = f"def f(a):{MARKER}\n    b = g(a)\n    return b\ndef g(x):\n    return x\n"


def trace(*steps: Step, text: str = TEXT, **given: Any) -> Trace:
    places = tuple((0, line + 1) for line in range(text.count("\n")))
    told: dict[str, Any] = {
        "id": "i",
        "content": "c",
        "program_id": "p",
        "input": "1",
        "context": Context(text, places),
        "files": ("a.py",),
        "entry": Entry("f", 0, 1),
        "python": "3.11",
        "ending": Ending.RETURNED,
        "detail": "",
        "steps": steps,
        "stdout": None,
        "provenance": PROVENANCE,
    }
    return Trace(**{**told, **given})


def step(event: Event, line: int, depth: int = 0, value: str | None = None, /, **locals: str | None) -> Step:
    return Step(event, 0, line, depth, tuple(locals.items()), value)


def test_the_endings_have_the_names_that_the_data_set_stores() -> None:
    assert {ending.value for ending in Ending} == {
        *("returned", "raised", "left", "events", "seconds", "bytes", "depth", "memory"),
        *("untraced", "exited", "killed", "unfinished"),
    }
    assert {ending for ending in Ending if not ending.cut_off} == {Ending.RETURNED, Ending.RAISED, Ending.LEFT}


def test_a_step_of_each_event_is_made() -> None:
    assert Step(CALL, 0, 1, 0).locals == ()
    made = Step(LINE, 2, 3, 4, (("a", "1"), ("b", None)))
    assert (made.event, made.file, made.line, made.depth, made.value, made.unwinding) == (LINE, 2, 3, 4, None, False)
    assert Step(RETURN, 0, 1, 0, value="", unwinding=True).unwinding
    assert Step(EXCEPTION, 0, 1, 0, value="E()").value == "E()"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"event": CALL, "value": "1"}, "a call step with value '1'"),
        ({"event": LINE, "value": ""}, "a line step with value ''"),
        ({"event": RETURN}, "a return step with value None"),
        ({"event": EXCEPTION}, "a exception step with value None"),
        ({"event": RETURN, "value": "1", "locals": (("a", "1"),)}, "a return step with locals"),
        ({"event": EXCEPTION, "value": "1", "unwinding": True}, "a exception step cannot unwind"),
        ({"event": LINE, "unwinding": True}, "a line step cannot unwind"),
        ({"event": LINE, "file": -1}, "no such place: file -1, line 1, depth 0"),
        ({"event": LINE, "line": 0}, "no such place: file 0, line 0, depth 0"),
        ({"event": LINE, "depth": -1}, "no such place: file 0, line 1, depth -1"),
    ],
)
def test_a_step_that_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Step(**{"file": 0, "line": 1, "depth": 0, **wrong})


def test_steps_and_traces_cannot_be_changed() -> None:
    for made, name in [(step(CALL, 1), "line"), (trace(), "steps"), (Entry("f", 0, 1), "name"), (PROVENANCE, "python")]:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, name, None)
        assert not hasattr(made, "__dict__")


def test_a_function_is_marked_and_a_module_is_not() -> None:
    assert Entry("f", 1, 7).marked == (1, 7)
    assert Entry("<module>", 0, 1).marked is None


CALLED = (
    step(CALL, 1, a="1"),
    step(LINE, 2),
    step(CALL, 4, 1, x="1"),
    step(LINE, 5, 1),
    step(RETURN, 5, 1, "1"),
    step(LINE, 3, b="1"),
    step(RETURN, 3, 0, "1"),
)


def test_a_trace_speaks_whole_locals_and_source_lines() -> None:
    assert tuple(speak(trace(*CALLED))) == (
        Frame(CALL, "def f(a):\n", (("a", "1"),)),
        Frame(LINE, "    b = g(a)\n", (("a", "1"),)),
        Frame(CALL, "def g(x):\n", (("x", "1"),)),
        Frame(LINE, "    return x\n", (("x", "1"),)),
        Frame(RETURN, "    return x\n", value="1"),
        Frame(LINE, "    return b\n", (("a", "1"), ("b", "1"))),
        Frame(RETURN, "    return b\n", value="1"),
    )
    assert trace(*CALLED).frames() == tuple(speak(trace(*CALLED)))


def test_a_local_that_is_gone_is_not_spoken_and_one_that_is_back_goes_last() -> None:
    steps = (step(CALL, 1, a="1", b="2"), step(LINE, 2, a=None), step(LINE, 3, a="3", b="4"), step(LINE, 3, z=None))
    assert [frame.locals for frame in speak(trace(*steps))] == [
        (("a", "1"), ("b", "2")),
        (("b", "2"),),
        (("b", "4"), ("a", "3")),
        (("b", "4"), ("a", "3")),
    ]


def test_each_activation_has_its_own_locals() -> None:
    steps = (
        step(CALL, 1, a="1"),
        step(CALL, 1, 1, a="2"),
        step(LINE, 2, 1, b="3"),
        step(RETURN, 2, 1, "x"),
        step(LINE, 2),
    )
    assert [frame.locals for frame in speak(trace(*steps))][-1] == (("a", "1"),)


def test_a_resumption_starts_with_what_it_lists() -> None:
    steps = (step(CALL, 4, a="1"), step(RETURN, 5, 0, "1"), step(CALL, 5, x="2"), step(LINE, 5, y="3"))
    assert [frame.locals for frame in speak(trace(*steps))][2:] == [(("x", "2"),), (("x", "2"), ("y", "3"))]


def test_an_exception_leaves_the_locals_and_the_activation() -> None:
    steps = (step(CALL, 1, a="1"), step(EXCEPTION, 2, 0, "E()"), step(LINE, 3), step(RETURN, 3, 0, "None"))
    assert [frame.locals for frame in speak(trace(*steps)) if frame.event is LINE] == [(("a", "1"),)]
    assert [frame.value for frame in speak(trace(*steps))] == [None, "E()", None, "None"]


def test_a_recording_may_begin_without_a_call() -> None:
    steps = (step(LINE, 2, a="1"), step(CALL, 4, 1), step(RETURN, 5, 1, "1"), step(LINE, 3, b="2"))
    assert [frame.locals for frame in speak(trace(*steps))][::3] == [(("a", "1"),), (("a", "1"), ("b", "2"))]
    first = (step(RETURN, 2, 0, "1"), step(LINE, 3, a="1"))
    assert [frame.value for frame in speak(trace(*first))] == ["1", None]


def test_a_step_at_a_place_that_the_context_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^step 1 is at a\.py:6, which the context lacks$"):
        list(speak(trace(step(CALL, 1), step(LINE, 6))))


def test_the_entry_is_spoken_without_its_marker_and_a_module_with_it() -> None:
    text = f"x = 1{MARKER}\n"
    assert trace(step(LINE, 1), text=text, entry=Entry("f", 0, 1)).frames()[0].source == "x = 1\n"
    assert trace(step(LINE, 1), text=text, entry=Entry("<module>", 0, 1)).frames()[0].source == text


def test_a_traces_text_is_cwms() -> None:
    whole = trace(*CALLED[:2])
    start = f"<|begin_of_text|><|trace_context_start|>{TEXT}<|frame_sep|>"
    frames = (
        '<|call_sep|>{"a": "1"}<|action_sep|>def f(a):\n<|frame_sep|>'
        '<|line_sep|>{"a": ".."}<|action_sep|>    b = g(a)\n<|frame_sep|>'
    )
    assert whole.text() == f"{start}{frames}<|end_of_text|>"
    assert trace(*CALLED[:2], ending=Ending.EVENTS).text() == start + frames


def test_a_trace_that_is_cut_off_has_no_end() -> None:
    for ending in Ending:
        assert (Special.END_OF_TEXT in trace(*CALLED, ending=ending).pieces()) is not ending.cut_off


changes = st.dictionaries(names, st.one_of(st.none(), shown), max_size=3).map(lambda found: tuple(found.items()))


@st.composite
def runs(draw: st.DrawFn) -> list[Step]:
    steps, depth = [Step(CALL, 0, 1, 0, draw(changes))], 0
    for kind in draw(st.lists(st.sampled_from(Event), max_size=8)):
        line = draw(st.integers(1, 5))
        depth += kind is CALL
        if kind.shows_locals:
            steps.append(Step(kind, 0, line, depth, draw(changes)))
        else:
            steps.append(Step(kind, 0, line, depth, value=draw(texts)))
        depth -= kind is RETURN
        if depth < 0:
            break
    return steps


@unhurried
@given(runs(), st.sampled_from(Ending))
def test_what_a_trace_says_is_read_back(steps: list[Step], ending: Ending) -> None:
    said = trace(*steps, ending=ending)
    parsed = parse(said.pieces())
    assert parsed.frames == said.frames()
    assert parsed.context == TEXT
    assert parsed.finished is not ending.cut_off
    assert parsed.oddities == ()
    assert [frame.event for frame in parsed.frames] == [step.event for step in steps]


# For people.


def test_what_changed_is_said_in_a_few_words() -> None:
    assert what_changed(step(LINE, 1, a="1", b=None)) == "a = 1, del b"
    assert what_changed(step(CALL, 1)) == ""
    assert what_changed(step(RETURN, 1, 0, "'x'")) == "returns 'x'"
    assert what_changed(step(EXCEPTION, 1, 0, "E()")) == "raises E()"
    assert what_changed(Step(RETURN, 0, 1, 0, value="None", unwinding=True)) == "unwinds"


def test_a_trace_prints_as_one_line() -> None:
    assert str(trace(step(CALL, 1))) == "f: 1 step, returned"
    assert str(trace()) == "f: 0 steps, returned"
    assert str(trace(*CALLED, ending=Ending.KILLED, detail="SIGSEGV")) == "f: 7 steps, cut off: killed (SIGSEGV)"


def test_a_notebook_shows_a_table_with_everything_escaped() -> None:
    text = "x = '<b>&'\n"
    steps = (
        Step(LINE, 0, 1, 0, (("<i>", "'<b>'"),)),
        Step(CALL, 0, 1, 1),
    )
    html = trace(*steps, text=text, files=("<a>.py",), entry=Entry("<module>", 0, 1), detail="<d>")._repr_html_()
    assert "<p>&lt;module&gt;: 2 steps, returned (&lt;d&gt;)</p>" in html
    assert "<td>line</td><td>&lt;a&gt;.py:1</td>" in html
    assert "<pre>x = &#x27;&lt;b&gt;&amp;&#x27;</pre>" in html
    assert "<pre>  x = &#x27;" in html
    assert "<pre>&lt;i&gt; = &#x27;&lt;b&gt;&#x27;</pre>" in html
    assert html.count("<tr>") == 3
    assert "more steps" not in html


def test_a_notebook_shows_so_many_steps_and_says_how_many_there_are() -> None:
    html = trace(*CALLED)._repr_html_(limit=5)
    assert html.count("<td>line</td>") + html.count("<td>call</td>") + html.count("<td>return</td>") == 5
    assert "<p>… and 2 more steps</p>" in html
    assert "more" not in trace(*CALLED)._repr_html_(limit=7)
    many = trace(*[step(CALL, 1)] + [step(LINE, 2)] * 600)._repr_html_()
    assert many.count("<tr>") == 501
    assert "<p>… and 101 more steps</p>" in many


def test_the_repr_of_a_trace_leaves_the_steps_out() -> None:
    assert "Step(" not in repr(trace(*CALLED))
    assert "id='i'" in repr(trace(*CALLED))
