"""What the output should have been: a form made from the output's schema, with what differs below each field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.schemas.form import FormField, Upload, apply_list_button, form_from, form_of, value_of, with_problems
from functions.schemas.validator import InvalidSchema, Validator
from opperweb import json
from opperweb.pages.diff import Piece
from traces.models import SpanBody
from traces.pages.feedback_view import difference

PREFIX = "output"
# A larger value is no work for a form.
MOST_CHARACTERS = 200_000
ANY: dict[str, Any] = {}


@dataclass(frozen=True)
class CorrectedField:
    """A field of the form; `pieces` tell it from the output, and are empty where it is the same."""

    number: int
    field: FormField
    pieces: list[Piece]


@dataclass(frozen=True)
class Correction:
    """The form as it was sent, or as it begins. `value` is what it says, where it `is_valid`."""

    form: FormField
    fields: list[CorrectedField]
    view: str
    value: Any = None
    is_valid: bool = True

    @property
    def others(self) -> FormField | None:
        return self.form.rest


def is_too_large(value: Any) -> bool:
    return len(json.dumps(value)) > MOST_CHARACTERS


def begin(body: SpanBody, value: Any, *, view: str) -> Correction:
    """Return the form of a value that is to be changed: an earlier correction, or the output itself."""
    schema = _schema_of(body, view)
    form = form_of(schema, value, PREFIX) if value is not None else form_of(schema, prefix=PREFIX)
    return Correction(form, _fields(form, body.output, value), view, value)


def read(body: SpanBody, post: Mapping[str, str], files: Mapping[str, Upload], *, view: str) -> Correction:
    """Return what was sent, each field with what is wrong with it."""
    schema = _schema_of(body, view)
    pressed = apply_list_button(post)
    sent = post if pressed is None else pressed
    value, errors = value_of(schema, sent, PREFIX, files)
    form = form_from(schema, sent, PREFIX, None if pressed is not None else errors)
    problems = _problems(body, value) if not errors and pressed is None else []
    if problems:
        form = with_problems(form, problems)
    fields = _fields(form, body.output, None if errors else value)
    return Correction(form, fields, view, value, is_valid=not errors and not problems)


def _schema_of(body: SpanBody, view: str) -> dict[str, Any] | None:
    """Return the schema that the form is made from; None for one long text."""
    if view == "json":
        return ANY
    if isinstance(body.output_schema, dict):
        return body.output_schema
    return None if body.output is None or isinstance(body.output, str) else ANY


def _problems(body: SpanBody, value: Any) -> list[Any]:
    if not isinstance(body.output_schema, dict):
        return []
    try:
        return Validator(body.output_schema).problems(value)
    except InvalidSchema:
        # What a caller sent was never used as a schema either.
        return []


def _fields(form: FormField, before: Any, after: Any) -> list[CorrectedField]:
    if form.kind != "group":
        return [CorrectedField(0, form, _pieces(before, after))]
    old, new = (value if isinstance(value, dict) else {} for value in (before, after))
    return [
        CorrectedField(number, field, _pieces(old.get(field.label), new.get(field.label)) if new else [])
        for number, field in enumerate(form.fields)
    ]


def _pieces(before: Any, after: Any) -> list[Piece]:
    return difference(before, after) if before is not None and after is not None and before != after else []
