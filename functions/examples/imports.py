"""Import examples from a file: which of its rows are examples, which are there already, and why the others fail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from functions.examples import dataset
from functions.examples.columns import COMMENT, MISSING, SIDES, NotAValue, Shape, unguarded, value_of
from functions.examples.files import Refused, Row, Table
from functions.models import DatasetExample, Function, Revision
from functions.schemas.validator import Validator
from opperweb.accounts.models import User
from opperweb.api.body import check
from opperweb.api.errors import Invalid
from traces.preview import preview

MOST_SOURCE_NAME = 255
ROWS_AT_ONCE = 500
ROWS_READ_AT_ONCE = 200


@dataclass(frozen=True)
class Found:
    """A row that is an example: input, output, expected, comment."""

    number: int
    values: Mapping[str, Any]

    @property
    def answer(self) -> Any:
        return self.values["output"] if self.values["expected"] is None else self.values["expected"]


@dataclass(frozen=True)
class Reading:
    """What is in the rows of a file: examples, and rows that are none, both in their order."""

    found: tuple[Found, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class Report:
    """What came of an import. `repeated` rows say what an example says that is there."""

    added: int
    repeated: int
    refused: tuple[Refused, ...]


def shape_of(revision: Revision | None) -> Shape:
    return Shape(revision.input_schema, revision.output_schema) if revision is not None else Shape()


def read_examples(table: Table, mapping: Mapping[str, str], shape: Shape, *, takes_misfits: bool = False) -> Reading:
    """Return what the rows of a table hold; `mapping` says of each column what it holds, empty for nothing.

    Rows that do not fit the schemas are refused unless they are to be taken, as examples that are marked.
    """
    checks = _Checks(shape, is_strict=not takes_misfits)
    found: list[Found] = []
    refused = list(table.refused)
    for row in table.rows:
        try:
            found.append(_found(row, table, mapping, checks))
        except NotAValue as problem:
            refused.append(Refused(row.number, problem.place, problem.reason))
    return Reading(tuple(found), tuple(sorted(refused, key=lambda each: each.number)))


def import_examples(function: Function, reading: Reading, *, created_by: User, file_name: str = "") -> Report:
    """Keep what was read and is not there yet. Raises Function.DoesNotExist where it was deleted meanwhile.

    Some rows at a time: calls that write to the same database do not wait for the whole of a large file. What was
    kept of an import that broke off is there already when it is done again.
    """
    added = 0
    known = _Known(function, reading.found)
    # What takes long is looked for before others are kept waiting.
    known.look()
    for start in range(0, len(reading.found), ROWS_AT_ONCE):
        with transaction.atomic():
            # Nobody else imports the same at the same time.
            Function.objects.select_for_update(no_key=True).only("pk").get(pk=function.pk)
            known.look()
            new = [each for each in reading.found[start : start + ROWS_AT_ONCE] if known.is_new(each)]
            if new:
                examples = [_example(function, each, created_by, file_name) for each in new]
                known.pass_over(dataset.add_all(function, examples))
        added += len(new)
    return Report(added, len(reading.found) - added, reading.refused)


def _example(function: Function, found: Found, created_by: User, file_name: str) -> DatasetExample:
    return DatasetExample(
        function=function,
        source=DatasetExample.Source.IMPORTED,
        source_name=file_name[:MOST_SOURCE_NAME],
        created_by=created_by,
        **found.values,
    )


# --- a row --------------------------------------------------------------------------------------------------------


class _Checks:
    """The schemas of a function, ready to hold many values against them."""

    def __init__(self, shape: Shape, *, is_strict: bool) -> None:
        self.shape = shape
        self.is_strict = is_strict
        schemas = {"input": shape.input_schema, "output": shape.output_schema}
        self._validators = {side: Validator(schema) for side, schema in schemas.items() if schema is not None}

    def check(self, value: Any, side: str) -> None:
        """Raise NotAValue with the first place that does not fit."""
        validator = self._validators.get("input" if side == "input" else "output")
        problems = validator.problems(value) if validator is not None and self.is_strict else []
        if problems:
            where = problems[0].where
            raise NotAValue(f"{side}.{where}" if where else side, problems[0].message)


def _found(row: Row, table: Table, mapping: Mapping[str, str], checks: _Checks) -> Found:
    cells = {mapping[column]: cell for column, cell in row.cells.items() if mapping.get(column)}
    values = {side: value_of(cells, side, checks.shape, is_text=table.is_text) for side in SIDES}
    if values["input"] is MISSING:
        raise NotAValue("input", "is missing")
    if values["expected"] is MISSING:
        values["expected"] = None
    if values["output"] is MISSING:
        if values["expected"] is None:
            raise NotAValue("output", "is missing")
        values["output"] = None
    values[COMMENT] = _comment(cells.get(COMMENT), is_text=table.is_text)
    for name, value in values.items():
        _check_kept(value, name)
    checks.check(values["input"], "input")
    has_expected = values["expected"] is not None
    checks.check(values["expected" if has_expected else "output"], "expected" if has_expected else "output")
    return Found(row.number, values)


def _comment(cell: Any, *, is_text: bool) -> str:
    if cell is None or cell == "":
        return ""
    if not isinstance(cell, str):
        raise NotAValue(COMMENT, "must be text")
    return unguarded(cell) if is_text else cell


def _check_kept(value: Any, name: str) -> None:
    try:
        check(value, [name])
    except Invalid as problem:
        raise NotAValue(name, str(problem.detail[0]["msg"])) from None


# --- which are there already --------------------------------------------------------------------------------------


class _Known:
    """What tells apart the examples that look like rows of a file; only those are read as a whole."""

    def __init__(self, function: Function, found: Sequence[Found]) -> None:
        self._rows = DatasetExample.objects.filter(function=function)
        self._previews = {(preview(each.values["input"]), preview(each.answer)) for each in found}
        self._digests: set[bytes] = set()
        self._last_key = 0

    def look(self) -> None:
        """Learn of the examples that came since the last look."""
        looks = self._rows.filter(key__gt=self._last_key).order_by("key")
        alike = []
        for key, given, answer in looks.values_list("key", "input_preview", "output_preview").iterator():
            self._last_key = key
            if (given, answer) in self._previews:
                alike.append(key)
        for start in range(0, len(alike), ROWS_READ_AT_ONCE):
            rows = self._rows.filter(key__in=alike[start : start + ROWS_READ_AT_ONCE])
            for example in rows.only("input", "output", "expected"):
                self._digests.add(_digest(example.input, example.answer))

    def pass_over(self, examples: Sequence[DatasetExample]) -> None:
        """Do not look at examples that were made of rows; nobody else adds any while the function is held."""
        self._last_key = max(example.key for example in examples)

    def is_new(self, found: Found) -> bool:
        """Tell whether no example has this input and this answer; asked once more, the row is known."""
        digest = _digest(found.values["input"], found.answer)
        if digest in self._digests:
            return False
        self._digests.add(digest)
        return True


def _digest(*values: Any) -> bytes:
    # The order of keys does not make another example.
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).digest()
