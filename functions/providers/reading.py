"""What is taken from JSON that a vendor wrote, of which nothing can be trusted: words, counts, objects, lists."""

from __future__ import annotations

from typing import Any

from functions.providers.errors import BadReply
from opperweb import json

MOST_TOKENS = 2_000_000_000


def json_of(body: bytes | str) -> Any:
    """Return the value of JSON text, or None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def word(value: Any, most: int = 255) -> str:
    """Return a short text on one line: a name, an id, a reason; empty where there is none."""
    if not isinstance(value, str):
        return ""
    return "".join(character for character in value[: most * 2] if character.isprintable())[:most]


def text_in(value: dict[str, Any], name: str) -> str:
    """Return a text as it is; empty where there is none."""
    text = value.get(name)
    return text if isinstance(text, str) else ""


def object_in(value: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object; empty where there is none."""
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def objects_in(value: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects of a list; empty where there is none."""
    inner = value.get(name)
    return [item for item in inner if isinstance(item, dict)] if isinstance(inner, list) else []


def count_in(value: dict[str, Any], name: str) -> int | None:
    """Return a number of tokens, or None where there is none that can be true."""
    count = value.get(name)
    if isinstance(count, float) and count.is_integer():
        count = int(count)
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MOST_TOKENS else None


def redirect_error(status: int, headers: dict[str, str], *, provider: str) -> BadReply:
    """Return the error that an answer from 300 to 399 is; header names are in small letters."""
    where = headers.get("location", "another address").partition("?")[0][:200]
    return BadReply(
        f"HTTP {status}: {provider} redirects to {where}; no redirect is followed, correct the base URL",
        http_status=status,
        should_retry=False,
    )
