"""How two definitions differ, part by part: words for instructions, fields for schemas, lines for the rest."""

from __future__ import annotations

import json as plain_json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from functions.merging import MISSING, is_same
from functions.pages.definition.models import entries_of
from functions.pages.definition.schemas import SIDES, name_of
from functions.pages.definition.settings import label_of
from functions.providers.secrets import harmless_headers
from opperweb.pages.diff import Piece, lines, words

MOST_DEPTH = 20
MOST_PARTS = 200
INNER = ("items", "additionalProperties", "not", "if", "then", "else")
UNIONS = ("anyOf", "oneOf", "allOf")
DEFINITIONS = ("$defs", "definitions")
# The names from the root of a schema to a field; how it is looked at on a page.
Names = tuple[str, ...]


@dataclass(frozen=True)
class PartDiff:
    """One part that differs; `is_text` tells pieces of a text from lines. `code` is the name of a field."""

    label: str
    pieces: list[Piece]
    is_text: bool = False
    code: str = ""


@dataclass
class _Field:
    """A field of a schema as lines, one for each keyword, and the names of the fields inside of it, in order."""

    lines: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)


def diff_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[PartDiff]:
    """Return the parts in which two definitions differ, in the order of the page."""
    parts = []
    if before["instructions"] != after["instructions"]:
        parts.append(PartDiff(_("Instructions"), words(before["instructions"], after["instructions"]), is_text=True))
    for side in SIDES:
        old, new = before[name_of(side)], after[name_of(side)]
        if not is_same(old, new):
            parts += _schema_parts(_("Input") if side == "input" else _("Output"), old, new)
    if not is_same(before["model"], after["model"]):
        parts.append(PartDiff(_("Models"), _compared(_model_lines(before["model"]), _model_lines(after["model"]))))
    old, new = before["configuration"] or {}, after["configuration"] or {}
    changed = [key for key in dict.fromkeys([*old, *new]) if not _same_key(key, old, new)]
    if changed:
        sides = ([f"{key} {_shown(values[key])}" for key in changed if key in values] for values in (old, new))
        parts.append(PartDiff(_("Settings"), _compared(*sides)))
    return parts


def label_of_path(path: Names) -> str:
    """Return the name of a place in a definition in people's words: Output, answer, pattern."""
    if path[0] == "configuration":
        return label_of(path[-1])
    words_of = {
        "instructions": _("Instructions"),
        "input_schema": _("Input"),
        "output_schema": _("Output"),
        "model": _("Models"),
    }
    return ", ".join([words_of[path[0]], *(step for step in path[1:] if step != "properties")])


def text_of_value(path: Names, value: Any) -> str:
    """Return one side's value of a part, to be read."""
    if value is MISSING:
        return _("taken away")
    if path == ("model",):
        return "\n".join(_model_lines(value))
    return value if isinstance(value, str) else plain_json.dumps(value, indent=2)


def _same_key(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return (key in old) == (key in new) and is_same(old.get(key), new.get(key))


def _compared(before: list[str], after: list[str]) -> list[Piece]:
    return lines("\n".join(before), "\n".join(after))


def _shown(value: Any) -> str:
    """Return a value in one line, as a page can hold it."""
    text = plain_json.dumps(value, ensure_ascii=False)
    return plain_json.dumps(value) if any("\ud800" <= character <= "\udfff" for character in text) else text


# --- models -------------------------------------------------------------------------------------------------------


def _model_lines(model: Any) -> list[str]:
    return [_model_line(entry) for entry in entries_of(model)]


def _model_line(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    options, headers = entry.get("options") or {}, entry.get("extra_headers") or {}
    parts = [f"{name} {_shown(value)}" for name, value in options.items()] if isinstance(options, dict) else []
    if isinstance(headers, dict):
        parts += [f"{name}: {value}" for name, value in harmless_headers(headers, ()).items()]
    return "  ".join([str(entry.get("name")), ", ".join(parts)]).rstrip()


# --- schemas ------------------------------------------------------------------------------------------------------


def _schema_parts(label: str, before: Any, after: Any) -> list[PartDiff]:
    """Return the fields that differ, each with its keywords as lines."""
    old, new = _fields_of(before), _fields_of(after)
    parts = []
    for names in _in_order(list(old), list(new)):
        was, is_ = old.get(names, _Field()), new.get(names, _Field())
        pieces = [*_keyword_pieces(was.lines, is_.lines), *_order_pieces(was.inside, is_.inside)]
        if any(piece.kind != "same" for piece in pieces):
            parts.append(PartDiff(label, pieces, code=".".join(names)))
        if len(parts) == MOST_PARTS:
            break
    return parts or [
        PartDiff(
            label, _compared([_("no schema")] if before is None else [], [_("no schema")] if after is None else [])
        )
    ]


def _keyword_pieces(before: list[str], after: list[str]) -> list[Piece]:
    if Counter(before) == Counter(after):
        return []
    places = {line.partition(" ")[0]: number for number, line in enumerate(before)}
    # A keyword stands beside what it was, wherever it has moved to.
    ordered = sorted(after, key=lambda line: places.get(line.partition(" ")[0], len(places)))
    return _compared(before, ordered)


def _order_pieces(before: list[str], after: list[str]) -> list[Piece]:
    """Return the names of the fields inside as two lines where they stand in another order."""
    old, new = [name for name in before if name in after], [name for name in after if name in before]
    if old == new:
        return []
    return [
        Piece("removed", _("order: %(names)s") % {"names": ", ".join(old)}),
        Piece("added", _("order: %(names)s") % {"names": ", ".join(new)}),
    ]


def _in_order(before: list[Names], after: list[Names]) -> list[Names]:
    """Return every field once: those of the new schema in order, each that is gone behind the one before it."""
    found, known = list(after), set(after)
    for number, names in enumerate(before):
        if names not in known:
            found.insert(found.index(before[number - 1]) + 1 if number else 0, names)
            known.add(names)
    return found


def _fields_of(schema: Any) -> dict[Names, _Field]:
    found: dict[Names, _Field] = {}
    for names, line, inside in _lines_of(schema, (), "", 0):
        each = found.setdefault(names, _Field())
        each.lines += [line] if line else []
        each.inside += inside
    return found


def _lines_of(part: Any, names: Names, start: str, depth: int) -> Iterator[tuple[Names, str, list[str]]]:
    """Yield a line for each keyword of a schema and of what is inside of it, with the field that it belongs to."""
    if part is None:
        return
    if not isinstance(part, dict) or depth > MOST_DEPTH:
        yield names, f"{start}{_shown(part)}", []
        return
    # A field without a rule is there all the same.
    yield names, "" if part or start else "{}", []
    for keyword, value in part.items():
        if keyword == "properties" and isinstance(value, dict):
            yield names, "", list(value)
            for name, inner in value.items():
                yield from _lines_of(inner, (*names, name), "", depth + 1)
        elif keyword in DEFINITIONS and isinstance(value, dict):
            for name, inner in value.items():
                yield from _lines_of(inner, (keyword, name), "", depth + 1)
        elif keyword in INNER and isinstance(value, dict):
            yield from _lines_of(value, names, f"{start}{keyword}.", depth + 1)
        elif keyword in UNIONS and isinstance(value, list):
            for number, inner in enumerate(value):
                yield from _lines_of(inner, names, f"{start}{keyword}.{number}.", depth + 1)
        else:
            yield names, f"{start}{keyword} {_shown(value)}", []
