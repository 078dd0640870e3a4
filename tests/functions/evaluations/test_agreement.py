"""The numbers of agreement beside those of scikit-learn, scipy and numpy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import isnan, sqrt

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix

from functions.evaluations.agreement import ENOUGH, Agreement, Share, agreement_of, spread_of

# What the judge says and what people say, over and over: good_good, good_bad, bad_good, bad_bad.
TABLES = [
    (26, 7, 4, 23),
    (25, 5, 3, 27),
    (90, 4, 3, 3),
    (40, 10, 1, 9),
    (28, 1, 1, 0),
    (10, 10, 10, 10),
    (0, 20, 20, 0),
    (30, 0, 0, 12),
    (1, 0, 0, 1),
    (0, 0, 3, 9),
    (0, 6, 0, 9),
    (7, 0, 5, 0),
]
PAIRS = [(True, True), (True, False), (False, True), (False, False)]


def said(table: Sequence[int]) -> tuple[list[bool], list[bool]]:
    """Write a table out: what the judge says of each output, and what people say."""
    rows = [pair for pair, count in zip(PAIRS, table, strict=True) for _ in range(count)]
    return [judge for judge, _ in rows], [people for _, people in rows]


def counted(table: Sequence[int]) -> Agreement:
    return agreement_of(zip(*said(table), strict=True))


def kappa_by_sklearn(table: Sequence[float]) -> float:
    """Cohen's kappa of the four cells, which may be parts of outputs."""
    with warnings.catch_warnings():
        # It warns where neither of both varies, and says NaN.
        warnings.simplefilter("ignore")
        judge, people = zip(*PAIRS, strict=True)
        return float(cohen_kappa_score(judge, people, sample_weight=np.array(table, float)))


# --- counts and shares ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_the_counts_are_those_of_a_confusion_matrix(table: tuple[int, ...]) -> None:
    judge, people = said(table)
    by_judge = confusion_matrix(judge, people, labels=[True, False])
    found = counted(table)
    assert [[found.good_good, found.good_bad], [found.bad_good, found.bad_bad]] == by_judge.tolist()
    assert found.count == by_judge.sum()
    assert found.agreement.value == pytest.approx(accuracy_score(people, judge))


@pytest.mark.parametrize("table", TABLES)
def test_false_alarms_and_misses_are_shares_of_what_people_say(table: tuple[int, ...]) -> None:
    judge, people = (np.array(each) for each in said(table))
    found = counted(table)
    for share, among in ((found.false_alarms, people), (found.misses, ~people)):
        wrong = judge[among] != people[among]
        assert (share.part, share.whole) == (wrong.sum(), wrong.size)
        assert share.value == (pytest.approx(wrong.mean()) if wrong.size else None)


@pytest.mark.parametrize(("part", "whole"), [(0, 1), (1, 1), (0, 30), (30, 30), (7, 30), (1, 3), (49, 60), (500, 9999)])
def test_the_interval_of_a_share_is_wilsons(part: int, whole: int) -> None:
    by_scipy = stats.binomtest(part, whole).proportion_ci(confidence_level=0.95, method="wilson")
    assert Share(part, whole).interval == pytest.approx((by_scipy.low, by_scipy.high), abs=1e-12)


# --- kappa ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_kappa_is_cohens(table: tuple[int, ...]) -> None:
    judge, people = said(table)
    by_sklearn = float(cohen_kappa_score(judge, people))
    found = counted(table)
    assert found.kappa == pytest.approx(by_sklearn, abs=1e-12)
    assert kappa_by_sklearn(table) == pytest.approx(by_sklearn, abs=1e-12)


@pytest.mark.parametrize("table", [(9, 0, 0, 0), (0, 0, 0, 9)])
def test_where_both_say_one_thing_only_there_is_no_kappa(table: tuple[int, ...]) -> None:
    assert isnan(kappa_by_sklearn(table))
    found = counted(table)
    assert (found.kappa, found.kappa_interval) == (None, None)
    assert found.agreement.value == 1


def asymptotic_error(table: Sequence[int]) -> float:
    """The standard error of kappa by the delta method: how scikit-learn's kappa moves with each of the four shares."""
    shares = np.array(table, float) / sum(table)
    step = 1e-6
    slopes = np.zeros(4)
    for cell in range(4):
        more, less = shares.copy(), shares.copy()
        more[cell] += step
        less[cell] -= step
        slopes[cell] = (kappa_by_sklearn(more) - kappa_by_sklearn(less)) / (2 * step)
    covariance = (np.diag(shares) - np.outer(shares, shares)) / sum(table)
    return sqrt(slopes @ covariance @ slopes)


