"""Linear arithmetic over integers: expressions, and proofs that facts ``e >= 0`` imply another.

Proofs are by Fourier and Motzkin's elimination over the rationals, with constants rounded down as integers allow: what
is proved is true, what is not proved may be true.  Knows nothing of programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd

MOST = 400
"""Facts in an elimination; beyond, nothing is proved."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A sum of names, each times a whole number other than 0, and a constant."""

    terms: tuple[tuple[str, int], ...]
    constant: int

    @classmethod
    def of(cls, terms: dict[str, int], constant: int) -> Linear:
        """Terms in the order of their names."""
        return cls(tuple(sorted((name, times) for name, times in terms.items() if times)), constant)

    @classmethod
    def name(cls, name: str) -> Linear:
        """One name."""
        return cls(((name, 1),), 0)

    def times(self, factor: int) -> Linear:
        """Everything ``factor`` times."""
        return Linear.of({name: times * factor for name, times in self.terms}, self.constant * factor)

    def plus(self, other: Linear) -> Linear:
        """The sum."""
        terms = dict(self.terms)
        for name, times in other.terms:
            terms[name] = terms.get(name, 0) + times
        return Linear.of(terms, self.constant + other.constant)

    def minus(self, other: Linear) -> Linear:
        """The difference."""
        return self.plus(other.times(-1))

    def add(self, number: int) -> Linear:
        """The sum with a number."""
        return Linear(self.terms, self.constant + number)

    def replaced(self, values: dict[str, Linear]) -> Linear:
        """With expressions in place of names; a name without one stays."""
        found = Linear((), self.constant)
        for name, times in self.terms:
            found = found.plus(values.get(name, Linear.name(name)).times(times))
        return found

    def at(self, numbers: dict[str, int]) -> int:
        """Its value."""
        return self.constant + sum(times * numbers[name] for name, times in self.terms)


def follows(facts: Sequence[Linear], wanted: Linear) -> bool:
    """Whether ``wanted >= 0`` is proved wherever every fact is ``>= 0``."""
    return contradict([*facts, wanted.times(-1).add(-1)])


def contradict(facts: Sequence[Linear]) -> bool:
    """Whether it is proved that no integers make every fact ``>= 0``."""
    left = {_tight(fact) for fact in facts}
    while True:
        if any(not fact.terms and fact.constant < 0 for fact in left):
            return True
        names = sorted({name for fact in left for name, _ in fact.terms})
        if not names or len(left) > MOST:
            return False
        name = names[0]
        above = [(dict(fact.terms)[name], fact) for fact in left if dict(fact.terms).get(name, 0) > 0]
        below = [(-dict(fact.terms)[name], fact) for fact in left if dict(fact.terms).get(name, 0) < 0]
        rest = {fact for fact in left if name not in dict(fact.terms)}
        left = rest | {_tight(a.times(m).plus(b.times(n))) for (n, a), (m, b) in product(above, below)}


def _tight(fact: Linear) -> Linear:
    """The same fact of integers, divided by what all its names are divisible by."""
    if not fact.terms:
        return fact
    divisor = gcd(*(times for _, times in fact.terms))
    return Linear(tuple((name, times // divisor) for name, times in fact.terms), fact.constant // divisor)
