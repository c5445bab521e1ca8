"""CWM's spelling, literally; then that every text survives it, and that every stream is read or refused.

Longer than the house's 350 lines: every rule of one subject has its cases here, beside what they share.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import SPLIT_PAIR, frames_with, raw, texts, unhurried, whole_locals
from tracegen.context import MARKER, lines_of, without_marker
from tracegen.frame import Event, Frame, Locals
from tracegen.grammar import GrammarError, Oddity, Oddness, Parsed, Piece, Special, parse, pieces, prompt, render

CALL, LINE, RETURN, EXCEPTION = Event.CALL, Event.LINE, Event.RETURN, Event.EXCEPTION
S = Special


def call(source: str, **locals: str) -> Frame:
    return Frame(CALL, source, tuple(locals.items()))


def line(source: str, **locals: str) -> Frame:
    return Frame(LINE, source, tuple(locals.items()))


def returned(source: str, value: str) -> Frame:
    return Frame(RETURN, source, value=value)


def raised(source: str, value: str) -> Frame:
    return Frame(EXCEPTION, source, value=value)


def refusal(*stream: Piece) -> GrammarError:
    with pytest.raises(GrammarError) as caught:
        parse(stream)
    return caught.value


def what_is_odd(*stream: Piece) -> list[tuple[int, Oddness, str]]:
    return [(oddity.frame, oddity.oddness, oddity.what) for oddity in parse(stream).oddities]


# The spelling, literally.


def test_the_control_tokens_have_the_texts_and_ids_of_cwm() -> None:
    assert {(special.name, special.text, special.cwm_id) for special in Special} == {
        ("BEGIN_OF_TEXT", "<|begin_of_text|>", 128000),
        ("END_OF_TEXT", "<|end_of_text|>", 128001),
        ("PAD", "<|pad|>", 128004),
        ("START_HEADER_ID", "<|start_header_id|>", 128006),
        ("END_HEADER_ID", "<|end_header_id|>", 128007),
        ("EOM_ID", "<|eom_id|>", 128008),
        ("EOT_ID", "<|eot_id|>", 128009),
        ("FRAME_SEP", "<|frame_sep|>", 128100),
        ("ACTION_SEP", "<|action_sep|>", 128101),
        ("RETURN_SEP", "<|return_sep|>", 128102),
        ("CALL_SEP", "<|call_sep|>", 128103),
        ("LINE_SEP", "<|line_sep|>", 128104),
        ("EXCEPTION_SEP", "<|exception_sep|>", 128105),
        ("ARG_SEP", "<|arg_sep|>", 128106),
        ("TRACE_CONTEXT_START", "<|trace_context_start|>", 128107),
        ("REASONING_THINKING_START", "<|reasoning_thinking_start|>", 128120),
        ("REASONING_THINKING_END", "<|reasoning_thinking_end|>", 128121),
    }


def test_a_prompt_is_begin_context_start_context_frame_sep() -> None:
    context = "\ndef f():\n    pass\n"
    assert prompt(context) == [S.BEGIN_OF_TEXT, S.TRACE_CONTEXT_START, context, S.FRAME_SEP]
    assert prompt("") == [S.BEGIN_OF_TEXT, S.TRACE_CONTEXT_START, S.FRAME_SEP]


def test_each_event_is_spelled_as_cwm_spells_it() -> None:
    assert pieces([call("def f(s):\n", s="'a'")]) == [
        S.CALL_SEP,
        '{"s": "\'a\'"}',
        S.ACTION_SEP,
        "def f(s):\n",
        S.FRAME_SEP,
    ]
    assert pieces([line("    x = 1\n")]) == [S.LINE_SEP, "{}", S.ACTION_SEP, "    x = 1\n", S.FRAME_SEP]
    assert pieces([returned("    return x\n", "{1: None}")]) == [
        S.RETURN_SEP,
        S.ACTION_SEP,
        "    return x\n",
        S.ARG_SEP,
        '"{1: None}"',
        S.FRAME_SEP,
    ]
    assert pieces([raised("    1 / 0\n", "ZeroDivisionError('division by zero')")]) == [
        S.EXCEPTION_SEP,
        S.ACTION_SEP,
        "    1 / 0\n",
        S.ARG_SEP,
        "\"ZeroDivisionError('division by zero')\"",
        S.FRAME_SEP,
    ]


def test_a_trace_is_the_text_that_cwm_reads() -> None:
    context = "\ndef f(a, b):\n    return a + b\ndef main():  # << START_OF_TRACE\n    return f(1, 'é')\n"
    frames = [
        call("def main():\n"),
        line("    return f(1, 'é')\n"),
        call("def f(a, b):\n", a="1", b="'é'"),
        line("    return a + b\n", a="1", b="'é'"),
        raised("    return a + b\n", "TypeError('no')"),
        returned("    return a + b\n", "None"),
        raised("    return f(1, 'é')\n", "TypeError('no')"),
        returned("    return f(1, 'é')\n", "None"),
    ]
    assert render(pieces(frames, context=context, finished=True)) == (
        f"<|begin_of_text|><|trace_context_start|>{context}<|frame_sep|>"
        "<|call_sep|>{}<|action_sep|>def main():\n<|frame_sep|>"
        "<|line_sep|>{}<|action_sep|>    return f(1, 'é')\n<|frame_sep|>"
        '<|call_sep|>{"a": "1", "b": "\'\\u00e9\'"}<|action_sep|>def f(a, b):\n<|frame_sep|>'
        '<|line_sep|>{"a": "..", "b": ".."}<|action_sep|>    return a + b\n<|frame_sep|>'
        "<|exception_sep|><|action_sep|>    return a + b\n<|arg_sep|>\"TypeError('no')\"<|frame_sep|>"
        '<|return_sep|><|action_sep|>    return a + b\n<|arg_sep|>"None"<|frame_sep|>'
        "<|exception_sep|><|action_sep|>    return f(1, 'é')\n<|arg_sep|>\"TypeError('no')\"<|frame_sep|>"
        "<|return_sep|><|action_sep|>    return f(1, 'é')\n<|arg_sep|>\"None\"<|frame_sep|>"
        "<|end_of_text|>"
    )
    assert parse(pieces(frames, context=context, finished=True)) == Parsed(tuple(frames), context, True, ())


def test_by_default_there_is_no_context_and_no_end() -> None:
    assert pieces([]) == []
    assert pieces([], finished=True) == [S.END_OF_TEXT]
    assert pieces([], context="x\n") == prompt("x\n")
    assert pieces([], context="") == prompt("")


def test_the_comparison_for_two_dots_runs_over_all_frames() -> None:
    frames = [call("f\n", x="1"), line("a\n", x="1"), returned("b\n", "1"), line("c\n", x="1")]
    assert [piece for piece in pieces(frames) if isinstance(piece, str) and piece[0] == "{"] == [
        '{"x": "1"}',
        '{"x": ".."}',
        '{"x": "1"}',
    ]


def test_pieces_are_as_few_as_they_can_be() -> None:
    assert pieces([line("")]) == [S.LINE_SEP, "{}", S.ACTION_SEP, S.FRAME_SEP]
    assert pieces([returned("", "")]) == [S.RETURN_SEP, S.ACTION_SEP, S.ARG_SEP, '""', S.FRAME_SEP]


def test_render_joins_texts_and_tokens() -> None:
    assert render([]) == ""
    stream: list[Piece] = ["a", S.ARG_SEP, "", "b"]
    assert render(iter(stream)) == "a<|arg_sep|>b"


@unhurried
@given(texts, whole_locals)
def test_json_is_spelled_as_json_dumps_spells_it(value: str, locals: Locals) -> None:
    assert pieces([returned("x", value)])[4] == json.dumps(value)
    assert pieces([Frame(CALL, "x", locals)])[1] == json.dumps(dict(locals))


def test_locals_that_say_two_dots_over_a_shown_value_are_refused() -> None:
    with pytest.raises(ValueError, match="previous frame shows '1'"):
        pieces([line("a\n", x="1"), line("b\n", x="..")])


@pytest.mark.parametrize(
    "frame", [returned("x", "\ud83d\ude00"), call("x", a="\ud83d\ude00"), Frame(CALL, "x", (("\ud83d\ude00", "1"),))]
)
def test_a_surrogate_pair_in_two_characters_is_refused(frame: Frame) -> None:
    with pytest.raises(ValueError, match=r"^a surrogate pair in two characters cannot be spelled in JSON: '\\ud83d"):
        pieces([frame])


def test_lone_surrogates_and_whole_characters_are_not_refused() -> None:
    for text in ["\ud800", "\udbff", "\udc00", "\udfff", "\udc00\ud800", "\ud800x\udc00", "\U0001f600"]:
        assert parse(pieces([returned("x", text)])).frames == (returned("x", text),)


def test_every_corner_of_the_surrogate_range_makes_a_pair() -> None:
    for text in ["\ud800\udc00", "\udbff\udfff", "\ud800\udfff", "\udbff\udc00", "a\ud800\udc00b"]:
        with pytest.raises(ValueError, match="surrogate pair"):
            pieces([returned("x", text)])


# Reading.


def test_text_that_looks_like_a_control_token_is_text() -> None:
    frame = line("x = '<|frame_sep|><|end_of_text|>'\n", x="'<|frame_sep|>'")
    context = "x = '<|frame_sep|><|end_of_text|>'\n<|begin_of_text|>\n"
    assert parse(pieces([frame], context=context)) == Parsed((frame,), context, False, ())


def test_text_may_come_in_many_pieces_and_empty_ones() -> None:
    stream: list[Piece] = ["", S.LINE_SEP, "{", "", '"x": ', '"1"}', S.ACTION_SEP, "", "a", "b\n", "", S.FRAME_SEP, ""]
    assert parse(stream) == Parsed((line("ab\n", x="1"),), None, False, ())


def test_a_stream_may_be_an_iterator() -> None:
    stream: list[Piece] = [S.RETURN_SEP, S.ACTION_SEP, "x\n", S.ARG_SEP, '"1"', S.FRAME_SEP, S.END_OF_TEXT]
    assert parse(iter(stream)) == Parsed((returned("x\n", "1"),), None, True, ())


def test_nothing_is_a_trace_without_frames() -> None:
    assert parse([]) == Parsed((), None, False, ())
    assert parse([""]) == Parsed((), None, False, ())
    assert parse([S.END_OF_TEXT]) == Parsed((), None, True, ())
    assert parse(prompt("")) == Parsed((), "", False, ())


def test_values_that_were_left_out_are_put_back() -> None:
    frames = parse(
        [
            *(S.CALL_SEP, '{"x": "1"}', S.ACTION_SEP, "f\n", S.FRAME_SEP),
            *(S.LINE_SEP, '{"x": ".."}', S.ACTION_SEP, "a\n", S.FRAME_SEP),
            *(S.EXCEPTION_SEP, S.ACTION_SEP, "a\n", S.ARG_SEP, '"E()"', S.FRAME_SEP),
            *(S.LINE_SEP, '{"x": ".."}', S.ACTION_SEP, "b\n", S.FRAME_SEP),
        ]
    ).frames
    assert frames == (call("f\n", x="1"), line("a\n", x="1"), raised("a\n", "E()"), line("b\n", x="1"))


# Oddities.


def test_the_oddities_are_explained() -> None:
    assert {oddness.name: oddness.value for oddness in Oddness} == {
        "LINE_NOT_IN_CONTEXT": "a source line that the context does not have",
        "NAME_TWICE": "a local that is named twice in one frame",
        "UNSEEN": "'..' for a local that no earlier frame shows",
        "WRITTEN_IN_FULL": "an unchanged local that is written in full",
        "SPELLING": "JSON that is spelled otherwise than json.dumps does",
    }


def test_a_line_that_the_context_lacks_is_odd() -> None:
    stream = pieces([line("a\n"), line("b\n"), returned("b \n", "1")], context="a\nb\n")
    assert parse(stream).oddities == (Oddity(2, Oddness.LINE_NOT_IN_CONTEXT, "b \n"),)


def test_without_a_context_no_line_is_odd() -> None:
    assert what_is_odd(*pieces([line("anything\n")])) == []


def test_an_empty_context_has_an_empty_line_and_no_other() -> None:
    assert what_is_odd(*pieces([line("\n"), line("a\n")], context="")) == [(1, Oddness.LINE_NOT_IN_CONTEXT, "a\n")]


def test_the_marked_line_is_in_the_context_without_its_marker() -> None:
    context = f"def f():{MARKER}\n"
    assert what_is_odd(*pieces([call("def f():\n")], context=context)) == []
    assert what_is_odd(*pieces([call(context)], context=context)) == [(0, Oddness.LINE_NOT_IN_CONTEXT, context)]


def test_the_lines_of_a_context_are_those_of_pythons_tokenizer() -> None:
    context = "a\x0cb\r\nc\u2028d\re"
    frames = [line("a\x0cb\n"), line("c\u2028d\n"), line("e\n"), line("d\n")]
    assert what_is_odd(*pieces(frames, context=context)) == [(3, Oddness.LINE_NOT_IN_CONTEXT, "d\n")]


def test_a_name_said_twice_is_odd_once_and_kept() -> None:
    text = '{"x": "1", "y": "2", "x": "3", "x": "3"}'
    parsed = parse([S.CALL_SEP, text, S.ACTION_SEP, "a\n", S.FRAME_SEP])
    assert parsed.oddities == (Oddity(0, Oddness.NAME_TWICE, "x"),)
    assert parsed.frames[0].locals == (("x", "1"), ("y", "2"), ("x", "3"), ("x", "3"))


def test_two_dots_for_a_name_that_no_frame_shows_are_odd_and_kept() -> None:
    parsed = parse([S.LINE_SEP, '{"x": ".."}', S.ACTION_SEP, "a\n", S.FRAME_SEP])
    assert parsed == Parsed((line("a\n", x=".."),), None, False, (Oddity(0, Oddness.UNSEEN, "x"),))


def test_two_dots_at_a_call_are_always_odd() -> None:
    stream: list[Piece] = [
        *(S.LINE_SEP, '{"x": "1"}', S.ACTION_SEP, "a\n", S.FRAME_SEP),
        *(S.CALL_SEP, '{"x": ".."}', S.ACTION_SEP, "f\n", S.FRAME_SEP),
    ]
    assert what_is_odd(*stream) == [(1, Oddness.UNSEEN, "x")]


def test_two_dots_after_a_return_are_odd_and_after_an_exception_are_not() -> None:
    first = (S.LINE_SEP, '{"x": "1"}', S.ACTION_SEP, "a\n", S.FRAME_SEP)
    again = (S.LINE_SEP, '{"x": ".."}', S.ACTION_SEP, "a\n", S.FRAME_SEP)
    value = (S.ACTION_SEP, "a\n", S.ARG_SEP, '"1"', S.FRAME_SEP)
    assert what_is_odd(*first, S.RETURN_SEP, *value, *again) == [(2, Oddness.UNSEEN, "x")]
    assert what_is_odd(*first, S.EXCEPTION_SEP, *value, *again) == []


def test_an_unchanged_local_in_full_is_odd_at_a_line_only() -> None:
    first = (S.LINE_SEP, '{"x": "1", "y": "2"}', S.ACTION_SEP, "a\n", S.FRAME_SEP)
    full = ('{"x": "1", "y": "3"}', S.ACTION_SEP, "a\n", S.FRAME_SEP)
    assert what_is_odd(*first, S.LINE_SEP, *full) == [(1, Oddness.WRITTEN_IN_FULL, "x")]
    assert what_is_odd(*first, S.CALL_SEP, *full) == []
    assert what_is_odd(*first, S.CALL_SEP, *full, S.LINE_SEP, *full) == [
        (2, Oddness.WRITTEN_IN_FULL, "x"),
        (2, Oddness.WRITTEN_IN_FULL, "y"),
    ]


@pytest.mark.parametrize("text", ['{"x":"1"}', ' {"x": "1"}', '{"x": "1"}\n', '{"\\u0078": "1"}', '{"x": "\\u0031"}'])
def test_json_spelled_otherwise_is_odd_and_read(text: str) -> None:
    parsed = parse([S.LINE_SEP, text, S.ACTION_SEP, "a\n", S.FRAME_SEP])
    assert parsed == Parsed((line("a\n", x="1"),), None, False, (Oddity(0, Oddness.SPELLING, text),))


@pytest.mark.parametrize("text", ['"é"', ' "\\u00e9"', '"\\u00E9"'])
def test_a_value_spelled_otherwise_is_odd_and_read(text: str) -> None:
    parsed = parse([S.RETURN_SEP, S.ACTION_SEP, "a\n", S.ARG_SEP, text, S.FRAME_SEP])
    assert parsed == Parsed((returned("a\n", "é"),), None, False, (Oddity(0, Oddness.SPELLING, text),))


def test_two_halves_of_a_surrogate_pair_are_odd_and_read() -> None:
    text = '"\ud83d\\ude00"'
    parsed = parse([S.RETURN_SEP, S.ACTION_SEP, "a\n", S.ARG_SEP, text, S.FRAME_SEP])
    assert parsed.frames[0].value == "\ud83d\ude00"
    assert parsed.oddities == (Oddity(0, Oddness.SPELLING, text),)


def test_the_oddities_of_a_frame_come_in_the_order_in_which_it_is_read() -> None:
    text = '{"a":"1", "b": "..", "c": "2", "c": "2"}'
    stream = [*pieces([line("s\n", a="1")], context="s\n"), S.LINE_SEP, text, S.ACTION_SEP, "t\n", S.FRAME_SEP]
    assert what_is_odd(*stream) == [
        (1, Oddness.WRITTEN_IN_FULL, "a"),
        (1, Oddness.UNSEEN, "b"),
        (1, Oddness.NAME_TWICE, "c"),
        (1, Oddness.SPELLING, text),
        (1, Oddness.LINE_NOT_IN_CONTEXT, "t\n"),
    ]


# Errors.

WHOLE = line("a\n", x="1")
FIRST = pieces([WHOLE])
JSON_LOCALS = "locals as a JSON object of strings"
JSON_VALUE = "a value as a JSON string"


def test_an_error_says_where_what_was_wanted_and_what_was_found() -> None:
    error = refusal(*FIRST, S.LINE_SEP, "{}", "x", S.FRAME_SEP)
    assert (error.piece, error.wanted, error.found) == (6, JSON_LOCALS, "'{}x'")
    assert str(error) == "piece 6: wanted locals as a JSON object of strings, found '{}x'"
    assert error.frames == (WHOLE,)
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    ("stream", "piece", "wanted", "found"),
    [
        (["x"], 0, "the event of a frame", "'x'"),
        ([S.FRAME_SEP], 0, "the event of a frame", "FRAME_SEP"),
        ([S.PAD], 0, "the event of a frame", "PAD"),
        ([S.TRACE_CONTEXT_START], 0, "the event of a frame", "TRACE_CONTEXT_START"),
        ([S.BEGIN_OF_TEXT], 1, "TRACE_CONTEXT_START", "the end"),
        ([S.BEGIN_OF_TEXT, "x"], 1, "TRACE_CONTEXT_START", "'x'"),
        ([S.BEGIN_OF_TEXT, S.FRAME_SEP], 1, "TRACE_CONTEXT_START", "FRAME_SEP"),
        ([S.BEGIN_OF_TEXT, S.TRACE_CONTEXT_START], 2, "FRAME_SEP", "the end"),
        ([S.BEGIN_OF_TEXT, S.TRACE_CONTEXT_START, "x"], 3, "FRAME_SEP", "the end"),
        ([S.BEGIN_OF_TEXT, S.TRACE_CONTEXT_START, "x", S.LINE_SEP], 3, "FRAME_SEP", "LINE_SEP"),
        ([*prompt("x"), S.BEGIN_OF_TEXT], 4, "the event of a frame", "BEGIN_OF_TEXT"),
        ([S.LINE_SEP], 1, JSON_LOCALS, "the end"),
        ([S.LINE_SEP, S.ACTION_SEP], 1, JSON_LOCALS, "ACTION_SEP"),
        ([S.CALL_SEP, "{"], 1, JSON_LOCALS, "'{'"),
        ([S.CALL_SEP, "[]"], 1, JSON_LOCALS, "'[]'"),
        ([S.CALL_SEP, '[["x", "1"]]'], 1, JSON_LOCALS, '\'[["x", "1"]]\''),
        ([S.CALL_SEP, '""'], 1, JSON_LOCALS, "'\"\"'"),
        ([S.CALL_SEP, '{"x": 1}'], 1, JSON_LOCALS, "'{\"x\": 1}'"),
        ([S.CALL_SEP, '{"x": null}'], 1, JSON_LOCALS, "'{\"x\": null}'"),
        ([S.CALL_SEP, '{"x": {}}'], 1, JSON_LOCALS, "'{\"x\": {}}'"),
        ([S.CALL_SEP, '{"x": "1", "y": true}'], 1, JSON_LOCALS, '\'{"x": "1", "y": true}\''),
        ([S.CALL_SEP, "{}"], 2, "ACTION_SEP", "the end"),
        ([S.CALL_SEP, "{}", S.ARG_SEP], 2, "ACTION_SEP", "ARG_SEP"),
        ([S.CALL_SEP, "{}", S.ACTION_SEP], 3, "FRAME_SEP", "the end"),
        ([S.CALL_SEP, "{}", S.ACTION_SEP, "x"], 4, "FRAME_SEP", "the end"),
        ([S.CALL_SEP, "{}", S.ACTION_SEP, "x", S.ARG_SEP], 4, "FRAME_SEP", "ARG_SEP"),
        ([S.RETURN_SEP], 1, "ACTION_SEP", "the end"),
        ([S.RETURN_SEP, "{}"], 1, "ACTION_SEP", "'{}'"),
        ([S.RETURN_SEP, S.ACTION_SEP], 2, "ARG_SEP", "the end"),
        ([S.RETURN_SEP, S.ACTION_SEP, "x"], 3, "ARG_SEP", "the end"),
        ([S.RETURN_SEP, S.ACTION_SEP, "x", S.FRAME_SEP], 3, "ARG_SEP", "FRAME_SEP"),
        ([S.RETURN_SEP, S.ACTION_SEP, "x", S.ARG_SEP], 4, JSON_VALUE, "the end"),
        ([S.RETURN_SEP, S.ACTION_SEP, "x", S.ARG_SEP, S.FRAME_SEP], 4, JSON_VALUE, "FRAME_SEP"),
        ([S.EXCEPTION_SEP, S.ACTION_SEP, "x", S.ARG_SEP, '"1'], 4, JSON_VALUE, "'\"1'"),
        ([S.EXCEPTION_SEP, S.ACTION_SEP, "x", S.ARG_SEP, "1"], 4, JSON_VALUE, "'1'"),
        ([S.EXCEPTION_SEP, S.ACTION_SEP, "x", S.ARG_SEP, "{}"], 4, JSON_VALUE, "'{}'"),
        ([S.EXCEPTION_SEP, S.ACTION_SEP, "x", S.ARG_SEP, "null"], 4, JSON_VALUE, "'null'"),
        ([S.RETURN_SEP, S.ACTION_SEP, "x", S.ARG_SEP, '"1"'], 5, "FRAME_SEP", "the end"),
        ([S.END_OF_TEXT, "x"], 1, "nothing after END_OF_TEXT", "'x'"),
        ([S.END_OF_TEXT, S.END_OF_TEXT], 1, "nothing after END_OF_TEXT", "END_OF_TEXT"),
    ],
)
def test_what_is_no_trace_is_refused_at_the_piece(stream: list[Piece], piece: int, wanted: str, found: str) -> None:
    error = refusal(*stream)
    assert (error.piece, error.wanted, error.found, error.frames) == (piece, wanted, found, ())
    if stream[0] is not S.BEGIN_OF_TEXT:
        later = refusal(*FIRST, *stream)
        assert (later.piece, later.wanted, later.found, later.frames) == (piece + 5, wanted, found, (WHOLE,))


def test_a_frame_after_the_end_is_refused_with_the_frames_before_it() -> None:
    error = refusal(*FIRST, S.END_OF_TEXT, *FIRST)
    assert (error.piece, error.wanted, error.found) == (6, "nothing after END_OF_TEXT", "LINE_SEP")
    assert error.frames == (WHOLE,)


def test_the_found_text_is_clipped_after_sixty_characters() -> None:
    assert refusal("x" * 60).found == repr("x" * 60)
    assert refusal("x" * 61).found == repr("x" * 60) + "... (61 characters)"
    assert refusal("x" * 59 + "yz").found == repr("x" * 59 + "y") + "... (61 characters)"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"x":' * 100_000, "9" * 5000])
def test_json_that_python_cannot_load_is_an_error_of_the_grammar(text: str) -> None:
    assert refusal(S.RETURN_SEP, S.ACTION_SEP, "x", S.ARG_SEP, text, S.FRAME_SEP).wanted == JSON_VALUE
    assert refusal(S.LINE_SEP, text, S.ACTION_SEP, "x", S.FRAME_SEP).wanted == JSON_LOCALS


def test_a_grammar_error_does_not_show_jsons_own() -> None:
    assert refusal(S.LINE_SEP, "{").__suppress_context__


# Properties.

some_frames = st.lists(frames_with(raw), max_size=6)


@unhurried
@given(some_frames, st.booleans())
def test_any_frames_come_back(frames: list[Frame], finished: bool) -> None:
    assert parse(pieces(frames, finished=finished)) == Parsed(tuple(frames), None, finished, ())


@unhurried
@given(raw, st.data())
def test_frames_at_lines_of_their_context_come_back(context: str, data: st.DataObject) -> None:
    lines = [without_marker(text) for text in lines_of(context)]
    frames = data.draw(st.lists(frames_with(st.sampled_from(lines)), max_size=5))
    assert parse(pieces(frames, context=context, finished=True)) == Parsed(tuple(frames), context, True, ())


@unhurried
@given(some_frames, st.one_of(st.none(), raw))
def test_a_stream_cut_anywhere_is_unfinished_or_gives_its_whole_frames(
    frames: list[Frame], context: str | None
) -> None:
    stream = pieces(frames, context=context, finished=True)
    whole = -1 if context is not None else 0
    for cut in range(len(stream)):
        if cut and stream[cut - 1] is S.FRAME_SEP:
            whole += 1
        if cut == 0 or stream[cut - 1] is S.FRAME_SEP:
            parsed = parse(stream[:cut])
            assert parsed.frames == tuple(frames[: max(whole, 0)])
            assert not parsed.finished
        else:
            error = refusal(*stream[:cut])
            assert error.frames == tuple(frames[: max(whole, 0)])
            assert error.found == "the end" or error.piece == cut - 1


@unhurried
@given(some_frames, st.data())
def test_text_cut_in_the_middle_is_never_read_as_a_whole_frame(frames: list[Frame], data: st.DataObject) -> None:
    stream = pieces(frames)
    places = [at for at, piece in enumerate(stream) if isinstance(piece, str)]
    if not places:
        return
    at = data.draw(st.sampled_from(places))
    piece = stream[at]
    assert isinstance(piece, str)
    kept = piece[: data.draw(st.integers(0, len(piece) - 1))]
    error = refusal(*stream[:at], kept)
    assert error.frames == tuple(frames[: stream[:at].count(S.FRAME_SEP)])


json_like = st.one_of(
    raw,
    st.sampled_from(["{}", '{"a": ".."}', '{"a": "1"}', '{"a": "1", "a": "2"}', '{"b":"1"}', '"1"', '"\\u0061"', "1"]),
)
soup = st.lists(st.one_of(st.sampled_from(list(Special)), json_like), max_size=12)


@st.composite
def nearly_traces(draw: st.DrawFn) -> list[Piece]:
    stream: list[Piece] = []
    for _ in range(draw(st.integers(0, 4))):
        event = draw(st.sampled_from([S.CALL_SEP, S.LINE_SEP, S.LINE_SEP, S.RETURN_SEP, S.EXCEPTION_SEP]))
        if event in (S.CALL_SEP, S.LINE_SEP):
            stream += [event, draw(json_like), S.ACTION_SEP, "x\n", S.FRAME_SEP]
        else:
            stream += [event, S.ACTION_SEP, "x\n", S.ARG_SEP, draw(json_like), S.FRAME_SEP]
    return stream


@unhurried
@given(st.one_of(soup, nearly_traces()))
def test_any_stream_is_a_trace_or_a_grammar_error_and_what_is_not_odd_is_canonical(stream: list[Piece]) -> None:
    try:
        parsed = parse(stream)
    except GrammarError:
        return
    if any(SPLIT_PAIR.search(text) for frame in parsed.frames for text in _json_texts(frame)):
        return
    again = pieces(parsed.frames, context=parsed.context, finished=parsed.finished)
    assert parse(again).frames == parsed.frames
    if all(oddity.oddness is Oddness.LINE_NOT_IN_CONTEXT for oddity in parsed.oddities):
        assert render(again) == render(stream)


def _json_texts(frame: Frame) -> Iterator[str]:
    for name, text in frame.locals:
        yield name
        yield text
    yield frame.value or ""
