"""The line that a list shows of an input or an output: the texts in it, in the order the caller wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

LENGTH = 300
# A list shows its first items only; more would never be seen in a line.
MOST_TEXTS = 12


def preview(value: Any) -> str:
    """Return one line of at most 300 characters: an object's values joined by " · ", of a list its first item."""
    if value is None:
        return ""
    words = " · ".join(_texts(value, depth=0))
    line = " ".join(words.split())
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        if depth > 4:
            yield f"{len(value)} fields"
            return
        for number, item in enumerate(value.values()):
            if number == MOST_TEXTS:
                yield f"{len(value) - MOST_TEXTS} more"
                return
            if item is not None and item != "":
                yield from _texts(item, depth + 1)
    elif isinstance(value, (list, tuple)):
        if value:
            yield from _texts(value[0], depth + 1) if depth <= 4 else iter([f"{len(value)} items"])
        if len(value) > 1 and depth <= 4:
            yield f"{len(value) - 1} more"
    else:
        yield _text_of(value)


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return media_name(value) or printable(value[: LENGTH * 2])
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)[: LENGTH * 2]


def media_name(text: str) -> str:
    """Return what a data URL is called in a line ("image, png, 412 kB"), or an empty string for any other text."""
    if not text.startswith("data:") or ";base64," not in text[:200]:
        return ""
    kind, _, form = text[5 : text.index(";")].partition("/")
    size = (len(text) - text.index(",")) * 3 // 4
    amount = f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{max(1, size // 1000)} kB"
    return f"{kind or 'file'}, {form or 'unknown'}, {amount}"


def printable(text: str) -> str:
    """Return text that every database column holds: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
