"""The cost of a call, line by line: what each attempt used, at which price, and what the provider says it cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from traces.models import Attempt

MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class ReceiptLine:
    words: str
    tokens: int
    price: Decimal | None
    cost_usd: Decimal | None


@dataclass(frozen=True)
class ReceiptGroup:
    """One attempt. `source` tells where its prices come from."""

    attempt: Attempt
    lines: list[ReceiptLine]
    source: str
    difference: str


@dataclass(frozen=True)
class Receipt:
    groups: list[ReceiptGroup]
    total_usd: Decimal | None
    failed_usd: Decimal
    unpriced: int


def receipt_of(attempts: Iterable[Attempt]) -> Receipt:
    """Return the receipt of a call from its attempts; what has no price is counted and never 0."""
    groups = [_group(attempt) for attempt in attempts]
    known = [group.attempt for group in groups if group.attempt.cost_usd is not None]
    failed = (one.cost_usd for one in known if one.outcome != Attempt.Outcome.ACCEPTED and one.cost_usd)
    unpriced = sum(1 for group in groups if group.attempt.cost_usd is None and group.lines)
    total = sum((one.cost_usd or Decimal(0) for one in known), Decimal(0)) if known else None
    return Receipt(groups, total, sum(failed, Decimal(0)), unpriced)


def _group(attempt: Attempt) -> ReceiptGroup:
    price: dict[str, Any] = attempt.price if isinstance(attempt.price, dict) else {}
    fresh, cached = attempt.input_tokens, attempt.cached_tokens or 0
    if fresh is not None and cached:
        fresh = max(fresh - cached, 0)
    lines = [_line("Input", fresh, _price(price, "input"))]
    if cached:
        lines.append(_line("Input from cache", cached, _price(price, "cached") or _price(price, "input")))
    lines.append(_line("Output", attempt.output_tokens, _price(price, "output")))
    source = ", ".join(str(price[part]) for part in ("source", "date") if price.get(part))
    return ReceiptGroup(attempt, [line for line in lines if line is not None], source, _difference(attempt))


def _line(words: str, tokens: int | None, price: Decimal | None) -> ReceiptLine | None:
    if tokens is None:
        return None
    return ReceiptLine(words, tokens, price, None if price is None else tokens * price / MILLION)


def _price(price: dict[str, Any], part: str) -> Decimal | None:
    try:
        number = None if price.get(part) is None else Decimal(str(price[part]))
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def _difference(attempt: Attempt) -> str:
    """Return "same", "+0.4 %", or an empty text where there is nothing to compare."""
    if attempt.reported_cost_usd is None or not attempt.cost_usd:
        return ""
    share = float(attempt.reported_cost_usd / attempt.cost_usd) - 1
    return "same" if abs(share) < 0.0005 else f"{share * 100:+.1f}\u202f%"
