"""The grammar as a mask: states that can be checked by hand, then that it allows what is spelled, and nothing else.

Longer than the house's 350 lines: every rule has its cases here, beside the tokenizers and contexts that they share.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from functools import cache

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import decoders, models, pre_tokenizers, trainers

from cwm_model.constraint import TraceRules
from cwm_model.masks.entrance import Entrance, entrance_of
from cwm_model.masks.local_names import names_in
from cwm_model.masks.token_table import table_of
from cwm_model.tokenizer import Tokenizer, small, with_control_tokens
from tests.hostile import shown, texts, unhurried, whole_locals
from tracegen import CannotRun
from tracegen.context import MARKER, lines_of, shown_forms
from tracegen.frame import Event, Frame
from tracegen.grammar import Oddness, Piece, Special, parse, pieces

S = Special
CALL, LINE, RETURN, EXCEPTION = Event.CALL, Event.LINE, Event.RETURN, Event.EXCEPTION

CODE = "\ndef f(ab, abc):\n    ä = [num for num in ab]  # é😀\n    return abc\n"
CONTEXT = CODE + f"\ndef main():{MARKER}\n    return f([1], 2)\n"
HOSTILE = (
    "class A:\r\n\tdef __repr__(s):\r        return '<|frame_sep|>'  # << START_OF_TRACE\n\x0c\u2028\nglobals()['']"
)
"""A module: any name goes in its frames, and a repr may be empty."""

MAIN = Frame(CALL, "def main():\n")
FIRST = Frame(LINE, "    return f([1], 2)\n")
CALLED = Frame(CALL, "def f(ab, abc):\n", (("ab", "[1]"), ("abc", "2")))
INSIDE = Frame(LINE, "    return abc\n", CALLED.locals)
BACK = Frame(RETURN, "    return abc\n", value="2")
LAST = Frame(RETURN, "    return f([1], 2)\n", value="2")
WHOLE = (MAIN, FIRST, CALLED, INSIDE, BACK, LAST)


@cache
def bytes_only() -> Tokenizer:
    """A token for each byte, and no other."""
    return _built([], 0)


@cache
def spanning() -> Tokenizer:
    """Tokens that reach over all borders within a text, as no decent tokenizer's do: nothing keeps words apart."""
    spelled = pieces([CALLED, INSIDE, INSIDE, BACK] * 3 + [FIRST, LAST] * 3)
    return _built([piece for piece in spelled if isinstance(piece, str)] * 9, 600)


def _built(corpus: list[str], size: int) -> Tokenizer:
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=max(size, len(alphabet)), initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(corpus, trainer)
    return with_control_tokens(backend, "a test's tokenizer")


TOKENIZERS = [bytes_only, small, spanning]
each_tokenizer = pytest.mark.parametrize(
    "tokenizer", [make() for make in TOKENIZERS], ids=["bytes", "small", "spanning"]
)


def begun(context: str = CONTEXT, tokenizer: Tokenizer | None = None, **how: object) -> TraceRules:
    return TraceRules.start(tokenizer or small(), context, **how)  # type: ignore[arg-type]


def fed(rules: TraceRules, *stream: Piece, tokenizer: Tokenizer | None = None) -> TraceRules:
    return rules.read((tokenizer or small()).encode(stream))


def what(rules: TraceRules, tokenizer: Tokenizer | None = None) -> set[Special | bytes]:
    """What is allowed, as control tokens and bytes."""
    known = tokenizer or small()
    found: set[Special | bytes] = set()
    for id in rules.allowed().ids.tolist():
        special = known.special_of(id)
        found.add(special if special else known.bytes_of(id) or b"")
    return found


def after_frames(frames: Iterable[Frame], **how: object) -> TraceRules:
    return fed(begun(**how), *pieces(frames))  # type: ignore[arg-type]


def checked(rules: TraceRules, ids: Iterable[int]) -> TraceRules:
    """Feed ids, each of which must be allowed where it stands."""
    for at, id in enumerate(ids):
        allowed = rules.allowed()
        assert id in allowed.ids.tolist(), at
        assert allowed.forced in (None, id)
        rules = rules.after(id)
    return rules


def goes(text: str, *before: Piece, tokenizer: Tokenizer | None = None, context: str = CONTEXT) -> bool:
    """Whether a text may stand behind what was before it."""
    rules = fed(begun(context, tokenizer), *before, tokenizer=tokenizer)
    try:
        fed(rules, text, tokenizer=tokenizer)
    except ValueError:
        return False
    return True


