"""From the text of a reply to a value that fits the caller's schema, or to what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from functions.schemas.codec import Codec
from functions.schemas.coercion import coerced
from functions.schemas.extract import Found, beyond_a_double, json_in
from functions.schemas.problems import Problem, in_words
from functions.schemas.validator import MOST_VALUE_DEPTH, Validator
from functions.schemas.walk import depth_of

UNREADABLE = "cannot be read"


@dataclass(frozen=True)
class Reading:
    """What a reply says. Without problems `value` fits the schema."""

    value: Any = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_answer(text: str, validator: Validator, codec: Codec, *, is_complete: bool) -> Reading:
    """Return the value in `text` with the fewest problems. Never raises, whatever a model wrote."""
    try:
        readings = [_checked(found, validator, codec) for found in json_in(text, is_complete=is_complete)]
        if not readings or readings[0].problems:
            readings += _as_plain_text(text, validator, codec)
        if readings:
            return min(readings, key=lambda reading: len(reading.problems))
    except (ValueError, RecursionError, OverflowError) as error:
        return Reading(problems=[Problem((), "json", f"{UNREADABLE}: {error}"[:300])])
    number = beyond_a_double(text)
    if number is not None:
        return Reading(problems=[Problem((), "number", f"holds {number[:40]}, a number too large to keep")])
    return Reading(problems=[Problem((), "json", _complaint(text, is_complete), value=text[:200])])


def _checked(found: Found, validator: Validator, codec: Codec) -> Reading:
    if depth_of(found.value, MOST_VALUE_DEPTH) > MOST_VALUE_DEPTH:
        problem = Problem((), "depth", f"must not be nested deeper than {MOST_VALUE_DEPTH} levels")
        return Reading(problems=[problem], notes=list(found.notes))
    decoded = codec.decode(found.value)
    inner = _unwrapped(decoded)
    # Before anything is converted: a list of one such object would fit where a list is due, and be wrong.
    if inner is not None and validator.problems(decoded):
        value, problems, notes = coerced(inner[0], validator)
        if not problems:
            return Reading(value, [], [*found.notes, "The answer stood in a field “value”", *notes])
    value, problems, notes = coerced(decoded, validator)
    return Reading(value, problems, [*found.notes, *notes])


def _unwrapped(value: Any) -> tuple[Any] | None:
    # Where a model may answer with objects alone, other roots are asked for as the field "value".
    return (value["value"],) if isinstance(value, dict) and list(value) == ["value"] else None


def _as_plain_text(text: str, validator: Validator, codec: Codec) -> list[Reading]:
    """Return the whole reply as a text, where a text is what the schema asks for."""
    if not codec.is_identity or not text.strip() or validator.problems(text.strip()):
        return []
    return [Reading(text.strip(), [], ["The whole reply is taken as the text that was asked for"])]


def _complaint(text: str, is_complete: bool) -> str:
    if not text.strip():
        return "is no JSON: the reply is empty"
    cut = "" if is_complete else ", and it was cut off"
    return f"is no JSON{cut}: it begins with {in_words(text.strip()[:50])}"
