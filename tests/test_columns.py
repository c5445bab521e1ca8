"""A hostile wire is refused, and nothing of it is used; an honest one becomes columns, step for step.

Longer than the house's 350 lines: every rule of one subject has its cases here, beside what they share.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import unhurried
from tests.wires import (
    CALL,
    EXCEPTION,
    HEADER,
    LINE,
    NOTES_AT,
    PAUSE,
    RESUME,
    RETURN,
    ROOM,
    STEPS_AT,
    TEXT_AT,
    HandWritten,
    begun,
    small,
)
from tracegen import Context, Ending, Entry, Provenance, columns
from tracegen.harvest import Telling, harvest
from tracegen.notes import WireError
from tracegen.stored import trace_at

U64 = (1 << 64) - 1
PROVENANCE = Provenance("test", "3.11.7", "reference", "repr", "", "0", "none")
SOURCE = "def f(n):\n    return g(n)\ndef g(m):\n    raise E\n"


def refused(data: bytes | bytearray | HandWritten) -> str:
    """The message of the refusal."""
    with pytest.raises(WireError) as caught:
        columns.read(data.bytes() if isinstance(data, HandWritten) else data)
    return str(caught.value)


def rows(found: columns.Wire, index: int = 0) -> list[tuple[object, ...]]:
    """The steps of one trace: (event, line, depth, text)."""
    trace = found.traces[index]
    [steps] = columns.steps(found, [trace], [range(len(found.files))]).to_pylist()
    return [(s["event"], s["line"], s["depth"], s["value"] if s["locals"] is None else s["locals"]) for s in steps]


def put(data: bytearray, at: int, pattern: str, *values: int | bytes) -> bytearray:
    struct.pack_into("<" + pattern, data, at, *values)
    return data


def test_a_wire_written_by_hand_is_read_as_it_was_written() -> None:
    found = columns.read(small().bytes())
    assert (found.version, found.python, found.tracer, found.values, found.hash_seed) == (
        "3.11.7", "3.11", "reference", "repr", "0",
    )  # fmt: skip
    assert found.finished and found.files == ["/p/a.py"]
    [trace] = found.traces
    assert (trace.name, trace.file, trace.line, trace.call, trace.ending) == ("f", 0, 1, 1, Ending.RAISED)
    [steps] = columns.steps(found, [trace], [[0]]).to_pylist()
    assert steps == [
        dict(zip(("event", "file", "line", "depth", "locals", "value", "unwinding"), row, strict=True))
        for row in [
            ("call", 0, 1, 0, '{"n": "1"}', None, False),
            ("line", 0, 2, 0, "{}", None, False),
            ("call", 0, 3, 1, '{"m": "1"}', None, False),
            ("line", 0, 4, 1, '{"m": null}', None, False),
            ("exception", 0, 4, 1, None, "E('é')", False),
            ("return", 0, 4, 1, None, "None", True),
            ("exception", 0, 2, 0, None, "E('é')", False),
            ("return", 0, 2, 0, None, "None", True),
        ]
    ]


def test_an_empty_wire_says_nothing() -> None:
    found = columns.read(HandWritten().bytes())
    assert (found.version, found.traces, len(found.records), found.finished) == ("", [], 0, False)
    assert columns.steps(found, [], []).to_pylist() == []


def test_every_other_note_is_told() -> None:
    wire = begun().note("odd", what="os.fork").note("tests", tests=3).note("test", node="t.py::t", outcome="passed")
    wire.note("calls", file=0, line=1, name="f", calls=9, traces=2).note("error", kind="syntax", message="line 1: no")
    found = columns.read(wire.bytes())
    assert found.oddities == ["os.fork"]
    assert (found.tests, found.outcomes) == (3, {"t.py::t": "passed"})
    assert [(c.file, c.line, c.name, c.calls, c.traces) for c in found.calls] == [(0, 1, "f", 9, 2)]
    assert found.error == ("syntax", "line 1: no")
    assert not found.finished


# Each damage that docs/wire.md says is noticed, and a word of what is said of it.
HEADERS: dict[str, tuple[Callable[[bytearray], bytearray], str]] = {
    "shorter than its header": (lambda data: data[: HEADER - 1], "shorter than its header"),
    "no bytes at all": (lambda data: data[:0], "shorter than its header"),
    "magic": (lambda data: put(data, 0, "B", ord("f")), "wanted a wire of version 1"),
    "version": (lambda data: put(data, 8, "Q", 2), "version 2"),
    "step lane in the header": (lambda data: put(data, 16, "Q", HEADER - 8), "a lane of"),
    "step lane beyond the file": (lambda data: put(data, 24, "Q", len(data)), "a lane of"),
    "text lane beyond the file": (lambda data: put(data, 32, "Q", len(data)), "a lane of"),
    "text lane of 2**64 bytes": (lambda data: put(data, 40, "Q", U64), "a lane of"),
    "note lane at 2**64": (lambda data: put(data, 48, "Q", U64), "a lane of"),
    "note lane too long by one": (lambda data: put(data, 56, "Q", ROOM + 1), "a lane of"),
    "a truncated file": (lambda data: data[:-1], "a lane of"),
    "more steps than the lane holds": (lambda data: put(data, 64, "Q", ROOM // 24 + 1), "more than their lanes hold"),
    "2**64 steps": (lambda data: put(data, 64, "Q", U64), "more than their lanes hold"),
    "more notes than the lane holds": (lambda data: put(data, 72, "Q", ROOM + 1), "more than their lanes hold"),
    "2**64 bytes of notes": (lambda data: put(data, 72, "Q", U64), "more than their lanes hold"),
}


@pytest.mark.parametrize("damage", HEADERS)
def test_a_damaged_header_is_refused(damage: str) -> None:
    change, message = HEADERS[damage]
    assert message in refused(change(small().bytes()))


STEP = struct.Struct("<QIIIHBB")
TEXT_END, LINE_NUMBER, FILE, DEPTH, THREAD, EVENT, FLAGS = range(7)


def with_step(index: int, **changed: int) -> bytearray:
    """The small wire, with fields of one record set to something else."""
    names = ("text_end", "line", "file", "depth", "thread", "event", "flags")
    data = small().bytes()
    at = STEPS_AT + index * STEP.size
    values = dict(zip(names, STEP.unpack_from(data, at), strict=True)) | changed
    STEP.pack_into(data, at, *(values[name] for name in names))
    return data


@pytest.mark.parametrize(
    ("index", "changed", "message"),
    [
        (1, {"text_end": 0}, "step 1: text_end 0 cannot be"),
        (1, {"text_end": 9}, "step 1: text_end 9 cannot be"),
        (7, {"text_end": ROOM + 1}, f"step 7: text_end {ROOM + 1} cannot be"),
        (0, {"text_end": U64}, f"step 0: text_end {U64} cannot be"),
        (0, {"text_end": 1 << 63}, "text_end"),
        (7, {"text_end": 1 << 32}, "text_end"),
        (3, {"event": 6}, "step 3: event 6 cannot be"),
        (3, {"event": 255}, "step 3: event 255 cannot be"),
        (5, {"flags": 2}, "step 5: flags 2 cannot be"),
        (5, {"flags": 255}, "step 5: flags 255 cannot be"),
        (0, {"flags": 1}, "step 0: flags 1 cannot be"),
        (4, {"flags": 1}, "step 4: flags 1 cannot be"),
        (2, {"file": 1}, "step 2: file 1 cannot be"),
        (2, {"file": (1 << 32) - 1}, "step 2: file 4294967295 cannot be"),
        (2, {"line": 0}, "step 2: line 0 cannot be"),
        (2, {"line": 1 << 31}, "step 2: line 2147483648 cannot be"),
        (2, {"depth": 0}, "step 2: depth 0 cannot be"),
        (2, {"depth": (1 << 32) - 1}, "step 2: depth 4294967295 cannot be"),
        (2, {"depth": 1}, "step 2: depth 1 does not follow"),
        (2, {"depth": 3}, "step 2: depth 3 does not follow"),
        (7, {"depth": 2}, "step 7: depth 2 does not follow"),
        (2, {"event": LINE}, "step 2: depth 2 does not follow"),
        (1, {"event": CALL}, "step 1: depth 1 does not follow"),
        (4, {"event": RETURN}, "step 5: depth 2 does not follow"),
        (1, {"event": EXCEPTION, "depth": 2}, "step 1: depth 2 does not follow"),
        (1, {"event": PAUSE}, "step 1: text_end 12 cannot be"),
    ],
)
def test_a_damaged_step_is_refused(index: int, changed: dict[str, int], message: str) -> None:
    assert message in refused(with_step(index, **changed))


def test_a_step_of_another_thread_is_not_this_traces() -> None:
    # Step 1 is a LINE: without it the depths still follow.
    assert len(columns.read(with_step(1, thread=65535)).traces[0].index) == 7


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"n"',
        b'{"n": 1}',
        b'{"n": true}',
        b'{"n": ["1"]}',
        b'{"n": {"m": "1"}}',
        b'{"n":"1"}',
        b'{"n": "1",}',
        b'{"n": "1" }',
        b' {"n": "1"}',
        b'{"n": "1"}\n',
        b'{"n": "1"}{"n": "1"}',
        b'{n: "1"}',
        b"{'n': '1'}",
        b'{"n": "\\x41"}',
        b'{"n": "\\u004"}',
        b'{"n": "\t"}',
        b'{"n": "\x00"}',
        b'{"n": "\x7f"}',
        '{"n": "é"}'.encode(),
        b'{"n": "a"b"}',
        b'{"n": nul}',
        b'{"n": NaN}',
        b'{null: "1"}',
        b'{"n": "\xff"}',
    ],
)
@pytest.mark.parametrize("event", [CALL, LINE])
def test_locals_that_are_not_exactly_json_as_the_tracer_spells_it_are_refused(event: int, text: bytes) -> None:
    wire = begun().step(CALL, 1, "{}")
    wire.step(event, 2, text, 2 if event == CALL else 1)
    message = refused(wire)
    assert "wanted the JSON of locals" in message or "not UTF-8" in message


@pytest.mark.parametrize(
    "text",
    ["{}", '{"a": "1"}', '{"a": null}', '{"a": "1", ".0": null, "\\ud800": "\\\\\\"\\n\\u00e9"}', '{"": ""}'],
)
def test_locals_as_the_tracer_spells_them_are_taken(text: str) -> None:
    found = columns.read(begun().step(CALL, 1, text).bytes())
    assert rows(found) == [("call", 1, 0, text)]
    json.loads(text)


@pytest.mark.parametrize("event", [RETURN, EXCEPTION])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff", "not UTF-8"),
        (b"abc\xe9", "not UTF-8"),
        (b"\xed\xa0\x80", "not UTF-8"),  # a lone surrogate
        (b"\xc0\x80", "not UTF-8"),  # NUL in two bytes
        ("\ufdd0".encode(), "wanted JSON after U+FDD0"),
        ("\ufdd0a".encode(), "wanted JSON after U+FDD0"),
        ('\ufdd0"a'.encode(), "wanted JSON after U+FDD0"),
        ('\ufdd0"a"b'.encode(), "wanted JSON after U+FDD0"),
        ('\ufdd0"a"\n'.encode(), "wanted JSON after U+FDD0"),
        ("\ufdd0null".encode(), "wanted JSON after U+FDD0"),
        ('\ufdd0["a"]'.encode(), "wanted JSON after U+FDD0"),
        ('\ufdd0"é"'.encode(), "wanted JSON after U+FDD0"),
    ],
)
def test_values_that_are_no_text_are_refused(event: int, text: bytes, message: str) -> None:
    assert message in refused(begun().step(CALL, 1, "{}").step(event, 1, text))


@pytest.mark.parametrize("text", ["", "\n", "\0", "a\ufdd0", "é😀", '\ufdd0""', '\ufdd0"\\ud800"', "{", "x" * 5000])
def test_values_of_any_other_text_are_taken(text: str) -> None:
    found = columns.read(begun().step(CALL, 1, "{}").step(RETURN, 1, text).bytes())
    assert rows(found)[1] == ("return", 1, 0, text)


def test_a_character_cut_in_two_by_text_end_is_refused() -> None:
    wire = begun().step(CALL, 1, "{}").step(EXCEPTION, 1, "é".encode()[:1]).step(RETURN, 1, "é".encode()[1:], flags=1)
    assert "not UTF-8" in refused(wire)


NOTES: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"{", "is not JSON"),
    "not UTF-8": (b'{"note":"odd","what":"\xff"}', "is not JSON"),
    "UTF-16 in part": (b"\xff\xfe{", "is not JSON"),
    "nested beyond any stack": (b"[" * 60_000, "is not JSON"),
    "an endless number": (b'{"note":"tests","tests":' + b"1" * 5000 + b"}", "note at"),
    "a list": (b"[]", "no such note"),
    "a text": (b'"finish"', "no such note"),
    "no kind": (b"{}", "no such note"),
    "a kind that is null": (b'{"note":null}', "no such note"),
    "a kind that is a list": (b'{"note":[]}', "no such note"),
    "a kind that is an object": (b'{"note":{}}', "no such note"),
    "an unknown kind": (b'{"note":"pause","trace":0,"step":0}', "no such note"),
    "a kind of Python's": (b'{"note":"__class__"}', "no such note"),
    "a key too many": (b'{"note":"finish","x":1}', "no such note"),
    "a key too few": (b'{"note":"odd"}', "no such note"),
    "a number for a text": (b'{"note":"odd","what":1}', "no such note"),
    "a text for a number": (b'{"note":"tests","tests":"1"}', "no such note"),
    "true for a number": (b'{"note":"tests","tests":true}', "no such note"),
    "a fraction": (b'{"note":"tests","tests":1.0}', "no such note"),
    "null for a text": (b'{"note":"odd","what":null}', "no such note"),
    "not a number": (b'{"note":"tests","tests":NaN}', "no such note"),
    "a list for a text": (b'{"note":"odd","what":["x"]}', "no such note"),
    "a negative number": (b'{"note":"tests","tests":-1}', "out of range"),
    "2**53": (b'{"note":"tests","tests":9007199254740992}', "out of range"),
}


@pytest.mark.parametrize("damage", NOTES)
def test_a_note_that_is_none_is_refused_with_its_offset(damage: str) -> None:
    data, message = NOTES[damage]
    wire = small()
    at = sum(map(len, wire.notes))
    said = refused(wire.raw_note(data))
    assert message in said
    assert f"note at {at}" in said


def test_a_note_longer_than_notes_are_is_refused() -> None:
    data = small().bytes()
    wider = bytearray(HEADER + 5 * ROOM)
    wider[: len(data)] = data
    put(wider, 56, "Q", 3 * ROOM)
    text = b'{"note":"odd","what":"' + b"x" * 65536 + b'"}'
    struct.pack_into("<I", wider, NOTES_AT, len(text))
    wider[NOTES_AT + 4 : NOTES_AT + 4 + len(text)] = text
    put(wider, 72, "Q", 4 + len(text))
    assert refused(wider) == f"note at 0: {len(text)} bytes do not fit"


@pytest.mark.parametrize("committed", [1, 3, 4, 5, 90])
def test_a_note_that_its_committed_length_cuts_is_refused(committed: int) -> None:
    assert "note at 0: " in refused(put(small().bytes(), 72, "Q", committed))


@pytest.mark.parametrize(
    "note",
    [
        {"trace": 1},
        {"trace": 2**52},
        {"file": 1},
        {"file": 2**52},
        {"step": 1},
        {"step": 2**52},
        {"line": 0},
        {"line": 2**31},
    ],
)
def test_a_trace_that_begins_nowhere_is_refused(note: dict[str, int]) -> None:
    wire = HandWritten().note("file", path="a.py")
    assert "begin" in refused(wire.begin(**{"trace": 0, **note}))


def test_traces_that_are_not_numbered_in_order_are_refused() -> None:
    assert "no such trace" in refused(begun().begin(0))
    assert "no such trace" in refused(begun().begin(2))


@pytest.mark.parametrize(
    ("note", "message"),
    [
        ({"trace": 1}, "makes no sense"),
        ({"step": 9}, "there are 8 steps"),
        ({"ending": "happily"}, "makes no sense"),
        ({"ending": ""}, "makes no sense"),
    ],
)
def test_an_end_of_nothing_is_refused(note: dict[str, int | str], message: str) -> None:
    wire = small()
    wire.notes = wire.notes[:3]
    values: dict[str, int | str] = {"trace": 0, "step": 8, "ending": "raised", "detail": ""}
    assert message in refused(wire.note("end", **{**values, **note}))


def test_a_trace_that_ends_twice_is_refused() -> None:
    assert "has ended before" in refused(small().end())


def test_a_trace_that_ends_before_it_begins_is_refused() -> None:
    wire = small().begin(1)
    assert "has not begun" in refused(wire.note("end", trace=1, step=3, ending="returned", detail=""))


def generator(*marks: tuple[int, int]) -> HandWritten:
    """A generator's trace: CALL, LINE, RETURN, each run of these set apart by marks of (event, trace)."""
    wire = begun()
    for event, trace in (*marks, (-1, 0)):
        wire.step(CALL, 1, "{}").step(LINE, 2, "{}").step(RETURN, 2, "1")
        if event >= 0:
            wire.mark(event, trace)
    return wire.end()


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ([(RESUME, 0)], "do not alternate"),
        ([(PAUSE, 0), (PAUSE, 0)], "do not alternate"),
        ([(PAUSE, 0), (RESUME, 0), (RESUME, 0)], "do not alternate"),
        ([(PAUSE, 1)], "a mark of a trace that never began"),
        ([(PAUSE, (1 << 32) - 1)], "a mark of a trace that never began"),
    ],
)
def test_marks_that_do_not_alternate_are_refused(marks: list[tuple[int, int]], message: str) -> None:
    assert message in refused(generator(*marks))


