"""The charts of the Usage page as numbers for SVG: all along is per cent, so that they fit any width without script."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format

HEIGHT = 190.0
SMALL_HEIGHT = 76.0
GAP = 1.0
# Labels of days need this share of the width each.
MOST_LABELS = 9


@dataclass(frozen=True)
class Bar:
    """A part of a column; `css` is c1 to c5."""

    css: str
    y: str
    height: str


@dataclass(frozen=True)
class Column:
    """What a period looks like: its bars, and the words a pointer on it reads."""

    x: str
    width: str
    bar_x: str
    bar_width: str
    bars: tuple[Bar, ...]
    title: str
    query: str = ""


@dataclass(frozen=True)
class Mark:
    """A label at the side, with its line."""

    y: str
    label: str


@dataclass(frozen=True)
class Label:
    """A label below, and on which side of its place it stands."""

    x: str
    anchor: str
    text: str


@dataclass(frozen=True)
class Chart:
    height: int
    columns: tuple[Column, ...] = ()
    marks: tuple[Mark, ...] = ()
    labels: tuple[Label, ...] = ()
    # Points of lines in a box of 100 × height: a colour and a piece without gaps each.
    lines: tuple[tuple[str, str], ...] = ()


def stacked(
    parts: Sequence[Sequence[float]],
    titles: Sequence[str],
    *,
    css: Sequence[str],
    shown: Callable[[float], str],
    labels: Sequence[Label] = (),
    queries: Sequence[str] = (),
    height: float = HEIGHT,
) -> Chart:
    """Return a chart of columns; `parts` holds for each of them its parts from below."""
    top = ceiling(max((sum(column) for column in parts), default=0.0))
    width = 100 / max(len(parts), 1)
    columns = []
    for number, column in enumerate(parts):
        bars, base = [], height
        for name, part in zip(css, column, strict=False):
            if part > 0:
                tall = max(height * part / top, 1.0)
                # A line of the page's colour between parts.
                bars.append(Bar(name, f"{base - tall:.1f}", f"{max(tall - GAP, 0.7):.1f}"))
                base -= tall
        columns.append(
            Column(
                f"{number * width:.3f}%",
                f"{width:.3f}%",
                f"{(number + 0.1) * width:.3f}%",
                f"{0.8 * width:.3f}%",
                tuple(bars),
                titles[number],
                queries[number] if queries else "",
            )
        )
    return Chart(round(height), tuple(columns), _marks(top, shown, height), tuple(labels))


def lined(
    series: Sequence[Sequence[float | None]],
    titles: Sequence[str],
    *,
    shown: Callable[[float], str],
    top: float = 0.0,
    height: float = SMALL_HEIGHT,
) -> Chart:
    """Return a chart of lines, each broken where there is no value."""
    top = top or ceiling(max((value for line in series for value in line if value is not None), default=0.0))
    count = max((len(line) for line in series), default=0)
    lines: list[tuple[str, str]] = []
    for name, line in zip(("l1", "l2"), series, strict=False):
        piece: list[str] = []
        for number, value in enumerate([*line, None]):
            if value is not None:
                piece.append(f"{(number + 0.5) * 100 / count:.2f},{height - height * min(value / top, 1):.2f}")
            elif piece:
                # A single value is drawn as a short stroke.
                lines.append((name, " ".join(piece if len(piece) > 1 else [piece[0], piece[0]])))
                piece = []
    base = stacked([[] for _ in titles], titles, css=(), shown=shown, height=height)
    return Chart(round(height), base.columns, _marks(top, shown, height), (), tuple(lines))


def ceiling(most: float) -> float:
    """Return a round number at or above the largest: two equal steps of 1, 2, 2.5 or 5 and noughts."""
    if most <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(most / 2))
    return 2 * next(step * scale for step in (1, 2, 2.5, 5, 10) if step * scale * 2 >= most * (1 - 1e-9))


def _marks(top: float, shown: Callable[[float], str], height: float) -> tuple[Mark, ...]:
    return tuple(Mark(f"{height * (1 - part):.1f}", shown(top * part)) for part in (1.0, 0.5, 0.0))


def labels_of(periods: Sequence[datetime], step: str) -> tuple[Label, ...]:
    """Return labels below the columns, as many as there is room for."""
    every = math.ceil(len(periods) / MOST_LABELS)
    width = 100 / max(len(periods), 1)
    shown = []
    for number in range(0, len(periods), every):
        place = (number + 0.5) * width
        anchor = "start" if place < 4 else "end" if place > 96 else "middle"
        at = number * width if anchor == "start" else (number + 1) * width if anchor == "end" else place
        shown.append(Label(f"{at:.2f}%", anchor, short_name(periods[number], step)))
    return tuple(shown)


def short_name(moment: datetime, step: str) -> str:
    """12 Nov, 14:00, Nov 2026."""
    local = timezone.localtime(moment)
    return date_format(local, {"day": "j M", "month": "M Y", "year": "Y"}.get(step, "H:i"))


def long_name(moment: datetime, step: str) -> str:
    """Thu 12 Nov 2026, 12 Nov 14:00, November 2026."""
    local = timezone.localtime(moment)
    return date_format(local, {"day": "D j M Y", "month": "F Y", "year": "Y"}.get(step, "j M H:i"))
