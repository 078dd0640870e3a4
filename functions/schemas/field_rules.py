"""Writes single rules of a field where they stand: options, pattern, limits, whether it is required."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from functions.schemas.field_places import Place, kinds_of, required_of
from functions.schemas.table import LIMITS
from functions.schemas.validator import InvalidSchema, check_schema
from opperweb import json

LONGEST_NAME = 200


class WrongEdit(Exception):
    """An edit that cannot be made. `part` is the part of the field that is wrong."""

    def __init__(self, message: str, part: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.part = part


def checked_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise WrongEdit("A field needs a name", "name")
    if len(name) > LONGEST_NAME:
        raise WrongEdit(f"A name has at most {LONGEST_NAME} characters", "name")
    return name


def put_word(place: Place, keyword: str, value: Any) -> None:
    """Write a word where it stands, else at the field itself; an empty one is taken away."""
    holder = next((part for part in place.chain if keyword in part), place.own)
    if value:
        holder[keyword] = value
    else:
        holder.pop(keyword, None)


def put_options(place: Place, options: Sequence[Any]) -> None:
    if not options:
        raise WrongEdit("Name at least one option", "enum")
    texts = [json.dumps(option) for option in options]
    if len(set(texts)) < len(texts):
        raise WrongEdit("An option stands there twice", "enum")
    holder = place.holder_of("enum")
    was_null_allowed = None in holder.get("enum", []) and place.is_nullable
    holder["enum"] = [*options, None] if was_null_allowed and None not in options else list(options)
    if any(not isinstance(option, str) for option in options) and holder.get("type") == "string":
        del holder["type"]


def put_pattern(place: Place, pattern: str) -> None:
    if not pattern:
        place.holder_of("pattern").pop("pattern", None)
        return
    if kinds_of(place) != ["string"]:
        raise WrongEdit("Only a text has a pattern", "pattern")
    try:
        check_schema({"pattern": pattern})
    except InvalidSchema:
        raise WrongEdit(f"{pattern[:100]} is not a pattern that can be used", "pattern") from None
    place.holder_of("pattern")["pattern"] = pattern


def put_limits(place: Place, least: str | float | None, most: str | float | None) -> None:
    """Write the limits that are given; an empty text takes one away."""
    for part, given, position in (("least", least, 0), ("most", most, 1)):
        if given is None:
            continue
        kinds = kinds_of(place)
        keywords = LIMITS.get(kinds[0]) if len(kinds) == 1 else None
        number = _limit(given, part, is_size=keywords is not None and keywords[0] != "minimum")
        if keywords is None:
            if number is None:
                continue
            raise WrongEdit("Only texts, numbers and lists have limits", part)
        keyword = keywords[position]
        if number is None:
            place.holder_of(keyword).pop(keyword, None)
            continue
        place.holder_of(keyword)[keyword] = number
        outer = "exclusiveMinimum" if position == 0 else "exclusiveMaximum"
        place.holder_of(outer).pop(outer, None) if keyword in ("minimum", "maximum") else None
    low, high = (place.seen.get(keyword) for keyword in LIMITS.get((kinds_of(place) or [""])[0], ("", "")))
    is_given = least is not None or most is not None
    if is_given and isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        raise WrongEdit("The least is more than the most", "least" if least is not None else "most")


def _limit(given: str | float, part: str, *, is_size: bool) -> int | float | None:
    text = str(given).strip()
    if not text:
        return None
    if is_size and not re.fullmatch(r"\d{1,12}", text, re.ASCII):
        raise WrongEdit("Type a whole number, 0 or more", part)
    if not re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?(e[+-]?\d{1,2})?", text, re.ASCII | re.IGNORECASE):
        raise WrongEdit("Type a number, as in 1.5", part)
    return int(text) if re.fullmatch(r"-?\d+", text, re.ASCII) else float(text)


def set_required(place: Place, name: str, *, is_required: bool) -> None:
    holder = place.holder_of("required") if "required" in place.seen else place.holder_of("properties")
    required = [each for each in required_of(place) if each != name] + ([name] if is_required else [])
    if required == required_of(place):
        return
    if required:
        holder["required"] = required
    else:
        holder.pop("required", None)


def rename_dependents(holder: dict[str, Any], names: Mapping[str, str]) -> None:
    for keyword in ("dependentRequired", "dependentSchemas"):
        if isinstance(rules := holder.get(keyword), dict):
            holder[keyword] = {names.get(name, name): rule for name, rule in rules.items()}
    if isinstance(rules := holder.get("dependentRequired"), dict):
        for name, needed in rules.items():
            if isinstance(needed, list):
                rules[name] = [names.get(each, each) for each in needed]


def rebuild(properties: dict[str, Any], ordered: dict[str, Any]) -> None:
    properties.clear()
    properties.update(ordered)