def test_a_mark_before_or_after_its_trace_is_refused() -> None:
    before = HandWritten().note("file", path="a.py").mark(PAUSE, 0).begin().step(CALL, 1, "{}")
    assert "do not alternate within it" in refused(before)
    assert "do not alternate within it" in refused(small().mark(PAUSE, 0))


def test_a_mark_with_text_is_refused() -> None:
    assert "text_end" in refused(begun().step(CALL, 1, "{}").step(PAUSE, 0, "x", 0))


def test_a_mark_with_flags_is_refused() -> None:
    assert "flags" in refused(begun().step(CALL, 1, "{}").step(PAUSE, 0, "", 0, flags=1))


def test_a_paused_traces_steps_leave_out_those_between() -> None:
    wire = generator((PAUSE, 0), (RESUME, 0), (PAUSE, 0), (RESUME, 0))
    found = columns.read(wire.bytes())
    # Runs 0, 2 and 4 are its own.
    assert found.traces[0].index.tolist() == [0, 1, 2, 8, 9, 10, 16, 17, 18]
    assert found.traces[0].segment.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_trace_that_ends_paused_has_no_steps_after_its_last_pause() -> None:
    wire = begun().step(CALL, 1, "{}").step(RETURN, 1, "1").mark(PAUSE, 0)
    wire.begin(1).step(CALL, 3, "{}").step(RETURN, 3, "2").end(1).end(0, "unfinished")
    found = columns.read(wire.bytes())
    assert [trace.index.tolist() for trace in found.traces] == [[0, 1], [3, 4]]
    assert [trace.ending for trace in found.traces] == [Ending.UNFINISHED, Ending.RETURNED]


