"""A value as text: like ``repr`` for what is builtin, bounded and quiet for everything else.

Longer than the house's 350 lines: every rule of one subject has its cases here, beside what they share.
"""

from __future__ import annotations

import sys
import types
import zlib
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import unhurried
from tracegen.payload import values
from tracegen.payload.values import Values, cut, is_kind, type_name, without_addresses


def asked(value: object) -> tuple[str | None, str]:
    """What the tracer's containment does, without a budget."""
    try:
        return repr(value), ""
    except BaseException as error:
        return None, f"repr raised {type_name(error)}"


def never(value: object) -> tuple[str | None, str]:
    raise AssertionError("a foreign repr was asked for")


def own(value: object) -> str:
    return Values("repr", asked).text(value)


def safe(value: object) -> str:
    return Values("safe", never).text(value)


def fields(value: object) -> str:
    return Values("fields", never).text(value)


POLICIES: list[Callable[[object], str]] = [own, safe, fields]
every_policy = pytest.mark.parametrize("text", POLICIES)


def test_there_are_three_policies_and_no_other() -> None:
    assert values.POLICIES == ("repr", "safe", "fields")
    with pytest.raises(ValueError, match=r"^no such value policy: 'own'; there are repr, safe, fields$"):
        Values("own", asked)


# Exact builtins.

NAN = float("nan")
BY_HAND: list[object] = [
    *(0, -1, True, False, None, ..., NotImplemented),
    *(0.0, -0.0, NAN, float("inf"), float("-inf"), 1e100, 5e-324, 0.1),
    *(1j, complex(-0.0, NAN), complex(float("inf"), -0.0), -0j),
    *("", "a'b", 'a"b', "a'\"b", "\n\0\x7f\u2028é😀\ud800", " at 0x7f", ".."),
    *(b"", b"\x00'\"\xff", bytearray(b""), bytearray(b"a'b")),
    *([], (), {}, set(), frozenset()),
    *([1], (1,), (1, 2), {1: 2}, {1}, frozenset({1}), frozenset({1, 2})),
    *([[1, [2, (3,)]], {"a": {"b": [1, 2]}}], ((),), [()], {(): {}}, {frozenset()}, [set(), frozenset()]),
    {"a": 1, 2: [3], (4,): {5}, None: ..., 1.5: b"x"},
    *([1, 2, 3], (1, 2, 3), {"a": 1, "b": 2, "c": 3}),
]


@every_policy
@pytest.mark.parametrize("value", BY_HAND, ids=repr)
def test_builtins_show_as_repr_shows_them(text: Callable[[object], str], value: object) -> None:
    assert text(value) == repr(value)
    assert text([value]) == repr([value])


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text("ab'\"\\\n\0é\u2028\ud800\udc00😀. x0", max_size=8),
    st.binary(max_size=6),
)
hashable = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.frozensets(inner, max_size=3))
)
builtins_of_any_shape = st.recursive(
    st.one_of(leaves, st.binary(max_size=4).map(bytearray)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(hashable, inner, max_size=3),
        st.sets(hashable, max_size=3),
    ),
    max_leaves=20,
)


@unhurried
@given(builtins_of_any_shape)
def test_any_builtin_structure_shows_as_repr_shows_it(value: object) -> None:
    expected = repr(value)
    assert [text(value) for text in POLICIES] == [expected] * 3


@st.composite
def tangles(draw: st.DrawFn) -> object:
    """Containers that hold each other and themselves."""
    nodes: list[Any] = [draw(st.sampled_from([list, dict]))() for _ in range(draw(st.integers(1, 4)))]
    for _ in range(draw(st.integers(1, 8))):
        into, what = draw(st.sampled_from(nodes)), draw(st.sampled_from(nodes))
        wrapped: object = (what,) if draw(st.booleans()) else what
        if type(into) is list:
            into.append(wrapped)
        else:
            into[len(into)] = wrapped
    return nodes[0]


@unhurried
@given(tangles())
def test_cycles_and_aliases_show_as_repr_shows_them(value: object) -> None:
    assert own(value) == repr(value)


