"""What one conversion may still use of what a dialect counts, and how deep it stands at the moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from functions.schemas.dialects.rules import Rules

# Definitions with words of their own beside the reference are copied to keep the words, up to this many parts in all.
MOST_COPIED_PARTS = 2_000


class Budget:
    """Counts down; each `take` tells whether there was enough left."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.levels = 0
        # The same, through definitions too.
        self.inside = 0
        self.optionals_above = 0
        self._optionals = rules.optionals
        self._unions = rules.unions
        self._bounds = rules.bounds
        self._enum_values = rules.enum_values
        self._copied_parts = MOST_COPIED_PARTS

    def take_optional(self) -> bool:
        if self._optionals is not None:
            self._optionals -= 1
        return self._optionals is None or self._optionals >= 0

    def take_union(self) -> bool:
        if self._unions is not None:
            self._unions -= 1
        return self._unions is None or self._unions >= 0

    def give_union_back(self) -> None:
        if self._unions is not None:
            self._unions += 1

    def take_bound(self) -> bool:
        if self._bounds is not None:
            self._bounds -= 1
        return self._bounds is None or self._bounds >= 0

    def take_enum(self, count: int) -> bool:
        if count > self.rules.longest_enum or count > self._enum_values:
            return False
        self._enum_values -= count
        return True

    def take_copy(self, parts: int) -> bool:
        if parts > self._copied_parts:
            return False
        self._copied_parts -= parts
        return True

    def has_levels(self, count: int) -> bool:
        return self.levels + count <= self.rules.levels

    @contextmanager
    def deeper(self, count: int) -> Iterator[None]:
        self.levels += count
        self.inside += count
        try:
            yield
        finally:
            self.levels -= count
            self.inside -= count

    @contextmanager
    def below_optional(self, is_optional: bool) -> Iterator[None]:
        self.optionals_above += is_optional
        try:
            yield
        finally:
            self.optionals_above -= is_optional

    @contextmanager
    def apart(self) -> Iterator[None]:
        """A definition stands by itself: levels are counted from its own beginning."""
        levels, self.levels = self.levels, 0
        try:
            yield
        finally:
            self.levels = levels
