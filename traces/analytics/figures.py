"""What calls come to: sums that can be added to each other, and what follows from them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil

from traces.usage_models import SLOTS

SUMS = (
    "calls", "errors", "recovered", "cached", "unpriced", "attempts", "rejected", "repaired", "fallbacks",
    "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost_units", "duration_us", "timed",
    "score_sum", "scored",
)  # fmt: skip
COLUMNS = (*SUMS, *SLOTS)
_NONE = dict.fromkeys(COLUMNS, 0)
UNITS_OF_A_DOLLAR = 10**10
# Where the slots of the histogram end, in milliseconds.
ENDS_MS = tuple(20 * 1.5**number for number in range(len(SLOTS) - 1))
# What a call in the last slot is taken for at most, which has no end.
LONGEST_MS = ENDS_MS[-1] * 1.5


@dataclass
class Figures:
    """Sums by the name of their column; a column that nobody asked for is 0."""

    sums: dict[str, int] = field(default_factory=dict)

    def add(self, more: Mapping[str, int | None]) -> None:
        for name, number in more.items():
            if number:
                self.sums[name] = self.sums.get(name, 0) + number

    @classmethod
    def of(cls, parts: Iterable[Figures]) -> Figures:
        """Return the sum of these."""
        total = cls()
        for part in parts:
            total.add(part.sums)
        return total

    def __getitem__(self, name: str) -> int:
        """Return a sum; raise KeyError for what is no column, where a template looks for a property."""
        return self.sums.get(name) or _NONE[name]

    @property
    def calls(self) -> int:
        return self["calls"]

    @property
    def unpriced(self) -> int:
        return self["unpriced"]

    @property
    def cost_usd(self) -> Decimal:
        return Decimal(self["cost_units"]) / UNITS_OF_A_DOLLAR

    @property
    def known_cost_usd(self) -> Decimal | None:
        """None where there are calls and no price of any of them is known."""
        return None if self.unpriced >= self.calls and not self["cost_units"] else self.cost_usd

    @property
    def cost_of_a_call_usd(self) -> Decimal | None:
        cost = self.known_cost_usd
        return None if cost is None or not self.calls else cost / self.calls

    @property
    def total_tokens(self) -> int:
        return self["input_tokens"] + self["output_tokens"]

    @property
    def errors_share(self) -> float | None:
        return self["errors"] / self.calls if self.calls else None

    @property
    def success_share(self) -> float | None:
        return 1 - self["errors"] / self.calls if self.calls else None

    @property
    def score(self) -> float | None:
        return self["score_sum"] / self["scored"] if self["scored"] else None

    @property
    def p50_ms(self) -> float | None:
        return self._duration_ms(0.5)

    @property
    def p95_ms(self) -> float | None:
        return self._duration_ms(0.95)

    def _duration_ms(self, rank: float) -> float | None:
        """Return about how long this share of the calls took at most: a place inside a slot is guessed."""
        timed = self["timed"]
        if not timed:
            return None
        if timed == 1 and self["duration_us"]:
            return self["duration_us"] / 1000
        # The call at this rank; those of a slot are taken to lie evenly in it, none of them at its edges.
        left = max(1, ceil(timed * rank))
        for number, slot in enumerate(SLOTS):
            count = self[slot]
            if left <= count:
                low = ENDS_MS[number - 1] if number else 0.0
                high = ENDS_MS[number] if number < len(ENDS_MS) else LONGEST_MS
                return low + (high - low) * (left - 0.5) / count
            left -= count
        return LONGEST_MS


def slot_of(duration_ms: float) -> str:
    return SLOTS[bisect_left(ENDS_MS, duration_ms)]


def units_of(cost_usd: Decimal | None) -> int:
    return int((cost_usd or Decimal(0)).scaleb(10).to_integral_value())