def test_a_cycle_through_each_kind_of_container() -> None:
    listed: list[object] = [1]
    listed.append(listed)
    assert own(listed) == "[1, [...]]"
    held: dict[str, object] = {}
    held["me"] = held
    assert own(held) == "{'me': {...}}"
    inner: list[object] = []
    pair = (inner, 2)
    inner.append(pair)
    assert own(pair) == "([(...)], 2)" == repr(pair)
    assert own(inner) == "[([...], 2)]" == repr(inner)


def test_a_set_inside_itself_shows_as_a_cycle() -> None:
    """Only a subclass of set can be hashable, and so be inside itself: under ``fields`` it is looked into."""

    class Hashable(set[object]):
        __hash__ = object.__hash__  # type: ignore[assignment]

    members = Hashable()
    members.add(members)
    assert fields(members) == "Hashable({Hashable(...)})"


@every_policy
def test_a_set_through_an_attribute_of_its_member(text: Callable[[object], str]) -> None:
    class Node:
        pass

    node = Node()
    node.around = {node}  # type: ignore[attr-defined]
    node.frozen = frozenset([node])  # type: ignore[attr-defined]
    if text is fields:
        assert text(node) == "Node(around={Node(...)}, frozen=frozenset({Node(...)}))"
        assert text(node.around) == "{Node(around=set(...), frozen=frozenset({Node(...)}))}"  # type: ignore[attr-defined]
        assert text(node.frozen) == "frozenset({Node(around={Node(...)}, frozen=frozenset(...))})"  # type: ignore[attr-defined]
    elif text is safe:
        assert text(node.around) == "{<Node object>}"  # type: ignore[attr-defined]


@every_policy
def test_an_alias_is_no_cycle(text: Callable[[object], str]) -> None:
    shared = [1]
    assert text([shared, shared, (shared,)]) == "[[1], [1], ([1],)]"


@every_policy
def test_one_renderer_shows_many_values(text: Callable[[object], str]) -> None:
    renderer = Values("repr", asked)
    looped: list[object] = []
    looped.append(looped)
    assert [renderer.text(value) for value in (looped, 1, [looped], (), looped)] == [
        "[[...]]",
        "1",
        "[[[...]]]",
        "()",
        "[[...]]",
    ]


# Bounds.


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@every_policy
def test_nesting_is_shown_a_hundred_deep(text: Callable[[object], str]) -> None:
    assert values.MAX_NESTING == 100
    assert text(nested(100)) == "[" * 100 + "]" * 100
    assert text(nested(101)) == "[" * 100 + "[...]" + "]" * 100
    assert text(nested(5000)) == "[" * 100 + "[...]" + "]" * 100


@pytest.mark.parametrize(
    ("make", "cycle"),
    [
        (lambda: [], "[...]"),
        (lambda: (), "(...)"),
        (lambda: {}, "{...}"),
        (lambda: set(), "set(...)"),
        (lambda: frozenset(), "frozenset(...)"),
    ],
)
def test_what_is_nested_deeper_shows_like_a_cycle(make: Callable[[], object], cycle: str) -> None:
    value: object = make()
    for _ in range(100):
        value = [value]
    assert own(value) == "[" * 100 + cycle + "]" * 100


def test_the_attributes_of_objects_are_nesting_too() -> None:
    class Box:
        def __init__(self, inside: object) -> None:
            self.inside = inside

    boxed: object = 0
    for _ in range(101):
        boxed = Box(boxed)
    assert fields(boxed) == "Box(inside=" * 100 + "Box(...)" + ")" * 100


def test_values_are_shown_up_to_sixteen_mebicharacters() -> None:
    assert values.MAX_CHARACTERS == 1 << 24
    long = "x" * (1 << 24)
    assert own(long) == "'" + "x" * ((1 << 24) - 1)
    assert len(own([long])) == 1 << 24


