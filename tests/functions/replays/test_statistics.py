"""Intervals and chances of pairs, against what is worked out by hand or stands in tables."""

from __future__ import annotations

import math

import pytest

from functions.replays.statistics import (
    LEAST_PAIRS,
    Interval,
    count_difference,
    luck,
    mean_difference,
    median_difference,
    ratio_difference,
    t_quantile,
)


@pytest.mark.parametrize(
    ("wins", "losses", "chance"),
    [
        # 2 × (1 + 18 + 153 + 816 + 3060) / 2¹⁸
        (14, 4, 0.030884),
        (4, 14, 0.030884),
        (1, 0, 1.0),
        # 2 × 1 / 2⁵
        (5, 0, 0.0625),
        # More than everything cannot be.
        (3, 3, 1.0),
        (9, 1, 0.021484),
    ],
)
def test_the_sign_test_is_the_one_of_the_books(wins: int, losses: int, chance: float) -> None:
    assert luck(wins, losses) == pytest.approx(chance, abs=1e-6)


def test_without_a_toss_there_is_no_chance_and_with_many_it_is_still_a_number() -> None:
    assert luck(0, 0) is None
    assert luck(1_000, 0) == pytest.approx(0)
    assert luck(500, 500) == 1


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (4, 2.7764), (30, 2.0423), (31, 2.0395), (40, 2.0211), (60, 2.0003), (120, 1.9799), (999, 1.9623)],
)
def test_students_t_is_the_one_of_the_tables(freedom: int, quantile: float) -> None:
    assert t_quantile(freedom) == pytest.approx(quantile, abs=5e-5)


def test_the_mean_difference_of_pairs_has_students_interval() -> None:
    # Differences 1 2 3 4 5: mean 3, deviation √2.5, reach 2.7764 × √2.5 / √5.
    found = mean_difference([10, 10, 10, 10, 10], [11, 12, 13, 14, 15])
    assert found is not None
    reach = 2.7764 * math.sqrt(0.5)
    assert (found.value, found.low, found.high) == pytest.approx((3, 3 - reach, 3 + reach), abs=1e-4)
    assert found.is_clear


def test_what_all_pairs_have_in_common_counts_for_nothing_in_their_spread() -> None:
    # The pairs differ by far more than each changes; only the change is asked for.
    before = [10.0, 500, 90, 2000, 33, 71]
    found = mean_difference(before, [number + 2 for number in before])
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((2, 2, 2))


def test_a_band_that_touches_zero_is_not_clear() -> None:
    assert not Interval(3, 0, 6).is_clear
    assert not Interval(-3, -6, 0).is_clear
    assert not Interval(0, 0, 0).is_clear
    assert Interval(3, 0.1, 6).is_clear
    assert Interval(-3, -6, -0.1).is_clear


def test_pairs_that_are_all_alike_show_no_change() -> None:
    same = [7.0] * 9
    for found in (mean_difference(same, same), ratio_difference(same, same), median_difference(same, same)):
        assert found == Interval(0, 0, 0)


def test_the_share_by_which_a_mean_has_changed() -> None:
    # 6 % less in each pair: whatever their sizes, the ratio has no spread.
    before = [100.0, 250, 30, 80, 1000]
    found = ratio_difference(before, [number * 0.94 for number in before])
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((-0.06, -0.06, -0.06))
    # By hand: ratio 1.2; residuals −2 −1 0 1 2 over a mean of 10; deviation √2.5 / 10.
    found = ratio_difference([10, 10, 10, 10, 10], [10, 11, 12, 13, 14])
    assert found is not None
    reach = 2.7764 * math.sqrt(2.5) / 10 / math.sqrt(5)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.2 - reach, 0.2 + reach), abs=1e-5)


def test_a_mean_of_nothing_has_no_ratio() -> None:
    assert ratio_difference([0.0] * 6, [1.0] * 6) is None


def test_counts_that_gain_as_much_as_they_lose_are_not_clear_yet_have_a_width() -> None:
    found = count_difference(total=44, gained=1, lost=1)
    assert found is not None
    assert found.value == 0
    assert found.low < 0 < found.high
    # (1 − 1) ± 1.96 × √3 / 46, of 44.
    assert found.high == pytest.approx(44 * 1.959964 * math.sqrt(3) / 46, abs=1e-4)
    nothing = count_difference(total=44, gained=0, lost=0)
    assert nothing is not None
    assert nothing.low < 0 < nothing.high


def test_counts_that_only_lose_are_clear_and_stay_within_the_total() -> None:
    found = count_difference(total=20, gained=0, lost=20)
    assert found is not None
    assert found.is_clear
    assert (found.value, found.low) == (-20, -20)
    fixed = count_difference(total=45, gained=45, lost=0)
    assert fixed is not None
    assert fixed.low > 0
    assert fixed.high == 45


def test_medians_differ_by_what_the_middle_says_with_the_same_interval_each_time() -> None:
    before = [float(number) for number in range(1, 41)]
    after = [number - 5 for number in before]
    after[3] = 900_000
    first, again = median_difference(before, after), median_difference(list(before), list(after))
    assert first == again
    assert first is not None
    # One call that took for ever moves the middle by one place.
    assert first.value == pytest.approx(-4, abs=1)
    assert first.low <= first.value <= first.high
    assert first.is_clear


def test_medians_of_the_same_numbers_in_another_order_show_no_clear_change() -> None:
    before = [float(number * 37 % 101) for number in range(60)]
    found = median_difference(before, before[::-1])
    assert found is not None
    assert found.value == 0
    assert not found.is_clear


@pytest.mark.parametrize("number", [0, 1, LEAST_PAIRS - 1])
def test_few_pairs_say_nothing(number: int) -> None:
    few = [1.0] * number
    assert mean_difference(few, few) is None
    assert ratio_difference(few, few) is None
    assert median_difference(few, few) is None
    assert count_difference(total=number, gained=0, lost=0) is None


def test_every_bound_contains_the_value_it_belongs_to() -> None:
    before = [1.0, 5, 2, 8, 13, 40, 7]
    after = [2.0, 4, 2, 9, 1, 70, 7]
    for found in (
        mean_difference(before, after),
        ratio_difference(before, after),
        median_difference(before, after),
        count_difference(total=7, gained=3, lost=0),
    ):
        assert found is not None
        assert found.low <= found.value <= found.high
