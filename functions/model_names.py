"""The names that a project makes for models, aliases and custom models: which are free, and where each leads."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction

from functions.completions.candidates import DEEPEST_ALIAS
from functions.completions.catalogue import catalogue_of
from functions.models import Alias, CustomModel, catalogue_changed
from functions.offers import configured
from functions.providers import UnknownModel
from functions.providers.secrets import is_secret
from opperweb import env
from opperweb.accounts.models import Project
from opperweb.addresses import literal, why_no_server
from opperweb.providers_setting import VENDORS

MOST_MODELS = 50


class NameTaken(Exception):
    """Another alias or custom model of the project has the name."""


class NoServerThere(ValueError):
    """The address is written as one that no provider's server can have; the message says what it is."""


class WrongPlace(Exception):
    """A field leads nowhere; `path` leads to the place."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def save_alias(alias: Alias) -> None:
    """Keep an alias, new or changed. Raises NameTaken, and WrongPlace for a model that leads nowhere."""
    _check_models(alias)
    _save(alias)


def save_custom(custom: CustomModel, *, has_new_secret: bool = False) -> None:
    """Keep a custom model, new or changed. Raises NameTaken, and WrongPlace for what cannot be asked."""
    _check_extra(custom)
    _check_identifier(custom)
    before = CustomModel.objects.filter(pk=custom.pk).first()
    if before is not None and before.api_key and not has_new_secret and _address_of(before) != _address_of(custom):
        raise WrongPlace(("api_key",), "the secret was entered for another address; give it again")
    _save(custom)


@transaction.atomic
def delete(named: Alias | CustomModel) -> None:
    """Remove a name; calls that use it are told that it is not known."""
    named.delete()
    catalogue_changed(named.project)


def check_address(base_url: str) -> None:
    """Raise ValueError, with a sentence that says why, for what is no address of a provider.

    This machine and private networks may have one; a name that leads to a refused address is told when it is asked.
    """
    try:
        env.check_url("this", base_url)
    except env.BadSetting:
        raise ValueError("must be an address of the form https://host/v1") from None
    if urlsplit(base_url).username or urlsplit(base_url).password:
        raise ValueError("must not hold a name or a password")
    host = urlsplit(base_url).hostname or ""
    address = literal(host)
    if address is not None and (reason := why_no_server(address)):
        raise NoServerThere(f"must not lead to {host}: it is {reason}")


def origin_of(base_url: str) -> str:
    """Return the server of an address: who holds a secret for one path of it holds it for all."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""


@transaction.atomic
def _save(named: Alias | CustomModel) -> None:
    # Under the project's lock: an alias and a custom model of one name may be made at once.
    Project.objects.select_for_update().get(pk=named.project_id)
    for model in (Alias, CustomModel):
        if model.objects.filter(project=named.project_id, name=named.name).exclude(pk=named.pk).exists():
            raise NameTaken(f"There is a model or an alias {named.name} already")
    try:
        with transaction.atomic():
            named.save()
    except IntegrityError:
        raise NameTaken(f"There is a model or an alias {named.name} already") from None
    catalogue_changed(named.project)


def _check_models(alias: Alias) -> None:
    catalogue = catalogue_of(alias.project)
    others = Alias.objects.filter(project=alias.project).exclude(pk=alias.pk)
    aliases = {each.name: tuple(each.fallback_models) for each in others}
    for place, name in enumerate(alias.fallback_models):
        path = ("fallback_models", place)
        if name == alias.name:
            raise WrongPlace(path, "an alias cannot stand for itself")
        if name in aliases:
            _check_way(alias.name, name, aliases, path)
            continue
        try:
            catalogue.resolve(name)
        except UnknownModel as problem:
            raise WrongPlace(path, problem.message) from None


def _check_way(alias: str, name: str, aliases: Mapping[str, tuple[str, ...]], path: tuple[str | int, ...]) -> None:
    """Refuse an alias that leads back to itself, or through more others than a call follows."""
    reached = {name}
    for _ in range(DEEPEST_ALIAS - 1):
        reached = {inner for outer in reached for inner in aliases.get(outer, ())}
        if alias in reached:
            raise WrongPlace(path, f"{name} leads back to {alias}")
        if not reached:
            return
    if any(inner in aliases for inner in reached):
        raise WrongPlace(path, f"{name} leads through more than {DEEPEST_ALIAS} other aliases")


def _check_extra(custom: CustomModel) -> None:
    for name in custom.extra:
        if is_secret(name):
            raise WrongPlace(("extra", name), "a secret belongs into api_key, which is never shown again")
    base_url = custom.extra.get("api_base")
    if base_url is None:
        return
    if not isinstance(base_url, str):
        raise WrongPlace(("extra", "api_base"), "must be a string")
    try:
        check_address(base_url)
    except ValueError as problem:
        raise WrongPlace(("extra", "api_base"), str(problem)) from None


def _address_of(custom: CustomModel) -> tuple[str, str]:
    """Return what a custom model's secret is entered for: a server, or else a provider."""
    extra = custom.extra if isinstance(custom.extra, dict) else {}
    return origin_of(str(extra.get("api_base") or "")), custom.identifier.partition("/")[0]


def _check_identifier(custom: CustomModel) -> None:
    provider, _, model = custom.identifier.partition("/")
    if not provider or not model:
        raise WrongPlace(("identifier",), "must be of the form provider/name, such as openai/gpt-4o")
    known = {each.name for each in configured(custom.project) if each.is_enabled}
    by_key = {vendor.name for vendor in VENDORS} if custom.api_key else set()
    if provider not in known | by_key and not custom.extra.get("api_base"):
        there = ", ".join(sorted(known)) or "none"
        raise WrongPlace(
            ("identifier",),
            f"no provider {provider} is configured (there are: {there}); name its address in extra.api_base",
        )
