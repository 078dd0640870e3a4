"""Pasted text → JSON Schema: JSON, the printed answer of model_json_schema(), or the source of Pydantic models.

Source is parsed and never run. The schema is the one Pydantic itself would make.
"""

from __future__ import annotations

import ast
import json as standard_json
import re
from typing import Any

from functions.schemas.pydantic_models import Models
from functions.schemas.pydantic_types import NotUnderstood
from functions.schemas.validator import InvalidSchema, check_schema
from opperweb import json

MOST_CHARACTERS = 500_000
# How a whole request holds its schema: {"name": …, "schema": {…}}.
WRAPPERS = ("json_schema", "schema")


class SourceError(Exception):
    """Text that gives no schema. `line` counts from 1; None where no line is to blame."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"Line {line}: {message}")
        self.message = message
        self.line = line


def schema_from(text: str) -> dict[str, Any]:
    """Return the schema that a pasted text gives; raise SourceError where it gives none."""
    if len(text) > MOST_CHARACTERS:
        raise SourceError(f"The text is longer than {MOST_CHARACTERS:,} characters")
    if not text.strip():
        raise SourceError("There is no text")
    schema = _unwrapped(_printed(text)) if text.lstrip()[0] in "{[" else _from_source(text)
    try:
        check_schema(schema)
    except InvalidSchema as problem:
        where = ".".join(map(str, problem.path))
        raise SourceError(f"{where}: {problem.message}" if where else problem.message) from None
    return schema


def _printed(text: str) -> Any:
    """Return the value of JSON text, or of a dict as Python prints it."""
    try:
        return json.loads(text)
    except RecursionError:
        raise SourceError("The JSON is nested too deep") from None
    except standard_json.JSONDecodeError as problem:
        value = _literal(text)
        if value is None:
            raise SourceError(f"Not JSON: {problem.msg}", problem.lineno) from None
        return value
    except ValueError as problem:
        raise SourceError(f"Not JSON: {problem}") from None


def _literal(text: str) -> Any:
    try:
        value = ast.literal_eval(text.strip())
        return json.loads(json.dumps(value))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _unwrapped(value: Any) -> dict[str, Any]:
    for name in WRAPPERS:
        inner = value.get(name) if isinstance(value, dict) else None
        if isinstance(inner, dict) and not {"properties", "$ref", "anyOf", "items"} & value.keys():
            value = inner
    if not isinstance(value, dict):
        raise SourceError("A schema is an object, in curly brackets")
    return value


def _from_source(text: str) -> dict[str, Any]:
    try:
        tree = ast.parse(_unindented(text))
    except SyntaxError as problem:
        if not re.search(r"^\s*class\s", text, re.MULTILINE):
            raise SourceError("This is neither JSON nor a class of Pydantic") from None
        raise SourceError(f"Not Python: {problem.msg}", problem.lineno) from None
    except (ValueError, RecursionError, MemoryError):
        raise SourceError("This cannot be read as Python") from None
    try:
        return Models(tree).schema()
    except NotUnderstood as problem:
        raise SourceError(problem.message, problem.line) from None
    except RecursionError:
        raise SourceError("The types are nested too deep") from None


def _unindented(text: str) -> str:
    """Return the text without the margin that all its lines share; the lines keep their numbers."""
    lines = text.replace("\t", "    ").splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:] for line in lines) if margin else text
