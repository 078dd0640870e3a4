"""The accounts at vendors of language models that can be asked. Nothing here touches the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol

from functions.providers.adapter import Adapter, Exchange
from functions.providers.anthropic import Anthropic
from functions.providers.chat import ChatDelta, ChatRequest, SchemaDialect, Strategy
from functions.providers.embeddings import Embeddings
from functions.providers.errors import ProviderError
from functions.providers.gemini import Gemini
from functions.providers.http_provider import HttpProvider
from functions.providers.openai import OpenAI
from functions.providers.rehearsal import Rehearsal

__all__ = ["Exchange", "HttpProvider", "Provider", "Providers", "Streaming", "UnknownModel"]

# Which dialect each kind of account speaks.
KINDS: dict[str, Callable[[str, str, str], Adapter]] = {"openai": OpenAI, "anthropic": Anthropic, "gemini": Gemini}


class UnknownModel(Exception):
    """No configured provider can be asked for this model."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


class Streaming(Protocol):
    """An answer that comes piece by piece: `async with` it, `async for` over it, then look at its exchange.

    The pieces end quietly at the end and at an error; leaving the block closes the provider's connection.
    """

    async def __aenter__(self) -> Streaming: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def __aiter__(self) -> AsyncIterator[ChatDelta]: ...

    def exchange(self) -> Exchange:
        """Return what was sent and what has come of it; before the end, what is known so far."""


class Provider(Protocol):
    """An account that can be asked."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def dialect(self) -> SchemaDialect:
        """Return whose rules its schemas follow: openai, anthropic, gemini, grammar, or none."""

    @property
    def base_url(self) -> str:
        """Return where it is reached; empty for one without an address."""

    @property
    def shows_schemas(self) -> bool:
        """Tell whether a schema that is sent is put before the model's eyes; else the prompt has to tell its shape."""

    def strategies(self, model: str) -> tuple[Strategy, ...]:
        """Return the ways in which this model can be asked for structure, the best first."""

    async def ask(self, chat: ChatRequest, *, timeout_seconds: float) -> Exchange:
        """Ask once; whatever goes wrong is in the exchange, only a cancellation is raised."""

    def stream(
        self, chat: ChatRequest, *, timeout_seconds: float, first_byte_seconds: float = 30, idle_seconds: float = 30
    ) -> Streaming:
        """Ask once for an answer that comes piece by piece; whatever goes wrong is in its exchange."""

    async def embed(self, model: str, texts: Sequence[str], *, timeout_seconds: float) -> Embeddings | ProviderError:
        """Ask once for a vector for each text; an error is returned, only a cancellation is raised."""


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
            name: HttpProvider(name, kind, KINDS[kind](name, setting["base_url"], setting["api_key"]))
            for name, setting in settings.items()
            if (kind := setting["kind"]) in KINDS
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
