"""The totals of a replay as boxes: in words, with the interval of each difference as a drawing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext

from functions.pages.signed import signed
from functions.replays.figures import Measure, Totals
from functions.replays.pairs import BETTER, CHANGED, SAME, WORSE
from functions.replays.statistics import Interval
from opperweb.pages import display

# Of the drawing, left free on both sides.
MARGIN = 0.15


@dataclass(frozen=True)
class Drawing:
    """Where band, value and zero stand, in per cent of the width."""

    low: str
    width: str
    value: str
    zero: str


@dataclass(frozen=True)
class Box:
    """One measure: its middle before and after, how it changed in a word, and the difference with its bounds."""

    label: str
    before: str
    after: str
    word: str
    css: str
    difference: str
    bounds: str
    drawing: Drawing | None


@dataclass(frozen=True)
class Part:
    """Pairs of one verdict, and their piece of the bar."""

    label: str
    css: str
    count: int
    x: str
    width: str


@dataclass(frozen=True)
class Outputs:
    """How many pairs are better, the same, worse or merely changed."""

    parts: list[Part]
    pairs: int
    chance: str
    lost: int


@dataclass(frozen=True)
class Way:
    """How a measure is said: its numbers, its differences, and a word for more and one for less of it."""

    label: str
    show: Callable[[float], str]
    signed: Callable[[float], str]
    more: str
    less: str


def boxes_of(totals: Totals, *, has_schema: bool) -> list[Box]:
    """Return the boxes of the measures that any pair has a number of."""
    ways = _ways(has_schema=has_schema)
    return [_box(measure, ways[measure.name]) for measure in totals.measures if measure.pairs]


def _ways(*, has_schema: bool) -> dict[str, Way]:
    better, worse = gettext("better"), gettext("worse")
    fits = gettext("Fits the schema") if has_schema else gettext("Answered")
    return {
        "score": Way(gettext("Score"), _plain_decimal, _one_decimal, better, worse),
        "right": Way(gettext("As expected"), _plain_percent, _points, better, worse),
        "fits": Way(fits, _plain, _counted, better, worse),
        "duration": Way(gettext("Duration, p50"), display.duration, _seconds, gettext("slower"), gettext("faster")),
        "cost": Way(gettext("Cost per call"), _cost, _percent, gettext("dearer"), gettext("cheaper")),
        "tokens": Way(gettext("Tokens out"), _plain, _whole, gettext("longer"), gettext("shorter")),
    }


def outputs_of(totals: Totals) -> Outputs:
    """Return the pairs by verdict."""
    counts = totals.counts
    labels = {
        BETTER: (gettext("better"), "is-ok"),
        SAME: (gettext("same"), "ink-2"),
        CHANGED: (gettext("changed"), "ink-2"),
        WORSE: (gettext("worse"), "is-err"),
    }
    is_judged = bool(counts.get(BETTER) or counts.get(WORSE))
    shown = [
        verdict
        for verdict in labels
        if counts.get(verdict) or verdict == SAME or (is_judged and verdict in (BETTER, WORSE))
    ]
    parts, at = [], 0
    for verdict in shown:
        label, css = labels[verdict]
        count = counts.get(verdict, 0)
        x, width = (f"{100 * number / max(totals.answered, 1):.2f}%" for number in (at, count))
        parts.append(Part(label, css, count, x, width))
        at += count
    return Outputs(parts, totals.answered, _chance(totals.chance), totals.lost)


def _chance(chance: float | None) -> str:
    if chance is None:
        return ""
    percent = gettext("under 1") if chance < 0.01 else f"{100 * chance:.0f}"
    return gettext("chance of this by luck %(percent)s %%") % {"percent": percent}


def _box(measure: Measure, way: Way) -> Box:
    assert measure.before is not None
    assert measure.after is not None
    found = measure.difference
    before, after = way.show(measure.before), way.show(measure.after)
    if found is None:
        return Box(way.label, before, after, gettext("too few pairs to say"), "ink-3", "", "", None)
    word, css = gettext("no clear change"), "ink-3"
    if measure.is_better is not None:
        word, css = way.more if found.value > 0 else way.less, "is-ok" if measure.is_better else "is-err"
    bounds = gettext("between %(low)s and %(high)s") % {"low": way.signed(found.low), "high": way.signed(found.high)}
    return Box(way.label, before, after, word, css, way.signed(found.value), bounds, drawing_of(found))


def drawing_of(interval: Interval) -> Drawing:
    """Return the drawing of an interval, zero always in sight."""
    left, right = min(0.0, interval.low), max(0.0, interval.high)
    if left == right:
        left, right = -1.0, 1.0
    space = (right - left) * MARGIN
    left, right = left - space, right + space

    def at(number: float) -> float:
        return 100 * (number - left) / (right - left)

    return Drawing(
        f"{at(interval.low):.2f}%",
        f"{at(interval.high) - at(interval.low):.2f}%",
        f"{at(interval.value):.2f}%",
        f"{at(0):.2f}%",
    )


# --- numbers in words -------------------------------------------------------------------------------------------------


def _plain(number: float) -> str:
    return f"{number:,.0f}"


def _plain_decimal(number: float) -> str:
    return f"{number:.1f}"


def _plain_percent(percent: float) -> str:
    return f"{percent:.1f}{display.NARROW}%"


def _points(percent: float) -> str:
    return f"{signed(percent, 1)}{display.NARROW}%"


def _one_decimal(number: float) -> str:
    return signed(number, 1)


def _whole(number: float) -> str:
    return signed(number, 0 if abs(number) >= 10 else 1)


def _counted(number: float) -> str:
    return signed(number, 0 if number == int(number) else 1)


def _percent(share: float) -> str:
    return f"{signed(100 * share, 0 if abs(share) >= 0.1 else 1)}{display.NARROW}%"


def _seconds(milliseconds: float) -> str:
    if abs(milliseconds) < 99.5:
        return f"{signed(milliseconds)}{display.NARROW}ms"
    return f"{signed(milliseconds / 1000, 2 if abs(milliseconds) < 10_000 else 1)}{display.NARROW}s"


def _cost(usd: float) -> str:
    return display.cost_exact(Decimal(str(usd)))
