"""The rules of a schema as short clauses that people and models read: "at least 3 characters"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from functions.schemas.problems import in_words

# Those a type line cannot show. `{}` stands for the value of the keyword.
WORDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matches {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
    "contentEncoding": "encoded as {}",
    "contentMediaType": "of the media type {}",
}
FORMATS = {
    "date-time": "date and time as in 2030-01-31T09:30:00Z",
    "date": "date as in 2030-01-31",
    "time": "time as in 09:30:00Z",
    "duration": "duration as in P3DT4H",
    "email": "e-mail address",
    "uri": "URI",
    "uuid": "UUID",
}
LONGEST_CLAUSE = 300


def clauses_of(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (keyword, clause) for each rule that has words, in the order of the schema."""
    for keyword, value in schema.items():
        clause = _clause(keyword, value)
        if clause:
            yield keyword, clause if len(clause) <= LONGEST_CLAUSE else clause[:LONGEST_CLAUSE] + "…"


def _clause(keyword: str, value: Any) -> str:
    if keyword in WORDS and isinstance(value, str | int | float):
        return _in_singular(WORDS[keyword].format(value), value)
    if keyword == "format" and isinstance(value, str):
        return FORMATS.get(value, f"in the format {value}")
    if keyword == "uniqueItems" and value is True:
        return "no item twice"
    if keyword == "contains" and isinstance(value, dict):
        return f"holds an item that fits {in_words(value, 200)}"
    if keyword == "not" and isinstance(value, dict):
        return f"must not fit {in_words(value, 200)}"
    if keyword == "propertyNames" and isinstance(value, dict):
        inner = ", ".join(clause for _, clause in clauses_of(value)) or in_words(value, 200)
        return f"each field name: {inner}"
    if keyword == "dependentRequired" and isinstance(value, dict):
        return "; ".join(f"with {name} also {', '.join(map(str, needed))}" for name, needed in value.items() if needed)
    return ""


def _in_singular(clause: str, count: Any) -> str:
    return clause.removesuffix("s") if count == 1 and clause.endswith(("characters", "items", "fields")) else clause