# By hand.


def test_a_trace_begins_with_a_call_and_ends_when_its_scope_was_left() -> None:
    assert what(begun()) == {S.CALL_SEP}
    assert begun().allowed().forced == small().id_of(S.CALL_SEP)
    four = {S.CALL_SEP, S.LINE_SEP, S.RETURN_SEP, S.EXCEPTION_SEP}
    for count in range(1, 6):
        assert what(after_frames(WHOLE[:count])) == four
    done = after_frames(WHOLE)
    assert done.depth == 0 and done.frames == 6 and not done.finished
    assert what(done) == {S.END_OF_TEXT}
    end = fed(done, S.END_OF_TEXT)
    assert end.finished and end.allowed().ids.tolist() == [] and end.allowed().forced is None


def test_an_exception_leaves_no_scope() -> None:
    raised = Frame(EXCEPTION, "    return abc\n", value="E()")
    assert after_frames([MAIN, CALLED, raised]).depth == 2
    unwound = [MAIN, CALLED, raised, BACK, raised, LAST]
    assert what(after_frames(unwound)) == {S.END_OF_TEXT}


def test_the_parts_of_a_frame_stand_in_their_order() -> None:
    bytewise = bytes_only()
    parts: list[tuple[Piece, set[Special | bytes]]] = [(S.CALL_SEP, {b"{"}), ("{", {b"}", b'"'}), ("}", {S.ACTION_SEP})]
    rules = begun(tokenizer=bytewise)
    for piece, expected in parts:
        rules = fed(rules, piece, tokenizer=bytewise)
        assert what(rules, bytewise) == expected
    rules = fed(rules, S.ACTION_SEP, "def main():", tokenizer=bytewise)
    assert what(rules, bytewise) == {b"\n"}
    rules = fed(rules, "\n", tokenizer=bytewise)
    assert what(rules, bytewise) == {S.FRAME_SEP}
    rules = fed(rules, S.FRAME_SEP, S.RETURN_SEP, tokenizer=bytewise)
    assert what(rules, bytewise) == {S.ACTION_SEP}
    rules = fed(rules, S.ACTION_SEP, "\n", tokenizer=bytewise)
    assert what(rules, bytewise) == {S.ARG_SEP}
    rules = fed(rules, S.ARG_SEP, tokenizer=bytewise)
    assert what(rules, bytewise) == {b'"'}
    assert what(fed(rules, '"1"', tokenizer=bytewise), bytewise) == {S.FRAME_SEP}


def test_names_are_those_of_the_context_and_come_once() -> None:
    bytewise = bytes_only()
    opened = fed(begun(tokenizer=bytewise), S.CALL_SEP, '{"a', tokenizer=bytewise)
    assert what(opened, bytewise) == {b"b"}
    assert what(fed(opened, "b", tokenizer=bytewise), bytewise) == {b'"', b"c"}
    used = fed(opened, 'b": "1", "a', tokenizer=bytewise)
    assert what(fed(used, "b", tokenizer=bytewise), bytewise) == {b"c"}
    assert not goes('{"ab": "1", "ab": "2"}', S.CALL_SEP)
    assert goes('{".0": "1", "ab": "2"}', S.CALL_SEP)
    assert goes('{"\\u00e4": "1"}', S.CALL_SEP)
    assert not goes('{"ä": "1"}', S.CALL_SEP)
    for stranger in ("z", "abcd", "def", "", "0"):
        assert not goes(f'{{"{stranger}": "1"}}', S.CALL_SEP)


