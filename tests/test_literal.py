"""Reading literals, and when two reprs say the same value."""

from __future__ import annotations

import ast
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.arguments import arguments
from evals.lexing import MAX_NESTING
from evals.literal import Literal, Unreadable, kind, read, same

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(), st.binary(), st.just(...)
)
KEYS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.frozensets(inner, max_size=3)),
    max_leaves=4,
)
VALUES = st.recursive(
    KEYS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(KEYS, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=12,
)


def literal(text: str) -> Literal:
    found = read(text)
    assert isinstance(found, Literal), found
    return found


def identical(one: object, other: object) -> bool:
    """The semantics once more, on live values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack("d", one) == struct.pack("d", other) or (one != one and other != other)
    if isinstance(one, complex) and isinstance(other, complex):
        return identical(one.real, other.real) and identical(one.imag, other.imag)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(identical, one, other))
    return one == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{1, 2}", "{2, 1}"),
        ("{'a': 1, 'b': [2]}", "{'b': [2], 'a': 1}"),
        ("'a'", '"a"'),
        ("'a' 'b'", "'ab'"),
        ("(1)", "1"),
        ("1, 2", "(1, 2)"),
        ("{1: 2, 1: 3}", "{1: 3}"),
        ("[nan]", "[ nan ]"),
        ("nan", "-nan"),
        ("1e3", "1000.0"),
        ("0xff", "255"),
        ("1_000", "1000"),
        ("frozenset({2, 1})", "frozenset({1, 2})"),
        ("set( )", "set()"),
        ("...", "Ellipsis"),
        ("5  # five", "5"),
        ("r'\\n'", "'\\\\n'"),
        ("'\\N{BULLET}\\x41\\101\\u0041'", "'•AAA'"),
        ("<Point object at 0x7f01>", "<Point object at 0x7f02>"),
        ("[<f at 0xAB>, 1]", "[<f at 0x7>, 1]"),
    ],
)
def test_they_say_the_same_value(one: str, other: str) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "True"),
        ("0", "False"),
        ("1", "1.0"),
        ("[1]", "[True]"),
        ("{1: 'a'}", "{True: 'a'}"),
        ("[1, 2]", "[2, 1]"),
        ("[1, 2]", "(1, 2)"),
        ("{1}", "frozenset({1})"),
        ("set()", "{}"),
        ("0.0", "-0.0"),
        ("(0-2j)", "(-0-2j)"),
        ("'1'", "1"),
        ("'a'", "b'a'"),
        ("()", "(())  ,"),
        ("(1)", "(1,)"),
        ("{1: 2, 1: 3}", "{1: 2}"),
        ("None", "'None'"),
        ("' at 0x1'", "' at 0x2'"),
        ("<Point object>", "'<Point object>'"),
        ("<A object at 0x1>", "<B object at 0x1>"),
        ("{nan, nan}", "{nan}"),
    ],
)
def test_they_say_other_values(one: str, other: str) -> None:
    assert not same(one, other)
    assert not same(other, one)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "0 or True", "1 == 1", "f(1)", "__import__('os')", "x", "[x]", "lambda: 1", "f'{1}'", "1 if 1 else 2",
        "5\n6", "1; 2", "[1", "1]", "(1, 2", "{1: 2, 3}", "{1, 2: 3}", "{[1]: 2}", "{{1}}", "[1 2]", "1 +",
        "1 + 1", "--1",
        "-'a'", "-True", "-[1]", "'a' b'b'", "'\\x1'", "'\\N{no such name}'", "b'é'", "01", "1__0",
        "set({1})", "set([1])",
        "frozenset([1])", "frozenset(1)", "'unterminated", "'''a''", "*[1]", "{**{}}", "[1,,2]", "(,)", "a.b",
        "''.join([])",
        "type('E', (), {'__eq__': lambda s, o: True})()", "1j + 1", "1 + 2j + 3j", "[1][0]", "[:]", "x := 1",
        "{1: }", "\\",
    ],
)  # fmt: skip
def test_it_is_no_literal(text: str) -> None:
    found = read(text)
    assert isinstance(found, Unreadable)
    assert found.reason
    assert "\n" not in found.reason
    assert kind(text) == "other"


HOSTILE = {
    "deep": "[" * 10**6,
    "deep within the limit of characters": "(" * 10**5,
    "closed deep": "[" * (MAX_NESTING + 1) + "]" * (MAX_NESTING + 1),
    "braces that make a parser backtrack": "{" * 90 + ":",
    "digits": "9" * 10**6,
    "fewer digits": "9" * 10**5,
    "underscores": "1_" * 60_000,
    "exponents": "1e" * 60_000,
    "a huge string": "'" + "a" * 10**7 + "'",
    "many signs": "-" * 10**5 + "1",
    "a long sum": "1+" * 60_000 + "1",
    "calls of calls": "set" + "()" * 50_000,
    "many quotes": "'" * 130_001,
    "quotes and backslashes": '"""\\' * 30_000,
    "names that do not close": "'" + "\\N{" * 40_000 + "'",
    "a null": "'\0'",
    "a surrogate": "'\ud800'",
    "an import": "__import__('os').system('true')",
    "many parts": "[" + "1," * 70_000 + "]",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_refused(text: str) -> None:
    assert isinstance(read(text), Unreadable)
    assert not same(text, "1")
    assert same(text, text)


def test_keys_of_equal_hashes_and_of_deep_nesting_are_read() -> None:
    clashing = [str(number * (2**61 - 1)) for number in range(4_000)]
    assert same("{" + ",".join(clashing) + "}", "{" + ",".join(reversed(clashing)) + "}")
    assert same("(" * 100 + ")" * 100, " " + "(" * 100 + ")" * 100)


@given(st.text(alphabet="[](){}:,'\"\\ \n#+-.0123456789eEjxbru_aNone TrueFalsesetfrozenset", max_size=60))
@settings(max_examples=400, deadline=None)
def test_what_is_read_is_what_python_reads(text: str) -> None:
    found = read(text)
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError):
        return
    # Signs of signs, sums of numbers and set() of 3.9 are read by Python alone.
    if isinstance(found, Literal) and not isinstance(value, complex):
        assert found.exact == literal(repr(value)).exact


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_no_text_raises(text: str) -> None:
    read(text)
    assert same(text, text)


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_a_repr_is_read_and_the_same_as_itself(value: object) -> None:
    found = literal(repr(value))
    assert found.kind == kind(repr(value)) == type(value).__name__
    assert same(repr(value), f" {value!r} ")


