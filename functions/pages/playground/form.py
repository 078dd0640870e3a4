"""The page of the playground as it was sent or as its address says it, all of it texts, and what they mean.

A variant's fields are named by its letter (a.model), those of the input as functions.schemas.form names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.http import Http404, QueryDict
from django.utils.translation import gettext as _

from functions import drafts, playground
from functions.models import Function, PlaygroundRun, PlaygroundVariant, Revision
from functions.pages.definition.settings import sentence_of
from functions.pages.json_text import NotJson, json_of, object_of, text_of
from functions.pages.playground.results import LETTERS
from functions.playground import MOST_VARIANTS, Basis, Chosen, NoSuchBasis, Variant
from functions.providers import UnknownModel
from functions.schemas.form import Upload, posted_of, value_of
from functions.schemas.form_fields import FILE, FILE_NAME
from functions.schemas.form_reading import data_url
from functions.schemas.validator import InvalidSchema, check_schema
from functions.task import Configuration, InvalidConfiguration, InvalidModel
from opperweb.accounts.models import Project, User
from opperweb.api.body import check
from opperweb.api.errors import Invalid

DRAFT = "draft"
INPUT = "input"
AS_JSON = f"{INPUT}~json"
# Of a definition that is typed in.
TYPED = ("instructions", "input_schema", "output_schema")
SETTINGS = {
    "examples": "invocation.few_shot.count",
    "attempts": "invocation.structured_generation.max_attempts",
}
SIMPLE = ("temperature", "max_tokens")
# `shows` is the number of the variant of the run whose result stands in the column.
NAMES = ("revision", "model", *SIMPLE, "options", *SETTINGS, "shows")
MOST_DIGITS = 9


@dataclass
class Sheet:
    """All that somebody has typed and chosen. `errors` are by the name of the field."""

    project: Project
    user: User
    function: Function | None
    columns: list[dict[str, str]]
    typed: dict[str, str] = field(default_factory=dict)
    post: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    _bases: dict[str, Basis] = field(default_factory=dict)

    # --- what a variant is ------------------------------------------------------------------------------------------

    @cached_property
    def newest(self) -> Revision | None:
        return None if self.function is None else self.function.revisions.order_by("-number").first()

    def basis(self, letter: str) -> Basis:
        """Return what a column begins with, the newest revision where its own cannot be found."""
        if self.function is None:
            return self._typed
        text = self.columns[LETTERS.index(letter)].get("revision", "")
        try:
            return self._found(text)
        except NoSuchBasis:
            missing = _("You have no draft of this function.") if text == DRAFT else _("There is no such revision.")
            self.errors.setdefault(f"{letter}.revision", missing)
            return self._found("")

    def _found(self, text: str) -> Basis:
        assert self.function is not None
        if text not in self._bases:
            if text == DRAFT:
                self._bases[text] = playground.of_draft(self.function, self.user)
            elif not text or (self.newest is not None and text == str(self.newest.number)):
                newest = self.newest or drafts.newest_of(self.function)
                self._bases[text] = Basis(self.function, newest, drafts.definition_of(newest))
            else:
                self._bases[text] = playground.of_revision(self.function, number_of(text))
        return self._bases[text]

    @cached_property
    def _typed(self) -> Basis:
        instructions = self.typed.get("instructions", "").replace("\r\n", "\n")
        if "\0" in instructions:
            self.errors.setdefault("instructions", _("A NUL character cannot be kept."))
        schemas = {name: self._schema(name) for name in TYPED[1:]}
        return playground.typed(self.project, {"instructions": instructions, **schemas})

    def _schema(self, name: str) -> dict[str, Any] | None:
        text = self.typed.get(name, "")
        if not text.strip():
            return None
        try:
            schema = json_of(text)
            check_schema(schema)
        except NotJson as problem:
            self.errors.setdefault(name, problem.message)
        except InvalidSchema as problem:
            where = ".".join(map(str, problem.path))
            self.errors.setdefault(name, f"{where}: {problem.message}" if where else problem.message)
        else:
            return dict(schema)
        return None

    @cached_property
    def schema(self) -> dict[str, Any] | None:
        """The input schema: that of the first variant."""
        schema: dict[str, Any] | None = self.basis(LETTERS[0]).values["input_schema"]
        return schema

    def variants(self) -> list[tuple[Variant, Chosen]]:
        """Return what every column asks; what is wrong stands in `errors`."""
        return [self.variant(letter) for letter in LETTERS[: len(self.columns)]]

    def variant(self, letter: str) -> tuple[Variant, Chosen]:
        basis = self.basis(letter)
        variant = _Reading(letter, self.columns[LETTERS.index(letter)], self.errors).variant(basis, self.function)
        return variant, basis.changed(variant)

    def check(self, letter: str, chosen: Chosen) -> None:
        """Note what is wrong with the definition of a column at its field."""
        try:
            playground.check(self.project, chosen)
        except (UnknownModel, InvalidModel) as problem:
            self.errors.setdefault(f"{letter}.model", str(problem))
        except InvalidConfiguration as problem:
            named = {key: name for name, key in SETTINGS.items()}
            self.errors.setdefault(f"{letter}.{named.get(str(problem.path[0]), 'revision')}", str(problem))
        except InvalidSchema as problem:
            self.errors.setdefault(f"{letter}.revision", str(problem))

    # --- the input --------------------------------------------------------------------------------------------------

    @property
    def is_json(self) -> bool:
        return AS_JSON in self.post

    def value(self) -> Any:
        """Return the input; what cannot be read stands in `errors`."""
        value, problems = value_of(self.schema, self.post, INPUT)
        if INPUT in problems and self.is_json and not self.post[AS_JSON].strip():
            problems[INPUT] = _("Write JSON, such as a text in quotes.")
        try:
            check(value, [])
        except Invalid as problem:
            problems.setdefault(
                INPUT, _("This cannot be kept: it %(problem)s.") % {"problem": problem.detail[0]["msg"]}
            )
        self.errors |= problems
        return value

    def fill(self, value: Any) -> None:
        """Put a value into the form, as JSON where that is what is open."""
        self.post = {AS_JSON: text_of(value)} if self.is_json else posted_of(self.schema, value, INPUT)


class _Reading:
    """The fields of one column, read."""

    def __init__(self, letter: str, texts: Mapping[str, str], errors: dict[str, str]) -> None:
        self.letter = letter
        self.texts = {name: text.strip() for name, text in texts.items()}
        self.errors = errors

    def variant(self, basis: Basis, function: Function | None) -> Variant:
        is_draft = self.texts.get("revision") == DRAFT
        return Variant(
            revision=None if is_draft or function is None else basis.revision.number,
            is_draft=is_draft,
            model=self.texts.get("model", ""),
            options=self.options(),
            settings={key: value for name, key in SETTINGS.items() if (value := self.setting(name)) is not None},
        )

    def options(self) -> dict[str, Any]:
        try:
            found = object_of(self.texts.get("options", ""))
        except NotJson as problem:
            self.wrong("options", problem.message)
            return {}
        for name in SIMPLE:
            if not self.texts.get(name):
                continue
            if name in found:
                self.wrong("options", _("%(key)s has a field of its own.") % {"key": name})
            found[name] = self.number(name)
        return found

    def number(self, name: str) -> Any:
        text = self.texts[name]
        try:
            value = json_of(text.replace(",", ".") if name == "temperature" else text)
        except NotJson:
            value = None
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.wrong(name, _("Write a number, such as 0.1.") if name == "temperature" else _("Write a whole number."))
        elif name == "max_tokens" and (not isinstance(value, int) or value < 1):
            self.wrong(name, _("Write a whole number from 1 on."))
        return value

    def setting(self, name: str) -> int | None:
        text = self.texts.get(name, "")
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS:
            self.wrong(name, _("Write a whole number."))
            return None
        try:
            Configuration.from_dict({SETTINGS[name]: int(text)})
        except InvalidConfiguration as problem:
            self.wrong(name, sentence_of(problem))
            return None
        return int(text)

    def wrong(self, name: str, message: str) -> None:
        self.errors.setdefault(f"{self.letter}.{name}", message)


# --- from an address, from a run, from what was sent ------------------------------------------------------------------


def of_query(project: Project, user: User, query: QueryDict) -> Sheet:
    """Read an address without a run: function, and a= to d=, each a revision or draft, and after a comma a model."""
    function = None
    if name := query.get("function", ""):
        function = Function.objects.filter(project=project, name=name).first()
        if function is None:
            raise Http404("No such function")
        function.project = project
    columns = [_column(text) for letter in LETTERS if (text := query.get(letter, ""))]
    return Sheet(project, user, function, columns or [{}])


def _column(text: str) -> dict[str, str]:
    revision, _comma, model = text.partition(",")
    return {"revision": revision.strip(), "model": model.strip()}


def of_run(project: Project, user: User, run: PlaygroundRun, variants: list[PlaygroundVariant]) -> Sheet:
    """Return the page as it was when a run began."""
    columns = [_texts_of(variant) for variant in variants]
    sheet = Sheet(project, user, run.function, columns or [{}])
    if run.function is not None:
        run.function.project = project
    elif variants:
        stored = variants[0].definition
        sheet.typed = {"instructions": stored["instructions"]} | {
            name: text_of(stored[name]) for name in TYPED[1:] if stored[name] is not None
        }
    sheet.fill(run.input)
    return sheet


def _texts_of(kept: PlaygroundVariant) -> dict[str, str]:
    variant = Variant.from_dict(kept.choice)
    simple = {name: variant.options[name] for name in SIMPLE if variant.options.get(name) is not None}
    others = {key: value for key, value in variant.options.items() if key not in simple}
    return {
        "revision": DRAFT if variant.is_draft else str(variant.revision or ""),
        "model": variant.model,
        **{name: str(value) for name, value in simple.items()},
        "options": text_of(others) if others else "",
        **{name: str(variant.settings[key]) for name, key in SETTINGS.items() if key in variant.settings},
        "shows": str(kept.number),
    }


def of_post(
    project: Project, user: User, function: Function | None, sent: Mapping[str, str], files: Mapping[str, Upload]
) -> Sheet:
    """Read what was sent. Files become texts, so that none is lost when the page is shown again."""
    columns = [
        {name: sent.get(f"{letter}.{name}", "") for name in NAMES} for letter in LETTERS if f"{letter}.model" in sent
    ]
    sheet = Sheet(project, user, function, columns[:MOST_VARIANTS] or [{}])
    sheet.typed = {name: sent.get(name, "") for name in TYPED}
    sheet.post = {
        name: text for name, text in sent.items() if name == INPUT or name.startswith((f"{INPUT}.", f"{INPUT}~"))
    }
    for name, upload in files.items():
        if upload.data and name.startswith(INPUT) and name.endswith(FILE):
            whole = name.removesuffix(FILE)
            sheet.post |= {whole: data_url(upload), whole + FILE_NAME: upload.name[:255]}
    return sheet


def number_of(text: str) -> int:
    """Return the number of a revision. Raises NoSuchBasis."""
    if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS:
        raise NoSuchBasis(text)
    return int(text)