@every_policy
@pytest.mark.parametrize(
    "value",
    ["abcdefgh", [1, 2, 3, 4], (1,), {"a": 1, "b": 2}, {1}, frozenset([1]), [[], [[]], {}], b"abcdef", [[1], [2]]],
    ids=repr,
)
def test_a_text_is_cut_at_the_bound_exactly(
    text: Callable[[object], str], value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = repr(value)
    for bound in range(1, len(whole) + 2):
        monkeypatch.setattr(values, "MAX_CHARACTERS", bound)
        assert text(value) == whole[:bound]


def test_what_lies_beyond_the_bound_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_CHARACTERS", 6)
    looked: list[int] = []

    class Point:
        def __repr__(self) -> str:
            looked.append(1)
            return "12"

    # "[12, 12" is seven characters: the second repr reaches the bound, the third is never asked.
    assert own([Point(), Point(), Point()]) == "[12, 1"
    assert len(looked) == 2


def test_the_renderer_is_clean_after_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = Values("repr", asked)
    monkeypatch.setattr(values, "MAX_CHARACTERS", 3)
    value = [[[1]]]
    assert renderer.text(value) == "[[["
    monkeypatch.setattr(values, "MAX_CHARACTERS", 100)
    assert renderer.text(value[0]) == "[[1]]"


def test_ints_up_to_4300_digits_are_decimal_and_longer_ones_hex() -> None:
    """The bound is in bits: 2 ** 14284 - 1 has 4,300 digits, and a number of one bit more may have 4,301."""
    assert values.MAX_INT_BITS == 14284
    largest = 2**14284 - 1
    assert own(largest) == repr(largest)
    assert own(-largest) == repr(-largest)
    assert own(largest + 1) == hex(largest + 1)
    assert own(-largest - 1) == hex(-largest - 1)
    assert own([largest + 1]) == f"[{hex(largest + 1)}]"


def test_an_int_shows_in_hex_where_the_program_lowered_the_limit_of_digits() -> None:
    if not hasattr(sys, "set_int_max_str_digits"):
        pytest.skip("this Python has no limit")
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(700)
    try:
        assert own(10**698) == "1" + "0" * 698
        assert own(10**701) == hex(10**701)
        assert own([-(10**701)]) == f"[{hex(-(10**701))}]"
    finally:
        sys.set_int_max_str_digits(before)


def test_a_recursion_error_of_the_renderer_itself_is_contained() -> None:
    def deep(n: int) -> str:
        return deep(n - 1) if n else own(nested(90))

    limit = sys.getrecursionlimit()
    depth = len(list(_frames()))
    found = {deep(n) for n in range(limit - depth - 60, limit - depth - 12, 4)}
    assert found == {"<list object (too deep to show)>"}


def _frames() -> Iterator[types.FrameType]:
    frame: types.FrameType | None = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


# Cutting.


def test_a_text_within_the_limit_stays() -> None:
    assert cut("", 1) == ""
    assert cut("abc", 4) == "abc"
    assert cut("abc", 3) == "abc"


def test_a_longer_text_is_its_beginning_and_a_mark() -> None:
    checksum = zlib.crc32(b"abcd")
    assert cut("abcd", 3) == f"abc...<cut: 4 characters, crc32 {checksum:08x}>"


def test_the_checksum_has_eight_digits_always() -> None:
    text = next(f"{n:06}" for n in range(10_000) if zlib.crc32(f"{n:06}".encode()) < 1 << 24)
    assert cut(text, 2) == f"{text[:2]}...<cut: 6 characters, crc32 {zlib.crc32(text.encode()):08x}>"
    assert "crc32 00" in cut(text, 2)


def test_texts_that_differ_only_beyond_the_cut_differ() -> None:
    assert cut("a" * 100 + "b", 10) != cut("a" * 100 + "c", 10)
    assert cut("a" * 100, 10) != cut("a" * 101, 10)


def test_a_text_with_lone_surrogates_can_be_cut() -> None:
    assert cut("\ud800" * 4, 2).startswith("\ud800\ud800...<cut: 4 characters, crc32 ")


# Foreign objects under ``repr``.


class Says:
    """Its repr is what it was given."""

    def __init__(self, said: object) -> None:
        self.said = said

    def __repr__(self) -> str:
        return self.said  # type: ignore[return-value]


def test_a_foreign_repr_stands_as_it_is() -> None:
    assert own(Says("Point(1)")) == "Point(1)"
    assert own([Says("P"), {Says("Q"): Says("R")}]) == "[P, {Q: R}]"


def test_addresses_are_cut_from_foreign_reprs() -> None:
    class Plain:
        pass

    assert own(Plain()) == f"<{Plain.__module__}.{Plain.__qualname__} object>"
    assert own(iter([])) == "<list_iterator object>"
    assert own(Says("<X at 0x7F00aB and Y at 0x0>")) == "<X and Y>"
    assert own(Says("at 0x7f")) == "at 0x7f"
    assert own(Says(" at 0xg")) == " at 0xg"


def test_addresses_stay_in_strings() -> None:
    assert own(" at 0x7f") == "' at 0x7f'"
    assert own({" at 0x7f": [" at 0x1"]}) == "{' at 0x7f': [' at 0x1']}"
    assert own([Says("<X at 0x7f>"), " at 0x7f"]) == "[<X>, ' at 0x7f']"


def test_without_addresses_cuts_every_address() -> None:
    assert without_addresses("<f at 0x0123456789abcdefABCDEF>") == "<f>"
    assert without_addresses("<f at 0x1> <g at 0x2>") == "<f> <g>"
    assert without_addresses("<f at 1>") == "<f at 1>"


def test_a_repr_of_two_dots_shows_as_the_type() -> None:
    assert own(Says("..")) == "<Says object>"
    assert own([Says("..")]) == "[<Says object>]"
    assert own(Says("...")) == "..."
    assert own(Says(".. at 0x1")) == "<Says object>"


def test_a_repr_that_is_a_str_subclass_is_read_as_text_without_asking_it() -> None:
    class Loud(str):
        def __str__(self) -> str:
            raise AssertionError

        __repr__ = __len__ = __format__ = __iter__ = isascii = encode = __eq__ = __str__  # type: ignore[assignment]
        __hash__ = str.__hash__

    assert own(Says(Loud("Point at 0x1"))) == "Point"
    assert type(own(Says(Loud("P")))) is str


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ValueError("x"), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(1), "SystemExit"),
        (GeneratorExit(), "GeneratorExit"),
        (RecursionError(), "RecursionError"),
    ],
)
def test_what_a_repr_raises_becomes_a_marker(error: BaseException, name: str) -> None:
    class Raises:
        def __repr__(self) -> str:
            raise error

    assert own(Raises()) == f"<Raises object (repr raised {name})>"
    assert own([1, Raises(), Raises()]) == (
        f"[1, <Raises object (repr raised {name})>, <Raises object (repr raised {name})>]"
    )


