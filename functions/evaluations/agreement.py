"""How far a judge agrees with people: counts first, then shares with their intervals. Numbers in, numbers out.

A pair is one output: whether the judge called it good, and whether people did. Intervals are of 95 %: Wilson's for
shares, Cohen's own for kappa, percentiles of a seeded bootstrap for the spread.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import variance

# The quantile of the normal distribution that leaves 2.5 % on each side.
Z = 1.959963984540054
# With fewer rated outputs the shares say little.
ENOUGH = 30
DRAWS = 1000


@dataclass(frozen=True)
class Share:
    """`part` of `whole`; null where there is nothing to take a share of."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's score interval."""
        if not self.whole:
            return None
        p, n = self.part / self.whole, self.whole
        middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Agreement:
    """The two-by-two counts: the judge's word first, people's second."""

    good_good: int = 0
    good_bad: int = 0
    bad_good: int = 0
    bad_bad: int = 0

    @property
    def count(self) -> int:
        return self.good_good + self.good_bad + self.bad_good + self.bad_bad

    @property
    def is_enough(self) -> bool:
        return self.count >= ENOUGH

    @property
    def missing(self) -> int:
        """How many more have to be rated until there are enough."""
        return max(0, ENOUGH - self.count)

    @property
    def agreement(self) -> Share:
        return Share(self.good_good + self.bad_bad, self.count)

    @property
    def false_alarms(self) -> Share:
        """Of those that people call good, those that the judge calls bad."""
        return Share(self.bad_good, self.good_good + self.bad_good)

    @property
    def misses(self) -> Share:
        """Of those that people call bad, those that the judge calls good."""
        return Share(self.good_bad, self.good_bad + self.bad_bad)

    @property
    def kappa(self) -> float | None:
        """Cohen's: 0 is what chance alone gives, 1 is always the same; null where both say one thing only."""
        by_chance = self._by_chance
        if not self.count or by_chance == 1:
            return None
        return ((self.good_good + self.bad_bad) / self.count - by_chance) / (1 - by_chance)

    @property
    def kappa_interval(self) -> tuple[float, float] | None:
        """Cohen's of 1960: a little wide where good and bad are uneven, where the asymptotic one is far too narrow."""
        kappa = self.kappa
        if kappa is None:
            return None
        observed = (self.good_good + self.bad_bad) / self.count
        error = sqrt(observed * (1 - observed) / self.count) / (1 - self._by_chance)
        return max(-1.0, kappa - Z * error), min(1.0, kappa + Z * error)

    @property
    def _by_chance(self) -> float:
        n = self.count
        judge_good, people_good = self.good_good + self.good_bad, self.good_good + self.bad_good
        return (judge_good * people_good + (n - judge_good) * (n - people_good)) / (n * n) if n else 1.0


def agreement_of(pairs: Iterable[tuple[bool, bool]]) -> Agreement:
    """Count pairs of the judge's word and people's."""
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for pair in pairs:
        counts[pair] += 1
    return Agreement(counts[True, True], counts[True, False], counts[False, True], counts[False, False])


@dataclass(frozen=True)
class Spread:
    """How far scores of the same output lie apart: one standard deviation, pooled over outputs."""

    deviation: float
    interval: tuple[float, float]
    outputs: int
    evaluations: int
    # Outputs that were called good at one time and bad at another.
    changed_sides: int


def spread_of(outputs: Sequence[Sequence[tuple[int, bool]]]) -> Spread | None:
    """Return the spread over outputs that were judged at least twice, each a list of (score, is good)."""
    repeated = [judged for judged in outputs if len(judged) > 1]
    if not repeated:
        return None
    # Seeded: the same evaluations give the same interval.
    chance = random.Random(len(repeated))
    parts = [(variance([score for score, _ in judged]) * (len(judged) - 1), len(judged) - 1) for judged in repeated]
    drawn = sorted(_pooled(chance.choices(parts, k=len(parts))) for _ in range(DRAWS))
    return Spread(
        deviation=_pooled(parts),
        interval=(drawn[round(0.025 * (DRAWS - 1))], drawn[round(0.975 * (DRAWS - 1))]),
        outputs=len(repeated),
        evaluations=sum(map(len, repeated)),
        changed_sides=sum(len({is_good for _, is_good in judged}) > 1 for judged in repeated),
    )


def _pooled(parts: Sequence[tuple[float, int]]) -> float:
    return sqrt(sum(squares for squares, _ in parts) / sum(degrees for _, degrees in parts))
