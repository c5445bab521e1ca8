"""Rows: what names a trace, what its content is, what is dropped."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import raw, texts, unhurried
from tests.rows import PROVENANCE, SOURCE, context_of, harvested, only, table
from tests.wires import CALL, EXCEPTION, LINE, PAUSE, RESUME, RETURN, HandWritten, small
from tracegen import Context, Ending, Entry, Limits, Settings, Trace
from tracegen.context import Source, lines_of, whole_files
from tracegen.harvest import SCHEMA, SCHEMA_VERSION, restored, storable
from tracegen.payload.wire import encoded

# -- Ids.


def test_a_row_says_all_that_was_told() -> None:
    trace = only(stdout="out")
    assert (trace.program_id, trace.input, trace.python, trace.stdout) == ("p", "1", "3.11", "out")
    assert (trace.entry, trace.files, trace.ending, trace.detail) == (Entry("f", 0, 1), ("f0.py",), Ending.RAISED, "")
    assert trace.context.text == SOURCE
    assert trace.provenance == PROVENANCE
    assert len(trace.id) == len(trace.content) == 64
    assert set(trace.id + trace.content) <= set("0123456789abcdef")
    assert table().schema.equals(SCHEMA, check_metadata=True)
    assert table().column("schema_version").to_pylist() == [SCHEMA_VERSION]


def versioned(version: str) -> HandWritten:
    wire = small()
    wire.notes[0] = HandWritten().note(
        "python", version=version, tracer="native", values="repr", hash_seed="0"
    ).notes[0]  # fmt: skip
    return wire


def test_an_id_is_made_of_program_entry_input_interpreter_and_options() -> None:
    base = only().id
    assert only().id == base
    variations = {
        only(program_id="q").id,
        only(input="2").id,
        only(source=SOURCE.replace("E", "F")).id,
        only(entry=Entry("g", 0, 1)).id,
        only(entry=Entry("f", 0, 3)).id,
        only(versioned("3.12.7")).id,
        only(settings=Settings(values="structural")).id if "structural" in _policies() else "no such policy",
        only(settings=Settings(seed=1)).id,
        only(settings=Settings(include=("json",))).id,
        only(settings=Settings(limits=Limits(events=9))).id,
        only(settings=Settings(limits=Limits(bytes=9))).id,
        only(settings=Settings(limits=Limits(characters=9))).id,
        only(settings=Settings(limits=Limits(depth=9))).id,
    }
    assert len(variations) == 13
    assert base not in variations


def _policies() -> tuple[str, ...]:
    from tracegen.payload.values import POLICIES

    return POLICIES


def test_an_id_is_not_made_of_the_tracer_the_clock_a_path_or_what_happened() -> None:
    base = only().id
    for trace in (
        only(settings=Settings(tracer="reference")),
        only(settings=Settings(deadline=1.0)),
        only(settings=Settings(limits=Limits(seconds=1.0))),
        only(settings=Settings(python="/another/python", output_bytes=1)),
        only(versioned("3.11.99")),
        only(files=("elsewhere/b.py",)),
        only(stdout="something"),
        only(provenance=replace(PROVENANCE, source="elsewhere", tracer="native", notes="", isolation="bwrap")),
        only(HandWritten().note("python", version="3.11.7", tracer="x", values="y", hash_seed="1")
             .note("file", path="/elsewhere").begin().step(CALL, 1, "{}")),
    ):  # fmt: skip
        assert trace.id == base


def test_calls_of_one_test_have_ids_of_their_own() -> None:
    def called(node: str, call: int) -> str:
        wire = HandWritten().note("file", path="/p/a.py").begin(node=node, call=call).step(CALL, 1, "{}").end()
        return only(wire).id

    assert called("t.py::t", 1) != called("t.py::t", 2)
    assert called("", 1) == called("", 2)  # a call that is asked for is the first one, whatever came before


# -- Contents.

CONTEXT = "def f(n):\n    pass\n    x\n    pass\n"


ENTRY = Entry("f", 0, 1)


@dataclass(frozen=True)
class Told:
    """A run as the tracer tells it: events at lines, with whole locals or a value."""

    ops: tuple[tuple[int, int, dict[str, str] | str], ...]
    ending: str = "returned"
    context: str = CONTEXT
    entry: Entry = ENTRY
    depth: int = 1
    program_id: str = "p"
    path: str = "f0.py"
    thread: int = 0
    paused: bool = False

    def trace(self) -> Trace:
        """Its trace, by way of a wire with only the locals that changed."""
        wire = HandWritten().note("file", path="/p/a.py").begin(thread=self.thread)
        stack: list[dict[str, str]] = []
        for number, (event, line, payload) in enumerate(self.ops):
            # Only an entry point pauses, and it goes on at its own depth.
            if self.paused and number and len(stack) == 1 and event != CALL:
                wire.mark(PAUSE, 0, self.thread).step(LINE, 1, "{}", 9, thread=self.thread)
                wire.mark(RESUME, 0, self.thread)
            if event == CALL or not stack:
                stack.append({})
            depth = self.depth + len(stack) - 1
            if isinstance(payload, str):
                wire.step(event, line, encoded(payload), depth, thread=self.thread)
            else:
                shown = stack[-1]
                changes: dict[str, str | None] = {name: None for name in shown if name not in payload}
                changes |= {name: value for name, value in payload.items() if shown.get(name) != value}
                for name in set(shown) - set(payload):
                    del shown[name]
                shown.update(payload)
                wire.step(event, line, json.dumps(changes), depth, thread=self.thread)
            if event == RETURN:
                stack.pop()
            if not stack:
                break
        wire.end(0, self.ending)
        places = context_of(self.context).places
        return only(
            wire,
            context=Context(self.context, places),
            entry=self.entry,
            files=(self.path,),
            program_id=self.program_id,
        )


_lines = st.integers(2, 4)
_wholes = st.dictionaries(st.sampled_from("ab"), st.sampled_from(["1", "2", "'\ud800'"]), max_size=2)
_values = st.sampled_from(["1", "2", "\ud800", "\ufdd0", ""])
_ops = st.one_of(
    st.tuples(st.sampled_from([CALL, LINE, LINE]), _lines, _wholes),
    st.tuples(st.sampled_from([EXCEPTION, RETURN]), _lines, _values),
)
_tolds = st.builds(lambda first, ops: Told(((CALL, 1, first), *ops)), _wholes, st.lists(_ops, min_size=1, max_size=7))


@st.composite
def _neighbours(draw: st.DrawFn) -> tuple[Told, Told]:
    """A run, and one that differs in little or in nothing that is told."""
    told = draw(_tolds)
    other = told
    at = draw(st.integers(1, len(told.ops) - 1)) if len(told.ops) > 1 else 0
    change = draw(st.sampled_from(["nothing", "op", "line", "ending", "context", "cut", "aside"]))
    event, _, payload = told.ops[at]
    if change == "op" and at:
        other = replace(told, ops=(*told.ops[:at], draw(_ops), *told.ops[at + 1 :]))
    elif change == "line" and at:
        other = replace(told, ops=(*told.ops[:at], (event, draw(_lines), payload), *told.ops[at + 1 :]))
    elif change == "cut" and at:
        other = replace(told, ops=told.ops[:at])
    elif change == "ending":
        other = replace(told, ending=draw(st.sampled_from(["returned", "raised", "left", "events", "killed"])))
    elif change == "context":
        other = replace(told, context=draw(st.sampled_from([CONTEXT, CONTEXT + "# more\n", CONTEXT.upper()])))
    elif change == "aside":
        other = replace(
            told, depth=draw(st.integers(1, 3)), program_id="q", path="g.py", thread=2, paused=draw(st.booleans())
        )
    return told, other


@given(_neighbours())
@unhurried
def test_two_traces_have_the_same_content_if_and_only_if_they_speak_the_same_text(pair: tuple[Told, Told]) -> None:
    one, other = (told.trace() for told in pair)
    assert (one.content == other.content) == (one.pieces() == other.pieces())


RUN = Told(((CALL, 1, {"n": "1"}), (LINE, 2, {"n": "1"}), (LINE, 3, {"n": "2"}), (RETURN, 3, "7")))


@pytest.mark.parametrize(
    "other",
    [
        replace(RUN, ops=((CALL, 1, {"n": "2"}), *RUN.ops[1:])),
        replace(RUN, ops=(*RUN.ops[:3], (RETURN, 3, "8"))),
        replace(RUN, ops=(*RUN.ops[:2], (LINE, 2, {"n": "2"}), RUN.ops[3])),
        replace(RUN, ops=(*RUN.ops[:3], (EXCEPTION, 3, "7"))),
        replace(RUN, ops=(*RUN.ops[:2], (LINE, 3, {"n": "1"}), RUN.ops[3])),
        replace(RUN, ops=(*RUN.ops[:2], (LINE, 3, {}), RUN.ops[3])),
        replace(RUN, ops=(*RUN.ops[:2], (LINE, 3, {"m": "2"}), RUN.ops[3])),
        replace(RUN, ops=RUN.ops[:3]),
        replace(RUN, context=CONTEXT + "#\n"),
        replace(RUN, ending="events"),
    ],
)
def test_what_changes_the_text_changes_the_content(other: Told) -> None:
    one, two = RUN.trace(), other.trace()
    assert one.text() != two.text()
    assert one.content != two.content


@pytest.mark.parametrize(
    "other",
    [
        replace(RUN, program_id="q"),
        replace(RUN, path="other.py"),
        replace(RUN, depth=5),
        replace(RUN, thread=3),
        replace(RUN, paused=True),
        replace(RUN, ending="raised"),
        replace(RUN, ops=(RUN.ops[0], (LINE, 4, {"n": "1"}), *RUN.ops[2:])),  # line 4 reads as line 2 does
    ],
)
def test_what_the_text_does_not_show_does_not_change_the_content(other: Told) -> None:
    one, two = RUN.trace(), other.trace()
    assert one.text() == two.text()
    assert one.content == two.content


def test_what_one_step_says_is_not_taken_for_what_the_next_one_says() -> None:
    first, *_ = RUN.ops
    one = replace(RUN, ops=(first, (EXCEPTION, 2, "1"), (RETURN, 2, "23"))).trace()
    other = replace(RUN, ops=(first, (EXCEPTION, 2, "12"), (RETURN, 2, "3"))).trace()
    assert one.content != other.content


def test_a_marker_that_stands_in_the_source_itself_is_part_of_the_text() -> None:
    ops: tuple[tuple[int, int, dict[str, str] | str], ...] = ((CALL, 1, {}), (LINE, 1, {}), (RETURN, 1, "None"))
    context = whole_files([Source("a.py", "def f(): pass\n")], (0, 1)).text
    function = Told(ops, context=context).trace()
    module = Told(ops, context=context, entry=Entry("<module>", 0, 1)).trace()
    assert function.context == module.context
    assert function.text() != module.text()
    assert function.content != module.content


# -- Texts.


@given(texts)
def test_every_text_is_stored_and_comes_back(text: str) -> None:
    storable(text).encode("utf-8")
    assert restored(storable(text)) == text


@given(raw)
def test_a_stored_text_that_is_plain_is_itself(text: str) -> None:
    stored = storable(text)
    assert (stored == text) == (not text.startswith("\ufdd0") and not any("\ud800" <= c <= "\udfff" for c in text))


@pytest.mark.parametrize("text", ["\ufdd0", "\ufdd0x", "\ufdd01", "\ufdd0null", '\ufdd0["a"]', '\ufdd0"a'])
def test_what_is_never_stored_is_not_restored(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Extra|Unterminated|not a stored text"):
        restored(text)


# -- What is dropped.


@pytest.mark.parametrize("line", [5, 2**31 - 1])
def test_a_trace_at_a_line_that_its_source_lacks_is_dropped_and_counted(line: int) -> None:
    wire = HandWritten().note("file", path="/p/a.py").begin().step(CALL, 1, "{}").step(LINE, line, "{}").end()
    wire.begin(1).step(CALL, 1, "{}").end(1)
    made = harvested(wire)
    assert made.table.num_rows == 1
    assert dict(made.dropped) == {"a step at a line that its source does not have": 1}


def test_a_trace_without_steps_is_dropped_and_counted() -> None:
    made = harvested(HandWritten().note("file", path="/p/a.py").begin().end())
    assert made.table.num_rows == 0
    assert dict(made.dropped) == {"no steps": 1}


def test_no_traces_make_an_empty_table() -> None:
    made = harvested(HandWritten())
    assert made.table.num_rows == 0
    assert made.table.schema.equals(SCHEMA, check_metadata=True)


def test_what_the_processs_death_cut_off_ends_as_the_process_did() -> None:
    wire = HandWritten().note("file", path="/p/a.py").begin().step(CALL, 1, "{}")
    trace = only(wire, died=(Ending.EXITED, "exit code 3"))
    assert (trace.ending, trace.detail) == (Ending.EXITED, "exit code 3")
    assert only(small(), died=(Ending.EXITED, "exit code 3")).ending is Ending.RAISED


def test_every_provenance_field_is_stored() -> None:
    given = dataclasses.replace(PROVENANCE, **{f.name: f"a {f.name}" for f in dataclasses.fields(PROVENANCE)})
    assert only(provenance=given).provenance == given


def test_contexts_that_are_one_object_and_contexts_that_are_not_make_the_same_rows() -> None:
    wire = HandWritten().note("file", path="/p/a.py")
    for trace in range(3):
        wire.begin(trace).step(CALL, 1, "{}").end(trace)
    rows = table(wire)
    assert (
        rows.column("context_lines").to_pylist()
        == [[{"file": 0, "line": line} for line in range(1, len(lines_of(SOURCE)) + 1)]] * 3
    )
