"""The writer's bytes are those of docs/wire.md, and the reader takes them apart again."""

from __future__ import annotations

import json
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import raw, texts, unhurried
from tests.wires import NOTES_AT, ROOM, STEPS_AT, TEXT_AT, small
from tracegen import Ending, columns
from tracegen.harvest import restored, storable
from tracegen.payload import wire as layout
from tracegen.payload.wire import Full, Writer


def laid_out(steps: int = ROOM, text: int = ROOM, notes: int = ROOM) -> tuple[bytearray, Writer]:
    """An empty wire with lanes of so many bytes, and a writer for it."""
    buffer = bytearray(layout.wire_bytes(steps, text, notes))
    layout.lay_out(buffer, steps, text, notes)
    return buffer, Writer(buffer)


def begin(writer: Writer, trace: int = 0, thread: int = 0) -> None:
    writer.note(
        "begin", trace=trace, thread=thread, step=writer.steps, file=0, line=1, name="f", node="", call=1
    )  # fmt: skip


def test_an_empty_wire_is_a_header_and_zeros() -> None:
    buffer, _ = laid_out(steps=24, text=16, notes=8)
    assert bytes(buffer[:80]) == struct.pack("<8s9Q", b"FORETRAC", 1, 4096, 24, 4120, 16, 4136, 8, 0, 0)
    assert bytes(buffer[80:]) == bytes(4096 - 80 + 24 + 16 + 8)


def test_the_writers_wire_is_the_one_written_by_hand() -> None:
    buffer, writer = laid_out()
    writer.note("python", version="3.11.7", tracer="reference", values="repr", hash_seed="0")
    writer.note("file", path="/p/a.py")
    begin(writer)
    for event, flags, line, depth, text in [
        (layout.CALL, 0, 1, 1, '{"n": "1"}'),
        (layout.LINE, 0, 2, 1, "{}"),
        (layout.CALL, 0, 3, 2, '{"m": "1"}'),
        (layout.LINE, 0, 4, 2, '{"m": null}'),
        (layout.EXCEPTION, 0, 4, 2, "E('é')"),
        (layout.RETURN, layout.UNWINDING, 4, 2, "None"),
        (layout.EXCEPTION, 0, 2, 1, "E('é')"),
        (layout.RETURN, layout.UNWINDING, 2, 1, "None"),
    ]:
        writer.step(event, flags, 0, line, depth, 0, layout.encoded(text))
    writer.note("end", trace=0, step=writer.steps, ending="raised", detail="")
    writer.note("finish")
    assert buffer == small().bytes()


def test_a_step_is_these_24_bytes() -> None:
    buffer, writer = laid_out()
    writer.step(layout.RETURN, layout.UNWINDING, 0x01020304, 0x05060708, 0x090A0B0C, 0x0D0E, b"None")
    assert buffer[STEPS_AT : STEPS_AT + 24].hex(" ") == (
        "04 00 00 00 00 00 00 00 08 07 06 05 04 03 02 01 0c 0b 0a 09 0e 0d 02 01"
    )
    assert bytes(buffer[TEXT_AT : TEXT_AT + 5]) == b"None\0"
    assert bytes(buffer[64:80]) == struct.pack("<QQ", 1, 0)


def test_a_mark_is_a_record_without_text_that_names_its_trace() -> None:
    buffer, writer = laid_out()
    writer.step(layout.CALL, 0, 0, 1, 1, 3, b"{}")
    writer.mark(layout.PAUSE, 7, 3)
    assert bytes(buffer[STEPS_AT + 24 : STEPS_AT + 48]) == struct.pack("<QIIIHBB", 2, 7, 0, 0, 3, 4, 0)


def test_a_note_is_these_bytes() -> None:
    buffer, writer = laid_out()
    writer.note("odd", what='é"\n\ud800')
    expected = b'{"note":"odd","what":"\\u00e9\\"\\n\\ud800"}'
    assert bytes(buffer[NOTES_AT : NOTES_AT + 4 + len(expected)]) == struct.pack("<I", len(expected)) + expected
    assert struct.unpack_from("<Q", buffer, 72) == (4 + len(expected),)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("plain", b"plain"),
        ("é", b"\xc3\xa9"),
        ("\0", b"\0"),
        ("a\ufdd0", b"a\xef\xb7\x90"),
        ("\ufdd0", b'\xef\xb7\x90"\\ufdd0"'),
        ("\ufdd0a", b'\xef\xb7\x90"\\ufdd0a"'),
        ("\ud800", b'\xef\xb7\x90"\\ud800"'),
        ("é\udfff", b'\xef\xb7\x90"\\u00e9\\udfff"'),
    ],
)
def test_what_utf8_cannot_hold_is_escaped(text: str, data: bytes) -> None:
    assert layout.encoded(text) == data
    assert storable(text).encode("utf-8") == data
    assert restored(data.decode("utf-8")) == text


@given(texts)
def test_every_text_comes_back(text: str) -> None:
    assert restored(layout.encoded(text).decode("utf-8")) == text


@given(raw)
def test_the_wire_and_the_data_set_spell_a_text_alike(text: str) -> None:
    assert storable(text).encode("utf-8") == layout.encoded(text)


_locals = st.dictionaries(texts, texts | st.none(), max_size=3)
_events = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([layout.CALL, layout.LINE]), _locals.map(json.dumps)),
        st.tuples(st.sampled_from([layout.RETURN, layout.EXCEPTION]), texts),
    ),
    max_size=12,
)


