"""The cost of a call, line by line: what each attempt used, at which price, and what the provider says it cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from traces.models import Attempt

MILLION = Decimal(1_000_000)
NARROW = "\u202f"
# Providers round what they report.
SAME_WITHIN = 0.0005
WORTH_A_LOOK = 0.01

KINDS = {
    "input": _("Input"),
    "cached": _("Input from cache"),
    "cached_audio": _("Audio from cache"),
    "cache_write": _("Written to cache, 5 min"),
    "cache_write_1h": _("Written to cache, 1 h"),
    "input_audio": _("Audio in"),
    "input_image": _("Images in"),
    "output": _("Output"),
    "output_audio": _("Audio out"),
    "output_image": _("Images out"),
}


@dataclass(frozen=True)
class ReceiptLine:
    """One kind of tokens."""

    words: Any
    tokens: int
    price: Decimal | None
    cost_usd: Decimal | None


@dataclass(frozen=True)
class ReceiptGroup:
    """One attempt. `source` and `day` tell where its prices come from, `share` how far the provider's figure is off."""

    attempt: Attempt
    lines: list[ReceiptLine]
    source: str
    day: str
    share: float | None

    @property
    def has_no_price(self) -> bool:
        return self.attempt.cost_usd is None and bool(self.lines)

    @property
    def is_same(self) -> bool:
        return self.share is not None and abs(self.share) < SAME_WITHIN

    @property
    def is_far(self) -> bool:
        """Whether the two figures differ by more than one in a hundred."""
        return self.share is not None and abs(self.share) > WORTH_A_LOOK

    @property
    def difference(self) -> str:
        """+0.4 %, or an empty text where there is nothing to compare or no difference."""
        return "" if self.share is None or self.is_same else f"{self.share * 100:+.1f}{NARROW}%"


@dataclass(frozen=True)
class Receipt:
    """All attempts of a call, the failed ones too."""

    groups: list[ReceiptGroup]
    total_usd: Decimal | None
    failed_usd: Decimal
    unpriced: int

    @property
    def reported(self) -> int:
        """How many attempts the provider told the cost of."""
        return sum(1 for group in self.groups if group.attempt.reported_cost_usd is not None)


def receipt_of(attempts: Iterable[Attempt]) -> Receipt:
    """Return the receipt of a call from its attempts; what has no price is counted and never 0."""
    groups = [_group(attempt) for attempt in attempts]
    known = [group.attempt for group in groups if group.attempt.cost_usd is not None]
    failed = (one.cost_usd for one in known if one.outcome != Attempt.Outcome.ACCEPTED and one.cost_usd)
    total = sum((one.cost_usd or Decimal(0) for one in known), Decimal(0)) if known else None
    return Receipt(groups, total, sum(failed, Decimal(0)), sum(group.has_no_price for group in groups))


def _group(attempt: Attempt) -> ReceiptGroup:
    price: dict[str, Any] = attempt.price if isinstance(attempt.price, dict) else {}
    kept = price.get("lines")
    lines = list(_kept_lines(kept)) if isinstance(kept, list) else list(_lines_of_columns(attempt, price))
    source = price.get("source")
    return ReceiptGroup(
        attempt, lines, source if isinstance(source, str) else "", _day(price.get("date")), _share(attempt)
    )


def _kept_lines(kept: list[Any]) -> Iterator[ReceiptLine]:
    """Yield the lines as they were computed when the call was made."""
    for line in kept:
        if not isinstance(line, dict):
            continue
        kind, tokens = line.get("kind"), line.get("tokens")
        if isinstance(kind, str) and isinstance(tokens, int):
            yield ReceiptLine(KINDS.get(kind, kind), tokens, _figure(line.get("price")), _figure(line.get("cost_usd")))


def _lines_of_columns(attempt: Attempt, price: dict[str, Any]) -> Iterator[ReceiptLine]:
    """Yield what can be told where no lines were kept: of older attempts, and of those without a price."""
    fresh, cached = attempt.input_tokens, attempt.cached_tokens or 0
    if fresh is not None:
        yield _line("input", max(fresh - cached, 0), _figure(price.get("input")))
    if cached:
        at_its_own = _figure(price.get("cached"))
        yield _line("cached", cached, _figure(price.get("input")) if at_its_own is None else at_its_own)
    if attempt.output_tokens is not None:
        yield _line("output", attempt.output_tokens, _figure(price.get("output")))


def _line(kind: str, tokens: int, price: Decimal | None) -> ReceiptLine:
    return ReceiptLine(KINDS[kind], tokens, price, None if price is None else tokens * price / MILLION)


def _figure(value: Any) -> Decimal | None:
    try:
        number = None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def _day(value: Any) -> str:
    """Return a day in people's words; what is none is shown as it is."""
    if not isinstance(value, str):
        return ""
    try:
        return date_format(date.fromisoformat(value), "j M Y")
    except ValueError:
        return value


def _share(attempt: Attempt) -> float | None:
    """Return by how much the provider's figure is above ours, as a share; None where there is nothing to compare."""
    if attempt.reported_cost_usd is None or attempt.cost_usd is None:
        return None
    if not attempt.cost_usd:
        return 0.0 if not attempt.reported_cost_usd else 1.0
    return float(attempt.reported_cost_usd / attempt.cost_usd) - 1