@given(VALUES, VALUES)
@settings(max_examples=300, deadline=None)
def test_same_is_symmetric_and_agrees_with_live_values(one: object, other: object) -> None:
    assert same(repr(one), repr(other)) == same(repr(other), repr(one))
    if all(isinstance(each, int | float | str | bytes | complex | None) for each in (one, other)):
        assert same(repr(one), repr(other)) == identical(one, other)


@given(st.lists(st.tuples(KEYS, VALUES), max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_the_order_of_dicts_and_sets_says_nothing(pairs: list[tuple[object, object]], chance: random.Random) -> None:
    items = list({key: value for key, value in pairs if key == key}.items())
    mixed = chance.sample(items, len(items))
    one, other = ("{" + ", ".join(f"{k!r}: {v!r}" for k, v in each) + "}" for each in (items, mixed))
    assert same(one, other)
    one, other = ("{" + ", ".join(f"{k!r}" for k, _ in each) + "}" for each in (items, mixed))
    assert same(one, other)


@given(st.integers(-3, 3), st.sampled_from(["[{}]", "({},)", "{{'a': {}}}", "[[1, {}], {{2}}]", "{{{}}}", "{{{}: 0}}"]))
def test_a_leaf_of_another_type_is_another_value(number: int, around: str) -> None:
    others = [
        repr(float(number)),
        repr(str(number)),
        repr(complex(number)),
        *([repr(bool(number))] if number in (0, 1) else []),
    ]
    for other in others:
        assert not same(around.format(number), around.format(other))


@given(VALUES, VALUES)
@settings(max_examples=300, deadline=None)
def test_equal_is_what_python_compares_as_equal(one: object, other: object) -> None:
    left, right = literal(repr(one)), literal(repr(other))
    if "nan" not in repr(one) + repr(other):
        assert (left.equal == right.equal) == (one == other)
    assert ("nan" in repr(one) and left.equal != literal(repr(one)).equal) or one == one


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("f()", ""),
        ("f(1)", "1"),
        (" f([1, 2], 'a)') ", "[1, 2], 'a)'"),
        ("f(1, x={'a': 1}, y=(2,))", "1, x={'a': 1}, y=(2,)"),
        ("f(\n    1,\n    2,\n)", "\n    1,\n    2,\n"),
    ],
)  # fmt: skip
def test_one_call_with_literal_arguments_is_taken_apart(text: str, inner: str) -> None:
    assert arguments(text) == inner


@pytest.mark.parametrize(
    "text",
    [
        "f", "1", "g(1)", "f(1) or f(2)", "f(1), f(2)", "f(1)(2)", "f(f(1))", "f(x)", "f(*[1])", "f(**{})",
        "f(1 # )", "f(1",
        "f(1], [2)", "f(1)\nf(2)", "f(x=1, 2)", "f(x=1, x=2)", "f(lambda: 1)", "f([x for x in 'a'])",
        "f(x:=1)", "f(if=1)",
        "f(1 == 1)", "f([a=1])", "f(=1)", "f(1) # f(2)", "f(" + "[" * 10**5 + ")", "f(,)",
    ],
)  # fmt: skip
def test_anything_else_is_no_such_call(text: str) -> None:
    assert isinstance(arguments(text), Unreadable)