def test_a_repr_that_is_no_string_becomes_a_marker() -> None:
    assert own(Says(1)) == "<Says object (repr raised TypeError)>"


def test_the_marker_says_what_the_containment_says() -> None:
    assert Values("repr", lambda value: (None, "too long")).text([Says("x")]) == "[<Says object (too long)>]"


def test_a_container_that_its_items_repr_changes_shows_as_it_was() -> None:
    holder: list[object] = []
    kept: dict[object, object] = {}
    members: set[object] = set()

    class Clears:
        def __repr__(self) -> str:
            holder.clear()
            kept.clear()
            members.clear()
            return "C"

    holder += [Clears(), 1, 2]
    assert own(holder) == "[C, 1, 2]"
    assert holder == []
    kept.update({1: Clears(), 2: 3})
    assert own(kept) == "{1: C, 2: 3}"
    members |= {Clears()}
    assert own(members) == "{C}"


def test_a_container_that_grows_while_it_is_shown_shows_as_it_was() -> None:
    growing: list[object] = []

    class Grows:
        def __repr__(self) -> str:
            growing.append(self)
            return "G"

    growing.append(Grows())
    assert own(growing) == "[G]"
    assert own(growing) == "[G, G]"


def test_the_halves_of_a_surrogate_pair_in_a_foreign_repr_are_joined() -> None:
    assert own(Says("<\ud83d\ude00>")) == "<😀>"
    assert own(Says("\ud83d\ude00")) == "\U0001f600"