def test_a_generator_that_goes_on_elsewhere_is_told_at_the_depth_of_its_entry() -> None:
    wire = begun().step(CALL, 1, "{}", 1).step(RETURN, 1, "1", 1).mark(PAUSE, 0)
    wire.step(CALL, 3, "{}", 1, thread=2).mark(RESUME, 0, thread=2)
    wire.step(LINE, 9, "{}", 1, thread=0)  # another thread's
    wire.step(CALL, 1, "{}", 2, thread=2).step(CALL, 3, "{}", 3, thread=2).step(RETURN, 3, "0", 3, thread=2)
    wire.step(RETURN, 1, "2", 2, thread=2).end()
    found = columns.read(wire.bytes())
    assert rows(found) == [
        ("call", 1, 0, "{}"),
        ("return", 1, 0, "1"),
        ("call", 1, 0, "{}"),
        ("call", 3, 1, "{}"),
        ("return", 3, 1, "0"),
        ("return", 1, 0, "2"),
    ]


def test_nested_traces_share_their_steps() -> None:
    wire = begun().step(CALL, 1, "{}").begin(1).step(CALL, 3, '{"m": "1"}', 2).begin(2).step(CALL, 5, "{}", 3)
    wire.step(RETURN, 5, "0", 3).end(2).step(RETURN, 3, "1", 2).end(1).step(RETURN, 1, "2").end(0)
    found = columns.read(wire.bytes())
    assert rows(found, 0) == [
        ("call", 1, 0, "{}"),
        ("call", 3, 1, '{"m": "1"}'),
        ("call", 5, 2, "{}"),
        ("return", 5, 2, "0"),
        ("return", 3, 1, "1"),
        ("return", 1, 0, "2"),
    ]
    assert rows(found, 1) == [(e, n, d - 1, t) for e, n, d, t in rows(found, 0)[1:5] if isinstance(d, int)]
    assert rows(found, 2) == [("call", 5, 0, "{}"), ("return", 5, 0, "0")]