def test_two_dots_stand_only_for_what_the_frame_before_shows() -> None:
    call = pieces([MAIN, CALLED])
    raised = pieces([Frame(EXCEPTION, "    return abc\n", value="E()")])
    line = pieces([Frame(LINE, "    return abc\n", (("ab", "1"),))])
    assert not goes('{"ab": ".."}', S.CALL_SEP)
    assert goes('{"ab": "..", "abc": ".."}', *call, S.LINE_SEP)
    assert not goes('{"ab": "..", "num": ".."}', *call, S.LINE_SEP)
    assert not goes('{"ab": ".."}', *call, S.CALL_SEP)
    assert not goes('{"ab": ".."}', *call, *pieces([BACK]), S.LINE_SEP)
    assert goes('{"ab": ".."}', *call, *raised, S.LINE_SEP)
    # Only the last frame counts, and it no longer shows the other.
    assert goes('{"ab": ".."}', *call, *line, S.LINE_SEP)
    assert not goes('{"abc": ".."}', *call, *line, S.LINE_SEP)
    for text in (".", "...", ".. ", "x..", "\\\\.."):
        assert goes(f'{{"ab": "{text}"}}', S.CALL_SEP)
    assert goes('".."', *pieces([MAIN]), S.RETURN_SEP, S.ACTION_SEP, "\n", S.ARG_SEP)


def test_a_value_is_spelled_as_json_dumps_spells_it() -> None:
    start = fed(begun(), *pieces([MAIN]), S.RETURN_SEP, S.ACTION_SEP, "\n", S.ARG_SEP)
    units = [*range(0x180), 0x800, 0x2028, 0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000, 0xFFFF]
    inside = [f"\\u{unit:04{case}}" for unit in units for case in "xX"]
    inside += [chr(unit) for unit in range(0x180)] + [f"\\{chr(unit)}" for unit in range(0x80)]
    inside += ["\\ud83d\\ude00", "\\uD83D\\uDE00", "😀", "\\ud83dx", "\\u12", "\\u12 4", "\\u00e", "\\U00e9"]
    texts = [spelled for text in inside for spelled in (f'"{text}"', f'"a{text}b"')]
    for spelled in [*texts, "'a'", '"a" ', ' "a"', '"']:
        try:
            right = json.dumps(json.loads(spelled)) == spelled
        except ValueError:
            right = False
        try:
            whole = what(fed(start, spelled)) == {S.FRAME_SEP}
        except ValueError:
            whole = False
        assert whole == right, spelled


def test_an_empty_value_is_for_programs_that_make_reprs() -> None:
    start = (*pieces([MAIN]), S.RETURN_SEP, S.ACTION_SEP, "\n", S.ARG_SEP)
    assert not goes('""', *start)
    assert not goes('{"ab": ""}', S.CALL_SEP)
    other = CONTEXT + "# __repr__\n"
    assert goes('""', *start, context=other)
    assert goes('{"ab": ""}', S.CALL_SEP, context=other)


def test_lines_are_those_of_the_context_as_frames_show_them() -> None:
    start = (S.CALL_SEP, "{}", S.ACTION_SEP)
    for line in lines_of(CODE):
        assert goes(line, *start)
    assert goes("def main():\n", *start)
    for line in (f"def main():{MARKER}\n", "def main()\n", " def main():\n", "def main():\n\n", "    return ab\n"):
        assert not goes(line, *start)


def test_a_line_is_offered_in_the_tokenizers_own_tokens() -> None:
    start = (S.CALL_SEP, "{}", S.ACTION_SEP)
    line = "    return f([1], 2)\n"
    own = small().encode([line])
    assert small().bytes_of(own[0]) == b"    "
    rules = fed(begun(), *start)
    assert own[0] in rules.allowed().ids.tolist() and b" " not in what(rules)
    assert {b" ", b"  ", b"    "} <= what(fed(begun(canonical=False), *start))
    # In other tokens it is read, and then goes on in any.
    blank = next(id for id in range(small().size) if small().bytes_of(id) == b" ")
    strayed = rules.after(blank)
    assert b" " in what(strayed)
    assert fed(strayed, line[1:]).allowed().forced == small().id_of(S.FRAME_SEP)


def test_what_is_certain_comes_in_the_tokenizers_own_tokens() -> None:
    assert begun().forced_run() == (small().id_of(S.CALL_SEP),)
    for how in ({}, {"canonical": False}):
        rules = fed(begun(**how), S.CALL_SEP, "{}")  # type: ignore[arg-type]
        assert rules.forced_run() == (small().id_of(S.ACTION_SEP),)
        line = fed(rules, S.ACTION_SEP).read(small().encode(["def main():\n"])[:2])
        run = line.forced_run()
        whole = small().encode(["def main():\n", S.FRAME_SEP])
        assert run == tuple(whole[2:])
    assert after_frames(WHOLE).forced_run() == (small().id_of(S.END_OF_TEXT),)
    assert fed(after_frames(WHOLE), S.END_OF_TEXT).forced_run() == ()


