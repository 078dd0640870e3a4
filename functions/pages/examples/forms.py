"""The form of an example, made from the schemas of its function; as fields or as JSON, and without scripts too.

The form is what a browser sends, by name: it is drawn from that, read from that, and drawn again as it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from functions.examples.columns import SIDES, Shape
from functions.schemas.form import (
    FormField,
    Upload,
    apply_list_button,
    form_from,
    posted_of,
    value_of,
    with_problems,
)
from functions.schemas.form_fields import AS_JSON, FILE, FILE_NAME
from functions.schemas.form_reading import data_url
from functions.schemas.form_writing import json_text
from functions.schemas.problems import Problem
from functions.schemas.validator import Validator
from opperweb.api.body import check
from opperweb.api.errors import Invalid

HAS_EXPECTED, COMMENT, KEEP, DO = "has_expected", "comment", "keep", "do"
AS_FIELDS_BUTTON, AS_JSON_BUTTON, CORRECT, UNCORRECT = "fields", "json", "correct", "uncorrect"
MOST_COMMENT = 10_000


class ExampleForm:
    """What was sent of an example, or would be; the page asks it for its fields, a view for the values."""

    def __init__(self, shape: Shape, post: Mapping[str, str]) -> None:
        self.shape = shape
        self.post = dict(post)
        self.errors: dict[str, str] = {}
        self.problems: dict[str, list[Problem]] = {}

    @classmethod
    def of_values(cls, shape: Shape, values: Mapping[str, Any]) -> ExampleForm:
        """Return the form of input, output, expected and comment; sides that are left out are empty."""
        post: dict[str, str] = {}
        for side in SIDES:
            if side in values and not (side == "expected" and values[side] is None):
                post |= posted_of(shape.schema(side), values[side], side)
        if values.get("expected") is not None:
            post[HAS_EXPECTED] = "1"
        return cls(shape, post | {COMMENT: values.get(COMMENT, "")})

    @classmethod
    def sent(cls, shape: Shape, post: Mapping[str, str], files: Mapping[str, UploadedFile[Any]]) -> ExampleForm:
        """Return the form as it was sent. A file becomes text at once, so that no button of a list loses it."""
        texts = dict(post.items())
        for name, file in files.items():
            data = file.read()
            if name.endswith(FILE) and data:
                upload = Upload(file.content_type or "", data, file.name or "")
                place = name.removesuffix(FILE)
                texts |= {place: data_url(upload), place + FILE_NAME: upload.name}
        return cls(shape, texts)

    # --- what the page shows ---

    @property
    def has_expected(self) -> bool:
        return self.post.get(HAS_EXPECTED) == "1"

    @property
    def is_json(self) -> bool:
        """Whether the whole values stand there as JSON."""
        return f"input{AS_JSON}" in self.post and f"output{AS_JSON}" in self.post

    @property
    def input(self) -> FormField:
        return self._drawn("input")

    @property
    def output(self) -> FormField:
        return self._drawn("output")

    @property
    def expected(self) -> FormField:
        return self._drawn("expected")

    @property
    def comment(self) -> str:
        return self.post.get(COMMENT, "")

    @property
    def comment_error(self) -> str:
        return self.errors.get(COMMENT, "")

    @property
    def is_misfit(self) -> bool:
        """Whether all that is wrong is that it does not fit the schemas: so it may be kept in spite of it."""
        return bool(self.problems) and not self.errors

    def _drawn(self, side: str) -> FormField:
        form = form_from(self.shape.schema(side), self.post, side, self.errors)
        return with_problems(form, self.problems[side]) if side in self.problems else form

    # --- buttons that change the form alone ---

    def press(self) -> bool:
        """Do what a button asks for that saves nothing; tell whether there was one."""
        changed = apply_list_button(self.post)
        if changed is not None:
            self.post = changed
            return True
        button = self.post.get(DO)
        if button == CORRECT:
            self._correct()
        elif button == UNCORRECT:
            self._drop("expected")
            self.post.pop(HAS_EXPECTED, None)
        elif button in (AS_FIELDS_BUTTON, AS_JSON_BUTTON):
            for side in self._sides():
                self._turn(side, as_json=button == AS_JSON_BUTTON)
        else:
            return False
        return True

    def _correct(self) -> None:
        """Begin a corrected answer with the output as it stands."""
        self._drop("expected")
        self.post |= {
            f"expected{name.removeprefix('output')}": text for name, text in self.post.items() if _is_of(name, "output")
        }
        self.post[HAS_EXPECTED] = "1"

    def _turn(self, side: str, *, as_json: bool) -> None:
        value, errors = value_of(self.shape.schema(side), self.post, side)
        is_blank = self._is_blank(side)
        if errors and not is_blank:
            self.errors |= errors
            return
        self._drop(side)
        if as_json:
            self.post[side + AS_JSON] = "" if is_blank else json_text(value)
        elif not is_blank:
            self.post |= posted_of(self.shape.schema(side), value, side)

    def _drop(self, side: str) -> None:
        self.post = {name: text for name, text in self.post.items() if not _is_of(name, side)}

    # --- the values ---

    def read(self) -> dict[str, Any] | None:
        """Return input, output, expected and comment; None where something cannot be kept, or only if one says so."""
        values: dict[str, Any] = {"expected": None}
        for side in self._sides():
            values[side], errors = value_of(self.shape.schema(side), self.post, side)
            if self._is_blank(side):
                errors = {side: _("Nothing is given")}
            self.errors |= errors or _not_kept(values[side], side)
        values[COMMENT] = self.comment.replace("\r\n", "\n").strip()
        if len(values[COMMENT]) > MOST_COMMENT:
            self.errors[COMMENT] = _("At most %(most)s characters") % {"most": f"{MOST_COMMENT:,}"}
        self.errors |= _not_kept(values[COMMENT], COMMENT)
        if not self.errors:
            self._check(values)
        is_refused = self.errors or (self.problems and self.post.get(KEEP) != "1")
        return None if is_refused else values

    def _check(self, values: Mapping[str, Any]) -> None:
        """Hold what a prompt would show against the schemas: the input, and the corrected answer or the output."""
        for side in ("input", "expected" if self.has_expected else "output"):
            schema = self.shape.schema(side)
            problems = Validator(schema).problems(values[side]) if schema is not None else []
            if problems:
                self.problems[side] = problems

    def _is_blank(self, side: str) -> bool:
        """Whether nothing is typed anywhere in a side; a value that is empty on purpose says so."""
        return not any(text.strip() for name, text in self.post.items() if _is_of(name, side))

    def _sides(self) -> tuple[str, ...]:
        return SIDES if self.has_expected else ("input", "output")


def _is_of(name: str, side: str) -> bool:
    return name == side or name.startswith((f"{side}.", f"{side}~"))


def _not_kept(value: Any, side: str) -> dict[str, str]:
    try:
        check(value, [side])
    except Invalid as problem:
        return {side: _("This cannot be kept: it %(problem)s") % {"problem": problem.detail[0]["msg"]}}
    return {}
