"""Between a value in the caller's shape and the shape it takes on the wire: examples go out, answers come in.

A codec is a tree of small steps made beside the wire schema by `dialects`. None of them ever raises: what does not
look as promised is handed on as it is, and the caller's own schema tells what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from opperweb import json

# So many tries of a branch of a union are made for one value; then the first that looks right is taken.
MOST_TRIES = 2_000


@dataclass
class Work:
    """What one walk through a value may still spend."""

    tries: int = MOST_TRIES


class Step(Protocol):
    """What is to be done at one place."""

    def encode(self, value: Any, work: Work) -> Any: ...

    def decode(self, value: Any, work: Work) -> Any: ...


class Codec:
    """The way from the caller's shape to the wire and back."""

    def __init__(self, step: Step) -> None:
        self.step = step

    @property
    def is_identity(self) -> bool:
        return isinstance(self.step, Keep)

    def encode(self, value: Any) -> Any:
        """Return `value` as it stands on the wire."""
        return self.step.encode(value, Work())

    def decode(self, value: Any) -> Any:
        """Return what stood on the wire in the caller's shape."""
        return self.step.decode(value, Work())


@dataclass(frozen=True)
class Keep:
    """Nothing to do."""

    def encode(self, value: Any, work: Work) -> Any:
        return value

    def decode(self, value: Any, work: Work) -> Any:
        return value


KEEP = Keep()
IDENTITY = Codec(KEEP)


@dataclass(frozen=True)
class JsonText:
    """A string that holds JSON, where a strict mode cannot take just anything."""

    def encode(self, value: Any, work: Work) -> Any:
        return json.dumps(value)

    def decode(self, value: Any, work: Work) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value


@dataclass(frozen=True)
class Wrapped:
    """`{"value": …}` around a root that a strict mode does not take."""

    step: Step
    name: str = "value"

    def encode(self, value: Any, work: Work) -> Any:
        return {self.name: self.step.encode(value, work)}

    def decode(self, value: Any, work: Work) -> Any:
        if isinstance(value, dict) and list(value) == [self.name]:
            return self.step.decode(value[self.name], work)
        return self.step.decode(value, work)


@dataclass(frozen=True)
class Items:
    """A list."""

    step: Step

    def encode(self, value: Any, work: Work) -> Any:
        return [self.step.encode(item, work) for item in value] if isinstance(value, list) else value

    def decode(self, value: Any, work: Work) -> Any:
        return [self.step.decode(item, work) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Tuple:
    """A list in which each place has its own schema."""

    steps: Sequence[Step]
    rest: Step = KEEP

    def encode(self, value: Any, work: Work) -> Any:
        return [step.encode(item, work) for step, item in self._pairs(value)] if isinstance(value, list) else value

    def decode(self, value: Any, work: Work) -> Any:
        return [step.decode(item, work) for step, item in self._pairs(value)] if isinstance(value, list) else value

    def _pairs(self, value: list[Any]) -> list[tuple[Step, Any]]:
        return [(self.steps[place] if place < len(self.steps) else self.rest, item) for place, item in enumerate(value)]


@dataclass(frozen=True)
class Field:
    """One field of an object. One that may be left out is null on the wire instead."""

    step: Step
    is_optional: bool = False
    takes_null: bool = False


@dataclass(frozen=True)
class Entries:
    """An object with names nobody knows before: a list of {key, value} on the wire."""

    step: Step

    def encode(self, value: Any, work: Work) -> Any:
        if not isinstance(value, dict):
            return value
        return [{"key": name, "value": self.step.encode(item, work)} for name, item in value.items()]

    def decode(self, value: Any, work: Work) -> Any:
        if not isinstance(value, list) or not all(_is_entry(entry) for entry in value):
            return value
        return {entry["key"]: self.step.decode(entry["value"], work) for entry in value}


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("key"), str) and "value" in entry


@dataclass(frozen=True)
class Fields:
    """An object with known fields, and perhaps others, which then stand below `others_name` on the wire."""

    fields: Mapping[str, Field]
    others_name: str = ""
    others: Entries | None = None

    def encode(self, value: Any, work: Work) -> Any:
        if not isinstance(value, dict):
            return value
        wire: dict[str, Any] = {}
        for name, each in self.fields.items():
            if name in value:
                wire[name] = each.step.encode(value[name], work)
            elif each.is_optional:
                wire[name] = None
        if self.others is not None:
            unknown = {name: item for name, item in value.items() if name not in self.fields}
            wire[self.others_name] = self.others.encode(unknown, work)
        return wire

    def decode(self, value: Any, work: Work) -> Any:
        if not isinstance(value, dict):
            return value
        decoded: dict[str, Any] = {}
        for name, item in value.items():
            each = self.fields.get(name)
            if each is None:
                others = self.others.decode(item, work) if self.others and name == self.others_name else None
                decoded |= others if isinstance(others, dict) else {name: item}
            elif item is not None or not each.is_optional:
                decoded[name] = each.step.decode(item, work)
            elif each.takes_null:
                decoded[name] = None
        return decoded


@dataclass
class Named:
    """What a $ref points at. It is filled in after it was made: definitions may hold themselves."""

    step: Step = KEEP

    def encode(self, value: Any, work: Work) -> Any:
        return self.step.encode(value, work)

    def decode(self, value: Any, work: Work) -> Any:
        return self.step.decode(value, work)


Check = Callable[[Any], bool]


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
        for branch in self.branches:
            if branch.fits_caller(value):
                return branch.step.encode(value, work)
        return value

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
