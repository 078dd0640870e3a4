"""The definition of a function as one form: read from what a button sent, and drawn for the page.

Whatever button is pressed, everything that was typed is read and kept as the person's draft first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from functions import drafts
from functions.completions.candidates import candidates_for
from functions.completions.catalogue import Catalogue
from functions.drafts import Work
from functions.merging import is_same
from functions.pages.definition import models as definition_models
from functions.pages.definition import settings as definition_settings
from functions.pages.definition.models import ModelRow
from functions.pages.definition.schema_reading import schema_of, sentence_of
from functions.pages.definition.schemas import SIDES, Opened, SchemaPart, name_of, part_of
from functions.pages.definition.settings import SettingsForm
from functions.providers import UnknownModel
from functions.schemas.validator import InvalidSchema
from functions.task import InvalidConfiguration, InvalidModel, Task, choices_of

LABELS = {
    "instructions": gettext_lazy("instructions"),
    "input_schema": gettext_lazy("input"),
    "output_schema": gettext_lazy("output"),
    "model": gettext_lazy("models"),
}
# How many octets of a text a token has, roughly, over languages and models.
OCTETS_A_TOKEN = 4
MOVES = {"model-up": -1, "model-down": 1}


@dataclass(frozen=True)
class Reading:
    """What a form says: a whole definition, where what is wrong is left as it was stored."""

    definition: dict[str, Any]
    note: str
    errors: dict[str, str]


@dataclass(frozen=True)
class DefinitionForm:
    """Everything that the page of a definition shows of it."""

    work: Work
    opened: Opened
    instructions: str
    is_instructed_anew: bool
    schemas: list[SchemaPart]
    models: list[ModelRow]
    models_changed: bool
    models_error: str
    settings: SettingsForm
    errors: Mapping[str, str]

    @property
    def words(self) -> int:
        return len(self.instructions.split())

    @property
    def tokens(self) -> int:
        """About how many tokens the instructions have."""
        return math.ceil(len(self.instructions.encode("utf-8", "replace")) / OCTETS_A_TOKEN)

    @property
    def next_number(self) -> int:
        return self.work.newest.number + 1

    @property
    def changes(self) -> list[str]:
        return [label_of(part) for part in self.work.changes]


def label_of(part: drafts.Part) -> str:
    """Return the name of a part of a definition, as the bar lists it."""
    return definition_settings.label_of(part[1]).lower() if part[0] == "configuration" else str(LABELS[part[0]])


# --- from the page ------------------------------------------------------------------------------------------------


def read(work: Work, sent: Mapping[str, str], verb: str = "", target: str = "") -> Reading:
    """Return the definition that was sent, with what the pressed button changes in it.

    A part whose fields are not in the form at all stays as it is stored.
    """
    stored = work.definition
    errors: dict[str, str] = {}
    values = dict(stored)
    if "instructions" in sent:
        values["instructions"] = _instructions(stored["instructions"], sent["instructions"], errors)
    for side in SIDES:
        schema, wrong = schema_of(side, stored[name_of(side)], sent, verb, target)
        values[name_of(side)] = schema
        errors |= wrong
    values["configuration"], wrong = definition_settings.configuration_of(stored["configuration"], sent)
    errors |= wrong
    values["model"], wrong = definition_models.model_of(stored["model"], sent)
    errors |= wrong
    if not wrong and target.isascii() and target.isdigit() and len(target) < 4:
        values["model"] = _moved(values["model"], verb, int(target))
    note = sent.get("note", work.note).replace("\x00", "").strip()
    return Reading(values, note, errors)


def _instructions(stored: str, text: str, errors: dict[str, str]) -> str:
    if "\x00" in text:
        errors["instructions"] = _("A NUL character cannot be kept.")
        return stored
    # A browser ends lines in its own way.
    typed = text.replace("\r\n", "\n")
    return stored if typed == stored.replace("\r\n", "\n").replace("\r", "\n") else typed


def _moved(model: Any, verb: str, number: int) -> Any:
    if verb in MOVES:
        return definition_models.moved(model, number, MOVES[verb])
    return definition_models.without(model, number) if verb == "model-drop" else model


def error_of(problem: Exception, definition: Mapping[str, Any], catalogue: Catalogue) -> dict[str, str]:
    """Return where on the page stands what `revising.check` refused, and the words for it."""
    if isinstance(problem, InvalidSchema):
        side = str(problem.path[0]).removesuffix("_schema")
        return {f"schema.{side}": sentence_of(problem.path[1:], problem.message)}
    if isinstance(problem, InvalidConfiguration):
        key = str(problem.path[0]) if problem.path else ""
        return {f"{definition_settings.OTHERS}.{key}": definition_settings.sentence_of(problem)}
    found = {}
    for number, entry in enumerate(definition_models.entries_of(definition["model"])):
        try:
            candidates_for(Task("", choices=choices_of(entry)), catalogue, settings.DEFAULT_MODEL)
        except (UnknownModel, InvalidModel) as wrong:
            found[f"model.{number}"] = f"{wrong.message[:1].upper()}{wrong.message[1:]}."
    return found or {"models": f"{str(problem)[:1].upper()}{str(problem)[1:]}."}


# --- to the page --------------------------------------------------------------------------------------------------


def form_of(
    work: Work,
    opened: Opened,
    *,
    errors: Mapping[str, str] | None = None,
    sent: Mapping[str, str] | None = None,
) -> DefinitionForm:
    """Return the page's form of a definition; `sent` holds the texts that could not be read."""
    errors, typed = errors or {}, sent or {}
    before, now = drafts.definition_of(work.base), work.definition
    return DefinitionForm(
        work,
        opened,
        instructions=typed["instructions"] if "instructions" in errors else now["instructions"],
        is_instructed_anew=now["instructions"] != before["instructions"],
        schemas=[
            part_of(
                side,
                now[name_of(side)],
                before[name_of(side)],
                _with_errors(opened, errors),
                errors=errors,
                typed=typed,
            )
            for side in SIDES
        ],
        models=_model_rows(now["model"], before["model"], opened, errors=errors, typed=typed),
        models_changed=not is_same(now["model"], before["model"]),
        models_error=errors.get("models", ""),
        settings=definition_settings.form_of(
            now["configuration"], before["configuration"] or {}, errors=errors, typed=typed
        ),
        errors=errors,
    )


def _with_errors(opened: Opened, errors: Mapping[str, str]) -> Opened:
    """Return what is open, with the views in which something is wrong."""
    wrong: dict[str, str] = {side: "json" for side in SIDES if f"schema.{side}" in errors}
    wrong |= {side: "paste" for side in SIDES if f"paste.{side}" in errors}
    return replace(opened, views={**opened.views, **wrong})


def _model_rows(
    model: Any, before: Any, opened: Opened, *, errors: Mapping[str, str], typed: Mapping[str, str]
) -> list[ModelRow]:
    is_unread = any(name.startswith("model.") for name in errors) and definition_models.PRESENT in typed
    if is_unread:
        return definition_models.sent_rows(typed, errors)
    rows = definition_models.rows_of(model, before)
    rows = [replace(row, error=errors.get(f"model.{row.number}", "")) for row in rows]
    is_asked_for = opened.model == "new" or not rows
    return [*rows, ModelRow(len(rows), "", is_new=True)] if is_asked_for else rows
