"""What a project's calls can be answered by: its providers, its names for models, its prices, and how they stand.

Read from the database only when it has changed: every change raises `Project.catalogue_version`, which comes along
with the API key of each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from django.conf import settings
from django.utils import timezone

from functions.completions.cost import KINDS, Price
from functions.completions.prices import OwnPrice, PriceBook
from functions.models import Alias, CustomModel, LearnedStrategy, PriceRow, ProviderAccount, ProviderState
from functions.providers import Provider, Providers
from opperweb.accounts.models import Project
from opperweb.providers_setting import VENDORS

MOST_KEPT = 500


@dataclass(frozen=True)
class Pause:
    """A provider that failed several times in a row is asked last until then."""

    until: datetime
    reason: str
    count: int


@dataclass(frozen=True)
class Learned:
    """How a model has to be asked for a schema."""

    strategy: str
    reason: str
    until: datetime


@dataclass(frozen=True)
class Catalogue:
    """All of it, as one value. `custom` is by name: the provider that serves it and the name it knows it by."""

    providers: Providers
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    custom: Mapping[str, tuple[Provider, str]] = field(default_factory=dict)
    prices: PriceBook = field(default_factory=PriceBook)
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    learned: Mapping[tuple[str, str], Learned] = field(default_factory=dict)

    def resolve(self, name: str) -> tuple[Provider, str]:
        """Return the provider of a model and the name it knows it by; raise UnknownModel."""
        return self.custom[name] if name in self.custom else self.providers.resolve(name)

    def pause_of(self, provider: str) -> Pause | None:
        pause = self.pauses.get(provider)
        return pause if pause is not None and pause.until > timezone.now() else None


_kept: dict[int, tuple[int, Catalogue]] = {}
_lock = Lock()


def catalogue_of(project: Project) -> Catalogue:
    """Return the catalogue of a project whose row has just been read."""
    version = project.catalogue_version
    kept = _kept.get(project.pk)
    if kept is not None and kept[0] == version:
        return kept[1]
    catalogue = _read(project)
    with _lock:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[project.pk] = (version, catalogue)
    return catalogue


def is_read(project: Project) -> bool:
    """Tell whether `catalogue_of` would not have to look into the database."""
    kept = _kept.get(project.pk)
    return kept is not None and kept[0] == project.catalogue_version


def forget() -> None:
    """Read every catalogue anew, for settings have changed."""
    _kept.clear()


def setting_of(account: ProviderAccount) -> dict[str, Any]:
    """Return an account in the form of the setting PROVIDERS."""
    return {
        "name": account.name,
        "kind": account.kind,
        "base_url": account.base_url,
        "api_key": account.secret,
        "most_at_once": account.most_at_once,
    }


def _read(project: Project) -> Catalogue:
    accounts = {account.name: account for account in ProviderAccount.objects.filter(project=project)}
    here: dict[str, Any] = {name: dict(setting) for name, setting in settings.PROVIDERS.items()}
    here |= {name: setting_of(account) for name, account in accounts.items()}
    # Switched off by name: then the one of the environment is not asked either.
    here = {name: setting for name, setting in here.items() if name not in accounts or accounts[name].is_enabled}
    return Catalogue(
        providers=Providers.from_settings(here),
        aliases={alias.name: tuple(alias.fallback_models) for alias in Alias.objects.filter(project=project)},
        custom=_custom(project, here),
        prices=_prices(project),
        pauses=_pauses(project),
        learned=_learned(project),
    )


def _custom(project: Project, here: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Provider, str]]:
    found = {}
    for custom in CustomModel.objects.filter(project=project):
        provider, _, model = custom.identifier.partition("/")
        setting = _custom_setting(custom, provider, here)
        if setting is not None and model:
            found[custom.name] = Providers.from_settings({provider: setting}).resolve(f"{provider}/{model}")
    return found


def _custom_setting(custom: CustomModel, provider: str, here: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    known = here.get(provider)
    extra = custom.extra if isinstance(custom.extra, dict) else {}
    base_url = str(extra.get("api_base") or "").rstrip("/")
    vendor = next((each for each in VENDORS if each.name == provider), None)
    kind = known["kind"] if known else vendor.name if vendor else "openai"
    if base_url:
        # A secret is sent to no other address than the one it was entered for.
        if version := extra.get("api_version"):
            base_url += f"?api-version={version}"
        return {"name": provider, "kind": kind, "base_url": base_url, "api_key": custom.api_key}
    if known:
        return {**known, "api_key": custom.api_key or known["api_key"]}
    if vendor and custom.api_key:
        return {"name": provider, "kind": kind, "base_url": vendor.base_url, "api_key": custom.api_key}
    return None


def _prices(project: Project) -> PriceBook:
    own: dict[str, list[OwnPrice]] = {}
    for row in PriceRow.objects.filter(project=project).order_by("model", "-valid_from"):
        own.setdefault(row.model, []).append(OwnPrice(row.valid_from, price_of(row)))
    return PriceBook(own)


def price_of(row: PriceRow) -> Price:
    """Return a row's figures as a price."""
    figures = {kind: getattr(row, kind) for kind in KINDS}
    known = {kind: figure for kind, figure in figures.items() if figure is not None}
    return Price(row.model.partition("/")[2], known, row.source or "set here", row.valid_from.date().isoformat())


def _pauses(project: Project) -> dict[str, Pause]:
    paused = ProviderState.objects.filter(project=project, paused_until__gt=timezone.now())
    return {
        state.name: Pause(state.paused_until, state.pause_reason, state.pauses)
        for state in paused
        if state.paused_until
    }


def _learned(project: Project) -> dict[tuple[str, str], Learned]:
    rows = LearnedStrategy.objects.filter(project=project, until__gt=timezone.now())
    return {(row.model, row.schema_digest): Learned(row.strategy, row.reason, row.until) for row in rows}
