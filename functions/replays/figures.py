"""What the pairs of a replay come to: how many are better and worse, and by how much the two sides differ.

Everything is counted over pairs of which both sides are there. Failures count in `fits` and as losses in the chance of
luck: a definition that fails where it would have been worse must not look good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from functions.replays.pairs import BETTER, FAILED, WORSE, Pair, match
from functions.replays.statistics import (
    Interval,
    count_difference,
    luck,
    mean_difference,
    median_difference,
    ratio_difference,
)
from functions.trials.sides import Side

Numbers = Sequence[float]


@dataclass(frozen=True)
class Measure:
    """One number of both sides; `difference` is None where the pairs are too few to say."""

    name: str
    before: float | None
    after: float | None
    pairs: int
    difference: Interval | None
    is_better_higher: bool

    @property
    def is_better(self) -> bool | None:
        """Whether the change is for the better; None where there is no clear change."""
        if self.difference is None or not self.difference.is_clear:
            return None
        return (self.difference.value > 0) == self.is_better_higher


@dataclass(frozen=True)
class Totals:
    """The finished pairs by verdict, the chance that luck alone was at work, and the measures in their order."""

    counts: Mapping[str, int]
    finished: int
    lost: int
    chance: float | None
    measures: tuple[Measure, ...]

    @property
    def answered(self) -> int:
        """Pairs of which neither side failed, or only the one before."""
        return self.finished - self.counts.get(FAILED, 0)


def totals_of(pairs: Iterable[Pair]) -> Totals:
    """Return what the pairs come to so far."""
    every = list(pairs)
    finished = [pair for pair in every if pair.is_finished]
    counts = Counter(pair.verdict for pair in every)
    lost = sum(pair.verdict == FAILED and not pair.before.is_failed for pair in finished)
    return Totals(
        counts=counts,
        finished=len(finished),
        lost=lost,
        chance=luck(counts[BETTER], counts[WORSE] + lost),
        measures=(
            _measured("score", _both(finished, _score), fmean, mean_difference, is_better_higher=True),
            _measured("right", _right(finished), fmean, mean_difference, is_better_higher=True),
            _fits(finished),
            _measured("duration", _both(finished, _duration), median, median_difference),
            _measured("cost", _both(finished, _cost), fmean, ratio_difference),
            _measured("tokens", _both(finished, _tokens), fmean, mean_difference),
        ),
    )


def _both(pairs: Iterable[Pair], number_of: Callable[[Side], float | None]) -> list[tuple[float, float]]:
    """Return a number of both sides of the pairs of which both are known."""
    both = [(number_of(pair.before), number_of(pair.after)) for pair in pairs]
    return [(old, new) for old, new in both if old is not None and new is not None]


def _right(pairs: Iterable[Pair]) -> list[tuple[float, float]]:
    """Return what share of the right answer both sides have, in per cent; a failure has none of it."""
    found = []
    for pair in pairs:
        if pair.example_id is not None:
            before, after = (match(pair.expected, side.value) if side.is_read else 0.0 for side in pair.sides)
            found.append((100 * before, 100 * after))
    return found


def _measured(
    name: str,
    known: Sequence[tuple[float, float]],
    middle: Callable[[Numbers], float],
    difference: Callable[[Numbers, Numbers], Interval | None],
    *,
    is_better_higher: bool = False,
) -> Measure:
    if not known:
        return Measure(name, None, None, 0, None, is_better_higher)
    before, after = [old for old, _ in known], [new for _, new in known]
    return Measure(name, middle(before), middle(after), len(known), difference(before, after), is_better_higher)


def _fits(pairs: Sequence[Pair]) -> Measure:
    known = [pair for pair in pairs if pair.before.is_known and pair.after.is_known]
    before, after = (sum(pair.before.is_answered for pair in known), sum(pair.after.is_answered for pair in known))
    lost = sum(pair.before.is_answered and pair.after.is_failed for pair in known)
    found = count_difference(total=len(known), gained=after - before + lost, lost=lost)
    return Measure("fits", before, after, len(known), found, is_better_higher=True)


def _score(side: Side) -> float | None:
    return side.score


# An answer that was kept took no time, no tokens and no money: it says nothing of the definition.


def _duration(side: Side) -> float | None:
    return None if side.is_cached else side.duration_ms


def _cost(side: Side) -> float | None:
    return None if side.is_cached or side.cost_usd is None else float(side.cost_usd)


def _tokens(side: Side) -> float | None:
    return None if side.is_cached else side.output_tokens
