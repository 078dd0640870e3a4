"""The accounts at vendors of language models that the environment names, and the model a task gets that names none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypedDict

from opperweb import env
from opperweb.env import BadSetting

REHEARSAL = "rehearsal"


class ProviderSetting(TypedDict):
    """One account: which dialect it speaks, where, and with which key."""

    name: str
    kind: str
    base_url: str
    api_key: str


@dataclass(frozen=True)
class Vendor:
    """A vendor known by name, with its own address and a modest model of it."""

    name: str
    base_url: str
    default_model: str


VENDORS = (
    Vendor("openai", "https://api.openai.com/v1", "gpt-4.1-mini"),
    Vendor("anthropic", "https://api.anthropic.com", "claude-haiku-4-5"),
    Vendor("gemini", "https://generativelanguage.googleapis.com", "gemini-2.5-flash"),
)


def providers() -> dict[str, ProviderSetting]:
    """Return the providers that a key or a base URL was given for, by name."""
    found = {}
    for vendor in VENDORS:
        prefix = vendor.name.upper()
        api_key = env.secret(f"{prefix}_API_KEY")
        base_url = env.url(f"{prefix}_BASE_URL")
        if api_key or base_url:
            _check_key(f"{prefix}_API_KEY", api_key)
            found[vendor.name] = ProviderSetting(
                name=vendor.name, kind=vendor.name, base_url=base_url or vendor.base_url, api_key=api_key
            )
    for provider in _compatible(env.text("OPENAI_COMPATIBLE")):
        if provider["name"] in found:
            raise BadSetting(f"OPENAI_COMPATIBLE names the provider {provider['name']!r}, which is there already")
        found[provider["name"]] = provider
    return found


def _compatible(text: str) -> list[ProviderSetting]:
    return [_compatible_one(part) for part in text.split()]


def _compatible_one(part: str) -> ProviderSetting:
    name, equals, rest = part.partition("=")
    base_url, _, key_env = rest.partition(",")
    if not equals or not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,59}", name):
        raise BadSetting(
            f"OPENAI_COMPATIBLE: {name!r} is not of the form name=base_url[,key_env], the name in small letters"
        )
    if name == REHEARSAL or name in {vendor.name for vendor in VENDORS}:
        raise BadSetting(f"OPENAI_COMPATIBLE: the name {name!r} is taken by a built-in provider; choose another")
    env.check_url(f"OPENAI_COMPATIBLE: the address of {name}", base_url)
    api_key = env.secret(key_env) if key_env else ""
    if key_env and not api_key:
        raise BadSetting(f"OPENAI_COMPATIBLE: {name} takes its key from {key_env}, which is not set")
    _check_key(key_env, api_key)
    return ProviderSetting(name=name, kind="openai", base_url=base_url.rstrip("/"), api_key=api_key)


def _check_key(name: str, value: str) -> None:
    # A key travels in a header, and a header holds printable ASCII.
    if not (value.isascii() and value.isprintable()):
        raise BadSetting(f"{name} holds characters that no API key has; copy it again")


def default_model(name: str, known: dict[str, ProviderSetting]) -> str:
    """Return the model a task gets that names none."""
    given = env.text(name)
    if given:
        check_model(name, given, known)
        return given
    for vendor in VENDORS:
        if vendor.name in known:
            return f"{vendor.name}/{vendor.default_model}"
    return f"{REHEARSAL}/echo"


def check_model(name: str, value: str, known: dict[str, ProviderSetting]) -> None:
    """Refuse a model that is not `provider/name` or whose provider is not configured."""
    provider, slash, model = value.partition("/")
    if not (provider and slash and model):
        raise BadSetting(f"{name} is {value!r}; a model is written provider/name")
    if provider != REHEARSAL and provider not in known:
        there = ", ".join([*known, REHEARSAL])
        raise BadSetting(f"{name} is {value!r}, but no provider {provider!r} is configured; there are: {there}")
