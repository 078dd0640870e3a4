"""Whether a value fits a JSON Schema (2020-12), and if not, where and why in words. Nothing is ever fetched."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Any

import jsonschema_rs

from functions.schemas.cycles import cycle_in, words_of
from functions.schemas.effort import Effort, TooMuchWork, effort_of
from functions.schemas.problems import Problem, problems_of
from functions.schemas.walk import Path, depth_of, subschemas, target_of
from opperweb import json

__all__ = ["InvalidSchema", "Problem", "Validator", "check_schema"]

MOST_BYTES = 512_000
MOST_DEPTH = 100
MOST_REFERENCES = 2_000
MOST_PROBLEMS = 50
MOST_VALUE_DEPTH = 200
MOST_KEPT = 256
# A pattern with lookaround needs backtracking; beyond this many steps the value counts as not matching.
PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000, size_limit=8_000_000)


class InvalidSchema(Exception):
    """A schema that cannot be used. `path` leads to the part that is wrong, from the root of the schema."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def check_schema(schema: Any) -> None:
    """Raise InvalidSchema where `schema` is no JSON Schema that we can hold a value against."""
    if not isinstance(schema, dict):
        raise InvalidSchema((), "a schema must be an object")
    _compiled, _effort, cycle = _kept_for(schema)
    if cycle is not None:
        # On entry alone: what was stored before this was looked for is still held against answers.
        raise InvalidSchema(cycle[0], words_of(cycle[1]))


class Validator:
    """Finds the problems of values with one schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._compiled, self._effort, _cycle = _kept_for(schema)

    def problems(self, value: Any) -> list[Problem]:
        """Return at most 50 problems, without doubles; empty where the value fits."""
        if depth_of(value, MOST_VALUE_DEPTH) > MOST_VALUE_DEPTH:
            return [Problem((), "depth", f"must not be nested deeper than {MOST_VALUE_DEPTH} levels")]
        if self._effort is not None and self._effort.is_too_much(value):
            return [Problem((), "effort", "cannot be checked: at each level the schema multiplies the rules to apply")]
        try:
            errors = self._compiled.iter_errors(without_surrogates(value))
            return _distinct(problem for error in errors for problem in problems_of(error))
        except ValueError as error:
            return [Problem((), "value", f"cannot be checked: {error}")]


def _distinct(problems: Iterable[Problem]) -> list[Problem]:
    found: dict[tuple[Path, str], Problem] = {}
    for problem in problems:
        found.setdefault((problem.path, problem.message), problem)
        if len(found) == MOST_PROBLEMS:
            break
    return list(found.values())


# --- schemas, compiled --------------------------------------------------------------------------------------------

# Compiled, what counts its work, and the place of a cyclic $ref with the references on its way.
Kept = tuple[jsonschema_rs.Draft202012Validator, Effort | None, tuple[Path, list[str]] | None]

_kept: OrderedDict[bytes, Kept] = OrderedDict()
_lock = Lock()


def _kept_for(schema: dict[str, Any]) -> Kept:
    """Return the compiled schema, from a small store where it was seen before; raise InvalidSchema."""
    # The depth comes first: it protects what follows from a stack that is too deep.
    if depth_of(schema, MOST_DEPTH) > MOST_DEPTH:
        raise InvalidSchema((), f"the schema is nested deeper than {MOST_DEPTH} levels")
    digest = digest_of(schema)
    with _lock:
        if digest in _kept:
            _kept.move_to_end(digest)
            return _kept[digest]
    _check_references(schema)
    # The work is counted first: patterns can make compiling it slow.
    effort = _effort(schema)
    kept = _compile(schema), effort, cycle_in(schema)
    with _lock:
        _kept[digest] = kept
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return kept


def digest_of(schema: dict[str, Any]) -> bytes:
    """Return what tells two schemas apart; raise InvalidSchema where it is larger than we take."""
    try:
        text = json.dumps(schema).encode("utf-8", "surrogatepass")
    except (ValueError, TypeError) as error:
        raise InvalidSchema((), f"the schema is not JSON: {error}") from None
    if len(text) > MOST_BYTES:
        raise InvalidSchema((), f"the schema is larger than {MOST_BYTES // 1000} kB")
    return hashlib.sha256(text).digest()


def _check_references(schema: dict[str, Any]) -> None:
    count = 0
    for path, part in subschemas(schema):
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(reference := part.get(keyword), str):
                count += 1
                _check_reference(schema, (*path, keyword), reference)
        if count > MOST_REFERENCES:
            raise InvalidSchema(path, f"the schema has more than {MOST_REFERENCES} references")


def _check_reference(schema: dict[str, Any], path: Path, reference: str) -> None:
    if not reference.startswith("#"):
        raise InvalidSchema(path, f"{reference[:200]} points outside of the schema; only #/… is followed")
    if not reference.startswith("#/"):
        return
    try:
        target = target_of(schema, reference)
    except KeyError:
        raise InvalidSchema(path, f"{reference[:200]} points at nothing in the schema") from None
    if not isinstance(target, dict | bool):
        raise InvalidSchema(path, f"{reference[:200]} does not point at a schema")


def _effort(schema: dict[str, Any]) -> Effort | None:
    try:
        return effort_of(schema)
    except TooMuchWork as reason:
        raise InvalidSchema((), f"the schema takes too much work: {reason}") from None


def _compile(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    try:
        return jsonschema_rs.Draft202012Validator(
            without_surrogates(schema), validate_formats=True, offline=True, pattern_options=PATTERNS
        )
    except jsonschema_rs.ValidationError as error:
        raise InvalidSchema(tuple(error.instance_path), _complaint(error)) from None
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise InvalidSchema((), f"the schema cannot be used: {str(error).splitlines()[0][:300]}") from None


def _complaint(error: jsonschema_rs.ValidationError) -> str:
    if error.instance_path and error.instance_path[-1] in ("pattern", "patternProperties"):
        return f"{error.instance!r:.200} is not a pattern that can be used"
    problems = list(problems_of(error))
    return problems[0].message if problems else error.message.splitlines()[0][:300]


def without_surrogates(value: Any) -> Any:
    """Return `value` with lone surrogates replaced: they have no UTF-8 form, and no rule can tell the difference."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    return value