def test_traces_nested_without_end_are_refused_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    nested = begun()
    for trace in range(1, 4):
        nested.begin(trace)
    wire = nested.step(CALL, 1, "{}").step(RETURN, 1, "None")
    monkeypatch.setattr(columns, "MAX_TOLD", 8)
    assert len(columns.read(wire.bytes()).traces) == 4
    monkeypatch.setattr(columns, "MAX_TOLD", 7)
    with pytest.raises(WireError, match="trace 3: more than 7 steps"):
        columns.read(wire.bytes())


def test_threads_that_interleave_are_told_apart() -> None:
    wire = begun().begin(1, thread=1)
    for event, text in [(CALL, "{}"), (LINE, "{}"), (RETURN, "0")]:
        for thread in (0, 1):
            wire.step(event, 1 + thread, text, 1, thread=thread)
    found = columns.read(wire.end(0).end(1, "raised").bytes())
    assert rows(found, 0) == [("call", 1, 0, "{}"), ("line", 1, 0, "{}"), ("return", 1, 0, "0")]
    assert rows(found, 1) == [("call", 2, 0, "{}"), ("line", 2, 0, "{}"), ("return", 2, 0, "0")]


def test_a_trace_without_an_end_goes_to_the_last_step() -> None:
    wire = begun().step(CALL, 1, "{}").step(LINE, 2, '{"a": "1"}')
    [trace] = columns.read(wire.bytes()).traces
    assert trace.ending is None
    assert trace.index.tolist() == [0, 1]


