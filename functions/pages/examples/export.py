"""The examples of a function as a file, JSONL or CSV, read some at a time; an import makes the same examples of it."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from functions.examples.columns import COMMENT, MISSING, SIDES, Shape, cells_of, guarded
from functions.examples.files import BYTE_ORDER_MARK
from functions.examples.imports import shape_of
from functions.models import DatasetExample, Function
from functions.pages.function_page import FunctionHead, function_page
from functions.pages.responses import file_of
from opperweb import json
from opperweb.database import db

# Values may hold pictures: few of them are in memory at a time.
READ_AT_ONCE = 20
FIELDS = ("key", "input", "output", "expected", "comment")


@require_safe
@function_page
def export_jsonl(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Send a line for each example, the oldest first."""
    return file_of(head.file_name("examples.jsonl"), "application/x-ndjson", _jsonl(head.function))


@require_safe
@function_page
def export_csv(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Send a row for each example, the oldest first, with a column for each field of the newest schemas."""
    return file_of(head.file_name("examples.csv"), "text/csv", _csv(head.function, shape_of(head.newest)))


async def _parts(function: Function) -> AsyncIterator[list[DatasetExample]]:
    after = 0
    while rows := await db(_read, function, after):
        after = rows[-1].key
        yield rows


def _read(function: Function, after: int) -> list[DatasetExample]:
    rows = DatasetExample.objects.filter(function=function, key__gt=after).order_by("key")
    return list(rows.only(*FIELDS)[:READ_AT_ONCE])


async def _jsonl(function: Function) -> AsyncIterator[bytes]:
    async for rows in _parts(function):
        yield "".join(f"{json.dumps(_object(row))}\n" for row in rows).encode()


def _object(example: DatasetExample) -> dict[str, Any]:
    values = {"input": example.input, "output": example.output}
    if example.expected is not None:
        values["expected"] = example.expected
    return values | ({COMMENT: example.comment} if example.comment else {})


async def _csv(function: Function, shape: Shape) -> AsyncIterator[bytes]:
    header = [*(column for side in SIDES for column in shape.columns(side)), COMMENT]
    # By its first bytes Excel knows that the file is UTF-8.
    yield (BYTE_ORDER_MARK + _line(header)).encode()
    async for rows in _parts(function):
        yield "".join(_line(_cells(row, shape)) for row in rows).encode("utf-8", "replace")


def _cells(example: DatasetExample, shape: Shape) -> list[str]:
    values = (example.input, example.output, MISSING if example.expected is None else example.expected)
    cells = [cell for side, value in zip(SIDES, values, strict=True) for cell in cells_of(value, side, shape)]
    return [*cells, guarded(example.comment)]


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