def test_a_strayed_line_is_certain_again_at_the_next_character() -> None:
    context = "\nx = 'é'\n"
    lead = bytes_only().encode([S.CALL_SEP, "{}", S.ACTION_SEP, "x = 'é"])
    rules = begun(context, bytes_only(), canonical=False).read(lead[:-1])
    assert bytes_only().bytes_of(rules.forced_run()[0]) == "é".encode()[1:]
    by_byte = {small().bytes_of(id): id for id in range(small().size)}
    stray = begun(context).read(small().encode([S.CALL_SEP, "{}", S.ACTION_SEP]))
    for byte in b"x = '":
        stray = stray.after(by_byte[bytes((byte,))])
    assert stray.forced_run() == tuple(small().encode(["é'\n", S.FRAME_SEP]))
    first, second = (by_byte[bytes((byte,))] for byte in "é".encode())
    assert stray.after(first).forced_run() == (second, *small().encode(["'\n", S.FRAME_SEP]))


# Where END_OF_TEXT may stand.


def test_a_generator_may_go_on_behind_its_return() -> None:
    context = f"def g():{MARKER}\n    yield 1\n"
    call, yielded = Frame(CALL, "def g():\n"), Frame(RETURN, "    yield 1\n", value="1")
    rules = fed(begun(context), *pieces([call, yielded]))
    assert what(rules) == {S.CALL_SEP, S.END_OF_TEXT}
    assert fed(rules, *pieces([call, yielded]), S.END_OF_TEXT).finished


def test_a_block_has_no_call_and_ends_anywhere_at_its_depth() -> None:
    five = {S.CALL_SEP, S.LINE_SEP, S.RETURN_SEP, S.EXCEPTION_SEP, S.END_OF_TEXT}
    rules = begun(entrance=Entrance.BLOCK)
    assert what(rules) == five
    assert what(fed(rules, *pieces([INSIDE]))) == five
    assert what(fed(rules, *pieces([INSIDE, CALLED]))) == five - {S.END_OF_TEXT}
    assert what(fed(rules, *pieces([INSIDE, CALLED, BACK]))) == five
    # A block within a generator, that yields.
    assert what(fed(rules, *pieces([BACK]))) == {S.CALL_SEP}


@pytest.mark.parametrize(
    ("context", "pauses"),
    [
        (CONTEXT, False),
        ("x = 1\n", False),
        ("def g():\n    yield 1\n", False),
        (f"def g():{MARKER}\n    x = [(yield 1)]\n", True),
        (f"async def g():{MARKER}\n    pass\n", True),
        (f"def f():{MARKER}\n    def g():\n        yield 1\n    return lambda: (yield)\n", False),
        (f"def f():{MARKER}\n    class A:\n        def g(self):\n            yield 1\n", False),
        (f"@d\ndef g():{MARKER}\n    yield from x\n", True),
        (f"def g():{MARKER}\n    yield 1\n    '''\n", True),
        (f"def g():{MARKER}\n    return 1 +\n", False),
        (f"x = 1{MARKER}\ndef g():\n    yield\n", False),
        (f"def g():{MARKER}\n    return '\0'\n", False),
        (f"def g():{MARKER}\n    return " + "(" * 5000, False),
    ],
)
def test_whether_an_entry_pauses_is_read_off_its_def(context: str, pauses: bool) -> None:
    assert (entrance_of(context) is Entrance.PAUSING) == pauses


def test_the_names_of_a_context_are_those_that_python_would_make() -> None:
    def names(context: str) -> set[str]:
        return {json.loads(f'"{name.decode()}"') for name in names_in(context).spelled}

    assert names("a = bc  # de\nif 1if x else 0x1f: 'fg'\n") == {".0", "a", "bc", "de", "x", "fg", "x1f"}
    assert names("ﬁ = e\u0301 + ª + a·b + 中\n") == {".0", "fi", "é", "a", "a·b", "中"}
    private = names("class _C1:\n    def m(self, __x, __y__): super()\n")
    assert {"_C1__x", "__x", "__y__", "__class__"} <= private and "_C1__y__" not in private
    assert ".type_params" in names("def f[T](x: T): ...\n") and ".type_params" not in names("f[T]\n")
    assert names_in("").spelled == (b".0",)