def test_several_traces_make_one_list_column_in_the_order_that_is_asked_for() -> None:
    wire = begun().note("file", path="/p/b.py").step(CALL, 1, "{}").step(RETURN, 1, "x").end()
    wire.begin(1).end(1)  # empty
    wire.begin(2, file=1).step(CALL, 7, "{}", file=1).step(CALL, 2, "{}", 2, file=0).end(2, "events")
    found = columns.read(wire.bytes())
    first, empty, last = found.traces
    column = columns.steps(found, [last, empty, first], [[1, 0], [0], [-1, 0]])
    places = [[(s["file"], s["line"], s["depth"]) for s in steps] for steps in column.to_pylist()]
    assert places == [[(0, 7, 0), (1, 2, 1)], [], [(1, 1, 0), (1, 1, 0)]]


def test_a_recording_that_begins_inside_a_function_needs_no_call() -> None:
    wire = begun().step(LINE, 2, '{"a": "1"}', 4).step(CALL, 5, "{}", 5).step(RETURN, 5, "0", 5).step(LINE, 3, "{}", 4)
    found = columns.read(wire.end(0, "left").bytes())
    assert [row[2] for row in rows(found)] == [0, 1, 1, 0]


def test_a_step_below_the_entry_point_is_refused() -> None:
    wire = begun().step(LINE, 2, "{}", 4).step(RETURN, 2, "0", 4).step(LINE, 3, "{}", 3)
    assert "does not follow" in refused(wire)


