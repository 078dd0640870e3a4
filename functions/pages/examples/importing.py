"""Import of examples in three steps, none of which needs scripts: the file, what its columns hold, what came of it.

Between the steps the file travels in the page, packed: nothing lies on the server of an import that is never finished.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from functions.examples import imports
from functions.examples.columns import Shape, guess
from functions.examples.files import MOST_ROWS, Refused, Table, Unreadable, read
from functions.examples.imports import Reading, Report
from functions.models import Function
from functions.pages.function_page import FunctionHead, function_page
from opperweb.accounts.models import Role, User
from traces.pages.usage_table import written
from traces.preview import preview, printable

PREVIEWED = 5
# Of the rows that do not go in so many are on the page; all are in the file.
MOST_SHOWN = 100
MOST_NAME = 255
# What the other fields of the form may take, and its packing.
ROOM_FOR_THE_REST = 200_000
REPORT_HEAD = ("row", "place", "reason")


class NotGiven(Exception):
    """There is no file, or not the one that was read before."""


@dataclass(frozen=True)
class Upload:
    data: bytes
    name: str

    @cached_property
    def packed(self) -> str:
        return base64.b64encode(zlib.compress(self.data, 6)).decode()


@dataclass(frozen=True)
class ColumnRow:
    """A column with what it is said to hold, and what stands in it first. `field` is the name of its select."""

    name: str
    field: str
    target: str
    sample: str


@dataclass(frozen=True)
class PreviewRow:
    number: int
    cells: tuple[str, ...]
    refused: Refused | None


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def import_examples(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Show the form, or do the step that is asked for."""
    if request.method != "POST":
        return _page(request, head, {})
    if request.POST.get("do") == "report":
        return _report_file(request, head)
    try:
        upload = _upload(request)
        table = read(upload.data, upload.name)
        if len(upload.packed) > _most_bytes() - ROOM_FOR_THE_REST:
            raise Unreadable(_("It is too large to go in at once. Split the file"))
    except (NotGiven, Unreadable) as problem:
        return _page(request, head, {"problem": str(problem), "text": request.POST.get("text", "")}, status=422)
    return _next_step(request, head, upload, table)


def _next_step(request: HttpRequest, head: FunctionHead, upload: Upload, table: Table) -> HttpResponse:
    shape = imports.shape_of(head.newest)
    is_mapped = request.POST.get("do") in ("look", "import")
    mapping = _mapping(request, table, shape) if is_mapped else guess(table.columns, shape)
    takes_misfits = request.POST.get("misfits") == "1"
    reading = imports.read_examples(table, mapping, shape, takes_misfits=takes_misfits)
    twice = _twice(mapping)
    if request.POST.get("do") == "import" and not twice:
        return _imported(request, head, upload, reading)
    context = {
        "upload": upload,
        "table": table,
        "columns": _columns(table, mapping),
        "targets": shape.targets,
        "reading": reading,
        "previews": _previews(table, reading),
        "refused": reading.refused[:MOST_SHOWN],
        "more_refused": max(0, len(reading.refused) - MOST_SHOWN),
        "twice": twice,
        "takes_misfits": takes_misfits,
    }
    return _page(request, head, context, status=422 if twice else 200)


def _imported(request: HttpRequest, head: FunctionHead, upload: Upload, reading: Reading) -> HttpResponse:
    user = cast(User, request.user)
    try:
        report = imports.import_examples(head.function, reading, created_by=user, file_name=upload.name)
    except Function.DoesNotExist:
        raise Http404("No such function") from None
    head = replace(head, example_count=head.example_count + report.added)
    context = {
        "report": report,
        "refused": report.refused[:MOST_SHOWN],
        "more_refused": max(0, len(report.refused) - MOST_SHOWN),
        "packed_report": Upload(_report_csv(report).encode(), "").packed if report.refused else "",
    }
    return _page(request, head, context)


def _page(request: HttpRequest, head: FunctionHead, more: dict[str, Any], *, status: int = 200) -> HttpResponse:
    limits = {"most_rows": MOST_ROWS, "most_mb": settings.MAX_BODY_MB}
    context = head.context("examples") | limits | more
    return render(request, "functions/example_import.html", context, status=status)


# --- the file -----------------------------------------------------------------------------------------------------


def _upload(request: HttpRequest) -> Upload:
    """Return the file that was chosen, or was read in the step before, or the text that was pasted."""
    name = _name(request.POST.get("name", ""))
    if "content" in request.POST:
        return Upload(_unpacked(request.POST["content"]), name)
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile) and file.size:
        return Upload(file.read(), _name(file.name or ""))
    text = request.POST.get("text", "")
    if not text.strip():
        raise NotGiven(_("Choose a file, or paste its text"))
    return Upload(text.encode("utf-8", "replace"), name)


def _unpacked(text: str) -> bytes:
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(base64.b64decode(text, validate=True), _most_bytes())
    except (binascii.Error, ValueError, zlib.error):
        raise NotGiven(_("The file did not come back whole. Choose it again")) from None
    if not unpacking.eof:
        raise NotGiven(_("The file did not come back whole. Choose it again"))
    return data


def _name(text: str) -> str:
    return printable(text)[:MOST_NAME]


def _most_bytes() -> int:
    return settings.MAX_BODY_MB * 1024 * 1024


# --- its columns --------------------------------------------------------------------------------------------------


def _mapping(request: HttpRequest, table: Table, shape: Shape) -> dict[str, str]:
    """Return what a person says that the columns hold."""
    said = [request.POST.get(f"column.{place}", "") for place in range(len(table.columns))]
    known = set(shape.targets)
    return {column: target if target in known else "" for column, target in zip(table.columns, said, strict=True)}


def _twice(mapping: dict[str, str]) -> str:
    """Return what two columns are said to hold."""
    targets = [target for target in mapping.values() if target]
    return next((target for target in targets if targets.count(target) > 1), "")


def _columns(table: Table, mapping: dict[str, str]) -> list[ColumnRow]:
    first = table.rows[0].cells if table.rows else {}
    return [
        ColumnRow(name, f"column.{place}", mapping[name], preview(first.get(name)))
        for place, name in enumerate(table.columns)
    ]


def _previews(table: Table, reading: Reading) -> list[PreviewRow]:
    """Return the first rows as the examples that they would become, or the reason why they would not."""
    found = {each.number: each for each in reading.found}
    refused = {each.number: each for each in reading.refused}
    numbers = sorted({*(row.number for row in table.rows[:PREVIEWED]), *(each.number for each in table.refused)})
    rows = []
    for number in numbers[:PREVIEWED]:
        values = found[number].values if number in found else {}
        cells = tuple(preview(values.get(name)) for name in ("input", "output", "expected", "comment"))
        rows.append(PreviewRow(number, cells, refused.get(number)))
    return rows


# --- the report ---------------------------------------------------------------------------------------------------


def _report_csv(report: Report) -> str:
    return written([REPORT_HEAD, *((each.number, each.place, each.reason) for each in report.refused)])


def _report_file(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Send back the report that the page holds, as a file."""
    try:
        data = _unpacked(request.POST.get("content", ""))
    except NotGiven as problem:
        return _page(request, head, {"problem": str(problem)}, status=422)
    name = f"{slugify(head.function.name)[:80] or 'function'}-not-imported.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(data, content_type="text/csv; charset=utf-8", headers=headers)
