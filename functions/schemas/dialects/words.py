"""What a wire schema cannot say itself: clauses behind its descriptions, and notes on what was changed."""

from __future__ import annotations

from typing import Any

from functions.schemas.clauses import clauses_of

MOST_NOTES = 30
LONGEST_NOTE = 300
# The keywords that are rules about a value and do not shape it. Any other unknown word is nobody's rule.
RULES = frozenset(
    [
        "pattern",
        "format",
        "minLength",
        "maxLength",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "contains",
        "minContains",
        "maxContains",
        "minItems",
        "maxItems",
        "uniqueItems",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "not",
        "if",
    ]
)
AT_LEAST = ("minLength", "minItems", "minProperties")


class Words:
    """Puts rules into descriptions, and remembers what to tell about it."""

    def __init__(self) -> None:
        self.is_thinned = False
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)[:MOST_NOTES]

    def note(self, text: str) -> None:
        self._notes[text] = None

    def thinned(self, where: str, rule: str) -> None:
        self.is_thinned = True
        self.note(f"{where or 'the value'}: {rule} is asked for in words and checked here"[:LONGEST_NOTE])

    def described(self, wire: dict[str, Any], schema: dict[str, Any], where: str, *more: str) -> dict[str, Any]:
        """Add the caller's description, and as clauses behind it `more` and the rules that `wire` does not hold."""
        clauses = {keyword: clause for keyword, clause in clauses_of(schema) if _is_left_out(keyword, schema, wire)}
        for keyword in schema:
            if keyword in RULES and _is_left_out(keyword, schema, wire):
                self.thinned(where, clauses.get(keyword) or f"the rule “{keyword}”")
        descriptions = dict.fromkeys(each.get("description") for each in (schema, wire))
        text = " ".join(words.strip() for words in descriptions if isinstance(words, str)).strip()
        if said := [*filter(None, more), *clauses.values()]:
            text = f"{text} ({'; '.join(said)})".strip()
        if not text or "$ref" in wire:
            return wire
        return {**wire, "description": text}


def _is_left_out(keyword: str, schema: dict[str, Any], wire: dict[str, Any]) -> bool:
    value = schema[keyword]
    says_nothing = value is False or value in ({}, []) or (keyword in AT_LEAST and value == 0)
    return not says_nothing and wire.get(keyword) != value
