"""What is wrong with a value, in words that follow the name of the place: "must be at least 1 (is 0)"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from functions.schemas.walk import Path
from opperweb import json

TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


@dataclass(frozen=True)
class Problem:
    """One way in which a value does not fit its schema."""

    path: Path
    rule: str
    message: str
    expected: Any = None
    value: Any = None

    @property
    def where(self) -> str:
        """Return the path as people write it: items[3].qty; empty for the root."""
        return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).removeprefix(".")

    @property
    def sentence(self) -> str:
        return f"{self.where or 'the value'} {self.message}"

    def as_json(self) -> dict[str, Any]:
        return {
            "path": self.where,
            "rule": self.rule,
            "message": self.message,
            "expected": shortened(self.expected),
            "value": shortened(self.value),
        }


def shortened(value: Any, most: int = 200) -> Any:
    """Return `value`, or the beginning of its text where that is long."""
    try:
        text = value if isinstance(value, str) else json.dumps(value)
    except (ValueError, RecursionError):
        return "…"
    return value if len(text) <= most else text[:most] + "…"


def in_words(value: Any, most: int = 60) -> str:
    """Return `value` as short JSON text."""
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):
        return "…"
    return text if len(text) <= most else text[:most] + "…"


def problems_of(error: jsonschema_rs.ValidationError) -> Iterator[Problem]:
    """Yield the problems behind one error of the validator: a union that fits nowhere is looked into."""
    rule, details = error.kind.name, error.kind.as_dict()
    if rule in ("anyOf", "oneOfNotValid", "oneOf") and (branch := _nearest_branch(details.get("context") or [])):
        for inner in branch:
            yield from problems_of(inner)
        return
    path = tuple(error.instance_path)
    if rule == "required":
        yield Problem((*path, details["property"]), "required", "is missing")
    elif rule in ("additionalProperties", "unevaluatedProperties"):
        for name in details.get("unexpected", []):
            yield Problem((*path, name), rule, "is not one of the fields that are allowed")
    elif rule == "falseSchema" and error.schema_path[-1:] == ["additionalProperties"]:
        yield Problem(path, "additionalProperties", "has fields that are not allowed", None, error.instance)
    else:
        message, expected = _message(rule, details, error)
        yield Problem(path, rule, message, expected, error.instance)


def _nearest_branch(branches: list[list[jsonschema_rs.ValidationError]]) -> list[jsonschema_rs.ValidationError] | None:
    """Return the errors of the one branch that at least has the right type; None where that is not one alone."""
    near = [branch for branch in branches if branch and not _is_far(branch)]
    return near[0] if len(near) == 1 else None


def _is_far(branch: list[jsonschema_rs.ValidationError]) -> bool:
    outermost = min(len(error.instance_path) for error in branch)
    return any(
        error.kind.name in ("type", "constant", "const", "falseSchema") and len(error.instance_path) == outermost
        for error in branch
    )


def _message(rule: str, details: dict[str, Any], error: jsonschema_rs.ValidationError) -> tuple[str, Any]:
    value = in_words(error.instance)
    limit = details.get("limit")
    if rule == "type":
        types = details["types"]
        return f"must be {' or '.join(TYPE_NAMES.get(name, name) for name in types)} (is {value})", types
    if rule == "enum":
        options = details["options"]
        return f"must be one of {', '.join(in_words(option, 40) for option in options[:20])} (is {value})", options
    if rule in ("const", "constant"):
        expected = details.get("expected_value")
        return f"must be {in_words(expected)} (is {value})", expected
    if rule == "pattern":
        return f"must match {details['pattern']} (is {value})", details["pattern"]
    if rule == "format":
        return f"must be a valid {details['format']} (is {value})", details["format"]
    if rule in LIMITS:
        return LIMITS[rule].format(limit=limit, value=value, size=_size_of(error.instance)), limit
    if rule == "multipleOf":
        return f"must be a multiple of {details.get('multiple_of')} (is {value})", details.get("multiple_of")
    return OTHERS.get(rule, error.message.splitlines()[0][:300]), None


def _size_of(value: Any) -> int:
    return len(value) if isinstance(value, str | list | dict) else 0


LIMITS = {
    "minimum": "must be at least {limit} (is {value})",
    "maximum": "must be at most {limit} (is {value})",
    "exclusiveMinimum": "must be greater than {limit} (is {value})",
    "exclusiveMaximum": "must be less than {limit} (is {value})",
    "minLength": "must have at least {limit} characters (has {size})",
    "maxLength": "must have at most {limit} characters (has {size})",
    "minItems": "must have at least {limit} items (has {size})",
    "maxItems": "must have at most {limit} items (has {size})",
    "minProperties": "must have at least {limit} fields (has {size})",
    "maxProperties": "must have at most {limit} fields (has {size})",
}
OTHERS = {
    "anyOf": "fits none of the allowed forms",
    "oneOf": "does not fit exactly one of the allowed forms",
    "oneOfNotValid": "fits none of the allowed forms",
    "oneOfMultipleValid": "fits more than one of the forms that exclude each other",
    "not": "has a form that is not allowed",
    "uniqueItems": "must not hold the same item twice",
    "contains": "does not hold the item it must have",
    "falseSchema": "must not be there",
}
