"""Numbers, times and sizes in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from opperweb.pages import display


def plain(text: str) -> str:
    return text.replace(display.NARROW, " ")


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.4, "<1 ms"),
        (30, "30 ms"),
        (99.4, "99 ms"),
        (99.6, "0.10 s"),
        (920, "0.92 s"),
        (9_994, "9.99 s"),
        (14_620, "14.6 s"),
        (59_949, "59.9 s"),
        (59_960, "1 min 0 s"),
        (124_000, "2 min 4 s"),
        (11_100_000, "3 h 5 min"),
    ],
)
def test_durations(milliseconds: float | None, shown: str) -> None:
    assert plain(display.duration(milliseconds)) == shown


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (None, "–"),
        (Decimal(0), "$0"),
        (Decimal("0.00002"), "<$0.0001"),
        (Decimal("0.01123"), "$0.0112"),
        (Decimal("0.99999"), "$1.0000"),
        (Decimal("18.42"), "$18.42"),
        (Decimal("1234.5"), "$1,234.50"),
    ],
)
def test_costs(usd: Decimal | None, shown: str) -> None:
    assert display.cost(usd) == shown


def test_costs_are_longer_where_they_are_looked_at_closely() -> None:
    assert display.cost_exact(Decimal("0.000312")) == "$0.00031"
    assert display.cost_receipt(Decimal("0.0003124")) == "$0.0003124"
    assert display.price(Decimal("0.1")) == "$0.10"
    assert display.price(Decimal("0.075")) == "$0.075"


@pytest.mark.parametrize(
    ("number", "shown"),
    [(None, "–"), (0, "0"), (99_999, "99,999"), (182_400, "182k"), (999_600, "1.0 M"), (41_200_000, "41.2 M")],
)
def test_tokens(number: int | None, shown: str) -> None:
    assert plain(display.tokens(number)) == shown


def test_shares_and_sizes() -> None:
    assert plain(display.share(226, 12_480)) == "1.8 %"
    assert display.share(0, 0) == "–"
    assert plain(display.size(412)) == "412 B"
    assert plain(display.size(1_100)) == "1.1 kB"
    assert plain(display.size(3_400_000)) == "3.4 MB"


NOW = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        (timedelta(seconds=2), "now"),
        (timedelta(seconds=12), "12 s"),
        (timedelta(minutes=4, seconds=50), "4 min"),
        (timedelta(hours=2), "12:00"),
        (timedelta(days=3), "28 Feb"),
        (timedelta(days=300), "7 May 2025"),
    ],
)
def test_a_time_is_relative_for_an_hour(before: timedelta, shown: str) -> None:
    assert plain(display.when(NOW - before, NOW)) == shown


def test_scores_are_coloured_when_they_are_not_good() -> None:
    assert [display.score_tone(score) for score in (None, 49, 50, 74, 75)] == [
        "none",
        "low",
        "middling",
        "middling",
        "good",
    ]
