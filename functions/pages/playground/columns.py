"""A variant as a column of the playground: its fields, what it comes to, and where that differs from variant A."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from functions.models import Draft, Function, Revision
from functions.pages.playground.form import DRAFT, SETTINGS, SIMPLE, Sheet, number_of
from functions.pages.playground.results import LETTERS, ResultView
from functions.playground import Chosen, NoSuchBasis
from functions.task import Configuration, InvalidConfiguration
from opperweb import json

MOST_REVISIONS = 100
# Fields behind Edit; one that is wrong opens it.
EDITED = (*SIMPLE, *SETTINGS, "options")


@dataclass(frozen=True)
class Chip:
    """A setting in words. `differs`: variant A has another one."""

    words: str
    differs: bool = False


@dataclass(frozen=True)
class ColumnView:
    """All that a template asks of a column. `usual` is what stands for an empty field, by its name."""

    letter: str
    texts: Mapping[str, str]
    errors: Mapping[str, str]
    revisions: list[tuple[str, str]]
    chips: list[Chip] = field(default_factory=list)
    usual: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    differs: frozenset[str] = frozenset()
    result: ResultView | None = None

    @property
    def name(self) -> str:
        """The letter, as people see it."""
        return self.letter.upper()

    @property
    def is_open(self) -> bool:
        return any(name in self.errors for name in EDITED)


def columns_of(sheet: Sheet, results: Mapping[str, ResultView]) -> list[ColumnView]:
    """Return the columns; `results` are by the number that a column shows."""
    labels = _revisions(sheet)
    found: list[ColumnView] = []
    first: Mapping[str, str] = {}
    for letter, texts in zip(LETTERS, sheet.columns, strict=False):
        basis = sheet.basis(letter)
        _variant, chosen = sheet.variant(letter)
        told, usual = facts_of(chosen), facts_of(Chosen(basis.revision, dict(basis.values), is_draft=False))
        first = first or told
        errors = {
            name.removeprefix(f"{letter}."): words
            for name, words in sheet.errors.items()
            if name.startswith(f"{letter}.")
        }
        # Without a choice it is the newest: a select has no empty row.
        shown = {**texts, "revision": texts.get("revision") or str(basis.revision.number)}
        found.append(
            ColumnView(
                letter,
                shown,
                errors,
                labels,
                chips=[Chip(_words(name, value), told[name] != first.get(name)) for name, value in _in_chips(told)],
                usual=usual,
                models=models_of(chosen.values["model"]),
                differs=_differences(shown, told, found, first),
                result=results.get(texts.get("shows", "")),
            )
        )
    return found


def facts_of(chosen: Chosen) -> dict[str, str]:
    """Return what a definition comes to, as texts by the names of the fields."""
    models = models_of(chosen.values["model"])
    options = _options(chosen.values["model"])
    facts = {"model": models[0], **{name: json.dumps(options[name]) for name in SIMPLE if name in options}}
    others = {key: value for key, value in options.items() if key not in SIMPLE}
    if others:
        facts["options"] = json.dumps(others)
    try:
        configuration = Configuration.from_dict(chosen.values["configuration"])
    except InvalidConfiguration:
        return facts
    return {**facts, "examples": str(configuration.few_shot_count), "attempts": str(configuration.max_attempts)}


def models_of(model: Any) -> tuple[str, ...]:
    """Return the names of the models of a definition, in the order in which they are asked."""
    entries = model if isinstance(model, list) else [model] if model is not None else []
    names = [str(entry.get("name") or "") if isinstance(entry, dict) else str(entry) for entry in entries]
    return tuple(filter(None, names)) or (settings.DEFAULT_MODEL,)


def _options(model: Any) -> dict[str, Any]:
    first = (model[0] if model else None) if isinstance(model, list) else model
    options = first.get("options") if isinstance(first, dict) else None
    return {key: value for key, value in options.items() if value is not None} if isinstance(options, dict) else {}


def _in_chips(facts: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, facts[name]) for name in (*SIMPLE, *SETTINGS, "options") if name in facts]


def _words(name: str, value: str) -> str:
    words = {
        "temperature": _("temperature %(value)s"),
        "max_tokens": _("up to %(value)s tokens"),
        "examples": _("examples %(value)s"),
        "attempts": _("attempts %(value)s"),
        "options": _("options %(value)s"),
    }
    return words[name] % {"value": value}


def _differences(
    texts: Mapping[str, str], facts: Mapping[str, str], before: list[ColumnView], first: Mapping[str, str]
) -> frozenset[str]:
    """Return which of a column's own controls differ from those of the first one."""
    if not before:
        return frozenset()
    found = {"model"} if facts["model"] != first.get("model") else set()
    return frozenset(found | ({"revision"} if texts["revision"] != before[0].texts["revision"] else set()))


# --- revisions --------------------------------------------------------------------------------------------------------


def _revisions(sheet: Sheet) -> list[tuple[str, str]]:
    """Return what a variant can begin with: the person's draft, the newest revisions, and those that are chosen."""
    if sheet.function is None:
        return []
    chosen = {texts.get("revision", "") for texts in sheet.columns}
    newest = sheet.newest.number if sheet.newest is not None else None
    labels = [(str(number), _label(number, newest)) for number in _numbers(sheet.function, chosen)]
    has_draft = Draft.objects.filter(function=sheet.function, author=sheet.user).exists()
    return [*([(DRAFT, _("My draft"))] if has_draft or DRAFT in chosen else []), *labels]


def _numbers(function: Function, chosen: set[str]) -> list[int]:
    wanted = []
    for text in chosen - {"", DRAFT}:
        try:
            wanted.append(number_of(text))
        except NoSuchBasis:
            continue
    numbers = Revision.objects.filter(function=function).order_by("-number").values_list("number", flat=True)
    found = list(numbers[:MOST_REVISIONS])
    missing = [number for number in wanted if number not in found]
    return found + (list(numbers.filter(number__in=missing)) if missing else [])


def _label(number: int, newest: int | None) -> str:
    if number == newest:
        return _("Revision %(number)s, live") % {"number": number}
    return _("Revision %(number)s") % {"number": number}
