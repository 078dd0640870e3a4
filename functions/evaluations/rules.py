"""Checks of an output that need no model: each is a small object, kept as JSON beside its function.

    {"kind": "contains", "path": "answer", "text": "Jupiter"}          not_contains: the other way round
    {"kind": "matches", "path": "answer", "pattern": "^The answer"}
    {"kind": "length", "path": "answer", "unit": "words", "least": 1, "most": 30}      words or characters or items
    {"kind": "equals_input", "path": "id", "input_path": "ticket.id"}
    {"kind": "range", "path": "score", "least": 0, "most": 10}
    {"kind": "present", "path": "sources[0]"}

A path leads from the output: names with dots, places in brackets; empty is all of it. `name` may say it in words, and
`on: false` switches a check off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.schemas.validator import InvalidSchema, Validator
from opperweb import json

KINDS = ("contains", "not_contains", "matches", "length", "equals_input", "range", "present")
UNITS = ("characters", "words", "items")
MOST_RULES = 50
STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")
MISSING = object()


class InvalidRule(Exception):
    """A check makes no sense; `field` is the one that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Outcome:
    """What came of a check; `message` says why it failed."""

    name: str
    passed: bool
    message: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "passed": self.passed, "message": self.message}


def run(rules: Sequence[Mapping[str, Any]], output: Any, given: Any) -> list[Outcome]:
    """Return what came of each check that is on; `given` is the input. One that makes no sense has failed."""
    return [_outcome(rule, output, given) for rule in rules if rule.get("on", True)]


def _outcome(rule: Mapping[str, Any], output: Any, given: Any) -> Outcome:
    try:
        check(rule)
        value = value_at(output, str(rule.get("path") or ""))
        message = CHECKS[rule["kind"]](rule, value, given)
    except InvalidRule as problem:
        message = problem.message
    return Outcome(words_of(rule), not message, message)


def check(rule: Mapping[str, Any]) -> None:
    """Raise InvalidRule for a check that could not be run."""
    kind = rule.get("kind")
    if kind not in KINDS:
        raise InvalidRule("kind", f"must be one of {', '.join(KINDS)}")
    for name in ("path", "input_path"):
        _steps(rule.get(name), name)
    if kind in ("contains", "not_contains") and not (isinstance(rule.get("text"), str) and rule["text"]):
        raise InvalidRule("text", "must be a text that is not empty")
    if kind == "matches":
        _validator_of(rule)
    if kind in ("length", "range"):
        _bounds(rule)
    if kind == "length" and rule.get("unit", "characters") not in UNITS:
        raise InvalidRule("unit", f"must be one of {', '.join(UNITS)}")


def value_at(value: Any, path: str) -> Any:
    """Return what a path leads to, or MISSING."""
    for step in _steps(path, "path"):
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else MISSING
        else:
            value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
    return value


def words_of(rule: Mapping[str, Any]) -> str:
    """Return a check as people read it."""
    if rule.get("name"):
        return str(rule["name"])[:200]
    path = str(rule.get("path") or "") or "output"
    kind = rule.get("kind")
    said = {
        "contains": f"contains “{rule.get('text')}”",
        "not_contains": f"does not contain “{rule.get('text')}”",
        "matches": f"matches {rule.get('pattern')}",
        "length": f"has {_range_words(rule)} {rule.get('unit', 'characters')}",
        "equals_input": f"equals {rule.get('input_path') or 'the input'} of the input",
        "range": f"is {_range_words(rule)}",
        "present": "is there",
    }.get(str(kind), f"? {kind}")
    return f"{path} {said}"[:200]


def _range_words(rule: Mapping[str, Any]) -> str:
    least, most = rule.get("least"), rule.get("most")
    if least is None:
        return f"at most {most}"
    return f"at least {least}" if most is None else f"{least} to {most}"


# --- each kind: an empty string, or why it failed ---------------------------------------------------------------------


def _contains(rule: Mapping[str, Any], value: Any, given: Any) -> str:
    return "" if rule["text"] in _text(value) else f"“{rule['text']}” is not in it"


def _not_contains(rule: Mapping[str, Any], value: Any, given: Any) -> str:
    return f"“{rule['text']}” is in it" if rule["text"] in _text(value) else ""


def _matches(rule: Mapping[str, Any], value: Any, given: Any) -> str:
    # The validator's patterns cannot run away, whatever somebody types.
    return "does not match" if _validator_of(rule).problems(_text(value)) else ""


def _length(rule: Mapping[str, Any], value: Any, given: Any) -> str:
    unit = rule.get("unit", "characters")
    if value is MISSING:
        return "is not there"
    if unit == "items":
        if not isinstance(value, list | dict):
            return "is no list"
        return _outside(rule, len(value), f" {unit}")
    text = _text(value)
    return _outside(rule, len(text.split()) if unit == "words" else len(text), f" {unit}")


def _equals_input(rule: Mapping[str, Any], value: Any, given: Any) -> str:
    wanted = value_at(given, str(rule.get("input_path") or ""))
    if wanted is MISSING:
        return "the input has no such field"
    return "" if value is not MISSING and json.dumps(value) == json.dumps(wanted) else "is another"


def _range(rule: Mapping[str, Any], value: Any, given: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "is no number"
    return _outside(rule, value, "")


def _present(rule: Mapping[str, Any], value: Any, given: Any) -> str:
    return "is not there" if value is MISSING or value is None or value == "" else ""


CHECKS: dict[str, Callable[[Mapping[str, Any], Any, Any], str]] = {
    "contains": _contains,
    "not_contains": _not_contains,
    "matches": _matches,
    "length": _length,
    "equals_input": _equals_input,
    "range": _range,
    "present": _present,
}


def _outside(rule: Mapping[str, Any], number: float, unit: str) -> str:
    least, most = rule.get("least"), rule.get("most")
    if (least is not None and number < least) or (most is not None and number > most):
        return f"is {number:,}{unit}"
    return ""


def _bounds(rule: Mapping[str, Any]) -> None:
    bounds = {name: rule.get(name) for name in ("least", "most")}
    for name, bound in bounds.items():
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | float)):
            raise InvalidRule(name, "must be a number")
    least, most = bounds["least"], bounds["most"]
    if least is None and most is None:
        raise InvalidRule("most", "must have a least or a most")
    if least is not None and most is not None and least > most:
        raise InvalidRule("most", "must not be less than the least")


def _validator_of(rule: Mapping[str, Any]) -> Validator:
    pattern = rule.get("pattern")
    if not isinstance(pattern, str) or not pattern:
        raise InvalidRule("pattern", "must be a regular expression")
    try:
        return Validator({"type": "string", "pattern": pattern})
    except InvalidSchema as problem:
        raise InvalidRule("pattern", problem.message) from None


def _steps(path: Any, field: str) -> list[str | int]:
    if path is None or path == "":
        return []
    if not isinstance(path, str) or len(path) > 500:
        raise InvalidRule(field, "must be a path such as answer or sources[0].quote")
    steps: list[str | int] = []
    rest = path
    while rest:
        found = STEP.match(rest)
        if found is None:
            raise InvalidRule(field, "must be a path such as answer or sources[0].quote")
        steps.append(found[1] if found[1] is not None else int(found[2]))
        rest = rest[found.end() :].removeprefix(".")
    return steps


def _text(value: Any) -> str:
    if value is MISSING or value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
