"""Where prices come from: a project's own rows first, then the list that is installed. Nothing is fetched."""

from __future__ import annotations

import importlib
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from importlib import metadata
from typing import Any

from functions.completions.cost import Price

# Our names of providers where the price list has another. A name that is in neither has no price.
NAMES = {"gemini": "google", "xai": "x-ai", "moonshot": "moonshotai", "bedrock": "aws", "fireworks-ai": "fireworks"}
# The list's names of kinds → ours.
LISTED = {
    "input_mtok": "input",
    "cache_read_mtok": "cached",
    "cache_audio_read_mtok": "cached_audio",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "input_image_mtok": "input_image",
    "output_mtok": "output",
    "output_audio_mtok": "output_audio",
    "output_image_mtok": "output_image",
}


@dataclass(frozen=True)
class OwnPrice:
    """A price that a project has set for a model from a time on."""

    valid_from: datetime
    price: Price


@dataclass(frozen=True)
class PriceBook:
    """The prices of a project: `own` by provider/model, the newest first."""

    own: Mapping[str, Sequence[OwnPrice]] = field(default_factory=dict)

    def price_for(
        self, provider: str, model: str, at: datetime, *, base_url: str = "", input_tokens: int = 0
    ) -> Price | None:
        """Return the price of a model at a time; `input_tokens` decide where longer inputs cost more for each token."""
        for row in self.own.get(f"{provider}/{model}", ()):
            if row.valid_from <= at:
                return row.price
        return listed_price(provider, model, at, base_url=base_url, input_tokens=input_tokens)


def load_prices() -> None:
    """Load the list now, so that no call waits for it; it takes about a second."""
    _library()
    _all_days()


def listed_price(provider: str, model: str, at: datetime, *, base_url: str = "", input_tokens: int = 0) -> Price | None:
    """Return what the installed list says a model costs at a time."""
    found = _found(listed_provider(provider, base_url), model)
    if found is None:
        return None
    try:
        prices = found.get_prices(at)
    except (ValueError, TypeError, LookupError):
        return None
    figures = {kind: _figure(getattr(prices, name, None), input_tokens) for name, kind in LISTED.items()}
    known = {kind: figure for kind, figure in figures.items() if figure is not None}
    if "input" not in known and "output" not in known:
        return None
    return Price(found.id, known, source(), _date_of(found, at))


def listed_model(provider: str, model: str, base_url: str = "") -> Any:
    """Return the list's own entry of a model, or None."""
    return _found(listed_provider(provider, base_url), model)


@lru_cache(maxsize=1000)
def listed_provider(provider: str, base_url: str = "") -> str:
    """Return the list's name of a provider: by our name of it, else by its address; empty where it has none."""
    name = NAMES.get(provider, provider)
    providers = snapshot().providers
    if name in {each.id for each in providers}:
        return name
    # An address is told apart by its host: a gateway of one's own at another address has prices of its own.
    return next((each.id for each in providers if base_url and re.match(each.api_pattern, base_url)), "")


def snapshot() -> Any:
    """Return the list as it is installed."""
    return importlib.import_module("genai_prices.data_snapshot").get_snapshot()


@lru_cache(maxsize=1)
def source() -> str:
    """Return the list's name with its version."""
    return f"genai-prices {metadata.version('genai-prices')}"


@lru_cache(maxsize=1000)
def _found(provider: str, model: str) -> Any:
    # The list also guesses a provider from a model's name; a wrong price is worse than none.
    if not provider:
        return None
    try:
        return snapshot().find_provider_model(model, None, provider, None)[1]
    except LookupError:
        return None


@lru_cache(maxsize=1)
def _library() -> Any:
    # Loaded when the first price is asked for: the list takes a while, and a start need not wait for it.
    return importlib.import_module("genai_prices")


def _date_of(model: Any, at: datetime) -> str:
    """Return since when a price holds; else the day of the newest price in the list, which bears no date itself."""
    today = at.date().isoformat()
    own = [day for day in _days(model) if day <= today]
    place = bisect_right(_all_days(), today)
    return max(own) if own else _all_days()[place - 1] if place else ""


@lru_cache(maxsize=1)
def _all_days() -> list[str]:
    return sorted({day for provider in snapshot().providers for model in provider.models for day in _days(model)})


def _days(model: Any) -> list[str]:
    prices = model.prices if isinstance(model.prices, list) else []
    days = [getattr(each.constraint, "start_date", None) for each in prices]
    return [day.isoformat() for day in days if day is not None]


def _figure(price: Any, input_tokens: int) -> Decimal | None:
    """Return a price; of one with steps, the one of the step that an input of this length has reached."""
    reached = [step.price for step in getattr(price, "tiers", ()) if input_tokens > step.start]
    figure = reached[-1] if reached else getattr(price, "base", price)
    return figure if isinstance(figure, Decimal) else None
