"""Completions a minute of a batch as numbers for SVG: those that were, and what is left at this rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from functions.pages.batches.progress import Progress
from traces.pages.usage_chart import Chart, Label, stacked

MOST_BARS = 60
HEIGHT = 110.0
# How long a bar may be, in seconds.
LENGTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400)


@dataclass(frozen=True)
class Rest:
    """Where the inputs that are left would be drawn, at the rate of now."""

    x: str
    width: str
    y: str
    height: str


@dataclass(frozen=True)
class BatchChart:
    chart: Chart
    # From, done, failed: the same numbers as a table.
    lines: tuple[tuple[str, int, int], ...]
    rest: Rest | None


def chart_of(progress: Progress) -> BatchChart | None:
    """Return the chart; None before the first input has ended."""
    started_at, ends = progress.batch.started_at, progress.ends
    if started_at is None or not ends:
        return None
    first = min(started_at, min(moment for moment, _ in ends))
    past = max((progress.until - first).total_seconds(), 1.0)
    future = min((progress.left_ms or 0) / 1000, 20 * past)
    length = next(
        (each for each in LENGTHS if (past + future) / each <= MOST_BARS), math.ceil((past + future) / MOST_BARS)
    )
    count, more = math.ceil(past / length), math.ceil(future / length)
    done, failed = [0] * count, [0] * count
    for moment, is_done in ends:
        place = min(int((moment - first).total_seconds() / length), count - 1)
        (done if is_done else failed)[place] += 1
    starts = [first + timedelta(seconds=length * number) for number in range(count)]
    names = [date_format(timezone.localtime(each), "H:i:s") for each in starts]
    titles = [
        gettext("%(time)s: %(done)s done, %(failed)s failed") % {"time": name, "done": good, "failed": bad}
        for name, good, bad in zip(names, done, failed, strict=True)
    ]
    a_minute = 60 / length
    chart = stacked(
        [(bad * a_minute, good * a_minute) for good, bad in zip(done, failed, strict=True)] + [()] * more,
        titles + [""] * more,
        css=("error", "c5"),
        shown=lambda number: f"{number:,.0f}" if number >= 10 or not number else f"{number:g}",
        labels=_labels(progress, names[0], past / (past + future)),
        height=HEIGHT,
    )
    top = float(chart.marks[0].label.replace(",", "")) or 1
    rest = _rest(progress, count / (count + more), top) if more else None
    return BatchChart(chart, tuple(zip(names, done, failed, strict=True)), rest)


def _labels(progress: Progress, start: str, share: float) -> list[Label]:
    labels = [Label("0%", "start", start)]
    if progress.left_ms:
        end = timezone.localtime(progress.now + timedelta(milliseconds=progress.left_ms))
        if 0.15 < share < 0.8:
            labels.append(Label(f"{share:.1%}", "middle", gettext("now")))
        labels.append(Label("100%", "end", gettext("about %(time)s") % {"time": date_format(end, "H:i")}))
    else:
        labels.append(Label("100%", "end", date_format(timezone.localtime(progress.until), "H:i:s")))
    return labels


def _rest(progress: Progress, share: float, top: float) -> Rest:
    height = min(HEIGHT, max(2.0, HEIGHT * (progress.rate or 0) * 60 / top))
    return Rest(f"{share:.2%}", f"{1 - share:.2%}", f"{HEIGHT - height:.1f}", f"{height:.1f}")
