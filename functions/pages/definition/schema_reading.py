"""A schema as the page of a definition sends it: JSON, pasted text, or edits of the row that is open in its table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from functions.merging import is_same
from functions.pages.definition.schemas import Side, option_text, path_of
from functions.pages.json_text import NotJson, json_of
from functions.schemas.pydantic_source import SourceError, schema_from
from functions.schemas.table import CHOICE, LIST_OF, Field, field_at
from functions.schemas.table_edit import Add, Change, Edit, Move, Remove, changed
from functions.schemas.validator import InvalidSchema, check_schema
from functions.schemas.walk import Path

# Kinds that have a least and a most: a length, a size, a number of items.
LIMITED = ("text", "whole number", "number")
STEPS = {"up": -1, "down": 1}


def schema_of(
    side: Side, stored: dict[str, Any] | None, sent: Mapping[str, str], verb: str, target: str
) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """Return a schema as the form says it, and what is wrong by the name of the field.

    A view of JSON holds the whole; a table only the open row, and what the button that was pressed does to a row.
    """
    if verb == "clear" and target == side:
        return None, {}
    if sent.get(f"paste.{side}", "").strip():
        return _pasted(side, stored, sent[f"paste.{side}"])
    if f"schema.{side}" in sent:
        return _read_json(side, stored, sent[f"schema.{side}"])
    edits = list(_edits(side, stored, sent, verb, target))
    if not edits:
        return stored, {}
    schema, wrong = changed(stored, edits)
    errors: dict[str, str] = {}
    for problem in wrong:
        errors.setdefault(_place_of(side, problem.path, problem.part, edits), f"{problem.message}.")
    return schema, errors


def _pasted(side: str, stored: dict[str, Any] | None, text: str) -> tuple[dict[str, Any] | None, dict[str, str]]:
    try:
        return schema_from(text), {}
    except SourceError as problem:
        return stored, {f"paste.{side}": f"{problem}."}


def _read_json(side: str, stored: dict[str, Any] | None, text: str) -> tuple[dict[str, Any] | None, dict[str, str]]:
    if not text.strip():
        return None, {}
    try:
        schema = json_of(text)
        check_schema(schema)
    except NotJson as problem:
        return stored, {f"schema.{side}": problem.message}
    except InvalidSchema as problem:
        return stored, {f"schema.{side}": sentence_of(problem.path, problem.message)}
    return stored if is_same(schema, stored) else schema, {}


def sentence_of(path: Iterable[str | int], message: str) -> str:
    """Return what is wrong with a schema, with the place in it."""
    where = ".".join(map(str, path))
    return f"{where}: {message}." if where else f"{message[:1].upper()}{message[1:]}."


def _edits(side: str, schema: dict[str, Any] | None, sent: Mapping[str, str], verb: str, target: str) -> Iterator[Edit]:
    open_side, open_path = path_of(sent.get("edit", ""))
    if "field.name" in sent and open_side == side and open_path:
        yield _change(schema, open_path, sent)
    add_side, add_path = path_of(sent.get("add", ""))
    if "new.name" in sent and add_side == side and (sent["new.name"].strip() or verb == "apply"):
        yield _addition(add_path, sent)
    target_side, target_path = path_of(target)
    if target_side == side and target_path and verb == "remove":
        yield Remove(target_path)
    elif target_side == side and target_path and verb in STEPS:
        yield Move(target_path, STEPS[verb])


def _change(schema: dict[str, Any] | None, path: Path, sent: Mapping[str, str]) -> Change:
    try:
        row = field_at(schema or {}, path)
    except KeyError:
        # Told as an error of the edit.
        return Change(path, name=sent["field.name"])
    kind = sent.get("field.kind", "")
    description = _one_line_ends(sent.get("field.description", ""))
    return Change(
        path,
        name=sent["field.name"],
        description=row.description if description == _one_line_ends(row.description) else description,
        kind=kind or None,
        is_nullable="field.nullable" in sent if kind else None,
        is_required="field.required" in sent,
        enum=_options(sent.get("field.enum", ""), row.enum) if kind.endswith(CHOICE) else None,
        least=_if_known(sent, "field.least", kind, row),
        most=_if_known(sent, "field.most", kind, row),
        pattern=sent.get("field.pattern", "").strip() if kind.removeprefix(LIST_OF) == "text" else None,
    )


def _if_known(sent: Mapping[str, str], name: str, kind: str, row: Field) -> str | None:
    """Return a limit where the type has one; of a type that the table cannot say, nothing is changed."""
    is_known = kind in LIMITED or kind.startswith(LIST_OF)
    text = sent.get(name, "").strip()
    return text if is_known and (text or kind == row.kind) else None


def _addition(path: Path, sent: Mapping[str, str]) -> Add:
    kind = sent.get("new.kind", "text")
    return Add(
        path,
        name=sent["new.name"],
        kind=kind,
        description=_one_line_ends(sent.get("new.description", "")),
        is_nullable="new.nullable" in sent,
        is_required="new.required" in sent,
        enum=_options(sent.get("new.enum", ""), ()) if kind.endswith(CHOICE) else None,
    )


def _options(text: str, known: tuple[Any, ...]) -> list[Any]:
    """Return the options that stand one a line; those that are no texts keep what they are."""
    stored = {option_text(option): option for option in known}
    if _one_line_ends(text) == _one_line_ends("\n".join(stored)):
        return list(known)
    has_numbers = bool(known) and all(isinstance(each, int | float) and not isinstance(each, bool) for each in known)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [stored.get(line, _number(line) if has_numbers else line) for line in lines]


def _number(text: str) -> Any:
    try:
        value = json_of(text)
    except NotJson:
        return text
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text


def _one_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _place_of(side: str, path: Path, part: str, edits: list[Edit]) -> str:
    """Return the name of the form's field that an error belongs to; those without one stand above the table."""
    if any(isinstance(edit, Change) and edit.path == path for edit in edits):
        return f"field.{part or 'name'}"
    if any(isinstance(edit, Add) and edit.path == path for edit in edits):
        return f"new.{part or 'name'}"
    return f"table.{side}"
