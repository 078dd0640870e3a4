"""The steps of a codec at unions: which of several forms a value has, on the wire and in the caller's shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from functions.schemas.codec import Check, JsonText, Step, Work


@dataclass(frozen=True)
class Branch:
    """One form of a union: how to tell it on the wire and in the caller's shape."""

    step: Step
    fits_wire: Check
    fits_caller: Check


@dataclass(frozen=True)
class Union:
    """One of several forms: the one whose result fits is taken."""

    branches: Sequence[Branch] = field(default_factory=tuple)

    def encode(self, value: Any, work: Work) -> Any:
        place = self.place_of(value)
        return value if place is None else self.branches[place].step.encode(value, work)

    def place_of(self, value: Any) -> int | None:
        """Return which branch a value in the caller's shape belongs to."""
        return next((place for place, branch in enumerate(self.branches) if branch.fits_caller(value)), None)

    def decode(self, value: Any, work: Work) -> Any:
        likely = [branch for branch in self.branches if branch.fits_wire(value)] or list(self.branches)
        if len(likely) == 1:
            return likely[0].step.decode(value, work)
        # A text that is JSON of the right shape is that JSON: the other way round it would stay a text for ever.
        for branch in likely:
            if isinstance(branch.step, JsonText):
                decoded = branch.step.decode(value, work)
                if isinstance(decoded, dict | list) and branch.fits_caller(decoded):
                    return decoded
        for branch in likely:
            if work.tries <= 0:
                break
            work.tries -= 1
            decoded = branch.step.decode(value, work)
            if branch.fits_caller(decoded):
                return decoded
        return likely[0].step.decode(value, work) if likely else value


@dataclass(frozen=True)
class Forms:
    """One of several forms, as an object of lists of which one is filled, where a strict mode counts unions."""

    names: Sequence[str]
    union: Union

    def encode(self, value: Any, work: Work) -> Any:
        place = self.union.place_of(value)
        if place is None:
            return value
        encoded = self.union.branches[place].step.encode(value, work)
        return {name: [encoded] if number == place else [] for number, name in enumerate(self.names)}

    def decode(self, value: Any, work: Work) -> Any:
        if not isinstance(value, dict):
            return value
        filled = [(place, value[name]) for place, name in enumerate(self.names) if value.get(name)]
        if len(filled) != 1 or not isinstance(filled[0][1], list) or len(filled[0][1]) != 1:
            return value
        place, items = filled[0]
        return self.union.branches[place].step.decode(items[0], work)
