"""The rows of the list of examples, told from the previews that are kept of them: no value is read for a list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from functions.models import DatasetExample, Revision
from functions.schemas.field_places import items_of, kinds_of, place_of, properties_of
from opperweb.pages.display import MISSING
from traces.preview import MOST_TEXTS

BETWEEN = " · "
MORE = re.compile(r"(\d{1,9}) more", re.ASCII)
# What a model writes before it answers.
BEFORE_THE_ANSWER = {"thoughts", "thought", "thinking", "reasoning", "rationale", "explanation", "steps"}
Source = DatasetExample.Source
SOURCES: dict[str, Any] = {
    Source.WRITTEN: gettext_lazy("Written"),
    Source.IMPORTED: gettext_lazy("Imported"),
    Source.TRACE: gettext_lazy("From a trace"),
    Source.API: gettext_lazy("From the API"),
    Source.AUTOMATIC: gettext_lazy("On its own"),
}


@dataclass(frozen=True)
class ExampleRow:
    """An example in the list: a line of its input, below it how long the lists in it are; a line of its answer."""

    example: DatasetExample
    title: str
    second: str
    answer: str
    is_chosen: bool

    @property
    def source(self) -> Any:
        return SOURCES.get(self.example.source, MISSING)

    @property
    def origin(self) -> str:
        """Who or what it came from: a file, a person, the name of a key."""
        example = self.example
        if example.source_name:
            return example.source_name
        if example.created_by is not None:
            return str(example.created_by)
        return example.api_key.name if example.api_key is not None else ""


def row_of(example: DatasetExample, revision: Revision | None, *, is_chosen: bool = False) -> ExampleRow:
    """Return the row of an example; the schemas are those of the newest revision."""
    schemas = (revision.input_schema, revision.output_schema) if revision is not None else (None, None)
    title, second = lines_of(example.input_preview, schemas[0])
    answer = answer_of(example.output_preview, schemas[1])
    return ExampleRow(example, title or _("No text in the input"), second, answer, is_chosen)


def lines_of(preview: str, schema: dict[str, Any] | None) -> tuple[str, str]:
    """Return two lines for an input: its texts without those of its lists, and "3 facts" for each list.

    A preview shows of a list the first item and "2 more". Where these are not as many as the schema has lists, the
    preview is the only line.
    """
    texts = preview.split(BETWEEN)
    lists = _lists_in(schema)
    places = [place for place, text in enumerate(texts) if place and MORE.fullmatch(text)]
    if not places or len(places) != len(lists):
        return preview, ""
    of_lists = {each for place in places for each in (place - 1, place)}
    title = BETWEEN.join(text for place, text in enumerate(texts) if place not in of_lists)
    counts = (int(texts[place].split()[0]) + 1 for place in places)
    return title or texts[0], ", ".join(f"{number:,} {name}" for number, name in zip(counts, lists, strict=True))


def answer_of(preview: str, schema: dict[str, Any] | None) -> str:
    """Return a line for an output, without what a model thought before it answered."""
    fields = properties_of(place_of(schema, schema)) if schema is not None else None
    names, texts = list(fields or {}), preview.split(BETWEEN)
    if len(names) != len(texts):
        return preview
    answers = [text for name, text in zip(names, texts, strict=True) if name.lower() not in BEFORE_THE_ANSWER]
    return BETWEEN.join(answers) or preview


def _lists_in(schema: dict[str, Any] | None) -> list[str]:
    """Return the names of the fields that are lists of single values; nothing where a preview leaves fields out."""
    fields = properties_of(place_of(schema, schema)) if schema is not None else None
    if schema is None or not fields or len(fields) > MOST_TEXTS:
        return []
    names = []
    for name, part in fields.items():
        items = items_of(place_of(schema, part))
        if items is not None and set(kinds_of(place_of(schema, items))) <= {"string", "integer", "number", "boolean"}:
            names.append(name)
    return names
