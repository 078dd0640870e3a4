"""Taking keys and passwords out of whatever is kept or shown of an exchange."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

HIDDEN = "…"
SECRET_NAME = re.compile(r"auth|key|token|secret|cookie|passw|credential|signature", re.IGNORECASE)
# Rate limits count tokens; they are worth keeping.
HARMLESS_NAME = re.compile(r"^(x-|anthropic-)?ratelimit-|^x-ms-region$", re.IGNORECASE)
# How vendors repeat a key in a complaint about it, with its middle left out.
QUOTED_KEY = re.compile(r"\b(sk|pk|gsk|xai|nvapi|hf|r8)([-_])[A-Za-z0-9_*.-]{6,}|\bAIza[A-Za-z0-9_*-]{10,}")
# Shorter ones would take ordinary words out of texts.
SHORTEST = 5


def is_secret(name: str) -> bool:
    """Tell whether a header or parameter of this name holds something that nobody should read."""
    return bool(SECRET_NAME.search(name)) and not HARMLESS_NAME.search(name)


def secrets_of(url: str, headers: Mapping[str, str], *more: str) -> tuple[str, ...]:
    """Return every secret a request carries, longest first, in each form it may come back in."""
    parts = urlsplit(url)
    found = {*more, unquote(parts.password or ""), parts.password or ""}
    found |= {value for name, value in parse_qsl(parts.query) if is_secret(name)}
    for name, value in headers.items():
        if is_secret(name):
            found |= {value, value.partition(" ")[2]}
    found |= {quote(secret, safe="") for secret in found}
    return tuple(sorted((secret for secret in found if len(secret) >= SHORTEST), key=len, reverse=True))


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with each secret replaced by an ellipsis."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def without_quoted_keys(text: str) -> str:
    """Return a complaint without the keys it quotes in part."""
    return QUOTED_KEY.sub(HIDDEN, text)


def harmless_headers(headers: Mapping[str, str], secrets: Iterable[str]) -> dict[str, str]:
    """Return headers to keep; of an authorization only its scheme is left."""
    return {
        name: _harmless_value(value) if is_secret(name) else without_secrets(value, secrets)
        for name, value in headers.items()
    }


def _harmless_value(value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {HIDDEN}" if space and scheme.lower() in ("bearer", "basic", "token") else HIDDEN


def harmless_url(url: str, secrets: Iterable[str]) -> str:
    """Return the address without the password in it and without secret parameters."""
    parts = urlsplit(url)
    query = "&".join(
        f"{pair.partition('=')[0]}={HIDDEN}" if is_secret(pair.partition("=")[0]) else pair
        for pair in parts.query.split("&")
        if pair
    )
    netloc = parts.netloc.rpartition("@")[2]
    return without_secrets(urlunsplit((parts.scheme, netloc, parts.path, query, "")), secrets)