@given(_events, st.booleans())
@unhurried
def test_what_is_written_is_read(events: list[tuple[int, str]], ended: bool) -> None:
    buffer, writer = laid_out()
    writer.note("file", path="a.py")
    begin(writer)
    # A trace may begin inside a function: then there is no CALL at its first depth.
    depth = 0 if events and events[0][0] == layout.CALL else 1
    for event, text in events:
        depth += event == layout.CALL
        writer.step(event, 0, 0, 5, depth, 0, layout.encoded(text))
        if event == layout.RETURN and depth > 1:
            depth -= 1
        elif event == layout.RETURN:
            break
    if ended:
        writer.note("end", trace=0, step=writer.steps, ending="events", detail="")
    found = columns.read(buffer)
    assert [
        restored(text) if event > layout.LINE else text
        for event, text in zip(found.records["event"], found.texts().to_pylist(), strict=True)
    ] == [text for _, text in events][: len(found.records)]
    assert found.traces[0].ending is (Ending.EVENTS if ended else None)


def test_a_full_step_lane_takes_no_more_and_keeps_what_it_has() -> None:
    buffer, writer = laid_out(steps=2 * 24 + 23)
    for _ in range(2):
        writer.step(layout.CALL, 0, 0, 1, 1, 0, b"{}")
    before = bytes(buffer)
    with pytest.raises(Full):
        writer.step(layout.CALL, 0, 0, 1, 1, 0, b"{}")
    assert bytes(buffer) == before
    assert writer.steps == 2


def test_a_full_text_lane_takes_what_still_fits() -> None:
    buffer, writer = laid_out(text=8)
    writer.step(layout.RETURN, 0, 0, 1, 1, 0, b"1234")
    before = bytes(buffer)
    with pytest.raises(Full):
        writer.step(layout.RETURN, 0, 0, 1, 1, 0, b"12345")
    assert bytes(buffer) == before
    writer.step(layout.RETURN, 0, 0, 1, 1, 0, b"5678")
    writer.step(layout.RETURN, 0, 0, 1, 1, 0, b"")
    assert writer.steps == 3
    assert bytes(buffer[TEXT_AT : TEXT_AT + 8]) == b"12345678"


def test_an_eighth_of_the_note_lane_is_kept_back_for_last_notes() -> None:
    buffer, writer = laid_out(notes=800)
    size = len(b'....{"note":"odd","what":"xxxxxxxxxx"}')
    for _ in range(700 // size):
        writer.note("odd", what="x" * 10)
    assert struct.unpack_from("<Q", buffer, 72) == (700 // size * size,)
    with pytest.raises(Full):
        writer.note("odd", what="x" * 10)
    writer.note("end", last=True, trace=0, step=0, ending="memory", detail="")
    with pytest.raises(Full):
        writer.note("odd", last=True, what="x" * 50)
    [used] = struct.unpack_from("<Q", buffer, 72)
    assert 700 < used <= 800


@pytest.mark.parametrize("character", ["x", "é", "\ud800", "😀", "\0", '"'])
def test_the_longest_note_is_a_note_even_if_every_character_is_escaped(character: str) -> None:
    buffer, writer = laid_out(notes=1 << 20)
    writer.note("test", node=character * 1_000_000, outcome="passed")
    [size] = struct.unpack_from("<I", buffer, NOTES_AT)
    assert size <= layout.MAX_NOTE_BYTES
    found = columns.read(buffer)
    [node] = found.outcomes
    assert node.endswith("...")
    assert len(node.encode("utf-8", "backslashreplace")) < layout.MAX_NOTE_BYTES


def test_a_text_of_4000_characters_is_not_clipped() -> None:
    buffer, writer = laid_out()
    writer.note("odd", what="x" * 4000)
    writer.note("odd", what="x" * 4001)
    assert columns.read(buffer).oddities == ["x" * 4000, "x" * 4000 + "..."]


def test_a_writer_that_let_go_never_writes_again() -> None:
    buffer, writer = laid_out()
    writer.step(layout.CALL, 0, 0, 1, 1, 0, b"{}")
    writer.let_go()
    before = bytes(buffer)
    writer.step(layout.CALL, 0, 0, 1, 1, 0, b"{}")
    writer.mark(layout.PAUSE, 0, 0)
    writer.note("finish")
    writer.note("odd", last=True, what="x")
    assert bytes(buffer) == before
    assert (writer.open, writer.steps) == (False, 0)


def test_a_writer_refuses_what_is_not_laid_out() -> None:
    with pytest.raises(ValueError, match="not a wire of version 1"):
        Writer(bytearray(8192))
    buffer, _ = laid_out()
    struct.pack_into("<Q", buffer, 8, 2)
    with pytest.raises(ValueError, match="version 2"):
        Writer(buffer)


def test_threads_that_write_at_once_tear_no_step_and_no_note() -> None:
    buffer, writer = laid_out(steps=24 * 4000, text=1 << 17, notes=1 << 20)
    writer.note("file", path="a.py")
    for thread in range(4):
        begin(writer, trace=thread, thread=thread)
    wanted = {thread: [f"{thread}: {n}" for n in range(500)] for thread in range(4)}

    def write(thread: int) -> None:
        for n, text in enumerate(wanted[thread]):
            writer.step(layout.EXCEPTION, 0, 0, 1 + n, 1, thread, text.encode())
            writer.note("odd", what=text)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = columns.read(buffer)
    steps = columns.steps(found, found.traces, [[0]] * 4).to_pylist()
    assert {n: [step["value"] for step in steps[n]] for n in range(4)} == wanted
    assert sorted(found.oddities) == sorted(text for each in wanted.values() for text in each)


def test_what_is_committed_can_be_read_at_any_time() -> None:
    buffer, writer = laid_out()
    writer.note("file", path="a.py")
    begin(writer)
    for n in range(1, 5):
        writer.step(layout.EXCEPTION, 0, 0, n, 1, 0, b"E()")
        [trace] = columns.read(bytes(buffer)).traces
        assert len(trace.index) == n
