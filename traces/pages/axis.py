"""The time axis above the tree: its labels, and the whole trace in one strip below them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from traces.pages.waterfall import TreeLine
from traces.tree import Ruler

UNITS = ((3_600_000, "h"), (60_000, "min"))
STRIP_HEIGHT = 24
STRIP_BAR = '<rect {}="{}" x="{}" width="{}" y="{}" height="{}"/>'


@dataclass(frozen=True, slots=True)
class Mark:
    """A label of the ruler; the last one ends where the ruler ends."""

    x: str
    anchor: str
    label: str


def marks_of(ruler: Ruler) -> list[Mark]:
    """Return the labels of the time axis, all in the unit of the longest."""
    step, last = ruler.ticks[1], len(ruler.ticks) - 1
    small = (1000, "s") if ruler.total_ms >= 1000 else (1, "ms")
    # Hours and minutes only where every mark falls on a whole one.
    unit_ms, unit = next((one for one in UNITS if step % one[0] == 0), small)
    marks = []
    for at, tick in enumerate(ruler.ticks):
        label = f"{tick / unit_ms:g}\u202f{unit}"
        anchor = "start" if at == 0 else "end" if at == last else "middle"
        marks.append(Mark(f"{ruler.share(tick):.2f}%", anchor, label))
    return marks


def strip_of(lines: Iterable[TreeLine]) -> SafeString:
    """Return the bars of these lines as thin ones below each other, in the height of one row."""
    lines = list(lines)
    step = (STRIP_HEIGHT - 2) / max(len(lines), 1)
    height = f"{min(max(step, 1), 3):g}"
    drawn = (
        (*bar.attributes[:4], f"{1 + place * step:.1f}", height)
        for place, line in enumerate(lines)
        for bar in line.bars
        if bar.css not in ("pause", "path")
    )
    return format_html_join("", STRIP_BAR, drawn)
