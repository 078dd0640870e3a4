"""The models of a function on its page: a row for each, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from functions.merging import is_same
from functions.pages.json_text import NotJson, json_of, object_of, text_of
from functions.task import MOST_CHOICES, InvalidModel, choices_of

# Stands in a form that shows the models: a list without rows sends nothing.
PRESENT = "has-models"
# Options with a field of their own.
SIMPLE = ("temperature", "max_tokens")


@dataclass(frozen=True)
class ModelRow:
    """One model as fields of the form. `was` is its place in the stored list, empty for a new one."""

    number: int
    name: str
    temperature: str = ""
    max_tokens: str = ""
    options: str = ""
    headers: str = ""
    was: str = ""
    error: str = ""
    field_errors: Mapping[str, str] = field(default_factory=dict)
    is_new: bool = False
    is_changed: bool = False
    # Of the calls of the last days, in words; empty for none.
    share: str = ""

    @property
    def place(self) -> int:
        """Counted from 1, as people see it."""
        return self.number + 1

    @property
    def key(self) -> str:
        """What its fields are named by."""
        return str(self.number)

    @property
    def name_error(self) -> str:
        return self.error or self.field_errors.get("name", "")

    @property
    def is_wrong(self) -> bool:
        return bool(self.error or self.field_errors)

    @property
    def summary(self) -> str:
        """Its options in a line."""
        parts = [_("temperature %(value)s") % {"value": self.temperature}] if self.temperature else []
        parts += [_("up to %(value)s tokens") % {"value": self.max_tokens}] if self.max_tokens else []
        parts += [_("more options")] if self.options else []
        parts += [_("own headers")] if self.headers else []
        return ", ".join(parts) or _("default options")


def entries_of(model: Any) -> list[Any]:
    """Return the models of a definition as a list, whichever form it has."""
    return [] if model is None else list(model) if isinstance(model, list) else [model]


def rows_of(model: Any, before: Any) -> list[ModelRow]:
    """Return the rows of the models; `before` tells which are new or changed."""
    old = entries_of(before)
    names = [_name(entry) for entry in old]
    rows = []
    for number, entry in enumerate(entries_of(model)):
        row = _row(number, entry)
        is_new = row.name not in names
        is_changed = not is_new and not any(is_same(entry, each) for each in old)
        rows.append(replace(row, is_new=is_new, is_changed=is_changed))
    return rows


def sent_rows(sent: Mapping[str, str], errors: Mapping[str, str]) -> list[ModelRow]:
    """Return the rows as they were sent, with what is wrong at each."""
    rows = []
    for number in _numbers(sent):
        start = f"model.{number}."
        wrong = {name.removeprefix(start): words for name, words in errors.items() if name.startswith(start)}
        fields = _fields(sent, number)
        rows.append(
            ModelRow(
                number,
                fields["name"],
                temperature=fields["temperature"],
                max_tokens=fields["max_tokens"],
                options=fields["options"],
                headers=fields["headers"],
                was=fields["was"],
                error=errors.get(f"model.{number}", ""),
                field_errors=wrong,
            )
        )
    return rows


def model_of(stored: Any, sent: Mapping[str, str]) -> tuple[Any, dict[str, str]]:
    """Return `model` as a form says it, in the form it was stored in, and what is wrong by the name of the field."""
    if PRESENT not in sent:
        return stored, {}
    old = entries_of(stored)
    errors: dict[str, str] = {}
    entries: list[Any] = []
    for number in _numbers(sent):
        fields = {name: text.strip() for name, text in _fields(sent, number).items()}
        if not any(value for name, value in fields.items() if name != "was"):
            continue
        was = old[int(fields["was"])] if _is_place(fields["was"], len(old)) else None
        reading = _Reading(number, fields, was)
        entries.append(reading.entry())
        errors |= reading.errors
    if errors:
        return stored, errors
    return _in_form(entries, stored), {}


def moved(model: Any, number: int, by: int) -> Any:
    """Return the models with one of them moved up (`by` below 0) or down."""
    entries = entries_of(model)
    if 0 <= number < len(entries):
        place = min(max(number + by, 0), len(entries) - 1)
        entries.insert(place, entries.pop(number))
    return _in_form(entries, model)


def without(model: Any, number: int) -> Any:
    entries = [entry for place, entry in enumerate(entries_of(model)) if place != number]
    return _in_form(entries, model)


def _in_form(entries: list[Any], stored: Any) -> Any:
    """Return the models as they were given: one alone, or a list."""
    if is_same(entries, entries_of(stored)):
        return stored
    if not entries:
        return None
    return entries if len(entries) > 1 or isinstance(stored, list) else entries[0]


def _fields(sent: Mapping[str, str], number: int) -> dict[str, str]:
    return {name: sent.get(f"model.{number}.{name}", "") for name in ("name", *SIMPLE, "options", "headers", "was")}


def _numbers(sent: Mapping[str, str]) -> list[int]:
    return [number for number in range(MOST_CHOICES + 1) if f"model.{number}.name" in sent]


def _is_place(text: str, count: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 4 and int(text) < count


def _name(entry: Any) -> str:
    return str(entry.get("name") or "") if isinstance(entry, dict) else str(entry)


def _row(number: int, entry: Any) -> ModelRow:
    options = entry.get("options") if isinstance(entry, dict) else None
    options = options if isinstance(options, dict) else {}
    others = {key: value for key, value in options.items() if not _is_simple(key, value)}
    simple = {key: text_of(options[key]) if _is_simple(key, options.get(key)) else "" for key in SIMPLE}
    headers = entry.get("extra_headers") if isinstance(entry, dict) else None
    return ModelRow(
        number,
        _name(entry),
        temperature=simple["temperature"],
        max_tokens=simple["max_tokens"],
        options=text_of(others) if others else "",
        headers=text_of(headers) if headers else "",
        was=str(number),
    )


def _is_simple(key: str, value: Any) -> bool:
    return key in SIMPLE and isinstance(value, int | float) and not isinstance(value, bool)


class _Reading:
    """One row that was sent, read into the entry it came from."""

    def __init__(self, number: int, fields: Mapping[str, str], was: Any) -> None:
        self.number = number
        self.fields = fields
        self.was = was
        self.old = _row(0, was) if was is not None else ModelRow(0, "")
        self.errors: dict[str, str] = {}

    def entry(self) -> Any:
        """Return the entry: just a name where there is nothing else to say."""
        options, headers = self.options(), self.headers()
        try:
            choices_of(self.fields["name"])
        except InvalidModel:
            self.wrong("name", _("A model's name is 1 to 255 characters, such as openai/gpt-4o-mini."))
        name = self.was_name if self.fields["name"] == self.was_name.strip() else self.fields["name"]
        kept = dict(self.was) if isinstance(self.was, dict) else {}
        if not kept and not options and not headers:
            return name
        found = {**kept, "name": name, "options": options, "extra_headers": headers}
        for key in ("options", "extra_headers"):
            if not found[key] and key in kept and not kept[key]:
                # Empty in the form in which it was given.
                found[key] = kept[key]
            elif not found[key]:
                del found[key]
        return found

    @property
    def was_name(self) -> str:
        return _name(self.was) if self.was is not None else ""

    def options(self) -> dict[str, Any]:
        stored = self.was.get("options") if isinstance(self.was, dict) else None
        stored = stored if isinstance(stored, dict) else {}
        found = self.object("options")
        for key in SIMPLE:
            if key in found and self.fields[key]:
                self.wrong("options", _("%(key)s has a field of its own.") % {"key": key})
            elif self.fields[key]:
                found[key] = self.number_of(key, stored.get(key))
        return {key: found[key] for key in stored if key in found} | found

    def headers(self) -> Any:
        found = self.object("headers")
        try:
            choices_of({"name": "x", "extra_headers": found})
        except InvalidModel as problem:
            self.wrong("headers", f"{problem.path[-1]}: {problem.message}.")
        return found

    def object(self, field: str) -> dict[str, Any]:
        try:
            return object_of(self.fields[field])
        except NotJson as problem:
            self.wrong(field, problem.message)
            return {}

    def number_of(self, key: str, stored: Any) -> Any:
        text = self.fields[key]
        if text == getattr(self.old, key):
            return stored
        try:
            value = json_of(text.replace(",", ".") if key == "temperature" else text)
        except NotJson:
            value = None
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.wrong(key, _("Write a number, such as 0.1.") if key == "temperature" else _("Write a whole number."))
        elif key == "max_tokens" and (not isinstance(value, int) or value < 1):
            self.wrong(key, _("Write a whole number from 1 on."))
        return value

    def wrong(self, field: str, message: str) -> None:
        self.errors.setdefault(f"model.{self.number}.{field}", message)
