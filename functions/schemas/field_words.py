"""The type and the rules of a field in the words people read: "list of text", "1 to 200 items"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from functions.schemas.clauses import clauses_of
from functions.schemas.field_places import UNIONS, Place, items_of, kinds_of, place_of, properties_of
from functions.schemas.problems import in_words

TYPE_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "array": "list",
    "object": "object",
    "null": "none",
}
FORMAT_WORDS = {
    "date-time": "date and time",
    "date": "date",
    "time": "time",
    "duration": "duration",
    "email": "e-mail address",
    "uri": "web address",
    "uuid": "UUID",
}
MEDIA_MEMBER = "_opper_media_input"
MEDIA_NAMES = ("file_name", "filename")
MOST_DEPTH = 4
MOST_FORMS = 5
ANYTHING = "any value"
# Rules that have words of their own below, or that the type already says.
SAID = frozenset(
    ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
     "pattern", "contentMediaType", "contentEncoding"]
)  # fmt: skip


def type_words(root: Mapping[str, Any], part: Any, depth: int = 0) -> str:
    """Return the type of a part of `root` in words."""
    if part is False:
        return "nothing"
    place = place_of(root, part)
    words = _core_words(root, place, depth)
    return f"{words} or none" if place.is_nullable and words not in ("none", ANYTHING) else words


def _core_words(root: Mapping[str, Any], place: Place, depth: int) -> str:
    schema = place.seen
    if "const" in schema:
        return "one of 1"
    if isinstance(options := schema.get("enum"), list):
        return f"one of {sum(option is not None for option in options) if place.is_nullable else len(options)}"
    if media := media_words(place):
        return media
    for union in UNIONS:
        if isinstance(forms := place.core.get(union), list) and forms:
            return _union_words(root, forms, depth)
    kinds = kinds_of(place)
    if kinds == ["string"]:
        return FORMAT_WORDS.get(str(schema.get("format")), "text")
    if kinds == ["array"]:
        return _list_words(root, place, depth)
    if kinds == ["object"]:
        return _object_words(root, place, depth)
    return " or ".join(TYPE_WORDS.get(kind, kind) for kind in kinds) or ANYTHING


def _union_words(root: Mapping[str, Any], forms: list[Any], depth: int) -> str:
    if len(forms) > MOST_FORMS or depth >= MOST_DEPTH:
        return f"one of {len(forms)} forms"
    words = list(dict.fromkeys(type_words(root, form, depth + 1) for form in forms))
    return " or ".join(words) if len(words) > 1 else f"{words[0]}, {len(forms)} forms"


def _list_words(root: Mapping[str, Any], place: Place, depth: int) -> str:
    prefix = place.seen.get("prefixItems")
    if isinstance(prefix, list) and prefix:
        if len(prefix) > MOST_FORMS or depth >= MOST_DEPTH:
            return f"list of {len(prefix)} parts"
        return f"list: {', then '.join(type_words(root, part, depth + 1) for part in prefix)}"
    items = items_of(place)
    if items is None or depth >= MOST_DEPTH:
        return "list"
    inner = type_words(root, items, depth + 1)
    return "list" if inner == ANYTHING else f"list of {inner}"


def _object_words(root: Mapping[str, Any], place: Place, depth: int) -> str:
    others = place.seen.get("additionalProperties")
    if properties_of(place) or not isinstance(others, dict) or depth >= MOST_DEPTH:
        return "object"
    inner = type_words(root, others, depth + 1)
    return "map" if inner == ANYTHING else f"map of {inner}"


def media_words(place: Place) -> str:
    """Return picture, sound or file for what holds one; empty for anything else."""
    schema, kinds = place.seen, kinds_of(place)
    fields = properties_of(place)
    if fields and MEDIA_MEMBER in fields and fields.keys() <= {MEDIA_MEMBER, *MEDIA_NAMES}:
        return "file"
    if kinds not in ([], ["string"]):
        return ""
    media_type = schema.get("contentMediaType")
    is_base64 = str(schema.get("contentEncoding")).lower() in ("base64", "base64url")
    family = media_type.partition("/")[0].lower() if isinstance(media_type, str) else ""
    if family in ("image", "audio"):
        return "picture" if family == "image" else "sound"
    return "file" if is_base64 or (isinstance(media_type, str) and "pdf" in media_type) else ""


# --- rules --------------------------------------------------------------------------------------------------------


def rules_in_words(schema: Mapping[str, Any], kinds: list[str]) -> Iterator[str]:
    """Yield the rules of a schema that its type and its pattern do not say."""
    if kinds == ["array"]:
        yield _range(schema, "minItems", "maxItems", "items") or ("may be empty" if not schema.get("minItems") else "")
    if words := _number_range(schema):
        yield words
    if words := _range(schema, "minLength", "maxLength", "characters"):
        yield words
    yield from _other_clauses(schema)
    if schema.get("additionalProperties") is False and kinds == ["object"]:
        yield "no other fields"
    if "default" in schema:
        yield f"default {'none' if schema['default'] is None else in_words(schema['default'])}"


def _other_clauses(schema: Mapping[str, Any]) -> list[str]:
    is_told = schema.get("format") in list(FORMAT_WORDS)
    unsaid = {key: value for key, value in schema.items() if key not in SAID and not (key == "format" and is_told)}
    try:
        return [clause for _, clause in clauses_of(unsaid)]
    except TypeError:
        # Nobody has checked this schema; its JSON is shown beside.
        return []


def _number_range(schema: Mapping[str, Any]) -> str:
    least, most = _number(schema, "minimum"), _number(schema, "maximum")
    above, below = _number(schema, "exclusiveMinimum"), _number(schema, "exclusiveMaximum")
    if not above and not below:
        if least and most:
            return least if least == most else f"{least} to {most}"
        return f"{least} or more" if least else f"up to {most}" if most else ""
    parts = [f"{least} or more" if least else "", f"more than {above}" if above else ""]
    parts += [f"up to {most}" if most else "", f"less than {below}" if below else ""]
    return ", ".join(filter(None, parts))


def _range(schema: Mapping[str, Any], low: str, high: str, what: str) -> str:
    least, most = _number(schema, low), _number(schema, high)
    least = "" if least == "0" else least
    if least and most:
        return _counted(f"exactly {least}" if least == most else f"{least} to {most}", most, what)
    if least:
        return _counted(f"at least {least}", least, what)
    return _counted(f"up to {most}", most, what) if most else ""


def _counted(words: str, number: str, what: str) -> str:
    return f"{words} {what.removesuffix('s') if number == '1' else what}"


def _number(schema: Mapping[str, Any], keyword: str) -> str:
    value = schema.get(keyword)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (f"{value:,}" if isinstance(value, int) and abs(value) < 10**18 else in_words(value)) if is_number else ""
