"""A strip of small bars: calls by period, each bar's failed part in red at its foot, on a scale of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 20
STEP = 5
BAR = 4


@dataclass(frozen=True)
class Strip:
    """Two paths in a box of width × HEIGHT; `is_empty` where there is nothing to draw."""

    width: int
    calls: str
    errors: str

    @property
    def is_empty(self) -> bool:
        return not self.calls and not self.errors


def strip_of(bars: Sequence[tuple[int, int]]) -> Strip:
    """Return the strip of (calls, errors) by period. Whatever is not nothing is at least a pixel high."""
    top = max((calls for calls, _ in bars), default=0) or 1
    calls, errors = [], []
    for number, (all_of_it, failed) in enumerate(bars):
        low = _height(failed, top)
        high = max(_height(all_of_it, top), low)
        if failed:
            errors.append(_bar(number, 0, low))
        if high > low:
            calls.append(_bar(number, low, high))
    return Strip(len(bars) * STEP, "".join(calls), "".join(errors))


def _height(number: int, top: int) -> float:
    return max(round(HEIGHT * number / top, 1), 1.0) if number else 0.0


def _bar(number: int, low: float, high: float) -> str:
    return f"M{number * STEP} {HEIGHT - low:g}v{low - high:g}h{BAR}v{high - low:g}z"
