"""Between a value in the caller's shape and the shape it takes on the wire: examples go out, answers come in.

A codec is a tree of small steps made beside the wire schema by `dialects`. None of them ever raises: what does not
look as promised is handed on as it is, and the caller's own schema tells what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

from opperweb import json

# So many tries of a branch of a union are made for one value; then the first that looks right is taken.
MOST_TRIES = 2_000


@dataclass
class Work:
    """What one walk through a value may still spend."""

    tries: int = MOST_TRIES
    # Null may say that a field is left out, or be its value: which it is was found nowhere else.
    drops_nulls: bool = False
    nulls_kept: int = 0


class Step(Protocol):
    """What is to be done at one place."""

    def encode(self, value: Any, work: Work) -> Any: ...

    def decode(self, value: Any, work: Work) -> Any: ...


Check = Callable[[Any], bool]


class Codec:
    """The way from the caller's shape to the wire and back.

    `fits` tells whether a value fits the caller's schema. `keeps_paths` tells that what an answer holds stands at the
    same places on the wire, so that it can be shown as it grows.
    """

    def __init__(self, step: Step, *, fits: Check | None = None, keeps_paths: bool = False) -> None:
        self.step = step
        self.fits = fits
        self.keeps_paths = keeps_paths

    @property
    def is_identity(self) -> bool:
        return isinstance(self.step, Keep)

    def encode(self, value: Any) -> Any:
        """Return `value` as it stands on the wire."""
        return self.step.encode(value, Work())

    def decode(self, value: Any) -> Any:
        """Return what stood on the wire in the caller's shape."""
        work = Work()
        decoded = self.step.decode(value, work)
        if not work.nulls_kept or self.fits is None or self.fits(decoded):
            return decoded
        without_nulls = self.step.decode(value, Work(drops_nulls=True))
        return without_nulls if self.fits(without_nulls) else decoded


@dataclass(frozen=True)
class Keep:
    """Nothing to do."""

    def encode(self, value: Any, work: Work) -> Any:
        return value

    def decode(self, value: Any, work: Work) -> Any:
        return value


KEEP = Keep()
IDENTITY = Codec(KEEP, keeps_paths=True)


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
class AtMostOne:
    """A value or null, as a list of one or none, where a strict mode counts what may be null."""

    step: Step

    def encode(self, value: Any, work: Work) -> Any:
        return [] if value is None else [self.step.encode(value, work)]

    def decode(self, value: Any, work: Work) -> Any:
        if isinstance(value, list) and len(value) < 2:
            return self.step.decode(value[0], work) if value else None
        return self.step.decode(value, work)


# How a field that the caller may leave out stands on the wire where it is left out: not at all, as null, as [].
Absence = Literal["never", "gone", "null", "list"]


@dataclass(frozen=True)
class Field:
    """One field of an object."""

    step: Step
    absence: Absence = "never"
    takes_null: bool = False
    # Where the caller's name for it is none that the dialect takes.
    wire_name: str = ""

    def encode(self, value: Any, work: Work) -> Any:
        encoded = self.step.encode(value, work)
        return [encoded] if self.absence == "list" else encoded

    def decode(self, value: Any, work: Work) -> Any:
        if self.absence == "list" and isinstance(value, list) and len(value) == 1:
            value = value[0]
        return None if value is None and self.takes_null else self.step.decode(value, work)

    def is_absent(self, value: Any, work: Work) -> bool:
        if self.absence == "list":
            return value is None or value == []
        if self.absence != "null" or value is not None:
            return False
        work.nulls_kept += self.takes_null and not work.drops_nulls
        return not self.takes_null or work.drops_nulls


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

    @cached_property
    def names(self) -> dict[str, str]:
        """The caller's names of the fields that have another one on the wire, by that."""
        return {each.wire_name: name for name, each in self.fields.items() if each.wire_name}

    def encode(self, value: Any, work: Work) -> Any:
        if not isinstance(value, dict):
            return value
        wire: dict[str, Any] = {}
        for name, each in self.fields.items():
            if name in value:
                wire[each.wire_name or name] = each.encode(value[name], work)
            elif each.absence in ("null", "list"):
                wire[each.wire_name or name] = None if each.absence == "null" else []
        if self.others is not None:
            unknown = {name: item for name, item in value.items() if name not in self.fields}
            wire[self.others_name] = self.others.encode(unknown, work)
        return wire

    def decode(self, value: Any, work: Work) -> Any:
        if not isinstance(value, dict):
            return value
        decoded: dict[str, Any] = {}
        for wire_name, item in value.items():
            name = self.names.get(str(wire_name), str(wire_name))
            each = self.fields.get(name)
            if each is None:
                others = self.others.decode(item, work) if self.others and name == self.others_name else None
                decoded |= others if isinstance(others, dict) else {name: item}
            elif not each.is_absent(item, work):
                decoded[name] = each.decode(item, work)
        return decoded


@dataclass
class Named:
    """What a $ref points at. It is filled in after it was made: definitions may hold themselves."""

    step: Step = KEEP

    def encode(self, value: Any, work: Work) -> Any:
        return self.step.encode(value, work)

    def decode(self, value: Any, work: Work) -> Any:
        return self.step.decode(value, work)