def test_lone_surrogates_in_a_foreign_repr_stay() -> None:
    for text in ["\ud83d", "\ude00", "\ude00\ud83d", "x\ud800y\udfff", "é😀", "\ud7ff\ue000", "\ufeff\udc00"]:
        assert own(Says(text)) == text


# Types that lie.


class LyingMeta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise AssertionError("the metaclass was asked")

    def __instancecheck__(cls, instance: object) -> bool:
        raise AssertionError("the metaclass was asked")

    def __subclasscheck__(cls, subclass: type) -> bool:
        raise AssertionError("the metaclass was asked")

    def __getattribute__(cls, name: str) -> Any:
        raise AssertionError(f"the metaclass was asked for {name}")

    def __eq__(cls, other: object) -> bool:
        raise AssertionError("the metaclass was asked")

    def __hash__(cls) -> int:
        raise AssertionError("the metaclass was asked")

    def mro(cls) -> list[type]:
        return type.mro(cls)


def test_a_metaclass_that_lies_about_the_name_is_not_asked() -> None:
    class Lies(metaclass=LyingMeta):
        pass

    lies = object.__new__(Lies)
    assert type_name(lies) == "Lies"
    assert safe(lies) == "<Lies object>"
    assert fields(lies) == "<Lies object>"
    assert Values("repr", lambda value: ("said", "")).text([lies]) == "[said]"
    assert Values("repr", lambda value: ("..", "")).text(lies) == "<Lies object>"


def test_a_type_name_that_is_a_str_subclass_is_read_as_text() -> None:
    class Name(str):
        def __str__(self) -> str:
            raise AssertionError

        __repr__ = __str__

    class Named:
        pass

    Named.__name__ = Name("Other")
    assert type_name(Named()) == "Other"
    assert type(type_name(Named())) is str
    assert safe(Named()) == "<Other object>"


@every_policy
def test_a_class_attribute_that_lies_is_not_believed(text: Callable[[object], str]) -> None:
    class Fake:
        __class__ = int  # type: ignore[assignment]

        def __repr__(self) -> str:
            return "<Fake object>"

    assert isinstance(Fake(), int)
    assert text(Fake()) == "<Fake object>"
    assert type_name(Fake()) == "Fake"
    assert not is_kind(Fake(), int)


def test_is_kind_follows_the_real_bases() -> None:
    class Child(int):
        pass

    assert is_kind(Child(), int)
    assert is_kind(True, int)
    assert is_kind(1, object)
    assert not is_kind(1, str)


# Policies that never run foreign code.


def _loud(base: type, name: str = "Loud") -> type:
    """A subclass of ``base`` whose every special method fails the test."""

    def fail(self: object, *args: object) -> Any:
        raise AssertionError(f"foreign code of {name} was run")

    special = (
        *("__hash__", "__eq__", "__iter__", "__getattribute__", "__repr__", "__str__", "__len__", "__getitem__"),
        *("__int__", "__float__", "__bool__", "__index__", "__bytes__", "__contains__", "__format__", "items"),
        *("__getattr__", "keys", "values", "__lt__", "__reversed__", "__reduce_ex__", "__dir__", "__sizeof__"),
        *("__abs__", "__neg__", "__trunc__", "bit_length", "conjugate", "encode", "isascii", "args"),
    )
    return type(name, (base,), dict.fromkeys(special, fail))


def instance(base: type, *args: object) -> object:
    return base.__new__(_loud(base), *args)


def held(base: type, fill: Callable[[Any], object]) -> object:
    value = instance(base)
    fill(value)
    return value


