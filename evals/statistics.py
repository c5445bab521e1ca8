"""Figures with their errors: pass@k, shares and means with intervals, agreement of labels, two runs side by side.

Items are what is drawn at random; samples of one item are not independent, so errors are always over items.  Intervals
are of 95 %.  Knows nothing of tasks nor of what a value means.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from evals.task import Metric
from tracegen import CannotRun

T = TypeVar("T")
Z = 1.959963984540054
"""The normal distribution's quantile of 0.975."""
STUDENT = {1: 12.706204736174698, 2: 4.302652729749464, 3: 3.182446305283708, 4: 2.776445105197793}
"""Student's quantiles of 0.975 where the expansion in `_student` is too coarse."""


def pass_at_k(n: int, c: int, k: int) -> float:
    """How likely one of k samples is right, of n samples with c right ones.  Raises CannotRun if k > n.

    The unbiased estimator 1 - C(n - c, k) / C(n, k) of Chen et al. 2021 (arXiv 2107.03374), in whole numbers.

    >>> pass_at_k(n=4, c=1, k=2)
    0.5
    """
    if not 0 <= c <= n:
        raise CannotRun(f"pass@{k}: {c} right samples of {n}")
    if not 1 <= k <= n:
        raise CannotRun(f"pass@{k}: needs k from 1 to the number of samples an item, which is {n}")
    return 1 - math.comb(n - c, k) / math.comb(n, k)


