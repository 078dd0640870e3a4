"""A tag in writing ⇄ its key and value."""

from __future__ import annotations


def read_tag(text: str) -> tuple[str, str | None]:
    """Return key and value of `env=production` or `env:production`; the value is None where only a key is given."""
    at = min((place for place in (text.find("="), text.find(":")) if place >= 0), default=-1)
    if at < 0:
        return text.strip(), None
    return text[:at].strip(), text[at + 1 :].strip()


def write_tag(key: str, value: str | None) -> str:
    return key if value is None else f"{key}={value}"