SUBCLASS_INSTANCES = [
    (instance(int, 7), "Loud(7)"),
    (instance(int, 0), "Loud(0)"),
    (instance(float, 1.5), "Loud(1.5)"),
    (instance(float, "nan"), "Loud(nan)"),
    (instance(str, "a'b"), 'Loud("a\'b")'),
    (instance(str), "Loud('')"),
    (instance(bytes, b"ab"), "Loud(b'ab')"),
    (instance(tuple, (1, "x")), "Loud((1, 'x'))"),
    (instance(tuple, (1,)), "Loud((1,))"),
    (instance(tuple), "Loud(())"),
    (instance(list), "Loud([])"),
    (held(list, lambda value: list.extend(value, [1, [2]])), "Loud([1, [2]])"),
    (held(dict, lambda value: dict.__setitem__(value, "k", [1])), "Loud({'k': [1]})"),
    (instance(dict), "Loud({})"),
    (held(set, lambda value: set.add(value, 1)), "Loud({1})"),
    (instance(set), "Loud(set())"),
    (instance(frozenset, (1,)), "Loud(frozenset({1}))"),
    (instance(frozenset), "Loud(frozenset())"),
    (instance(Exception, "x", 1), "Loud('x', 1)"),
    (instance(Exception), "Loud()"),
    (instance(object), "<Loud object>"),
    (instance(complex, 1, 2), "<Loud object>"),
]


@pytest.mark.parametrize(("value", "expected"), SUBCLASS_INSTANCES, ids=[text for _, text in SUBCLASS_INSTANCES])
def test_fields_shows_what_a_subclass_of_a_builtin_holds_and_asks_nothing(value: object, expected: str) -> None:
    assert fields(value) == expected
    assert fields([value]) == f"[{expected}]"


@pytest.mark.parametrize(("value", "expected"), SUBCLASS_INSTANCES, ids=[text for _, text in SUBCLASS_INSTANCES])
def test_safe_shows_the_type_and_asks_nothing(value: object, expected: str) -> None:
    if type.__dict__["__mro__"].__get__(type(value))[1] is Exception:
        assert safe(value) == expected
    else:
        assert safe(value) == "<Loud object>"


@pytest.mark.parametrize("text", [safe, fields])
def test_keys_and_members_are_not_asked_for_their_hashes(text: Callable[[object], str]) -> None:
    class Once:
        asked = 0

        def __hash__(self) -> int:
            Once.asked += 1
            return 1

        def __eq__(self, other: object) -> bool:
            raise AssertionError

    key = Once()
    value = [{key: 1}, {key}, frozenset([key])]
    before = Once.asked
    assert text(value) == "[{<Once object>: 1}, {<Once object>}, frozenset({<Once object>})]"
    assert Once.asked == before


class Point:
    def __init__(self, x: object, y: object) -> None:
        self.x = x
        self.y = y

    def __repr__(self) -> str:
        raise AssertionError("foreign code was run")


def test_fields_shows_instance_attributes_in_their_order() -> None:
    assert fields(Point(1, "a")) == "Point(x=1, y='a')"
    assert fields([Point([1], None)]) == "[Point(x=[1], y=None)]"
    assert fields(Point(Point(1, 2), 3)) == "Point(x=Point(x=1, y=2), y=3)"
    assert safe(Point(1, 2)) == "<Point object>"


def test_an_object_without_attributes_shows_as_its_type() -> None:
    class Empty:
        pass

    assert fields(Empty()) == "<Empty object>"
    assert fields(object()) == "<object object>"
    assert safe(object()) == "<object object>"


def test_slots_show_before_attributes_and_unset_ones_do_not() -> None:
    class Base:
        __slots__ = ("a", "b")

    class Child(Base):
        __slots__ = ("__dict__", "__private", "_c")

    child = Child()
    child.b = 2  # type: ignore[attr-defined]
    child._c = 3  # type: ignore[attr-defined]
    child.z = 4  # type: ignore[attr-defined]
    assert fields(child) == "Child(b=2, _c=3, z=4)"
    child.a = 1  # type: ignore[attr-defined]
    child._Child__private = 5  # type: ignore[attr-defined]
    assert fields(child) == "Child(a=1, b=2, _Child__private=5, _c=3, z=4)"


def test_an_object_with_only_unset_slots_shows_as_its_type() -> None:
    class Slotted:
        __slots__ = ("a",)

    assert fields(Slotted()) == "<Slotted object>"


def test_a_cycle_through_attributes_shows_as_the_type() -> None:
    point = Point(1, None)
    point.y = [point]
    assert fields(point) == "Point(x=1, y=[Point(...)])"
    assert fields(point.y) == "[Point(x=1, y=[...])]"


