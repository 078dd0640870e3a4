"""What pairs of numbers say: differences with an interval of 95 %, and how likely luck alone would do as much.

All of it is worked out the same way each time: what is drawn by lot is drawn from a fixed seed. Fewer pairs than
LEAST_PAIRS say nothing, and get no interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from statistics import NormalDist, fmean, median, stdev

LEAST_PAIRS = 5
# Draws of a bootstrap: as many as there is time for.
MOST_DRAWS, LEAST_DRAWS = 1_000, 200
MOST_DRAWN = 200_000
SEED = 20_000
# The 97.5th percentiles of Student's t from 1 to 30 degrees of freedom; beyond them a series is exact to four digits.
T_TABLE = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)  # fmt: skip
Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Interval:
    """A difference, after minus before, and between which bounds it lies with a confidence of 95 %."""

    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether there is a difference at all: a band that touches zero says no."""
        return self.low > 0 or self.high < 0


def luck(wins: int, losses: int) -> float | None:
    """Return how often a fair coin would be as uneven as this or more so (sign test, two-sided); None for no toss."""
    tosses = wins + losses
    if not tosses:
        return None
    tail = sum(math.comb(tosses, heads) for heads in range(min(wins, losses) + 1))
    return float(min(1.0, 2 * tail / 2**tosses))


def mean_difference(before: Sequence[float], after: Sequence[float]) -> Interval | None:
    """Return the mean of the differences of pairs, with Student's interval."""
    if len(before) < LEAST_PAIRS:
        return None
    differences = [new - old for old, new in zip(before, after, strict=True)]
    value = fmean(differences)
    reach = _reach(differences)
    return Interval(value, value - reach, value + reach)


def ratio_difference(before: Sequence[float], after: Sequence[float]) -> Interval | None:
    """Return by what share the mean has changed, −0.06 for six per cent less; None where the mean before is 0.

    The interval is that of a ratio of two means of the same pairs, by the delta method.
    """
    if len(before) < LEAST_PAIRS:
        return None
    mean_before = fmean(before)
    if not mean_before:
        return None
    ratio = fmean(after) / mean_before
    reach = _reach([(new - ratio * old) / mean_before for old, new in zip(before, after, strict=True)])
    return Interval(ratio - 1, ratio - 1 - reach, ratio - 1 + reach)


def count_difference(*, total: int, gained: int, lost: int) -> Interval | None:
    """Return how many more of `total` pairs hold after than before: those that changed for good and for bad.

    The interval is the one of Agresti and Min for matched pairs, which does not vanish where no pair changed.
    """
    if total < LEAST_PAIRS:
        return None
    middle, spread = gained - lost, gained + lost + 1
    share = middle / (total + 2)
    reach = Z * math.sqrt(max(0.0, spread - middle**2 / (total + 2))) / (total + 2)
    bounds = [total * max(-1.0, min(1.0, bound)) for bound in (share - reach, share + reach)]
    # The formula draws the middle a little towards zero; what was counted is never left outside.
    return Interval(middle, min(bounds[0], middle), max(bounds[1], middle))


def median_difference(before: Sequence[float], after: Sequence[float]) -> Interval | None:
    """Return the median after minus the median before, with an interval of medians of pairs drawn by lot."""
    if len(before) < LEAST_PAIRS:
        return None
    return _median_difference(tuple(before), tuple(after))


@lru_cache(maxsize=64)
def _median_difference(before: tuple[float, ...], after: tuple[float, ...]) -> Interval:
    number = len(before)
    draws = max(LEAST_DRAWS, min(MOST_DRAWS, MOST_DRAWN // number))
    lot, places = Random(SEED), range(number)
    found = []
    for _ in range(draws):
        drawn = lot.choices(places, k=number)
        found.append(median([after[place] for place in drawn]) - median([before[place] for place in drawn]))
    found.sort()
    value = median(after) - median(before)
    low, high = found[int(draws * 0.025)], found[math.ceil(draws * 0.975) - 1]
    return Interval(value, min(low, value), max(high, value))


def _reach(differences: Sequence[float]) -> float:
    """Return half the width of Student's interval around the mean of these."""
    number = len(differences)
    return t_quantile(number - 1) * stdev(differences) / math.sqrt(number)


def t_quantile(freedom: int) -> float:
    """Return the 97.5th percentile of Student's t."""
    if freedom <= len(T_TABLE):
        return T_TABLE[freedom - 1]
    return (
        Z
        + (Z**3 + Z) / (4 * freedom)
        + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)
        + (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / (384 * freedom**3)
    )
