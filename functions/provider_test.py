"""The Test button of a provider: ask for its list of models, say how long that took or in plain words why it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from functions.models import ProviderState
from functions.offers import Configured, host_of, keep_listed
from functions.providers import transport
from functions.providers.adapter import WireRequest
from functions.providers.anthropic import VERSION
from functions.providers.errors import ProviderError, TimedOut
from functions.providers.gemini import VERSIONED
from functions.providers.profiles import profile_for
from functions.providers.secrets import secrets_of, without_quoted_keys, without_secrets
from opperweb import json, loop
from opperweb.accounts.models import Project

TIMEOUT_SECONDS = 10.0
MOST_WORDS = 200
# What a status means where a list of models was asked for.
WORDS = {
    401: "key refused",
    402: "nothing left to spend",
    403: "the key may not do this",
    404: "no list of models at this address",
    429: "too many requests, or nothing left to spend",
}


@dataclass(frozen=True)
class Trial:
    """How a provider answered; `error` is empty where it did."""

    duration_ms: float | None = None
    models: tuple[str, ...] = ()
    error: str = ""


def try_out(project: Project, provider: Configured) -> Trial:
    """Ask a provider for its models, keep how it went and what it listed, and return that."""
    return try_out_all(project, [provider])[provider.name]


def try_out_all(project: Project, providers: Sequence[Configured]) -> dict[str, Trial]:
    """Ask several at the same time; return how each answered, by name."""
    trials = dict(zip((each.name for each in providers), loop.run(_ask_all(providers)), strict=True))
    for provider in providers:
        _keep(project, provider, trials[provider.name])
    return trials


async def _ask_all(providers: Sequence[Configured]) -> list[Trial]:
    return await asyncio.gather(*(ask(provider) for provider in providers))


def _keep(project: Project, provider: Configured, trial: Trial) -> None:
    now = timezone.now()
    values: dict[str, Any] = {"tested_at": now, "test_ms": trial.duration_ms, "test_error": trial.error[:500]}
    if not trial.error:
        values |= {"model_count": len(trial.models), "worked_at": now}
        keep_listed(project, provider.name, list(trial.models))
    ProviderState.objects.update_or_create(project=project, name=provider.name, defaults=values)


async def ask(provider: Configured) -> Trial:
    """Ask for the list, for 10 seconds at most; whatever goes wrong is in the answer."""
    wire = request_for(provider)
    secrets = secrets_of(wire.url, wire.headers, provider.api_key)
    answer = await transport.send(wire, provider=provider.name, timeout_seconds=TIMEOUT_SECONDS, secrets=secrets)
    if answer.error is not None:
        return Trial(answer.duration_ms, error=_words_of(answer.error, provider, secrets))
    text = without_quoted_keys(without_secrets(answer.body.decode("utf-8", "replace"), secrets))
    status = answer.status or 0
    if not 200 <= status < 300:
        return Trial(answer.duration_ms, error=_refusal(status, text))
    names = models_in(text)
    if names is None:
        return Trial(answer.duration_ms, error="It answers, but not with a list of models. Check the base address.")
    return Trial(answer.duration_ms, tuple(dict.fromkeys(names)))


def request_for(provider: Configured) -> WireRequest:
    """Return what asks this kind of provider for its models."""
    base, _, query = provider.base_url.partition("?")
    base = base.rstrip("/")
    key = provider.api_key
    if provider.kind == "anthropic":
        path = "/models" if base.endswith("/v1") else "/v1/models"
        return _get(base + path, query or "limit=1000", {"x-api-key": key, "anthropic-version": VERSION})
    if provider.kind == "gemini":
        path = "/models" if VERSIONED.search(base) else "/v1beta/models"
        return _get(base + path, query or "pageSize=1000", {"x-goog-api-key": key})
    if profile_for(provider.name, provider.base_url).has_key_header:
        return _get(f"{base}/models", query, {"api-key": key})
    return _get(f"{base}/models", query, {"authorization": f"Bearer {key}" if key else ""})


def models_in(text: str) -> list[str] | None:
    """Return the names in a list of models, in the form of any of the dialects; None for what is no such list."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    # OpenAI and Anthropic say data, Gemini models; some servers send the bare list.
    if isinstance(value, dict):
        place = next((name for name in ("data", "models") if name in value), None)
        # Ollama without a model sends null.
        value = None if place is None else value[place] or []
    if not isinstance(value, list):
        return None
    entries = value
    names = list(_names_in(entries))
    return names if names or not entries else None


def _get(url: str, query: str, headers: dict[str, str]) -> WireRequest:
    address = f"{url}?{query}" if query else url
    return WireRequest("GET", address, {name: value for name, value in headers.items() if value}, b"")


def _names_in(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        name = (entry.get("id") or entry.get("name")) if isinstance(entry, dict) else None
        if isinstance(name, str) and 0 < len(name) <= 200 and name.isprintable():
            yield name.removeprefix("models/")


def _words_of(error: ProviderError, provider: Configured, secrets: tuple[str, ...]) -> str:
    if isinstance(error, TimedOut):
        return f"No answer within {TIMEOUT_SECONDS:g} s from {host_of(provider.base_url)}"
    message = without_secrets(error.message, secrets).removeprefix(f"{provider.name} ")
    return message[:1].upper() + message[1:]


def _refusal(status: int, text: str) -> str:
    said = _said(text)
    if status == 400 and "api key" in said.lower():
        # Gemini's way of saying 401.
        status_words = "key refused"
    elif status in WORDS:
        return f"{status}, {WORDS[status]}"
    else:
        status_words = "the provider failed" if status >= 500 else "request refused"
    return f"{status}, {status_words}" + (f": {said}" if said else "")


def _said(text: str) -> str:
    """Return the provider's own words, if they are any that people read."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    error = value.get("error") if isinstance(value, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    return " ".join(said.split())[:MOST_WORDS] if isinstance(said, str) else ""
