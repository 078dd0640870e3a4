"""What the strict mode of each dialect takes: one table each. How a schema gets there is the same for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

Dialect = Literal["openai", "anthropic", "gemini", "grammar"]

NUMBER_RULES = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
FORMATS = frozenset(["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"])
# Lookaround, back references, named groups, inline flags, word boundaries and classes by name.
UNUSUAL_PATTERN = re.compile(r"\(\?(?!:)|\\[1-9kKpPbBAZzG]")
# The same, and counted repetition beyond two digits: its automaton grows with the count.
LONG_PATTERN = re.compile(rf"{UNUSUAL_PATTERN.pattern}|\{{\d{{3,}}|,\d{{3,}}\}}")
# A grammar is made for whole texts: a pattern that may stand anywhere in them cannot be sent.
UNANCHORED_PATTERN = re.compile(rf"{LONG_PATTERN.pattern}|^(?!\^)|(?<!\$)$|^\^.*(?<!\\)\|.*\$$")


@dataclass(frozen=True)
class Rules:
    """One dialect. Where a number is None there is no such limit."""

    # Enforced as they are. What is not named here goes into the descriptions in words.
    kept: frozenset[str]
    formats: frozenset[str] = FORMATS
    refused_pattern: re.Pattern[str] = UNUSUAL_PATTERN
    # Fields that may be left out, and unions (`anyOf`, lists of types), in the whole schema.
    optionals: int | None = 0
    unions: int | None = None
    # A part that holds itself: as it is, below a field that may be left out, or never.
    recursion: Literal["kept", "below optional", "never"] = "kept"
    # What fields may be called; others get another name on the wire.
    field_name: re.Pattern[str] | None = None
    takes_any_root: bool = False
    takes_tuples: bool = False
    takes_maps: bool = False
    takes_anything: bool = False
    # Values of one kind, and these only texts or numbers.
    has_plain_enums: bool = False
    longest_enum: int = 1_000
    enum_values: int = 1_000
    most_least_items: int | None = None
    # Rules about numbers and lengths, each of which adds states.
    bounds: int | None = None
    # Objects and lists inside each other.
    levels: int = 40
    has_ordering: bool = False

    def tighter(self) -> Iterator[Rules]:
        """Yield these rules, then ever stricter ones, for schemas that are too large for the first."""
        rules = self
        yield rules
        if rules.recursion == "below optional":
            rules = replace(rules, recursion="never")
            yield rules
        rules = replace(rules, longest_enum=min(rules.longest_enum, 100))
        yield rules
        for levels in (6, 4, 3, 2):
            yield replace(rules, longest_enum=20, levels=levels)


RULES: dict[Dialect, Rules] = {
    "openai": Rules(kept=frozenset(["pattern", "format", *NUMBER_RULES, "minItems", "maxItems"]), levels=10),
    "anthropic": Rules(
        kept=frozenset(["pattern", "format", "minItems"]),
        formats=FORMATS | {"uri"},
        refused_pattern=LONG_PATTERN,
        optionals=24,
        unions=16,
        recursion="never",
        field_name=re.compile(r"[a-zA-Z0-9_.-]{1,64}"),
        most_least_items=1,
    ),
    # Nobody says how many states are too many: these numbers stay well below what is known to be refused.
    "gemini": Rules(
        kept=frozenset(["minimum", "maximum", "minItems", "maxItems"]),
        formats=frozenset(),
        optionals=100,
        recursion="below optional",
        takes_any_root=True,
        takes_tuples=True,
        has_plain_enums=True,
        longest_enum=100,
        bounds=50,
        has_ordering=True,
    ),
    "grammar": Rules(
        kept=frozenset(["pattern", "format", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"]),
        formats=frozenset(["date-time", "date", "time", "uuid"]),
        refused_pattern=UNANCHORED_PATTERN,
        optionals=None,
        takes_any_root=True,
        takes_tuples=True,
        takes_maps=True,
        takes_anything=True,
    ),
}
