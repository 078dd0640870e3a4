"""The examples of a function: add, change and remove them, and tell which no longer fit its schemas."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from functions.few_shot import indexing
from functions.models import DatasetExample, Function, Revision
from functions.models.function import definitions_changed
from functions.schemas.validator import Validator
from opperweb.accounts.models import ApiKey, User
from traces.preview import preview

ROWS_AT_ONCE = 500
VALUES = ("input", "output", "expected", "comment")
SETTLED = ("input_preview", "output_preview", "misfit")


class Fit:
    """The newest schemas of a function, against which its examples are held."""

    def __init__(self, revision: Revision | None) -> None:
        schemas = (revision.input_schema, revision.output_schema) if revision is not None else (None, None)
        self._validators = tuple(Validator(schema) if schema is not None else None for schema in schemas)

    def misfit_of(self, example: DatasetExample) -> str:
        """Return the first thing that does not fit, or an empty string."""
        values = (("input", example.input), ("output", example.answer))
        for (name, value), validator in zip(values, self._validators, strict=True):
            problems = validator.problems(value) if validator is not None else ()
            if problems:
                where = f"{name}.{problems[0].where}" if problems[0].where else name
                return f"{where} {problems[0].message}"[:500]
        return ""


def fit_of(function: Function) -> Fit:
    return Fit(function.revisions.order_by("-number").first())


def add(
    function: Function,
    values: Mapping[str, Any],
    *,
    source: str = DatasetExample.Source.WRITTEN,
    created_by: User | None = None,
    api_key: ApiKey | None = None,
    **facts: Any,
) -> DatasetExample:
    """Keep one example; `values` are input, output, expected and comment, `facts` other fields of the row."""
    example = DatasetExample(
        function=function, source=source, created_by=created_by, api_key=api_key, **_named(values), **facts
    )
    return add_all(function, [example])[0]


@transaction.atomic
def add_all(function: Function, examples: Iterable[DatasetExample]) -> list[DatasetExample]:
    """Keep many examples at once, in this order. Raises Function.DoesNotExist where it was deleted meanwhile."""
    _hold(function)
    fit = fit_of(function)
    rows = [_settled(example, fit) for example in examples]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        DatasetExample.objects.bulk_create(rows[start : start + ROWS_AT_ONCE])
    indexing.changed(function, rows)
    definitions_changed(function.project)
    return rows


@transaction.atomic
def change(example: DatasetExample, values: Mapping[str, Any]) -> DatasetExample:
    """Change what is given of input, output, expected and comment.

    Raises DatasetExample.DoesNotExist and Function.DoesNotExist where it was deleted meanwhile.
    """
    _hold(example.function)
    # Read again: somebody else may have changed the rest of it.
    example.refresh_from_db(fields=VALUES)
    for name, value in _named(values).items():
        setattr(example, name, value)
    example.updated_at = timezone.now()
    _settled(example, fit_of(example.function)).save(update_fields=[*VALUES, *SETTLED, "updated_at"])
    indexing.changed(example.function, [example])
    definitions_changed(example.function.project)
    return example


@transaction.atomic
def delete(function: Function, ids: Iterable[uuid.UUID]) -> int:
    """Remove examples of a function and return how many there were."""
    _hold(function)
    rows = list(DatasetExample.objects.filter(function=function, id__in=list(ids)).only("key"))
    indexing.removed(function, [row.key for row in rows])
    DatasetExample.objects.filter(key__in=[row.key for row in rows]).delete()
    definitions_changed(function.project)
    return len(rows)


def look_over(function: Function, revision: Revision) -> int:
    """Flag the examples that do not fit a new revision, and free those that fit again; return how many do not."""
    fit, count = Fit(revision), 0
    for rows in _parts(function):
        changed = []
        for row in rows:
            before, row.misfit = row.misfit, fit.misfit_of(row)
            count += bool(row.misfit)
            if row.misfit != before:
                changed.append(row)
        DatasetExample.objects.bulk_update(changed, ["misfit"])
    return count


def _hold(function: Function) -> None:
    """Let nobody save a revision of the function or change its examples until the end of the transaction."""
    Function.objects.select_for_update(no_key=True).only("pk").get(pk=function.pk)


def _parts(function: Function) -> Iterator[list[DatasetExample]]:
    last = 0
    while rows := list(DatasetExample.objects.filter(function=function, key__gt=last).order_by("key")[:ROWS_AT_ONCE]):
        yield rows
        last = rows[-1].key


def _settled(example: DatasetExample, fit: Fit) -> DatasetExample:
    example.input_preview = preview(example.input)
    example.output_preview = preview(example.answer)
    example.misfit = fit.misfit_of(example)
    return example


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: values[name] for name in VALUES if name in values}
    if "comment" in named:
        named["comment"] = named["comment"] or ""
    return named