def harvested(found: columns.Wire) -> int:
    """Harvest every trace as the programs do, read each back, and speak what has its lines; how many there were."""
    context = Context(SOURCE, tuple((0, line) for line in range(1, 5)))
    tellings = []
    for trace in found.traces:
        files = (trace.file, *(file for file in range(len(found.files)) if file != trace.file))
        names = tuple(found.files[file] for file in files)
        tellings.append(Telling(trace, trace.node, "", context, names, files, Entry(trace.name, 0, trace.line)))
    died = (Ending.KILLED, "SIGKILL")
    made = harvest(found, tellings, died=died, identity={}, provenance=PROVENANCE, stdout="")
    made.table.validate(full=True)
    for row in range(made.table.num_rows):
        told = trace_at(made.table, row)
        assert len(told.frames()) == len(told.steps)
        told.text()
    assert made.table.num_rows + made.dropped.total() == len(found.traces)
    return len(found.traces)


def busy() -> HandWritten:
    """A wire with everything in it: nested, paused, two threads, two files, every kind of note."""
    wire = small()
    wire.notes.pop()
    wire.note("file", path="/p/b.py").note("odd", what="os.fork").note("tests", tests=2)
    wire.begin(1, node="t.py::t").step(CALL, 1, '{"n": "2"}').begin(2, thread=1).step(CALL, 3, "{}", thread=1)
    wire.step(RETURN, 2, "1").mark(PAUSE, 1).step(RETURN, 4, '\ufdd0"\\ud800"', thread=1).end(2)
    wire.mark(RESUME, 1).step(CALL, 1, '{"n": "2"}').step(RETURN, 2, "None").end(1)
    wire.note("test", node="t.py::t", outcome="passed")
    return wire.note("calls", file=0, line=1, name="f", calls=2, traces=2).note("finish")


