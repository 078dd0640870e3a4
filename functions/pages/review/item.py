"""One completion as a reviewer reads it: input above output, each field of the output with the form to correct it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from functions.models import Function
from functions.pages import correction
from functions.pages.correction import PREFIX, CorrectedField, Correction
from functions.pages.json_text import text_of
from functions.schemas.form import FormField, Upload
from functions.schemas.form_fields import AS_JSON, walked
from opperweb import json
from opperweb.pages.diff import Piece
from traces.evaluation_models import Feedback
from traces.models import Span, SpanBody, Status
from traces.pages.field_view import Field, fields_of
from traces.pages.json_view import readable

MOST_COMMENT = 10_000
SCORES = {"good": 1.0, "bad": 0.0}
PUT_BACK = "back"


@dataclass(frozen=True)
class Side:
    """The input or the output. `link` leads to the whole of it, and to the files in it."""

    fields: list[Field]
    link: str


@dataclass(frozen=True)
class Part:
    """A field of the output as it is read, and the field of the form in which it is corrected; either may be missing.

    `is_open`: the form stands there instead. `pieces` tell what differs, where something does.
    """

    number: int
    shown: list[Field]
    field: FormField | None = None
    pieces: Sequence[Piece] = ()
    is_open: bool = False
    is_root: bool = False

    @property
    def is_text(self) -> bool:
        """Whether a script can tell what differs while somebody types."""
        return self.field is not None and self.field.kind in ("text", "long text")


@dataclass
class ReviewItem:
    """A call with what a person has typed about it so far. Made by `begun` and `sent`."""

    span: Span
    view: str
    correction: Correction | None
    comment: str = ""
    saves_example: bool = False
    # What the output should have been; None where nobody changed it.
    corrected: Any = None
    errors: dict[str, str] = field(default_factory=dict)
    # A field in which a button was pressed.
    pressed: str = ""
    function: Function | None = None

    @property
    def body(self) -> SpanBody:
        return self.span.body

    @property
    def name(self) -> str:
        return readable(self.span.function_name or self.span.name) or _("no name")

    @property
    def error(self) -> str:
        """Why there is no answer."""
        failed = self.span.status in (Status.ERROR, Status.STOPPED)
        return (readable(self.span.error_message) or _("The call failed.")) if failed else ""

    @property
    def input(self) -> Side | None:
        return self._side("input", self.body.input, self.body.input_schema)

    @property
    def output(self) -> Side | None:
        return self._side("output", self.body.output, self.body.output_schema)

    @cached_property
    def address(self) -> str:
        """Where the call stands in its trace."""
        return f"{reverse('traces:detail', args=[self.span.project.slug, self.span.trace.id])}?span={self.span.id}"

    @property
    def parts(self) -> list[Part]:
        """The output, field by field, in the order of its schema."""
        shown = self.output.fields if self.output else []
        if self.view == "json" and self.body.output is not None:
            shown = [Field(form="code", text=readable(text_of(self.body.output)))]
        form = self.correction
        if form is None:
            return [Part(0, shown, is_root=True)]
        if form.form.kind != "group":
            return [self._part(form.fields[0], shown, is_root=True)]
        by_name = {each.name: each for each in shown}
        parts = [
            self._part(each, [by_name.pop(name)] if (name := readable(each.field.label)) in by_name else [])
            for each in form.fields
        ]
        rest = list(by_name.values()) if isinstance(self.body.output, dict) else shown
        if form.others is not None or rest:
            more = CorrectedField(len(parts), form.others, []) if form.others is not None else None
            parts.append(self._part(more, rest) if more else Part(len(parts), rest))
        return parts

    def _part(self, corrected: CorrectedField, shown: list[Field], *, is_root: bool = False) -> Part:
        form = corrected.field
        is_wrong = any(each.error for each in walked(form))
        is_pressed = self.pressed == form.name or self.pressed.startswith(f"{form.name}.")
        is_open = bool(corrected.pieces) or is_wrong or is_pressed
        return Part(corrected.number, shown, form, corrected.pieces, is_open, is_root)

    def _side(self, part: str, value: Any, schema: Any) -> Side | None:
        return None if value is None else Side(fields_of(value, schema), f"{self.address}&raw={part}")


def begun(span: Span, own: Feedback | None, *, view: str) -> ReviewItem:
    """Return a call that nobody has typed about yet; or what the person said of it without a rating."""
    value = own.correction if own is not None and own.correction is not None else _body(span).output
    item = ReviewItem(span, view, _form_of(span, value, view))
    item.comment = readable(own.comment) if own is not None else ""
    return item


def sent(span: Span, post: Mapping[str, str], files: Mapping[str, Upload], *, view: str) -> ReviewItem:
    """Return a call with what was typed about it, and with what of that cannot be kept."""
    body = _body(span)
    first = _form_of(span, body.output, view)
    item = ReviewItem(span, view, first, saves_example="example" in post)
    item.comment = post.get("comment", "").replace("\0", "").replace("\r\n", "\n").strip()
    if len(item.comment) > MOST_COMMENT:
        item.errors["comment"] = _("A comment has at most %(most)s characters.") % {"most": f"{MOST_COMMENT:,}"}
    if first is None:
        return item
    item.pressed = post.get("add") or post.get("remove") or post.get(PUT_BACK) or ""
    texts = _with_put_back(first.form, post)
    if not item.pressed and not _is_touched(first.form, texts, files):
        return item
    item.correction = read = correction.read(body, texts, files, view=view)
    if not read.is_valid:
        item.errors["output"] = _("The corrected output cannot be kept as it is. See below.")
    elif json.dumps(read.value) != json.dumps(body.output):
        item.corrected = read.value
    return item


def _body(span: Span) -> SpanBody:
    """Return the texts of a span; of one that was sent without any, empty ones."""
    if not hasattr(span, "body"):
        span.body = SpanBody(span=span)
    return span.body


def _form_of(span: Span, value: Any, view: str) -> Correction | None:
    if value is not None and correction.is_too_large(value):
        return None
    return correction.begin(_body(span), value, view=view)


def _is_touched(form: FormField, post: Mapping[str, str], files: Mapping[str, Upload]) -> bool:
    """Tell whether the form of the output says something else than it did at first."""
    given = {name: _plain(text) for name, text in post.items() if _is_of(name, PREFIX) and _is_value(name)}
    return {name: text for name, text in given.items() if text} != _texts(form) or any(
        upload.data for upload in files.values()
    )


def _with_put_back(form: FormField, post: Mapping[str, str]) -> dict[str, str]:
    """Return what was sent; one field as it was at first where the button for that was pressed."""
    texts = dict(post)
    name = texts.pop(PUT_BACK, "")
    if not _is_of(name, PREFIX):
        return texts
    texts = {each: text for each, text in texts.items() if not _is_of(each, name)}
    for each in _all(form):
        if _is_of(each.name, name):
            texts |= {each.was_name: each.was} if each.was else {}
            texts |= {each.file_name_field: each.file_name} if each.file_name else {}
            texts |= _own_text(each)
    return texts


def _texts(form: FormField) -> dict[str, str]:
    texts: dict[str, str] = {}
    for each in _all(form):
        texts |= _own_text(each)
    return {name: _plain(text) for name, text in texts.items() if text}


def _all(form: FormField) -> Iterator[FormField]:
    for each in walked(form):
        yield each
        if each.rest is not None:
            yield each.rest


def _own_text(field: FormField) -> dict[str, str]:
    return {field.html_name: field.value} if field.value and field.kind not in ("group", "list") else {}


def _is_of(name: str, around: str) -> bool:
    return name == around or name.startswith((f"{around}.", f"{around}~"))


def _is_value(name: str) -> bool:
    """Tell a field that holds a text from those beside it, which say what an empty one stood for."""
    return "~" not in name.rpartition(".")[2].replace("~0", "").replace("~1", "") or name.endswith(AS_JSON)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
