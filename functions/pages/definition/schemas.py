"""The schemas of a function on its page: a table of fields of which one is open to be edited, JSON, or pasted text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.translation import gettext as _

from functions.merging import is_same
from functions.pages.json_text import text_of
from functions.schemas.form_fields import name_at
from functions.schemas.problems import in_words
from functions.schemas.table import Field, rows_of
from functions.schemas.table_edit import KINDS
from functions.schemas.walk import Path

Side = Literal["input", "output"]
SIDES: tuple[Side, ...] = ("input", "output")
VIEWS = ("table", "json", "paste")


@dataclass(frozen=True)
class Opened:
    """Which parts of the page are open: a view of each schema, the field that is edited, where one is added."""

    views: Mapping[str, str] = field(default_factory=dict)
    edit: str = ""
    add: str = ""
    model: str = ""

    @classmethod
    def of(cls, sent: Mapping[str, str]) -> Opened:
        views: dict[str, str] = {side: sent[side] for side in SIDES if sent.get(side) in VIEWS}
        return cls(views, sent.get("edit", ""), sent.get("add", ""), sent.get("model", ""))

    def view_of(self, side: str) -> str:
        return self.views.get(side, "table")


@dataclass(frozen=True)
class FieldForm:
    """The open row: what can be said of a field, as texts. `start` begins the names of its form's fields."""

    start: str
    key: str
    name: str = ""
    kind: str = ""
    type_words: str = ""
    description: str = ""
    is_required: bool = True
    is_nullable: bool = False
    enum: str = ""
    least: str = ""
    most: str = ""
    pattern: str = ""
    holds_fields: bool = False
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """The types to choose from; what the table cannot say can be kept as it is."""
        kept = [] if self.kind else [("", _("As it is: %(words)s") % {"words": self.type_words})]
        return [*kept, *((kind, kind) for kind in KINDS)]


@dataclass(frozen=True)
class Row:
    field: Field
    key: str
    form: FieldForm | None = None
    # The form of a field to be added inside of this one.
    inner: FieldForm | None = None


@dataclass(frozen=True)
class SchemaPart:
    """One schema of the page, in the view that is open."""

    side: Side
    view: str
    title: str
    is_there: bool
    is_changed: bool
    rows: list[Row]
    adding: FieldForm | None = None
    json_text: str = ""
    json_error: str = ""
    paste_text: str = ""
    paste_error: str = ""
    error: str = ""

    @property
    def label(self) -> str:
        return _("Input") if self.side == "input" else _("Output")

    @property
    def fields(self) -> list[Field]:
        return [row.field for row in self.rows]


def name_of(side: str) -> str:
    """Return the field of a definition: input_schema."""
    return f"{side}_schema"


def key_of(side: str, path: Path) -> str:
    """Return what names a field of a schema on the page and in its address: output.answer."""
    return name_at(side, path)


def path_of(key: str) -> tuple[str, Path]:
    """Return the side and the path of a field's key."""
    side, *steps = key.split(".")
    return side, tuple(step.replace("~1", ".").replace("~0", "~") for step in steps)


def part_of(
    side: Side,
    schema: dict[str, Any] | None,
    before: dict[str, Any] | None,
    opened: Opened,
    *,
    errors: Mapping[str, str],
    typed: Mapping[str, str],
) -> SchemaPart:
    """Return one schema as the page shows it; `typed` holds what was sent where it could not be read."""
    view = opened.view_of(side)
    name = f"schema.{side}"
    drawing = _Drawing(side, schema, opened, errors, typed)
    return SchemaPart(
        side,
        view,
        str((schema or {}).get("title") or ""),
        is_there=schema is not None,
        is_changed=not is_same(schema, before),
        rows=drawing.rows() if view == "table" else [],
        adding=drawing.new_field(()) if view == "table" else None,
        json_text=typed[name] if name in errors and name in typed else "" if schema is None else text_of(schema),
        json_error=errors.get(name, ""),
        paste_text=typed.get(f"paste.{side}", ""),
        paste_error=errors.get(f"paste.{side}", ""),
        error=errors.get(f"table.{side}", ""),
    )


class _Drawing:
    def __init__(
        self,
        side: str,
        schema: dict[str, Any] | None,
        opened: Opened,
        errors: Mapping[str, str],
        typed: Mapping[str, str],
    ) -> None:
        self.side, self.schema, self.opened, self.errors, self.typed = side, schema, opened, errors, typed

    def rows(self) -> list[Row]:
        return [self.row(each) for each in rows_of(self.schema)]

    def row(self, each: Field) -> Row:
        key = key_of(self.side, each.path)
        is_open = bool(each.path) and key == self.opened.edit
        return Row(
            each, key, self.form_of(each, key) if is_open else None, self.new_field(each.path) if each.path else None
        )

    def form_of(self, each: Field, key: str) -> FieldForm:
        if any(name.startswith("field.") for name in self.errors):
            return self.sent_form("field.", key, each)
        return FieldForm(
            "field.",
            key,
            name=each.name,
            kind=each.kind,
            type_words=each.type_words,
            description=each.description,
            is_required=each.is_required,
            is_nullable=each.is_nullable,
            enum="\n".join(map(option_text, each.enum)),
            least=_typed(each.least),
            most=_typed(each.most),
            pattern=each.pattern,
            holds_fields=each.kind.endswith("object"),
        )

    def new_field(self, path: Path) -> FieldForm | None:
        key = key_of(self.side, path)
        if key != self.opened.add:
            return None
        return self.sent_form("new.", key, None) if "new.name" in self.typed else FieldForm("new.", key, kind="text")

    def sent_form(self, start: str, key: str, each: Field | None) -> FieldForm:
        return FieldForm(
            start,
            key,
            name=self.typed.get(start + "name", ""),
            kind=self.typed.get(start + "kind", ""),
            description=self.typed.get(start + "description", ""),
            enum=self.typed.get(start + "enum", ""),
            type_words=each.type_words if each else "",
            is_required=start + "required" in self.typed,
            is_nullable=start + "nullable" in self.typed,
            least=self.typed.get(start + "least", ""),
            most=self.typed.get(start + "most", ""),
            pattern=self.typed.get(start + "pattern", ""),
            errors={name.removeprefix(start): words for name, words in self.errors.items() if name.startswith(start)},
        )


def option_text(option: Any) -> str:
    return option if isinstance(option, str) else in_words(option, 1000)


def _typed(number: float | None) -> str:
    return "" if number is None else str(number)