def test_a_busy_wire_is_harvested_whole() -> None:
    assert harvested(columns.read(busy().bytes())) == 3


BUSY = busy().bytes()
_LENGTHS = (24 * 14, 200, struct.unpack_from("<Q", BUSY, 72)[0])
_USED = [*range(80), *(at + i for at, n in zip((STEPS_AT, TEXT_AT, NOTES_AT), _LENGTHS, strict=True) for i in range(n))]
_places = st.sampled_from(_USED)
_flips = st.lists(st.tuples(_places, st.integers(0, 255)), min_size=1, max_size=4)
_words = st.lists(
    st.tuples(
        st.sampled_from([at - at % 4 for at in _USED]),
        st.sampled_from([0, 1, 2, 3, 255, 256, 4096, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1]),
    ),
    max_size=2,
)


@given(_flips, _words)
@unhurried
def test_whatever_stands_in_a_wire_it_is_refused_or_can_be_harvested(
    flips: list[tuple[int, int]], words: list[tuple[int, int]]
) -> None:
    data = bytearray(BUSY)
    for at, byte in flips:
        data[at] = byte
    for at, word in words:
        struct.pack_into("<I", data, at, word)
    try:
        found = columns.read(data)
    except WireError:
        return
    harvested(found)


_strings = st.text(max_size=6) | st.sampled_from(["\ud800", "\ufdd0", "\0", "returned", "raised", "events"])
_numbers = st.sampled_from([0, 1, 2, 3, 2**31 - 1, 2**31, 2**53 - 1, 2**63])
_kinds = {
    "python": ("version", "tracer", "values", "hash_seed"),
    "file": ("path",),
    "begin": ("trace#", "thread#", "step#", "file#", "line#", "name", "node", "call#"),
    "end": ("trace#", "step#", "ending", "detail"),
    "odd": ("what",),
    "tests": ("tests#",),
    "test": ("node", "outcome"),
    "calls": ("file#", "line#", "name", "calls#", "traces#"),
    "error": ("kind", "message"),
    "finish": (),
}
_notes = st.sampled_from(sorted(_kinds)).flatmap(
    lambda kind: st.fixed_dictionaries(
        {"note": st.just(kind)} | {k.rstrip("#"): _numbers if k.endswith("#") else _strings for k in _kinds[kind]}
    )
)


@given(st.lists(_notes, max_size=3), st.integers(0, 4))
@unhurried
def test_whatever_well_formed_notes_say_they_are_refused_or_can_be_harvested(
    said: list[dict[str, str | int]], place: int
) -> None:
    wire = busy()
    forged = [HandWritten().raw_note(json.dumps(note).encode()).notes[0] for note in said]
    wire.notes[place:place] = forged
    try:
        found = columns.read(wire.bytes())
    except WireError:
        return
    harvested(found)


def test_a_name_that_no_column_holds_is_stored_escaped() -> None:
    wire = (
        HandWritten().note("file", path="/p/\udcff.py").begin(name="f\ud800").step(CALL, 1, "{}").end(detail="\udfff")
    )
    found = columns.read(wire.bytes())
    assert (found.files, found.traces[0].name, found.traces[0].detail) == (["/p/\udcff.py"], "f\\ud800", "\\udfff")
    assert harvested(found) == 1
