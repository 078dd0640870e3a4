"""Values that say the right thing in the wrong type: "3" where 3 is due. Nothing is lost, and nothing made up."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from functions.schemas.problems import Problem, in_words
from functions.schemas.validator import Validator
from functions.schemas.walk import Path
from opperweb import json

MOST_ROUNDS = 20
LONGEST_TEXT = 100_000
NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,300})(\.\d{1,300})?([eE][+-]?\d{1,3})?", re.ASCII)
MOST_NOTES = 10
NOTHING = object()


def coerced(value: Any, validator: Validator) -> tuple[Any, list[Problem], list[str]]:
    """Return the value with what could be read another way, the problems left, and what was done."""
    problems = validator.problems(value)
    notes: list[str] = []
    for _ in range(MOST_ROUNDS):
        changed, done = _with_fixes(value, problems)
        if not done:
            break
        left = validator.problems(changed)
        if not _is_better(left, problems):
            break
        value, problems = changed, left
        notes += done
    return value, problems, notes[:MOST_NOTES]


def _is_better(left: list[Problem], before: list[Problem]) -> bool:
    # The list of problems is cut off at its maximum: there, other problems are progress too.
    return len(left) < len(before) or {(each.path, each.rule) for each in left} != {
        (each.path, each.rule) for each in before
    }


def _with_fixes(value: Any, problems: Iterable[Problem]) -> tuple[Any, list[str]]:
    notes = []
    for problem in problems:
        if problem.rule not in ("type", "enum", "const", "constant"):
            continue
        fixed = _fixed(problem)
        if fixed is NOTHING:
            continue
        value = _replaced(value, problem.path, fixed)
        notes.append(f"{problem.where or 'The value'}: {in_words(problem.value)} read as {in_words(fixed)}")
    return value, notes


def _replaced(value: Any, path: Path, new: Any) -> Any:
    """Return `value` with `new` at `path`; what was handed in stays as it is."""
    if not path:
        return new
    first, *rest = path
    if isinstance(value, dict) and first in value:
        return {**value, first: _replaced(value[first], tuple(rest), new)}
    if isinstance(value, list) and isinstance(first, int) and first < len(value):
        return [_replaced(item, tuple(rest), new) if place == first else item for place, item in enumerate(value)]
    return value


def _fixed(problem: Problem) -> Any:
    if problem.rule == "type" and isinstance(problem.expected, list):
        return _as_type(problem.value, problem.expected)
    options = problem.expected if problem.rule == "enum" else [problem.expected]
    return _as_option(problem.value, options) if isinstance(options, list) else NOTHING


def _as_type(value: Any, types: list[str]) -> Any:
    if isinstance(value, str) and len(value) <= LONGEST_TEXT:
        fixed = _from_text(value.strip(), types)
        if fixed is not NOTHING:
            return fixed
    if types == ["array"] and value is not None and not isinstance(value, list):
        return [value]
    return NOTHING


def _from_text(text: str, types: list[str]) -> Any:
    if "boolean" in types and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if "null" in types and text == "null":
        return None
    if ("integer" in types or "number" in types) and NUMBER.fullmatch(text):
        return _number(text, is_whole="number" not in types)
    if ("object" in types and text.startswith("{")) or ("array" in types and text.startswith("[")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return NOTHING
    return NOTHING


def _number(text: str, *, is_whole: bool) -> Any:
    if text.lstrip("-").isdigit():
        return int(text)
    number = float(text)
    if not is_whole:
        return number if abs(number) != float("inf") else NOTHING
    return int(number) if number.is_integer() and abs(number) < 2**53 else NOTHING


def _as_option(value: Any, options: list[Any]) -> Any:
    if not isinstance(value, str) or len(value) > 1000:
        return NOTHING
    plain = _plain(value)
    same = [option for option in options if isinstance(option, str) and _plain(option) == plain]
    same += [option for option in options if not isinstance(option, str) and in_words(option) == value.strip()]
    return same[0] if plain and len(same) == 1 else NOTHING


def _plain(text: str) -> str:
    """Return `text` without case, accents and what stands around it."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"^[\W_]+|[\W_]+$", "", bare)
