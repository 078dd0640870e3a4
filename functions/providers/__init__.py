"""The accounts at vendors of language models that can be asked. Nothing here touches the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from functions.providers import transport
from functions.providers.adapter import Adapter, Exchange, WireRequest
from functions.providers.chat import ChatRequest
from functions.providers.errors import BadRequest, ProviderError
from functions.providers.openai import OpenAI
from functions.providers.rehearsal import Rehearsal
from functions.providers.secrets import (
    harmless_headers,
    harmless_url,
    secrets_of,
    without_quoted_keys,
    without_secrets,
)

__all__ = ["Exchange", "Provider", "Providers", "UnknownModel"]


class UnknownModel(Exception):
    """No configured provider can be asked for this model."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


class Provider(Protocol):
    """An account that can be asked."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    async def ask(self, chat: ChatRequest, *, timeout_seconds: float) -> Exchange:
        """Ask once; whatever goes wrong is in the exchange, only a cancellation is raised."""


class Providers:
    """All of them, by name; the built-in rehearsal is always among them."""

    def __init__(self, providers: Mapping[str, Provider], silent: Mapping[str, str] | None = None) -> None:
        self._providers: dict[str, Provider] = {**providers, "rehearsal": Rehearsal()}
        # Configured, but in a dialect that is not spoken here.
        self._silent = dict(silent or {})

    @classmethod
    def from_settings(cls, settings: Mapping[str, Mapping[str, Any]]) -> Providers:
        """Make them from {name: {kind, base_url, api_key}}."""
        spoken = {
            name: HttpProvider(name, "openai", OpenAI(name, setting["base_url"], setting["api_key"]))
            for name, setting in settings.items()
            if setting["kind"] == "openai"
        }
        return cls(spoken, {name: setting["kind"] for name, setting in settings.items() if name not in spoken})

    def resolve(self, name: str) -> tuple[Provider, str]:
        """Return the provider and the name it knows the model by; raise UnknownModel."""
        provider_name, slash, model = name.partition("/")
        if not slash or not model:
            raise UnknownModel(name, f"{name} names no provider; write provider/name, {self._there()}")
        if provider_name in self._silent:
            kind = self._silent[provider_name]
            raise UnknownModel(name, f"{provider_name} is configured, but the dialect {kind} is not spoken yet")
        provider = self._providers.get(provider_name)
        if provider is None:
            raise UnknownModel(name, f"no provider {provider_name} is configured; {self._there()}")
        if isinstance(provider, Rehearsal) and not provider.knows(model):
            raise UnknownModel(name, provider.unknown(model))
        return provider, model

    def names(self) -> list[str]:
        """Return the names of those that can be asked."""
        return list(self._providers)

    def _there(self) -> str:
        return f"there are: {', '.join(self.names())}"


class HttpProvider:
    """An account behind an address."""

    def __init__(self, name: str, kind: str, adapter: Adapter, secret: str = "") -> None:
        self.name = name
        self.kind = kind
        self.adapter = adapter
        self.secret = secret

    async def ask(self, chat: ChatRequest, *, timeout_seconds: float) -> Exchange:
        """Ask once, over the network."""
        try:
            wire = self.adapter.request(chat)
        except (ValueError, TypeError, RecursionError) as problem:
            error = BadRequest(f"the request to {self.name} cannot be written: {str(problem)[:200]}")
            return Exchange("POST", "", {}, None, error=error)
        secrets = secrets_of(wire.url, wire.headers, self.secret)
        answer = await transport.send(wire, provider=self.name, timeout_seconds=timeout_seconds, secrets=secrets)
        return self._exchange(wire, answer, secrets)

    def _exchange(self, wire: WireRequest, answer: transport.RawAnswer, secrets: tuple[str, ...]) -> Exchange:
        reply, error = None, answer.error
        if error is None and answer.status is not None:
            try:
                reply = self.adapter.reply(answer.status, answer.headers, answer.body)
            except ProviderError as problem:
                error = problem
        if error is not None:
            error.message = without_secrets(error.message, secrets)
            error.args = (error.message,)
        return Exchange(
            method=wire.method,
            url=harmless_url(wire.url, secrets),
            request_headers=harmless_headers(wire.headers, secrets),
            request_body=without_secrets(wire.body.decode("utf-8", "replace"), secrets),
            response_headers=harmless_headers(answer.headers, secrets),
            response_body=_body_text(answer, secrets),
            http_status=answer.status,
            queue_ms=answer.queue_ms,
            first_byte_ms=answer.first_byte_ms,
            duration_ms=answer.duration_ms,
            notes=wire.notes,
            reply=reply,
            error=error,
        )


def _body_text(answer: transport.RawAnswer, secrets: tuple[str, ...]) -> str | None:
    if answer.status is None:
        return None
    text = without_secrets(answer.body.decode("utf-8", "replace"), secrets)
    # Only complaints quote keys; in an answer such a word may be the answer.
    return without_quoted_keys(text) if answer.status >= 400 else text
