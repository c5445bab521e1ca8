"""How steps grow: classes told apart, our data's labels shown by real traces, inputs of the size that is asked for."""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.complexity import DATA, EXAMPLES
from evals.growth.fit import ERROR, MARGIN, Growth, error, fitted
from evals.growth.inputs import INPUTS
from evals.growth.items import Item, read_items, recounted
from evals.growth.steps import opened, steps
from tests.scripted import INTERPRETERS, every_interpreter
from tracegen import CannotRun

ITEMS = read_items(DATA)
FUNCTIONS: dict[Growth, Callable[[int], float]] = {
    Growth.CONSTANT: lambda n: 1,
    Growth.LOGARITHMIC: math.log2,
    Growth.LINEAR: lambda n: n,
    Growth.LINEARITHMIC: lambda n: n * math.log2(n),
    Growth.QUADRATIC: lambda n: n**2,
    Growth.CUBIC: lambda n: n**3,
    Growth.EXPONENTIAL: lambda n: 2**n,
}
QUICK = {"len", "range", "append", "pop", "get", "ord", "min"}
"""Builtins that hide no loop; ``min`` only of several arguments."""
DOUBLED = [16, 32, 64, 128, 256, 512]


# Fitting.


@pytest.mark.parametrize("growth", Growth)
def test_exact_counts_of_every_class_fit_that_class_alone(growth: Growth) -> None:
    sizes = [4, 5, 6, 8, 10, 12] if growth is Growth.EXPONENTIAL else DOUBLED
    counts = [math.ceil(7 + 5 * FUNCTIONS[growth](n)) for n in sizes]
    fit = fitted(sizes, counts)
    assert fit is not None and fit.growth is growth and fit.margin >= MARGIN and fit.error <= 0.01


@given(st.integers(0, 30), st.integers(3, 12), st.integers(0, 2**32))
def test_n_and_n_log_n_are_told_apart_with_2_percent_of_noise(a: int, b: int, seed: int) -> None:
    for growth in (Growth.LINEAR, Growth.LINEARITHMIC):
        noise = [1 + 0.02 * (-1) ** (seed >> place) for place in range(len(DOUBLED))]
        counts = [round((a + b * FUNCTIONS[growth](n)) * each) for n, each in zip(DOUBLED, noise, strict=True)]
        fit = fitted(DOUBLED, counts)
        assert fit is None or fit.growth is growth
        assert error(growth, DOUBLED, counts) < 0.03


@pytest.mark.parametrize(
    "grown",
    [math.sqrt, lambda n: n**1.5, lambda n: n * math.log2(n) ** 2, lambda n: n * math.sqrt(n) * math.log2(n)],
    ids=["root", "n to the 1.5", "n log^2 n", "n^1.5 log n"],
)
def test_growth_between_the_classes_is_no_item(grown: Callable[[int], float]) -> None:
    assert fitted(DOUBLED, [round(10 * grown(n)) for n in DOUBLED]) is None


def test_a_slower_exponential_is_no_item() -> None:
    assert fitted([4, 6, 8, 10, 12, 14], [round(40 * 1.618**n) for n in (4, 6, 8, 10, 12, 14)]) is None