@pytest.mark.parametrize("table", [(25, 5, 3, 27), (26, 7, 4, 23), (90, 4, 3, 3), (40, 10, 1, 9), (28, 1, 1, 0)])
def test_the_interval_of_kappa_is_no_narrower_than_the_asymptotic_one(table: tuple[int, ...]) -> None:
    found = counted(table)
    assert found.kappa is not None
    assert found.kappa_interval is not None
    low, high = found.kappa_interval
    half = stats.norm.ppf(0.975) * asymptotic_error(table)
    assert low <= max(-1.0, found.kappa - half) + 1e-9
    assert high >= min(1.0, found.kappa + half) - 1e-9
    # Where good and bad are about as frequent, both are the same.
    if abs(sum(table[:2]) - sum(table[2:])) <= 6:
        assert high - low == pytest.approx(2 * half, rel=0.01)


@pytest.mark.parametrize("shares", [(0.45, 0.05, 0.05, 0.45), (0.75, 0.05, 0.05, 0.15), (0.85, 0.05, 0.04, 0.06)])
def test_nineteen_of_twenty_intervals_of_kappa_hold_the_true_one(shares: tuple[float, ...]) -> None:
    truth = kappa_by_sklearn(shares)
    drawn = np.random.default_rng(1).multinomial(100, shares, 2000)
    intervals = [Agreement(*map(int, table)).kappa_interval for table in drawn]
    held = [low <= truth <= high for low, high in filter(None, intervals)]
    assert len(held) > 1990
    assert 0.92 < np.mean(held) < 0.98


# --- nothing, one side, too few ---------------------------------------------------------------------------------------


def test_of_nothing_nothing_is_said() -> None:
    nothing = agreement_of([])
    assert nothing.count == 0
    for share in (nothing.agreement, nothing.false_alarms, nothing.misses):
        assert (share.value, share.interval) == (None, None)
    assert (nothing.kappa, nothing.kappa_interval) == (None, None)
    assert not nothing.is_enough
    assert nothing.missing == ENOUGH


def test_where_people_call_nothing_bad_there_are_alarms_and_no_misses() -> None:
    found = counted((25, 0, 5, 0))
    assert found.false_alarms.value == pytest.approx(5 / 30)
    assert (found.misses.value, found.misses.interval) == (None, None)
    # It agrees as often as a judge would that says good so often without looking.
    assert found.kappa == pytest.approx(0)


def test_thirty_are_enough() -> None:
    assert [counted((count, 0, 0, 0)).missing for count in (29, 30, 31)] == [1, 0, 0]
    assert not counted((29, 0, 0, 0)).is_enough
    assert counted((30, 0, 0, 0)).is_enough


# --- spread -----------------------------------------------------------------------------------------------------------


def scores(*outputs: Sequence[int]) -> list[list[tuple[int, bool]]]:
    return [[(score, score >= 50) for score in judged] for judged in outputs]


def pooled(*outputs: Sequence[int]) -> float:
    """The standard deviation within outputs, as numpy has it."""
    many = [judged for judged in outputs if len(judged) > 1]
    squares = sum(float(np.var(judged, ddof=1)) * (len(judged) - 1) for judged in many)
    return sqrt(squares / sum(len(judged) - 1 for judged in many))


def test_the_spread_is_the_pooled_standard_deviation() -> None:
    outputs = [(90, 94, 88), (20, 35), (48, 52, 50, 47), (70,), (61, 61, 61)]
    found = spread_of(scores(*outputs))
    assert found is not None
    assert found.deviation == pytest.approx(pooled(*outputs))
    assert (found.outputs, found.evaluations, found.changed_sides) == (4, 12, 1)
    # With as many evaluations of each it is the root of the mean variance.
    equal = [(90, 94), (20, 35), (48, 52)]
    same = spread_of(scores(*equal))
    assert same is not None
    assert same.deviation == pytest.approx(sqrt(np.var(equal, axis=1, ddof=1).mean()))


def test_the_interval_of_the_spread_holds_the_true_one_and_is_the_same_each_time() -> None:
    drawn = np.random.default_rng(7)
    outputs = [[round(score) for score in drawn.normal(mean, 6, 4)] for mean in drawn.uniform(30, 90, 20)]
    found = spread_of(scores(*outputs))
    assert found is not None
    low, high = found.interval
    assert low < found.deviation < high
    assert low < 6 < high
    assert spread_of(scores(*outputs)) == found
    parts = np.array([np.var(judged, ddof=1) for judged in outputs])
    again = np.sqrt(drawn.choice(parts, (20_000, 20)).mean(axis=1))
    assert (low, high) == pytest.approx(tuple(np.percentile(again, [2.5, 97.5])), rel=0.05)


def test_what_was_judged_once_has_no_spread_and_the_same_twice_one_of_nothing() -> None:
    assert spread_of([]) is None
    assert spread_of(scores((90,), (20,))) is None
    same = spread_of(scores((90, 90), (20, 20, 20)))
    assert same is not None
    assert (same.deviation, same.interval, same.changed_sides) == (0, (0, 0), 0)