@pytest.mark.parametrize(
    ("context", "anything"),
    [
        ("x = 1\n", False),
        ("from a import *\n", True),
        ("globals()['x'] = 1\n", True),
        (f"def f():{MARKER}\n    globals()['x'] = 1\n", False),
        (f"def f():{MARKER}\n    class A:\n        locals()['x'] = 1\n", True),
        ("".join(f"class C{n}: __a{n} = 1\n" for n in range(101)), True),
        ("".join(f"class C{n}: __a{n} = 1\n" for n in range(99)), False),
    ],
)
def test_any_name_goes_where_a_program_may_fill_a_namespace(context: str, anything: bool) -> None:
    assert names_in(context).any == anything
    assert goes('{"no such name\\u0000": "1", "": "2"}', S.CALL_SEP, context=context) == anything
    assert not goes('{"x": "1", "x": "2"}', S.CALL_SEP, context=context)


# What is refused, and how.


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        ([S.LINE_SEP], "before the first frame: wanted CALL_SEP, found LINE_SEP (id "),
        (["x"], "before the first frame: wanted CALL_SEP, found b'x' (id "),
        ([*pieces(WHOLE), S.CALL_SEP], "behind frame 6: wanted END_OF_TEXT, found CALL_SEP (id "),
        ([*pieces(WHOLE), S.END_OF_TEXT, S.PAD], "behind the trace: wanted nothing after END_OF_TEXT, found PAD (id "),
        (
            [S.CALL_SEP, "{", S.FRAME_SEP],
            "frame 1 (call): wanted the first local, or the end of the locals, found FRAME_SEP",
        ),
        (
            [S.CALL_SEP, '{"ab": "\\', S.FRAME_SEP],
            "frame 1 (call), local 'ab': wanted a value as json.dumps spells it, found",
        ),
        (
            [S.CALL_SEP, '{"abd'],
            "frame 1 (call), behind b'ab': wanted a local's name, not twice, that the context has, found",
        ),
        ([S.CALL_SEP, "{}", "x"], "frame 1 (call): wanted ACTION_SEP, found b'x' (id "),
        (
            [S.CALL_SEP, "{}", S.ACTION_SEP, "de", S.ARG_SEP],
            "frame 1 (call), behind b'de': wanted a line of the context, found",
        ),
        ([*pieces([MAIN]), S.RETURN_SEP, "{"], "frame 2 (return): wanted ACTION_SEP, found b'{' (id "),
    ],
)
def test_a_refusal_says_where_what_was_wanted_and_what_was_found(stream: list[Piece], message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        fed(begun(), *stream)


def test_ids_of_nothing_are_refused() -> None:
    for id in (-1, small().size, 10**9):
        with pytest.raises(ValueError, match=rf"found no token \(id {id}\)$"):
            begun().after(id)


class Lacking(Tokenizer):
    """A tokenizer without some of its tokens."""

    def __init__(self, *lacking: bytes) -> None:
        vars(self).update(vars(bytes_only()))
        self._bytes = {id: text for id, text in self._bytes.items() if text not in lacking}


def test_a_tokenizer_that_lacks_a_byte_is_refused() -> None:
    with pytest.raises(CannotRun, match="no token is the byte 0x5c of JSON alone"):
        begun(tokenizer=Lacking(b"\\"))
    with pytest.raises(CannotRun, match="does not keep the line '    ä = "):
        begun(tokenizer=Lacking("é".encode()[1:]))
    assert begun("\nx = 1\n", Lacking(b"\xff", b"\t")).depth == 0


def test_what_cannot_be_is_refused_at_the_start() -> None:
    with pytest.raises(CannotRun, match=r"^the context: half a surrogate pair"):
        begun("x = '\ud800'\n")
    with pytest.raises(CannotRun, match=r"^max_frames: wanted 1 or more, found 0$"):
        begun(max_frames=0)
    with pytest.raises(CannotRun, match=r"^max_value_bytes: wanted 1 or more, found -1$"):
        begun(max_value_bytes=-1)


# The golden cases of the format.

GOLDEN = {
    "a comprehension and a lambda": (
        "\ndef f(s):\n    nums = ''.join(filter(lambda c:c.isdecimal(), s))\n    if nums == '': return 'none'\n"
        "    m = max([int(num) for num in nums.split(',')])\n    return str(m)\n\n"
        "def main():  # << START_OF_TRACE\n    return f('01,001')\n",
        "<|call_sep|>{}<|action_sep|>def main():\n<|frame_sep|>"
        "<|line_sep|>{}<|action_sep|>    return f('01,001')\n<|frame_sep|>"
        '<|call_sep|>{"s": "\'01,001\'"}<|action_sep|>def f(s):\n<|frame_sep|>'
        '<|line_sep|>{"s": ".."}<|action_sep|>N<|frame_sep|>'
        + "".join(
            f'<|call_sep|>{{"c": "\'{c}\'"}}<|action_sep|>N<|frame_sep|>'
            '<|line_sep|>{"c": ".."}<|action_sep|>N<|frame_sep|>'
            f'<|return_sep|><|action_sep|>N<|arg_sep|>"{c != ","}"<|frame_sep|>'
            for c in "01,001"
        )
        + "<|line_sep|>{\"s\": \"'01,001'\", \"nums\": \"'01001'\"}<|action_sep|>    if nums == '': return 'none'\n"
        '<|frame_sep|><|line_sep|>{"s": "..", "nums": ".."}<|action_sep|>M<|frame_sep|>'
        '<|call_sep|>{".0": "<list_iterator object>"}<|action_sep|>M<|frame_sep|>'
        '<|line_sep|>{".0": ".."}<|action_sep|>M<|frame_sep|>'
        '<|line_sep|>{".0": "..", "num": "\'01001\'"}<|action_sep|>M<|frame_sep|>'
        '<|return_sep|><|action_sep|>M<|arg_sep|>"[1001]"<|frame_sep|>'
        '<|line_sep|>{"s": "\'01,001\'", "nums": "\'01001\'", "m": "1001"}<|action_sep|>    return str(m)\n'
        "<|frame_sep|>"
        "<|return_sep|><|action_sep|>    return str(m)\n<|arg_sep|>\"'1001'\"<|frame_sep|>"
        "<|return_sep|><|action_sep|>    return f('01,001')\n<|arg_sep|>\"'1001'\"<|frame_sep|><|end_of_text|>",
        {
            "N": "    nums = ''.join(filter(lambda c:c.isdecimal(), s))\n",
            "M": "    m = max([int(num) for num in nums.split(',')])\n",
        },
    ),
    "a generator expression": (
        "\ndef f(text):\n    return sum(1 for c in text if c.isdigit())\n\n"
        "def main():  # << START_OF_TRACE\n    return f('so456')\n",
        "<|call_sep|>{}<|action_sep|>def main():\n<|frame_sep|>"
        "<|line_sep|>{}<|action_sep|>    return f('so456')\n<|frame_sep|>"
        '<|call_sep|>{"text": "\'so456\'"}<|action_sep|>def f(text):\n<|frame_sep|>'
        '<|line_sep|>{"text": ".."}<|action_sep|>G<|frame_sep|>'
        '<|call_sep|>{".0": "<str_iterator object>"}<|action_sep|>G<|frame_sep|>'
        '<|line_sep|>{".0": ".."}<|action_sep|>G<|frame_sep|>'
        '<|line_sep|>{".0": "..", "c": "\'s\'"}<|action_sep|>G<|frame_sep|>'
        '<|line_sep|>{".0": "..", "c": "\'o\'"}<|action_sep|>G<|frame_sep|>'
        '<|return_sep|><|action_sep|>G<|arg_sep|>"1"<|frame_sep|>'
        + "".join(
            f'<|call_sep|>{{".0": "<str_iterator object>", "c": "\'{c}\'"}}<|action_sep|>G<|frame_sep|>'
            '<|line_sep|>{".0": "..", "c": ".."}<|action_sep|>G<|frame_sep|>'
            f'<|return_sep|><|action_sep|>G<|arg_sep|>"{value}"<|frame_sep|>'
            for c, value in (("4", 1), ("5", 1), ("6", None))
        )
        + '<|return_sep|><|action_sep|>G<|arg_sep|>"3"<|frame_sep|>'
        "<|return_sep|><|action_sep|>    return f('so456')\n<|arg_sep|>\"3\"<|frame_sep|><|end_of_text|>",
        {"G": "    return sum(1 for c in text if c.isdigit())\n"},
    ),
}


@each_tokenizer
@pytest.mark.parametrize("case", GOLDEN)
def test_what_the_model_wrote_is_allowed(case: str, tokenizer: Tokenizer) -> None:
    context, text, lines = GOLDEN[case]
    named = {special.text: special for special in Special}
    stream: list[Piece] = []
    for part in re.split(r"(<\|\w+\|>)", text):
        stream.append(named[part] if part in named else lines.get(part, part))
    rules = checked(begun(context, tokenizer), tokenizer.encode(stream))
    assert rules.finished


# Properties.


@st.composite
def executions(draw: st.DrawFn, context: str, free: bool) -> list[Frame]:
    """Frames that a tracer could write, from the entry's CALL to its RETURN."""
    sources = st.sampled_from([form for line in lines_of(context) for form in shown_forms(line)])
    spelled = [json.loads(f'"{name.decode()}"') for name in names_in(context).spelled]
    values = st.one_of(st.sampled_from(["1", "2"]), shown.filter(lambda text: free or text != ""))
    of_context = st.dictionaries(st.sampled_from(spelled), values, max_size=4).map(lambda found: tuple(found.items()))
    locals = whole_locals if free else of_context
    frames = [Frame(CALL, draw(sources), draw(locals))]
    depth = 1
    for event in draw(st.lists(st.sampled_from(Event), max_size=8)):
        if event.shows_locals:
            frames.append(Frame(event, draw(sources), draw(locals)))
        elif event is EXCEPTION or depth > 1:
            frames.append(Frame(event, draw(sources), value=draw(texts.filter(lambda text: free or text != ""))))
        else:
            continue
        depth += {CALL: 1, RETURN: -1}.get(event, 0)
    return frames + [Frame(RETURN, draw(sources), value="'<|end_of_text|>'") for _ in range(depth)]


@each_tokenizer
@pytest.mark.parametrize("context", [CONTEXT, HOSTILE], ids=["plain", "hostile"])
@settings(unhurried, max_examples=30)
@given(st.data())
def test_what_a_tracer_writes_is_allowed(context: str, tokenizer: Tokenizer, data: st.DataObject) -> None:
    frames = data.draw(executions(context, context is HOSTILE))
    rules = begun(context, tokenizer, canonical=data.draw(st.booleans()))
    ids = tokenizer.encode(pieces(frames, finished=True))
    assert checked(rules, ids).finished
    # What is certain is what comes.
    at = 0
    while at < len(ids):
        run = rules.forced_run()
        assert run == tuple(ids[at : at + len(run)])
        step = ids[at : at + max(len(run), 1)]
        rules, at = rules.read(step), at + len(step)


def wandered(rules: TraceRules, chance: random.Random) -> tuple[list[int], list[TraceRules]]:
    """A random walk to the end: ids, and the states on the way."""
    ids: list[int] = []
    states = [rules]
    while not rules.finished:
        allowed = rules.allowed().ids.tolist()
        assert allowed, "a dead end"
        ids.append(chance.choice(allowed))
        rules = rules.after(ids[-1])
        states.append(rules)
        assert len(ids) < 20_000
    return ids, states


@each_tokenizer
@pytest.mark.parametrize("context", [CONTEXT, HOSTILE, ""], ids=["plain", "hostile", "empty"])
@pytest.mark.parametrize("canonical", [True, False], ids=["canonical", "any"])
@pytest.mark.parametrize("entrance", [Entrance.ONCE, Entrance.PAUSING])
def test_a_random_walk_ends_in_a_trace(context: str, canonical: bool, entrance: Entrance, tokenizer: Tokenizer) -> None:
    for seed in range(3):
        chance = random.Random(seed)
        most = chance.choice([1, 2, 3, 12])
        rules = begun(context, tokenizer, canonical=canonical, entrance=entrance, max_value_bytes=most, max_frames=12)
        ids, _ = wandered(rules, chance)
        parsed = parse([S.BEGIN_OF_TEXT, S.TRACE_CONTEXT_START, context, S.FRAME_SEP, *tokenizer.decode(ids)])
        assert parsed.finished
        assert {oddity.oddness for oddity in parsed.oddities} <= {Oddness.WRITTEN_IN_FULL}
        assert 2 <= len(parsed.frames) <= 12
        longest = max(len(text) for id in range(tokenizer.size) if (text := tokenizer.bytes_of(id)))
        values = [frame.value or "" for frame in parsed.frames]
        values += [text for frame in parsed.frames for _, text in frame.locals]
        assert max(len(json.dumps(value)) - 2 for value in values) <= most + longest + 5


@each_tokenizer
@pytest.mark.parametrize("context", [CONTEXT, HOSTILE], ids=["plain", "hostile"])
def test_every_token_that_is_read_is_offered_and_no_other(context: str, tokenizer: Tokenizer) -> None:
    chance = random.Random(0)
    _, walked = wandered(begun(context, tokenizer, canonical=False, max_frames=5, max_value_bytes=4), chance)
    states = chance.sample(walked, min(len(walked), 30))
    if context is CONTEXT:
        told = begun(context, tokenizer, canonical=False)
        for id in tokenizer.encode(pieces([*WHOLE[:4], INSIDE])):
            told = told.after(id)
            states.append(told)
        states = [*states[:30], *chance.sample(states[30:], 30)]
    free = begun(context, tokenizer, canonical=False)
    for state in states:
        # The same state, without limits.
        bare = TraceRules(free._terms, state._node, state.depth, state.frames)
        offered = bare.allowed().ids.tolist()
        assert offered == sorted(set(offered))
        readable = []
        for id in range(tokenizer.size):
            try:
                bare.after(id)
            except ValueError:
                continue
            readable.append(id)
        assert offered == readable


def test_limits_bind_what_is_offered_and_not_what_is_read() -> None:
    bytewise = bytes_only()
    rules = begun(tokenizer=bytewise, max_value_bytes=3, max_frames=4)
    value = fed(rules, S.CALL_SEP, '{"ab": "12', tokenizer=bytewise)
    assert b"3" in what(value, bytewise)
    full = fed(value, "3", tokenizer=bytewise)
    assert what(full, bytewise) == {b'"'}
    # A name of the context is no text of the model's: it may be longer.
    named = fed(rules, S.CALL_SEP, '{"mai', tokenizer=bytewise)
    assert what(named, bytewise) == {b"n"}
    assert what(fed(rules, S.CALL_SEP, '{"ab', tokenizer=bytewise), bytewise) == {b'"', b"c"}
    assert what(fed(value, "\\u00", tokenizer=bytewise), bytewise) == {bytes((c,)) for c in b"01789abcdef"}
    beyond = fed(full, '456789", "abc": "1', tokenizer=bytewise)
    assert b"2" in what(beyond, bytewise)
    # Two dots that may not stand here are no value yet.
    tight = fed(begun(tokenizer=bytewise, max_value_bytes=2), S.CALL_SEP, '{"ab": "..', tokenizer=bytewise)
    assert b"." in what(tight, bytewise) and b'"' not in what(tight, bytewise)


def test_what_a_token_writes_behind_the_quote_that_it_opens_counts() -> None:
    known = spanning()
    start = fed(begun(tokenizer=known, max_value_bytes=3), S.CALL_SEP, '{"ab', tokenizer=known)
    opening = {known.bytes_of(id) or b"": id for id in start.allowed().ids.tolist()}
    assert opening.keys() >= {b'": "', b'": "[1]'}
    assert {text[:1] for text in what(start.after(opening[b'": "[1]']), known) if isinstance(text, bytes)} == {b'"'}
    assert b"x" in what(start.after(opening[b'": "']), known)


def test_near_the_last_frame_scopes_are_left() -> None:
    rules = begun(max_frames=6)
    assert what(fed(rules, *pieces([MAIN, FIRST, CALLED]))) == {S.LINE_SEP, S.EXCEPTION_SEP, S.RETURN_SEP}
    assert what(fed(rules, *pieces([MAIN, FIRST, CALLED, INSIDE]))) == {S.RETURN_SEP}
    late = fed(rules, *pieces([MAIN, FIRST, CALLED, INSIDE, INSIDE, INSIDE, INSIDE]))
    assert late.frames == 7 and what(late) == {S.RETURN_SEP}
    assert what(begun(max_frames=1)) == {S.CALL_SEP}


def test_states_do_not_change_and_are_shared() -> None:
    start = begun()
    one, two = fed(start, *pieces([MAIN])), fed(start, *pieces([MAIN]))
    assert one == two and start.frames == 0 and what(start) == {S.CALL_SEP}
    assert one.allowed() is two.allowed()
    assert table_of(small()) is table_of(small())