def test_counts_that_hardly_grow_are_not_said_to_grow() -> None:
    fit = fitted(DOUBLED, [1000 + n // 64 for n in DOUBLED])
    assert fit is not None and fit.growth is Growth.CONSTANT


def test_an_exponential_of_large_sizes_does_not_overflow() -> None:
    fit = fitted([16, 1024, 10**6, 10**9, 10**12], [5, 5, 5, 5, 5])
    assert fit is not None and fit.growth is Growth.CONSTANT


@pytest.mark.parametrize(
    ("sizes", "counts"),
    [([4, 8], [1, 2]), ([1, 2, 3, 4, 5], [1] * 5), ([2, 3, 3, 4, 5], [1] * 5), ([2, 3, 4, 5, 6], [0] * 5)],
)
def test_sizes_and_counts_that_make_no_sense_are_refused(sizes: list[int], counts: list[int]) -> None:
    with pytest.raises(ValueError, match="wanted"):
        fitted(sizes, counts)


# The data.


def test_there_are_ten_items_of_every_class_and_any_seven_in_a_row_are_of_all() -> None:
    assert Counter(item.growth for item in ITEMS) == dict.fromkeys(Growth, 10)
    assert all({item.growth for item in ITEMS[start : start + 7]} == set(Growth) for start in range(0, 70, 7))
    assert [item.id for item in ITEMS] == [f"steps-{number:02}" for number in range(70)]
    assert len({item.function for item in ITEMS}) == 70


def test_every_label_is_clear_and_n_is_far_from_n_log_n() -> None:
    for item in ITEMS:
        ordered = sorted((error(growth, item.sizes, item.counts), growth.value) for growth in Growth)
        assert ordered[0][0] <= ERROR and ordered[0][1] == item.growth.value
        assert ordered[1][0] >= 0.06
        assert item.margin >= MARGIN


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.function)
def test_no_function_of_ours_hides_a_loop_in_a_builtin(item: Item) -> None:
    tree = ast.parse(item.code)
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        assert not isinstance(
            node,
            (
                ast.Import,
                ast.ImportFrom,
                ast.ListComp,
                ast.SetComp,
                ast.DictComp,
                ast.GeneratorExp,
                ast.Slice,
                ast.Starred,
            ),
        )
        assert not isinstance(node, (ast.In, ast.NotIn))
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
            assert called in QUICK | own
            assert called != "min" or len(node.args) > 1
            assert called != "pop" or not node.args
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Add)):
            # Neither a list nor a text is repeated or joined.
            assert not any(isinstance(side, (ast.List, ast.JoinedStr)) for side in (node.left, node.right))
            assert not any(
                isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right)
            )


def test_no_worked_example_is_an_item() -> None:
    assert not {example[0] for example in EXAMPLES} & {item.code for item in ITEMS}
    assert not {example[1] for example in EXAMPLES} & {item.function for item in ITEMS}


def test_traces_show_the_counts_of_an_item_of_every_class() -> None:
    with opened() as sandbox:
        for item in ITEMS[:7]:
            assert recounted(item, sandbox) == item.counts


@every_interpreter
@pytest.mark.slow
def test_traces_show_every_items_class_and_from_3_10_on_every_count(python: str) -> None:
    [version] = [each.version[:2] for each in INTERPRETERS if each.path == python]
    with opened(python) as sandbox:
        for item in ITEMS:
            counts = recounted(item, sandbox)
            fit = fitted(item.sizes, counts)
            assert fit is not None and fit.growth is item.growth
            assert counts == item.counts or version < (3, 10)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[1])
def test_the_worked_examples_answers_are_true(example: tuple[str, ...]) -> None:
    code, function, says, _, answer = example
    kinds = {
        "a list of n integers, and an integer": "searched",
        "the integer n": "integer",
        "a list of n integers": "ascending",
    }
    sizes = [3**k for k in (3, 6, 9, 12, 15)] if answer == "O(log n)" else [8, 16, 24, 32, 48, 64]
    with opened() as sandbox:
        fit = fitted(sizes, [steps(sandbox, "example", code, function, kinds[says], n) for n in sizes])
    assert fit is not None and fit.growth.value == answer


def test_steps_are_the_lines_of_the_function_and_of_those_that_it_calls() -> None:
    code = "def g(n):\n    return n\n\ndef f(n):\n    for _ in range(n):\n        g(n)\n    return 1\n"
    with opened() as sandbox:
        # n + 1 times the loop's line, n times its body and g's line, one return.
        assert steps(sandbox, "x", code, "f", "integer", 4) == 5 + 4 + 4 + 1


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("def f(n):\n    return 1 // (n - n)\n", "x, n = 4: did not return: raised"),
        ("def g(n): pass\n", "x, n = 4: no such function"),
    ],
    ids=["raises", "missing"],
)
def test_a_function_that_cannot_be_counted_is_refused(code: str, wanted: str) -> None:
    with opened() as sandbox, pytest.raises(CannotRun, match=wanted):
        steps(sandbox, "x", code, "f", "integer", 4)


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_is_always_the_same_and_of_its_size(name: str) -> None:
    made = INPUTS[name].make
    assert made(6) == made(6) != made(7)
    values = ast.literal_eval(f"({made(6)},)")
    assert all(value in (6, 11) if isinstance(value, int) else len(value) == 6 for value in values)
    assert not name.startswith("two ") or (len(values) == 2 and values[0] != values[1])
