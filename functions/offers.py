"""Which models a project's calls can name, who serves them, and what each costs today.

Put together from the price list that is installed, from what a provider listed itself at its last test, and from the
project's own names. Nothing is asked over the network here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from functions.completions.catalogue import catalogue_of, setting_of
from functions.completions.cost import Price
from functions.completions.prices import PriceBook, listed_model, listed_price, listed_provider, snapshot
from functions.models import ProviderAccount
from functions.providers.rehearsal import KNOWN
from opperweb.accounts.models import Project

REHEARSAL = "rehearsal"
HERE = "here"
FREE = Price(REHEARSAL, {"input": Decimal(0), "output": Decimal(0)}, "built in", "")
# What a provider listed itself is asked for again at its next test; until then it is kept this long.
LISTED_FOR_SECONDS = 90 * 24 * 3600
MOST_LISTED = 5_000
# Where the list has other vendors' models under a provider's name that this dialect cannot ask for.
ELSEWHERE = {"gemini": ("claude",)}


@dataclass(frozen=True)
class Configured:
    """A provider that is set up: on a page, then with its account, or in the environment."""

    name: str
    kind: str
    base_url: str
    api_key: str = field(repr=False)
    account: ProviderAccount | None = None

    @property
    def is_enabled(self) -> bool:
        return self.account is None or self.account.is_enabled

    @property
    def location(self) -> str:
        """The host that it is asked at."""
        return host_of(self.base_url)


@dataclass(frozen=True)
class Offer:
    """A model as a call names it."""

    name: str
    provider: str
    location: str
    context_window: int | None = None
    price: Price | None = None
    is_custom: bool = False
    # provider/name of what is asked in the end: prices are kept under it.
    priced_as: str = ""

    @property
    def asked(self) -> str:
        return self.priced_as or self.name


def configured(project: Project) -> list[Configured]:
    """Return the project's providers by name, its own before those of the environment."""
    found = {name: _from_setting(name, setting) for name, setting in settings.PROVIDERS.items()}
    for account in ProviderAccount.objects.filter(project=project):
        found[account.name] = _from_setting(account.name, setting_of(account), account)
    return [found[name] for name in sorted(found)]


def offers_of(project: Project) -> list[Offer]:
    """Return every model that a call of the project can name, by name; a name of its own goes first."""
    catalogue = catalogue_of(project)
    providers = [provider for provider in configured(project) if provider.is_enabled]
    listed = listed_by([provider.name for provider in providers], project)
    now = timezone.now()
    found = {f"{REHEARSAL}/{name}": Offer(f"{REHEARSAL}/{name}", REHEARSAL, HERE, price=FREE) for name in KNOWN}
    for provider in providers:
        for offer in _of_provider(provider, listed.get(provider.name, ()), catalogue.prices, now):
            found[offer.name] = offer
    for name, (served_by, model) in catalogue.custom.items():
        base_url = str(getattr(getattr(served_by, "adapter", None), "base_url", ""))
        price = catalogue.prices.price_for(served_by.name, model, now, base_url=base_url)
        entry = listed_model(served_by.name, model, base_url)
        window = getattr(entry, "context_window", None)
        found[name] = Offer(name, served_by.name, host_of(base_url), window, price, True, f"{served_by.name}/{model}")
    return [found[name] for name in sorted(found)]


def host_of(base_url: str) -> str:
    """Return the host of an address, with its port where it has one of its own."""
    return urlsplit(base_url).netloc.rpartition("@")[2]


def keep_listed(project: Project, provider: str, names: list[str]) -> None:
    """Remember which models a provider says it has."""
    cache.set(_listed_key(project, provider), tuple(names[:MOST_LISTED]), LISTED_FOR_SECONDS)


def listed_by(providers: list[str], project: Project) -> dict[str, tuple[str, ...]]:
    """Return what each of these providers said it has when it was last tested."""
    keys = {_listed_key(project, name): name for name in providers}
    return {keys[key]: names for key, names in cache.get_many(keys).items()}


def _listed_key(project: Project, provider: str) -> str:
    return f"models-listed:{project.pk}:{provider}"


def _from_setting(name: str, setting: Mapping[str, Any], account: ProviderAccount | None = None) -> Configured:
    return Configured(name, setting["kind"], setting["base_url"], setting["api_key"], account)


def _of_provider(
    provider: Configured, listed_names: tuple[str, ...], prices: PriceBook, now: datetime
) -> Iterator[Offer]:
    hour = now.replace(minute=0, second=0, microsecond=0)
    known = _listed(provider.name, provider.base_url, hour)
    refused = ELSEWHERE.get(provider.kind, ())
    names = {name: None for name in known if not (refused and name.startswith(refused))} | dict.fromkeys(listed_names)
    # A price that the project set makes a name known too: somebody has typed it.
    own = {name.partition("/")[2] for name in prices.own if name.startswith(f"{provider.name}/")}
    for model in {**names, **dict.fromkeys(sorted(own))}:
        window, price = known.get(model) or _found(provider, model, hour)
        if model in own:
            price = prices.price_for(provider.name, model, now, base_url=provider.base_url)
        yield Offer(f"{provider.name}/{model}", provider.name, provider.location, window, price)


def _found(provider: Configured, model: str, at: datetime) -> tuple[int | None, Price | None]:
    window = getattr(listed_model(provider.name, model, provider.base_url), "context_window", None)
    return window, listed_price(provider.name, model, at, base_url=provider.base_url)


@lru_cache(maxsize=200)
def _listed(provider: str, base_url: str, hour: datetime) -> dict[str, tuple[int | None, Price | None]]:
    """Return the price list's models of a provider that a call can name, with their windows and prices."""
    wanted = listed_provider(provider, base_url)
    entries = next((each.models for each in snapshot().providers if each.id == wanted), ())
    return {
        entry.id: (entry.context_window, listed_price(provider, entry.id, hour, base_url=base_url))
        for entry in entries
        # What ends in a dash is a beginning that many names share, and no name.
        if not entry.deprecated and not entry.id.endswith("-")
    }
