"""A caller's schema as a vendor's strict mode takes it, and the way back from its answers to the caller's shape.

What a strict mode cannot enforce goes into the descriptions in words, is named in the notes, and is checked here later.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from functions.schemas.codec import IDENTITY, Codec, Keep
from functions.schemas.dialects.conversion import Conversion
from functions.schemas.dialects.rules import RULES, Dialect, Rules
from functions.schemas.dialects.telling import Check
from functions.schemas.flatten import Flattener, NotExpressible
from functions.schemas.limits import broken_rules
from functions.schemas.places import keeps_paths
from functions.schemas.references import with_plain_references
from opperweb import json

__all__ = ["IDENTITY", "Codec", "Dialect", "NotExpressible", "Wire", "to_dialect"]


@dataclass(frozen=True)
class Wire:
    """A schema for the wire; `is_thinned` tells that it lets more through than the caller's."""

    schema: dict[str, Any]
    codec: Codec
    notes: tuple[str, ...] = ()
    is_thinned: bool = False


def to_dialect(schema: dict[str, Any], dialect: Dialect) -> Wire:
    """Return `schema` as the strict mode of `dialect` takes it; raise NotExpressible where there is no such form."""
    wire = _kept(json.dumps(schema), dialect)
    if isinstance(wire, str):
        raise NotExpressible(wire)
    return wire


@lru_cache(maxsize=256)
def _kept(text: str, dialect: Dialect) -> Wire | str:
    try:
        return _fitting(with_plain_references(json.loads(text)), dialect)
    except NotExpressible as reason:
        return str(reason)
    except RecursionError:
        return "the schema is nested too deep"


def _fitting(root: dict[str, Any], dialect: Dialect) -> Wire:
    """Return the first form that keeps the limits: what does not fit is told in words, or travels as text."""
    flattener = Flattener(root)
    reason = ""
    for rules in RULES[dialect].tighter():
        try:
            wire = _converted(root, rules, flattener)
        except NotExpressible as problem:
            raise NotExpressible(reason or str(problem)) from None
        broken = broken_rules(wire.schema, dialect)
        if not broken:
            return wire
        reason = reason or broken[0]
    raise NotExpressible(reason)


def _converted(root: dict[str, Any], rules: Rules, flattener: Flattener) -> Wire:
    conversion = Conversion(root, rules, flattener)
    schema, step = conversion.converted()
    fits = Check(lambda: root).fits
    codec = IDENTITY if isinstance(step, Keep) else Codec(step, fits=fits, keeps_paths=keeps_paths(step))
    return Wire(schema, codec, conversion.words.notes, conversion.words.is_thinned or flattener.is_wider)
