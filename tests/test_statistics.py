"""Figures against values worked out by hand, against enumeration, and their intervals against simulation."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics import (
    _student,
    auc,
    bootstrap,
    clustered,
    macro_f1,
    mcc,
    mcnemar,
    paired,
    pass_at_k,
    share,
)
from tracegen import CannotRun

ITEMS = st.lists(st.lists(st.floats(-5, 5), min_size=1, max_size=4), min_size=2, max_size=12)
PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


@pytest.mark.parametrize(("n", "c"), [(n, c) for n in range(1, 8) for c in range(n + 1)])
def test_pass_at_k_is_the_share_of_draws_with_a_right_sample(n: int, c: int) -> None:
    for k in range(1, n + 1):
        draws = [any(draw) for draw in combinations([True] * c + [False] * (n - c), k)]
        assert pass_at_k(n, c, k) == pytest.approx(sum(draws) / len(draws), abs=1e-15)


def test_pass_at_1_is_the_share_of_right_samples() -> None:
    assert pass_at_k(200, 13, 1) == pytest.approx(13 / 200)
    assert pass_at_k(5000, 1, 2500) == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "c", "k"), [(1, 1, 2), (5, 2, 10), (5, 2, 0), (5, 6, 1), (5, -1, 1)])
def test_pass_at_k_of_fewer_samples_than_k_is_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(CannotRun, match=f"^pass@{k}: "):
        pass_at_k(n, c, k)


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe 1998, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (right, n), (low, high) in published.items():
        metric = share(right, n)
        assert metric.low == pytest.approx(low, abs=5e-5) and metric.high == pytest.approx(high, abs=5e-5)
        assert (metric.value, metric.n) == (right / n, n)


def test_a_share_of_nothing_is_nan_and_of_one_item_has_no_error() -> None:
    assert math.isnan(share(0, 0).value) and share(0, 0).low is None
    assert share(1, 1).stderr is None and share(1, 1).low == pytest.approx(0.2065, abs=1e-4) and share(1, 1).high == 1.0
    with pytest.raises(CannotRun, match="share: 3 right ones of 2"):
        share(3, 2)


@given(st.integers(0, 60), st.integers(0, 60))
def test_wilsons_interval_holds_the_share_and_mirrors(right: int, wrong: int) -> None:
    if not right + wrong:
        return
    one, other = share(right, right + wrong), share(wrong, right + wrong)
    assert one.low is not None and one.high is not None and other.low is not None
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert one.high == pytest.approx(1 - other.low)


def test_the_clustered_error_is_that_of_the_items_means() -> None:
    # Means 1/2, 1, 0, 1/2: mean 1/2, squares 1/4 + 1/4, s^2 = 1/6, stderr = sqrt(1/24).
    metric = clustered([[1, 0], [1, 1], [0, 0], [1, 0]])
    assert (metric.value, metric.n) == (0.5, 4)
    assert metric.stderr == pytest.approx(math.sqrt(1 / 24))
    # Student's quantile of 3 is 3.18, which leaves [0, 1].
    assert (metric.low, metric.high) == (0.0, 1.0)
    beyond = clustered([[1, 0], [2, 2], [0, 0], [1, 0]])
    # No count is below 0, and some are above 1.
    assert beyond.low == 0 and beyond.high is not None and beyond.high > 1
    signed = clustered([[1, 0], [2, 2], [-1, 0], [1, 0]])
    assert signed.low is not None and signed.low < 0


def test_repeated_samples_of_an_item_do_not_make_the_error_smaller() -> None:
    few = clustered([[0.25], [0.5], [0.75], [0.0]])
    assert clustered([[0.25] * 9, [0.5] * 9, [0.75] * 9, [0.0] * 9]) == few
    assert clustered([[1] * 9, [0] * 9, [1] * 9]) == share(2, 3) == clustered([[1.0], [0.0], [1.0]])


@given(ITEMS.filter(lambda items: any(len(set(each)) > 1 for each in items)))
def test_for_equally_many_samples_the_error_is_the_cluster_robust_one(items: list[list[float]]) -> None:
    samples = min(len(each) for each in items)
    items = [each[:samples] for each in items]
    total, n = samples * len(items), len(items)
    middle = math.fsum(value for each in items for value in each) / total
    robust = math.sqrt(math.fsum(math.fsum(value - middle for value in each) ** 2 for each in items)) / total
    stderr = clustered(items).stderr
    if not all(each[0] in (0, 1) and len(set(each)) == 1 for each in items):
        assert stderr == pytest.approx(robust * math.sqrt(n / (n - 1)), abs=1e-9)


def test_items_without_samples_are_left_out_and_one_item_has_no_interval() -> None:
    assert clustered([[], [0.25, 0.5], []]).n == 1
    assert clustered([[0.25, 0.5]]).stderr is None
    assert math.isnan(clustered([]).value)


def test_students_quantiles_are_those_of_the_tables() -> None:
    table = {
        1: 12.7062,
        2: 4.3027,
        3: 3.1824,
        4: 2.7764,
        5: 2.5706,
        6: 2.4469,
        7: 2.3646,
        10: 2.2281,
        30: 2.0423,
        120: 1.9799,
    }
    for freedom, quantile in table.items():
        assert _student(freedom) == pytest.approx(quantile, abs=5e-4)


def covered(rounds: int, of: float, intervals: Sequence[tuple[float | None, float | None]]) -> float:
    return sum(low is not None and high is not None and low <= of <= high for low, high in intervals) / rounds


def test_wilsons_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    for n, p in product((10, 40, 200), (0.05, 0.3, 0.5, 0.9)):
        # Exactly, over all outcomes; a simulation of the same would only be noisier.
        chances = [math.comb(n, right) * p**right * (1 - p) ** (n - right) for right in range(n + 1)]
        inside = [share(right, n) for right in range(n + 1)]
        held = math.fsum(
            c for c, m in zip(chances, inside, strict=True) if m.low is not None and m.low <= p <= (m.high or 0)
        )
        assert 0.90 < held < 0.99


def test_the_clustered_interval_covers_the_truth_where_samples_hang_together() -> None:
    draw = random.Random(5)
    metrics, naive = [], []
    for _ in range(1000):
        # Every item has its own chance of being right, so its 8 samples hang together; the mean of chances is 0.6.
        items = [
            [float(draw.random() < chance) for _ in range(8)]
            for chance in (draw.betavariate(0.6, 0.4) for _ in range(40))
        ]
        metrics.append(clustered(items))
        naive.append(share(sum(map(int, map(sum, items))), 320))
    assert 0.92 < covered(1000, 0.6, [(each.low, each.high) for each in metrics]) < 0.98
    assert covered(1000, 0.6, [(each.low, each.high) for each in naive]) < 0.75


def test_a_bootstrap_of_the_mean_has_the_means_error_and_the_same_seed_the_same_interval() -> None:
    draw = random.Random(3)
    values = [draw.gauss(2, 1) for _ in range(200)]
    metric = bootstrap(values, mean)
    exact = clustered([[each] for each in values])
    assert metric.value == exact.value and metric.n == 200
    for ours, theirs in ((metric.stderr, exact.stderr), (metric.low, exact.low), (metric.high, exact.high)):
        assert ours == pytest.approx(theirs, rel=0.06)
    assert bootstrap(values, mean) == metric != bootstrap(values, mean, seed=1)


def test_a_bootstrap_leaves_out_rounds_without_a_statistic() -> None:
    scored = [(True, 0.9), (False, 0.1), (False, 0.2)]
    metric = bootstrap(scored, auc)
    assert (metric.value, metric.low, metric.high) == (1.0, 1.0, 1.0)
    assert bootstrap([(True, 0.9)] * 3, auc).low is None
    assert math.isnan(bootstrap([], mean).value)
    assert bootstrap([4.0], mean).low is None


def test_agreement_of_labels_is_as_worked_out_by_hand() -> None:
    # 90 true: 80 said; 10 false: 5 said.  MCC = (80*5 - 10*5) / sqrt(90*85*10*15).
    pairs = [(True, True)] * 80 + [(True, False)] * 10 + [(False, True)] * 5 + [(False, False)] * 5
    assert mcc(pairs) == pytest.approx(350 / math.sqrt(90 * 85 * 10 * 15))
    assert macro_f1(pairs) == pytest.approx((160 / 175 + 10 / 25) / 2)


def test_a_constant_answer_has_no_correlation_and_half_an_f1() -> None:
    pairs = [(True, True)] * 6 + [(False, True)] * 6
    assert mcc(pairs) == 0
    assert macro_f1(pairs) == pytest.approx((12 / 18) / 2)
    assert math.isnan(mcc([])) and math.isnan(macro_f1([]))


@given(PAIRS)
def test_labels_that_agree_score_one_and_opposite_ones_minus_one(pairs: list[tuple[bool, bool]]) -> None:
    truths = [truth for truth, _ in pairs]
    same, opposite = [(truth, truth) for truth in truths], [(truth, not truth) for truth in truths]
    assert macro_f1(same) == 1 and macro_f1(opposite) == 0
    if len(set(truths)) == 2:
        assert (mcc(same), mcc(opposite)) == (1, -1)
    assert -1 <= mcc(pairs) <= 1
    assert mcc(pairs) == pytest.approx(mcc([(not truth, not said) for truth, said in pairs]))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])), max_size=25))
def test_auc_is_the_share_of_ordered_pairs(scored: list[tuple[bool, float]]) -> None:
    yes, no = [s for truth, s in scored if truth], [s for truth, s in scored if not truth]
    if not yes or not no:
        assert math.isnan(auc(scored))
    else:
        wins = [1.0 if high > low else 0.5 if high == low else 0.0 for high in yes for low in no]
        assert auc(scored) == pytest.approx(mean(wins))


def test_auc_of_a_missing_score_is_nan() -> None:
    assert math.isnan(auc([(True, math.nan), (False, 0.5)]))


@given(st.integers(0, 7), st.integers(0, 7))
def test_mcnemars_p_is_the_share_of_coin_rows_at_least_as_uneven(a: int, b: int) -> None:
    rows = [sum(row) for row in product((0, 1), repeat=a + b)]
    uneven = sum(abs(2 * heads - (a + b)) >= abs(a - b) for heads in rows)
    assert Fraction(mcnemar(a, b)) == Fraction(uneven, len(rows))


def test_mcnemars_p_of_many_items_is_a_number() -> None:
    assert mcnemar(3000, 3000) == 1.0
    assert 0 <= mcnemar(0, 5000) < 1e-300


def test_two_runs_are_compared_over_the_items_that_both_have() -> None:
    a = {"1": [1], "2": [1], "3": [0], "4": [0], "5": [1], "only a": [1], "empty": []}
    b = {"1": [1], "2": [0], "3": [1], "4": [0], "5": [0], "only b": [0], "empty": [1]}
    found = paired(a, b)
    assert (found.n, found.both, found.only_a, found.only_b, found.neither) == (5, 1, 2, 1, 1)
    assert found.p == 1.0
    assert found.difference.value == pytest.approx(-0.2) and found.difference.n == 5


def test_a_paired_difference_is_known_better_than_the_two_runs() -> None:
    a = {str(item): [item % 2] for item in range(200)}
    b = a | {str(item): [1] for item in range(0, 20, 2)}
    found = paired(a, b)
    assert (found.only_a, found.only_b, found.p) == (0, 10, 2 / 1024)
    assert found.difference.value == pytest.approx(0.05)
    assert found.difference.stderr == pytest.approx(math.sqrt(0.05 * 0.95 / 200), rel=0.06)
    assert found.difference.low is not None and found.difference.low > 0


def test_of_several_samples_the_means_are_compared_without_mcnemar() -> None:
    a, b = {"1": [1, 0], "2": [1, 1]}, {"1": [1, 1], "2": [1, 1]}
    found = paired(a, b)
    assert (found.n, found.both, found.p, found.difference.value) == (2, None, None, 0.25)
    whole = paired({"1": [1, 1], "2": [0, 0]}, {"1": [1, 1], "2": [1, 1]})
    assert (whole.both, whole.only_b, whole.p) == (1, 1, 1.0)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_the_other_way_round_a_comparison_is_mirrored(pairs: list[tuple[bool, bool]]) -> None:
    a, b = ({str(i): [float(pair[side])] for i, pair in enumerate(pairs)} for side in (0, 1))
    one, other = paired(a, b, rounds=50), paired(b, a, rounds=50)
    assert (one.both, one.only_a, one.only_b, one.neither, one.p) == (
        other.both,
        other.only_b,
        other.only_a,
        other.neither,
        other.p,
    )
    assert one.difference.value == pytest.approx(-other.difference.value)


def test_runs_without_a_common_item_are_refused() -> None:
    with pytest.raises(CannotRun, match="no item in common: 1 ids against 2"):
        paired({"1": [1]}, {"2": [1], "3": [0]})
