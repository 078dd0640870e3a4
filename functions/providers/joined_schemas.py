"""Two schemas as one, and what a schema says at a glance: enough to find a value, not to judge one."""

from __future__ import annotations

from fractions import Fraction
from typing import Any


def both(one: Any, other: Any) -> Any:
    """Return a schema for what fits both, as far as one schema can say it."""
    if one is False or other is False:
        return False
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one if isinstance(one, dict) else other
    merged = dict(one)
    for keyword, value in other.items():
        merged[keyword] = _joined(keyword, merged[keyword], value) if keyword in merged else value
    return merged


def _joined(keyword: str, one: Any, other: Any) -> Any:
    if keyword in ("properties", "patternProperties", "$defs"):
        return {**one, **{name: both(one[name], part) if name in one else part for name, part in other.items()}}
    if keyword == "required":
        return [*one, *(name for name in other if name not in one)]
    if keyword in ("allOf", "anyOf", "oneOf") and keyword == "allOf":
        return [*one, *other]
    if keyword == "enum":
        return [option for option in one if option in other] or other
    if keyword == "type":
        return _common_type(one, other)
    if keyword in ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"):
        return max(one, other)
    if keyword in ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"):
        return min(one, other)
    return both(one, other) if keyword in ("items", "additionalProperties") else other


def _common_type(one: Any, other: Any) -> Any:
    ones, others = (kind if isinstance(kind, list) else [kind] for kind in (one, other))
    common = [kind for kind in ones if kind in others or (kind == "integer" and "number" in others)]
    common += [kind for kind in others if kind == "integer" and "number" in ones and kind not in common]
    return common or other


def weight(branch: Any) -> int:
    """Return how far a branch may still lead: what ends here comes first."""
    if not isinstance(branch, dict):
        return 1
    if "const" in branch or "enum" in branch or branch.get("type") == "null":
        return 0
    if branch.get("type") in ("string", "integer", "number", "boolean"):
        return 1
    if branch.get("type") == "array" and not branch.get("minItems"):
        return 2
    return 3 if branch.get("type") == "object" and not branch.get("required") else 4


def is_of(value: Any, kinds: list[Any]) -> bool:
    if value is None or isinstance(value, bool):
        return ("null" if value is None else "boolean") in kinds
    if isinstance(value, int | float):
        return "number" in kinds or ("integer" in kinds and float(value).is_integer())
    return ("string" if isinstance(value, str) else "array" if isinstance(value, list) else "object") in kinds


def bounds(schema: dict[str, Any], step: Fraction | None) -> tuple[Fraction | None, Fraction | None]:
    nudge = step or Fraction(1, 100)
    lows = [Fraction(str(schema["minimum"]))] if _is_number(schema.get("minimum")) else []
    highs = [Fraction(str(schema["maximum"]))] if _is_number(schema.get("maximum")) else []
    over, under = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if _is_number(over) and _is_number(under) and step is None:
        nudge = min(nudge, (Fraction(str(under)) - Fraction(str(over))) / 4)
    if _is_number(over):
        lows.append(Fraction(str(over)) + nudge)
    if _is_number(under):
        highs.append(Fraction(str(under)) - nudge)
    return max(lows, default=None), min(highs, default=None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
