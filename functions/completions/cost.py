"""What an attempt costs: usage × price. A price nobody knows is None, and so is its cost: never 0 by default."""

from __future__ import annotations

import importlib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from importlib import metadata
from typing import Any

from functions.providers.chat import Usage

# Our names of providers where the price list has another. A name that is in neither has no price.
NAMES = {"gemini": "google", "xai": "x-ai", "moonshot": "moonshotai", "bedrock": "aws", "fireworks-ai": "fireworks"}
PER = "1M tokens"


@dataclass(frozen=True)
class Price:
    """The price of a model at a time, as a list had it. Dollars per million tokens; steps by length are in `_model`."""

    model: str
    input: Decimal | None
    cached: Decimal | None
    output: Decimal | None
    source: str
    date: str
    _model: Any = None

    def cost_of(self, usage: Usage) -> Decimal | None:
        """Return the cost in US dollars; None where the tokens or their price are not known."""
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        counts = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cache_read_tokens": min(usage.cached_tokens or 0, usage.input_tokens),
            "cache_write_tokens": usage.cache_write_tokens or 0,
        }
        # A kind without a price of its own counts as plain input.
        known = {kind: count for kind, count in counts.items() if count}
        try:
            return Decimal(self._model.calc_price(_library().Usage(**known))["total_price"])
        except (ValueError, TypeError, ArithmeticError):
            return None

    def as_json(self) -> dict[str, Any]:
        """Return what is kept beside an attempt."""
        return {
            "model": self.model,
            "input": _text(self.input),
            "cached": _text(self.cached),
            "output": _text(self.output),
            "source": self.source,
            "date": self.date,
            "per": PER,
        }


def load_prices() -> None:
    """Load the list now, so that no call waits for it; it takes about a second."""
    _library()
    _all_days()


def price_for(provider: str, model: str, at: datetime) -> Price | None:
    """Return the price of a model at a time, from the list that is installed; nothing is fetched."""
    found = _found(NAMES.get(provider, provider), model)
    if found is None:
        return None
    try:
        prices = found.get_prices(at)
    except (ValueError, TypeError, LookupError):
        return None
    figures = [_figure(getattr(prices, name, None)) for name in ("input_mtok", "cache_read_mtok", "output_mtok")]
    if figures[0] is None and figures[2] is None:
        return None
    return Price(found.id, figures[0], figures[1], figures[2], _source(), _date_of(found, at), _model=prices)


@lru_cache(maxsize=1000)
def _found(provider: str, model: str) -> Any:
    snapshot = importlib.import_module("genai_prices.data_snapshot").get_snapshot()
    # The list also guesses a provider from an address or a model's name; a wrong price is worse than none.
    if provider not in {each.id for each in snapshot.providers}:
        return None
    try:
        return snapshot.find_provider_model(model, None, provider, None)[1]
    except LookupError:
        return None


@lru_cache(maxsize=1)
def _library() -> Any:
    # Loaded when the first price is asked for: the list takes a while, and a start need not wait for it.
    return importlib.import_module("genai_prices")


@lru_cache(maxsize=1)
def _source() -> str:
    return f"genai-prices {metadata.version('genai-prices')}"


def _date_of(model: Any, at: datetime) -> str:
    """Return since when a price holds; else the day of the newest price in the list, which bears no date itself."""
    today = at.date().isoformat()
    own = [day for day in _days(model) if day <= today]
    place = bisect_right(_all_days(), today)
    return max(own) if own else _all_days()[place - 1] if place else ""


@lru_cache(maxsize=1)
def _all_days() -> list[str]:
    snapshot = importlib.import_module("genai_prices.data_snapshot").get_snapshot()
    return sorted({day for provider in snapshot.providers for model in provider.models for day in _days(model)})


def _days(model: Any) -> list[str]:
    prices = model.prices if isinstance(model.prices, list) else []
    days = [getattr(each.constraint, "start_date", None) for each in prices]
    return [day.isoformat() for day in days if day is not None]


def _figure(price: Any) -> Decimal | None:
    """Return a price; of one with steps, its first."""
    base = getattr(price, "base", price)
    return base if isinstance(base, Decimal) else None


def _text(price: Decimal | None) -> str | None:
    return None if price is None else f"{price.normalize():f}"
