"""A schema whose references all have the form #/…, whatever identifiers and anchors they were written with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin

from functions.schemas.walk import Path, subschemas

BASE = "http://schema.invalid/"
# `id` is how draft 4 wrote it: nothing refers to it here, and data often bears that name.
NAMES = ("$id", "$anchor", "$dynamicAnchor", "$schema")


def with_plain_references(root: dict[str, Any]) -> dict[str, Any]:
    """Return `root` with each $ref as a JSON pointer from the root, and without the names they were found by.

    A reference that leads nowhere stays as it is.
    """
    parts = list(subschemas(root))
    if not any("$id" in part or _is_by_name(part) for path, part in parts if path or _is_by_name(part)):
        return {key: value for key, value in root.items() if key not in NAMES}
    bases = _bases(parts)
    places = dict(_places(parts, bases))
    rewritten = {path: _pointer(part, bases[path], places) for path, part in parts}
    copied: dict[str, Any] = _copied(root, (), rewritten)
    return copied


def _is_by_name(part: dict[str, Any]) -> bool:
    reference = part.get("$ref")
    return "$dynamicRef" in part or (isinstance(reference, str) and reference != "#" and reference[:2] != "#/")


def _bases(parts: list[tuple[Path, dict[str, Any]]]) -> dict[Path, str]:
    """Return the address each part is resolved against: its own identifier, or the nearest one around it."""
    bases: dict[Path, str] = {}
    for path, part in parts:
        around = next((bases[path[:length]] for length in range(len(path) - 1, -1, -1) if path[:length] in bases), BASE)
        identifier = part.get("$id")
        own = urldefrag(identifier)[0] if isinstance(identifier, str) else ""
        bases[path] = _join(around, own) if own else around
    return bases


def _places(parts: list[tuple[Path, dict[str, Any]]], bases: dict[Path, str]) -> Iterator[tuple[str, Path]]:
    for path, part in parts:
        if not path or (isinstance(part.get("$id"), str) and not part["$id"].startswith("#")):
            yield bases[path], path
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(name := part.get(keyword), str):
                yield f"{bases[path]}#{name}", path
        if isinstance(name := part.get("$id"), str) and name.startswith("#"):
            yield f"{bases[path]}{name}", path


def _pointer(part: dict[str, Any], base: str, places: dict[str, Path]) -> str | None:
    reference = part.get("$ref", part.get("$dynamicRef"))
    if not isinstance(reference, str):
        return None
    address, fragment = urldefrag(_join(base, reference))
    if not fragment or fragment.startswith("/"):
        place = places.get(address)
        return None if place is None else f"#{_written(place)}{fragment}"
    place = places.get(f"{address}#{unquote(fragment)}")
    return None if place is None else f"#{_written(place)}"


def _join(base: str, reference: str) -> str:
    if reference.startswith("#"):
        return urldefrag(base)[0] + reference
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference


def _written(path: Path) -> str:
    return "".join("/" + quote(str(step).replace("~", "~0").replace("/", "~1"), safe="~ $") for step in path)


def _copied(value: Any, path: Path, rewritten: dict[Path, str | None]) -> Any:
    if isinstance(value, list):
        return [_copied(item, (*path, place), rewritten) for place, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    is_schema = path in rewritten
    copy = {
        key: _copied(item, (*path, key), rewritten) for key, item in value.items() if not (is_schema and key in NAMES)
    }
    if is_schema and (pointer := rewritten[path]) is not None:
        copy.pop("$dynamicRef", None)
        copy["$ref"] = pointer
    return copy