def test_properties_and_other_descriptors_are_not_run() -> None:
    class Descriptor:
        def __get__(self, value: object, owner: type) -> object:
            raise AssertionError("a descriptor was run")

        def __set__(self, value: object, to: object) -> None:
            raise AssertionError("a descriptor was run")

    class Careful:
        other = Descriptor()

        @property
        def computed(self) -> object:
            raise AssertionError("a property was run")

        def __getattr__(self, name: str) -> object:
            raise AssertionError("__getattr__ was run")

    careful = Careful()
    careful.__dict__.update(plain=1, other=2, computed=3)
    assert fields(careful) == "Careful(plain=1, other=2, computed=3)"


def test_a_dict_attribute_that_is_a_property_is_not_run() -> None:
    class Hidden:
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise AssertionError("a property was run")

    assert fields(Hidden()) == "<Hidden object>"


def test_a_dict_subclass_as_the_instance_dict_is_read_as_a_dict() -> None:
    namespace = _loud(dict)()
    dict.update(namespace, a=1)

    class Holder:
        pass

    holder = Holder()
    holder.__dict__ = namespace
    assert fields(holder) == "Holder(a=1)"


def test_names_that_are_no_plain_names_are_left_out() -> None:
    class Named:
        pass

    named = Named()
    Name = type("Name", (str,), {})
    named.__dict__.update({"__hidden__": 1, "__h": 2, "_h": 3, 4: 5, Name("n"): 6, "": 7, "_": 8})  # type: ignore[dict-item]
    assert fields(named) == "Named(_h=3, =7, _=8)"


def test_dunder_slots_and_slots_under_odd_names_are_left_out() -> None:
    class Slotted:
        __slots__ = ("__a__", "__z__", "a")

    Name = type("Name", (str,), {})
    slotted = type("Aliased", (Slotted,), {"__slots__": (), Name("alias"): Slotted.__dict__["a"]})()
    slotted.a, slotted.__a__, slotted.__z__ = 1, 2, 3
    assert fields(slotted) == "Aliased(a=1)"


def test_a_class_namespace_with_odd_names_is_read() -> None:
    class Odd:
        __slots__ = ("a",)

    odd = type("Odder", (Odd,), {"__slots__": ()})()
    odd.a = 1
    assert fields(odd) == "Odder(a=1)"


def test_subclasses_with_attributes_show_their_builtin_first() -> None:
    class Sized(int):
        pass

    sized = Sized(3)
    sized.unit = "m"  # type: ignore[attr-defined]
    assert fields(sized) == "Sized(3, unit='m')"

    class Tagged(list[int]):
        pass

    tagged = Tagged([1])
    tagged.tag = [2]  # type: ignore[attr-defined]
    tagged.other = 3  # type: ignore[attr-defined]
    assert fields(tagged) == "Tagged([1], tag=[2], other=3)"


def test_exceptions_show_their_args_and_under_fields_their_attributes() -> None:
    class Refused(Exception):
        pass

    error = Refused("no", [1])
    assert safe(error) == fields(error) == "Refused('no', [1])"
    error.code = 7  # type: ignore[attr-defined]
    assert safe(error) == "Refused('no', [1])"
    assert fields(error) == "Refused('no', [1], code=7)"
    bare = Refused()
    assert safe(bare) == fields(bare) == "Refused()"
    bare.code = 7  # type: ignore[attr-defined]
    assert fields(bare) == "Refused(code=7)"
    assert safe(KeyError("k")) == fields(KeyError("k")) == "KeyError('k')"
    assert safe(KeyboardInterrupt()) == "KeyboardInterrupt()"


def test_an_exception_that_holds_itself_shows_as_a_cycle() -> None:
    error = ValueError()
    error.args = (error, 1)
    assert safe(error) == fields(error) == "ValueError(ValueError(...), 1)"


def test_an_exceptions_args_property_is_not_run() -> None:
    class Sly(Exception):
        @property
        def args(self) -> Any:  # type: ignore[override]
            raise AssertionError("a property was run")

    assert safe(Sly("x")) == fields(Sly("x")) == "Sly('x')"


