"""What is drawn of evaluations: the spread of scores, averages by criterion and revision, intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles

from django.utils.translation import gettext

from functions.evaluations.agreement import Agreement, Share, Spread
from functions.evaluations.figures import Mean, Scored, is_clear, mean_of
from functions.pages.signed import MINUS, signed
from opperweb.pages import display
from traces.pages import usage_chart
from traces.pages.usage_chart import Chart, Label

HEIGHT = 112.0
BARS = 20
LOW, MIDDLING = 50, 75
MOST_REVISIONS = 4


@dataclass(frozen=True)
class Histogram:
    """Scores in twenty bars: under 50 low, under 75 middling, and how many those are."""

    chart: Chart
    table: list[tuple[str, int]]
    low: int
    middling: int
    words: str


def histogram_of(scores: Sequence[int], query_of: Callable[[str], str]) -> Histogram | None:
    """Return the spread of scores, None without any; `query_of` a filter's text is the way to what it finds."""
    if not scores:
        return None
    counts = [0] * BARS
    for score in scores:
        counts[_bar_of(score)] += 1
    names = [_name_of(number) for number in range(BARS)]
    chart = usage_chart.stacked(
        [_parts_of(number, count) for number, count in enumerate(counts)],
        [f"{name}: {display.count(count)}" for name, count in zip(names, counts, strict=True)],
        css=("low", "middling", "good"),
        shown=lambda count: display.tokens(int(count)) if count == int(count) else "",
        labels=[Label(f"{at}%", "start" if not at else "end" if at == 100 else "middle", str(at)) for at in _LABELS],
        queries=[query_of(f"score:{5 * number}..{_last_of(number)}") for number in range(BARS)],
        height=HEIGHT,
    )
    low, middling = (sum(score < edge for score in scores) for edge in (LOW, MIDDLING))
    return Histogram(chart, list(zip(names, counts, strict=True)), low, middling, _words_of(scores))


_LABELS = (0, 25, 50, 75, 100)


def _bar_of(score: int) -> int:
    return min(max(score, 0) // 5, BARS - 1)


def _last_of(number: int) -> int:
    return 100 if number == BARS - 1 else 5 * number + 4


def _name_of(number: int) -> str:
    return gettext("%(low)s to %(high)s") % {"low": 5 * number, "high": _last_of(number)}


def _parts_of(number: int, count: int) -> list[int]:
    part = 0 if 5 * number < LOW else 1 if 5 * number < MIDDLING else 2
    return [count if place == part else 0 for place in range(3)]


def _words_of(scores: Sequence[int]) -> str:
    words = gettext("average %(mean)s") % {"mean": f"{fmean(scores):.0f}"}
    if len(scores) < 10:
        return words
    tenth = quantiles(scores, n=10, method="inclusive")[0]
    return gettext("%(words)s, one in ten under %(tenth)s") % {"words": words, "tenth": f"{tenth:.0f}"}


# --- by criterion and revision ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CriterionRow:
    """The averages of one criterion by revision; the change of the last against the one before, where both have it."""

    name: str
    means: list[Mean | None]
    change: str
    css: str
    is_total: bool = False

    @property
    def cells(self) -> list[tuple[str, int]]:
        return [(f"{mean.value:.0f}", mean.count) if mean else (display.MISSING, 0) for mean in self.means]


@dataclass(frozen=True)
class Averages:
    revisions: list[int]
    rows: list[CriterionRow]


def averages_of(scored: Sequence[Scored]) -> Averages | None:
    """Return the averages of the newest revisions, the newest last; None where no revision is known."""
    revisions = sorted({each.revision for each in scored if each.revision is not None})[-MOST_REVISIONS:]
    if not revisions:
        return None
    by_revision = [[each for each in scored if each.revision == number] for number in revisions]
    # In the order of the rubric, which is that of every judgement.
    names = list(dict.fromkeys(name for each in scored for name in each.criteria))
    rows = [
        _row(name, [mean_of([each.criteria[name] for each in part if name in each.criteria]) for part in by_revision])
        for name in names
    ]
    total = _row(
        gettext("All together"), [mean_of([each.score for each in part]) for part in by_revision], is_total=True
    )
    return Averages(revisions, [*rows, total])


def _row(name: str, means: list[Mean | None], *, is_total: bool = False) -> CriterionRow:
    before, after = means[-2] if len(means) > 1 else None, means[-1]
    if before is None or after is None:
        return CriterionRow(name, means, display.MISSING, "ink-3", is_total)
    difference = after.value - before.value
    if not is_clear(before, after):
        return CriterionRow(name, means, signed(difference, 1), "ink-3", is_total)
    return CriterionRow(name, means, signed(difference, 1), "is-ok" if difference > 0 else "is-err", is_total)


# --- intervals --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class IntervalBox:
    """A figure with its interval, drawn: all places in per cent of the width."""

    label: str
    shown: str
    css: str
    low: str
    width: str
    value: str
    bounds: str
    second: str


def trust_boxes(agreement: Agreement) -> list[IntervalBox]:
    """Return agreement, false alarms and misses, each with its interval."""
    kappa, around = agreement.kappa, agreement.kappa_interval
    second = ""
    if kappa is not None and around is not None:
        numbers = f"κ {kappa:.2f} ({around[0]:.2f}–{around[1]:.2f})"
        second = numbers.replace("-", MINUS)
    return [
        *_share_box(gettext("Agrees with people"), agreement.agreement, "is-ok", second),
        *_share_box(gettext("False alarms"), agreement.false_alarms, "is-warn", gettext("good, marked bad")),
        *_share_box(gettext("Misses"), agreement.misses, "is-err", gettext("bad, marked good")),
    ]


def _share_box(label: str, share: Share, css: str, second: str) -> list[IntervalBox]:
    value, interval = share.value, share.interval
    if value is None or interval is None:
        return [IntervalBox(label, display.MISSING, "ink-3", "", "", "", gettext("nothing to tell from"), second)]
    low, high = interval
    return [
        IntervalBox(
            label,
            _percent(value),
            css,
            f"{100 * low:.2f}%",
            f"{100 * (high - low):.2f}%",
            f"{100 * value:.2f}%",
            f"{100 * low:.1f}–{_percent(high)}",
            second,
        )
    ]


def spread_box(spread: Spread) -> IntervalBox:
    """Return the spread on repeats, on a scale of its own."""
    low, high = spread.interval
    most = max(5.0, high * 1.25)
    around = {"low": f"{low:.1f}", "high": f"{high:.1f}", "outputs": display.count(spread.outputs)}
    return IntervalBox(
        gettext("Spread on repeats"),
        f"±{display.NARROW}{spread.deviation:.1f}",
        "ink",
        f"{100 * low / most:.2f}%",
        f"{100 * (high - low) / most:.2f}%",
        f"{100 * spread.deviation / most:.2f}%",
        gettext("%(low)s–%(high)s, %(outputs)s outputs") % around,
        gettext("%(count)s changed sides") % {"count": display.count(spread.changed_sides)},
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}{display.NARROW}%"
