"""The C core's texts of values against values.py's, and both against repr."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ExtensionFileLoader
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import raw, unhurried
from tracegen import native
from tracegen.payload.tracers import LIBRARY
from tracegen.payload.values import Values


def _core() -> Any:
    path = str(native.library())
    spec = importlib.util.spec_from_file_location(LIBRARY, path, loader=ExtensionFileLoader(LIBRARY, path))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CORE = _core()


def nobody(value: object) -> NoReturn:
    raise AssertionError("foreign code was asked")


class Point:
    def __init__(self, x: object, y: object) -> None:
        self.x = x
        self._y = y


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self, left: object) -> None:
        self.left = left


class Text(str):
    pass


class Number(int):
    pass


class Numbers(list[object]):
    pass


class Wrong(Exception):
    def __repr__(self) -> str:
        raise AssertionError("foreign code was run")


hashable = st.one_of(
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    st.booleans(),
    st.none(),
    st.complex_numbers(),
    st.binary(max_size=12),
    st.text(max_size=12),
    raw,
)
builtin = st.recursive(
    st.one_of(hashable, st.binary(max_size=6).map(bytearray), st.just(...), st.just(NotImplemented)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(hashable, inner, max_size=4),
        st.sets(hashable, max_size=4),
        st.frozensets(hashable, max_size=4),
    ),
    max_leaves=12,
)
anything = st.recursive(
    builtin,
    lambda inner: st.one_of(
        st.builds(Point, inner, inner),
        st.builds(Slotted, inner),
        raw.map(Text),
        st.integers().map(Number),
        st.lists(inner, max_size=3).map(Numbers),
        st.builds(Wrong, inner, inner),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)


@unhurried
@given(builtin)
def test_builtins_show_as_repr_shows_them(value: object) -> None:
    assert CORE.text(value, "safe") == repr(value)


@pytest.mark.parametrize("policy", ["safe", "fields"])
@unhurried
@given(value=anything)
def test_both_show_the_same(policy: str, value: object) -> None:
    assert CORE.text(value, policy) == Values(policy, nobody).text(value)


@pytest.mark.parametrize("bits", [59, 60, 61, 1919, 1920, 1921, 14283, 14284, 14285])
@pytest.mark.parametrize("sign", [1, -1])
def test_long_ints_show_the_same(bits: int, sign: int) -> None:
    value = sign * (2**bits - 1)
    assert CORE.text([value], "safe") == Values("safe", nobody).text([value])


def test_nests_and_cycles_show_the_same() -> None:
    deep: object = 1
    for _ in range(103):
        deep = [deep]
    cycle: list[object] = [1]
    cycle.append({"again": (cycle,)})
    for value in (deep, cycle):
        assert CORE.text(value, "safe") == Values("safe", nobody).text(value)


@pytest.mark.parametrize("length", [(1 << 24) - 3, (1 << 24) - 2, 1 << 24])
@pytest.mark.parametrize("character", ["x", "é"])
def test_a_text_ends_at_the_same_character(length: int, character: str) -> None:
    value = [character * length]
    assert CORE.text(value, "safe") == Values("safe", nobody).text(value)


def test_only_policies_that_run_nothing_are_offered() -> None:
    with pytest.raises(ValueError, match="safe or fields"):
        CORE.text(1, "repr")