def test_a_named_tuple_shows_its_tuple_under_fields() -> None:
    Pair = namedtuple("Pair", "a b")
    assert fields(Pair(1, [2])) == "Pair((1, [2]))"
    assert own(Pair(1, [2])) == "Pair(a=1, b=[2])"


def test_library_containers_are_foreign_objects() -> None:
    assert own(deque([1])) == "deque([1])"
    assert own(OrderedDict(a=1)) == repr(OrderedDict(a=1))
    assert own(Decimal("1.5")) == "Decimal('1.5')"
    assert safe(deque([1])) == "<deque object>"
    assert fields(deque([1])) == "<deque object>"
    assert fields(defaultdict(int, a=1)) == "defaultdict({'a': 1})"
    assert fields(OrderedDict(a=1)) == "OrderedDict({'a': 1})"


def test_the_slots_of_c_types_are_their_own_business() -> None:
    """A slice has members of C; they are no attributes of the program."""
    assert fields(slice(1, 2)) == "<slice object>"
    assert fields(range(3)) == "<range object>"


# Functions, classes, modules and what else of the interpreter's is shown.


def _generator() -> Iterator[int]:
    yield 1


async def _coroutine() -> None:
    pass


async def _stream() -> Any:
    yield 1


@every_policy
def test_what_the_interpreter_makes_shows_without_its_address(text: Callable[[object], str]) -> None:
    awaited = _coroutine()
    awaited.close()
    assert text(_generator) == "<function _generator>"
    assert text(_generator()) == "<generator object _generator>"
    assert text(awaited) == "<coroutine object _coroutine>"
    assert text(_stream()) == "<async_generator object _stream>"
    assert text(len) == "<built-in function len>"
    assert text([].append) == "<built-in method append of list object>"
    assert text(Point) == "<class 'tests.test_values.Point'>"
    assert text(int) == "<class 'int'>"
    assert text(str.join) == "<method 'join' of 'str' objects>"
    assert text(int.__add__) == "<slot wrapper '__add__' of 'int' objects>"
    assert text(dict.__dict__["fromkeys"]) == "<method 'fromkeys' of 'dict' objects>"
    assert text(types.FunctionType.__dict__["__code__"]) == "<attribute '__code__' of 'function' objects>"
    assert text(slice.__dict__["start"]) == "<member 'start' of 'slice' objects>"
    assert text([len, int]) == "[<built-in function len>, <class 'int'>]"


def test_a_class_whose_metaclass_has_a_repr_is_foreign() -> None:
    class Meta(type):
        def __repr__(cls) -> str:
            return "M"

    class Made(metaclass=Meta):
        pass

    assert own(Made) == "M"
    assert safe(Made) == "<Meta object>"


@every_policy
def test_a_module_shows_its_name_and_no_path(text: Callable[[object], str]) -> None:
    assert text(sys) == "<module 'sys'>"
    assert text(values) == "<module 'tracegen.payload.values'>"
    assert text([sys]) == "[<module 'sys'>]"


@every_policy
def test_a_module_without_a_proper_name_shows_as_a_module(text: Callable[[object], str]) -> None:
    module = types.ModuleType("m")
    assert text(module) == "<module 'm'>"
    module.__name__ = 5  # type: ignore[assignment]
    assert text(module) == "<module object>"
    module.__name__ = type("Name", (str,), {})("m")
    assert text(module) == "<module object>"
    del module.__name__
    assert text(module) == "<module object>"
    assert text(types.ModuleType.__new__(types.ModuleType)) == "<module object>"


def test_the_text_of_unchanging_types_depends_on_the_object_alone() -> None:
    assert {values.identity(kind) for kind in (int, str, float, bool, type(None), bytes, complex)} == values.UNCHANGING


def test_a_patched_builtin_repr_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    monkeypatch.setattr(builtins, "repr", lambda value: "patched")
    assert Values("repr", never).text([1, "a", _generator, sys]) == "[1, 'a', <function _generator>, <module 'sys'>]"


def test_a_foreign_repr_of_the_library_is_asked() -> None:
    assert own(Path("a")) == repr(Path("a"))