def share(right: int, n: int) -> Metric:
    """The share of right ones among n items with one sample each.

    The interval is Wilson's (1927), which is sound near 0 and 1 and for few items; the standard error is that of a
    mean, with n - 1.  Of no item: nan.  Raises CannotRun for more right ones than items.

    >>> share(8, 10)
    Metric(value=0.8, stderr=0.13333333333333333, low=0.49016247153664183, high=0.9433178485456247, n=10)
    """
    if not 0 <= right <= n:
        raise CannotRun(f"share: {right} right ones of {n}")
    if not n:
        return Metric(math.nan, None, None, None, 0)
    value = right / n
    middle = (value + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(value * (1 - value) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    # The ends are exact where all or none is right; rounding must not move them.
    low, high = 0.0 if right == 0 else middle - half, 1.0 if right == n else middle + half
    return Metric(value, math.sqrt(value * (1 - value) / (n - 1)) if n > 1 else None, low, high, n)


def clustered(values: Sequence[Sequence[float]]) -> Metric:
    """The mean over items of the mean over an item's samples; an item without samples is left out.

    The standard error is clustered by item: s / sqrt(n) with s the standard deviation (n - 1) of the n items' means.
    For equally many samples an item that is the cluster-robust error of Miller 2024 (arXiv 2411.00640, section 2.2)
    times sqrt(n / (n - 1)), the usual correction for few clusters.  The interval is Student's with n - 1 degrees of
    freedom, clipped to [0, 1] if all values lie there, and at 0 if none is below.  Where every item's mean is 0 or 1
    there is nothing to learn of the samples beyond the first, and it is `share`.

    >>> clustered([[1, 0], [1, 1], [0, 0], [1, 0]])
    Metric(value=0.5, stderr=0.2041241452319315, low=0.0, high=1.0, n=4)
    """
    kept = [each for each in values if len(each)]
    means = [_mean(each) for each in kept]
    n = len(means)
    if all(_agreed(each) for each in kept):
        return share(sum(mean == 1 for mean in means), n)
    value = _mean(means)
    if n == 1:
        return Metric(value, None, None, None, 1)
    stderr = math.sqrt(math.fsum((mean - value) ** 2 for mean in means) / (n - 1) / n)
    half = _student(n - 1) * stderr
    low, high = value - half, value + half
    lowest, highest = min(map(min, kept)), max(map(max, kept))
    if lowest >= 0:
        low, high = max(low, 0.0), min(high, 1.0) if highest <= 1 else high
    return Metric(value, stderr, low, high, n)


def _agreed(samples: Sequence[float]) -> bool:
    return samples[0] in (0, 1) and all(each == samples[0] for each in samples)


def _student(freedom: int) -> float:
    """Student's quantile of 0.975, to four digits: the expansion of Abramowitz and Stegun, 26.7.5."""
    if freedom in STUDENT:
        return STUDENT[freedom]
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
        (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160,
    )
    return Z + math.fsum(term / freedom**power for power, term in enumerate(terms, start=1))


def bootstrap(
    values: Sequence[T], statistic: Callable[[Sequence[T]], float], seed: int = 0, rounds: int = 2000
) -> Metric:
    """A statistic of items; its error and percentile interval over ``rounds`` samples drawn of them with replacement.

    The same seed gives the same interval.  Rounds of which the statistic is nan (a class that was not drawn) are left
    out.  Of fewer than two items there is no interval, of none the value is nan.
    """
    n = len(values)
    value = statistic(values) if n else math.nan
    if n < 2:
        return Metric(value, None, None, None, n)
    random = np.random.default_rng(seed)
    drawn = (statistic([values[index] for index in random.integers(n, size=n).tolist()]) for _ in range(rounds))
    kept = np.array([each for each in drawn if not math.isnan(each)])
    if len(kept) < 2:
        return Metric(value, None, None, None, n)
    low, high = np.percentile(kept, (2.5, 97.5)).tolist()
    return Metric(value, float(kept.std(ddof=1)), low, high, n)


def mcc(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Matthews' correlation of (truth, said); 0 where one of them is constant, nan of nothing.

    >>> mcc([(True, True), (True, True), (False, False), (False, True)])
    0.5773502691896258
    """
    yes, missed, false, no = _fourfold(pairs)
    if not pairs:
        return math.nan
    product = (yes + missed) * (yes + false) * (no + missed) * (no + false)
    return (yes * no - missed * false) / math.sqrt(product) if product else 0.0


def macro_f1(pairs: Sequence[tuple[bool, bool]]) -> float:
    """The mean of both classes' F1 of (truth, said); a class that is neither true nor said is left out.

    >>> macro_f1([(True, True), (True, True), (False, False), (False, True)])
    0.7333333333333334
    """
    yes, missed, false, no = _fourfold(pairs)
    scores = [2 * hits / (2 * hits + missed + false) for hits in (yes, no) if hits + missed + false]
    return sum(scores) / len(scores) if scores else math.nan


def _fourfold(pairs: Sequence[tuple[bool, bool]]) -> tuple[int, int, int, int]:
    """How many pairs are both true, the first alone, the second alone, neither."""
    both = sum(a and b for a, b in pairs)
    first, second = sum(a for a, _ in pairs) - both, sum(b for _, b in pairs) - both
    return both, first, second, len(pairs) - both - first - second


def auc(scored: Sequence[tuple[bool, float]]) -> float:
    """How often a true item's score is above a false one's, ties counting half; nan if a class or a score is missing.

    >>> auc([(True, 0.9), (True, 0.5), (False, 0.5), (False, 0.1)])
    0.875
    """
    truth = np.array([each for each, _ in scored], bool)
    scores = np.array([score for _, score in scored], float)
    true = int(truth.sum())
    if not 0 < true < len(scored) or np.isnan(scores).any():
        return math.nan
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum() - (counts - 1) / 2)[places]  # of tied scores, their mean rank
    return float((ranks[truth].sum() - true * (true + 1) / 2) / (true * (len(scored) - true)))


@dataclass(frozen=True, slots=True)
class Paired:
    """Two runs over the n items that both have.

    How many items are right in both, in one alone, in neither, and McNemar's p; all None where an item's samples
    disagree or are not 0 or 1.  ``difference`` is b's mean less a's.
    """

    n: int
    both: int | None
    only_a: int | None
    only_b: int | None
    neither: int | None
    p: float | None
    difference: Metric


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p of so many items that one run alone has right, were both runs equally good.

    Twice the smaller tail of the binomial distribution with 1/2, at most 1.

    >>> mcnemar(1, 5)
    0.21875
    """
    n = only_a + only_b
    tail = ways = 1
    for wins in range(min(only_a, only_b)):
        ways = ways * (n - wins) // (wins + 1)
        tail += ways
    return min(1.0, 2 * tail / (1 << n))


def paired(
    a: Mapping[str, Sequence[float]], b: Mapping[str, Sequence[float]], seed: int = 0, rounds: int = 2000
) -> Paired:
    """Compare two runs' samples by item id; of several samples an item, the means are compared.

    Only ids with samples in both count.  The difference's error and interval are by paired bootstrap: items are drawn,
    each with both its means.  Raises CannotRun if the runs have no item in common.
    """
    common = sorted(id for id in a.keys() & b.keys() if len(a[id]) and len(b[id]))
    if not common:
        raise CannotRun(f"the runs have no item in common: {len(a)} ids against {len(b)}; compare runs of one task")
    means = [(_mean(a[id]), _mean(b[id])) for id in common]
    difference = bootstrap([right - left for left, right in means], _mean, seed, rounds)
    if not all(_agreed(run[id]) for run in (a, b) for id in common):
        return Paired(len(common), None, None, None, None, None, difference)
    both, only_a, only_b, neither = _fourfold([(left == 1, right == 1) for left, right in means])
    return Paired(len(common), both, only_a, only_b, neither, mcnemar(only_a, only_b), difference)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
