"""Telling the forms of a union apart: whether a value fits one, on the wire and in the caller's shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jsonschema_rs

from functions.schemas.effort import Effort, TooMuchWork, effort_of
from functions.schemas.validator import PATTERNS, without_surrogates

ROOT = "urn:root"


class Check:
    """Whether a value fits a schema; compiled when it is first asked for."""

    def __init__(self, schema: Callable[[], dict[str, Any]]) -> None:
        self.schema = schema

    @cached_property
    def compiled(self) -> tuple[jsonschema_rs.Draft202012Validator | None, Effort | None]:
        try:
            schema = without_surrogates(self.schema())
            effort = effort_of(schema)
            validator = jsonschema_rs.Draft202012Validator(
                schema, validate_formats=True, offline=True, pattern_options=PATTERNS
            )
            return validator, effort
        except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, TooMuchWork):
            return None, None

    def fits(self, value: Any) -> bool:
        validator, effort = self.compiled
        if validator is None:
            return True
        try:
            return not (effort and effort.is_too_much(value)) and validator.is_valid(without_surrogates(value))
        except ValueError:
            return False


def with_definitions(wire: dict[str, Any], definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {**wire, "$defs": definitions}


def standing_alone(part: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Return `part` so that it can be used alone: the schema it was cut from goes along under a name of its own."""
    return {**_pointing_at_root(part), "$defs": {"root": {**root, "$id": ROOT}}}


def _pointing_at_root(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: f"{ROOT}{item}" if key == "$ref" and isinstance(item, str) else _pointing_at_root(item)
            for key, item in value.items()
        }
    return [_pointing_at_root(item) for item in value] if isinstance(value, list) else value
