"""The examples of a function: the list, one of them beside it to read or to change, and those that are nearly the same.

A list reads the previews that are kept of values, never the values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from functions.examples import dataset
from functions.examples.imports import shape_of
from functions.few_shot import duplicates, search
from functions.models import Completion, DatasetExample, Function
from functions.pages.examples.forms import ExampleForm
from functions.pages.examples.pairs import keep_both, pairs_of
from functions.pages.examples.rows import ExampleRow, row_of
from functions.pages.function_page import FunctionHead, function_page
from functions.pages.json_text import text_of
from functions.task import Configuration
from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project, Role, User
from opperweb.pages.paging import Order, page_of
from traces.models import Span

PAGE_SIZE = 50
MOST_SEARCHED = 200
MOST_IDS = 1_000
VALUES = ("input", "output", "expected", "comment")
NEWEST_FIRST = Order.by_time("created_at")
LIST_PARAMS = ("q", "misfit", "after", "before")


@dataclass(frozen=True)
class ExamplePage:
    """A page of the list; `newer` and `older` are the queries of the pages beside it."""

    rows: list[ExampleRow]
    newer: str = ""
    older: str = ""


@require_safe
@function_page
def examples(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Show the list; `?duplicates=1` the pairs that are nearly the same. `?from=` leads to the form of a new one."""
    if "from" in request.GET and head.may_edit:
        return redirect(f"{_address(head, 'functions:new-example')}?{urlencode({'from': request.GET['from']})}")
    if request.GET.get("duplicates") == "1":
        pairs = pairs_of(head, request)
        return _page(request, head, {"pairs": pairs, "most_pairs": duplicates.MOST_PAIRS})
    return _page(request, head, {"added": _added(request, head)})


@require_http_methods(["GET", "HEAD", "POST"])
@function_page(role=Role.EDITOR)
def new_example(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Show the form of a new example, filled with what a span says where `from` names one, and keep what is sent."""
    span = _span(head, request.POST.get("from") or request.GET.get("from"))
    shape = shape_of(head.newest)
    context: dict[str, Any] = {"span": span, "is_new": True}
    if request.method != "POST":
        values = {} if span is None else {"input": span.body.input, "output": span.body.output}
        if span is not None:
            context["earlier"] = head.function.examples.filter(span_id=span.id).values_list("id", flat=True).first()
        return _page(request, head, context | {"form": ExampleForm.of_values(shape, values)})
    form = ExampleForm.sent(shape, cast(Any, request.POST), cast(Any, request.FILES))
    values_sent = None if form.press() else form.read()
    if values_sent is None:
        return _page(request, head, context | {"form": form}, status=422)
    facts: dict[str, Any] = {"source": DatasetExample.Source.WRITTEN}
    if span is not None:
        facts = {"source": DatasetExample.Source.TRACE, "span_id": span.id, "score": span.score}
    try:
        example = dataset.add(head.function, values_sent, created_by=cast(User, request.user), **facts)
    except Function.DoesNotExist:
        raise Http404("No such function") from None
    return redirect(f"{_address(head)}?{urlencode({'added': example.id})}")


@require_safe
@project_page(role=Role.EDITOR)
def example_of_span(request: HttpRequest, project: Project, span_id: UUID) -> HttpResponse:
    """Go from a call to the form of an example of its function, whatever the function is called by now."""
    found = Completion.objects.select_related("function").only("function__name")
    completion = get_object_or_404(found, project=project, span__id=span_id, function__isnull=False)
    name = completion.function.name if completion.function is not None else ""
    address = reverse("functions:new-example", args=[project.slug, name])
    return redirect(f"{address}?{urlencode({'from': span_id})}")


@require_http_methods(["GET", "HEAD", "POST"])
@function_page
def example(request: HttpRequest, head: FunctionHead, example_id: UUID) -> HttpResponse:
    """Show one example beside the list: to change, or to read for those who may not."""
    found = get_object_or_404(DatasetExample.objects.filter(function=head.function), id=example_id)
    found.function = head.function
    if not head.may_edit:
        if request.method == "POST":
            raise PermissionDenied("Examples are changed by members who are at least editor.")
        return _page(request, head, {"example": found, "parts": _parts(found)})
    shape = shape_of(head.newest)
    if request.method != "POST":
        form = ExampleForm.of_values(shape, {name: getattr(found, name) for name in VALUES})
        return _page(request, head, {"example": found, "form": form})
    form = ExampleForm.sent(shape, cast(Any, request.POST), cast(Any, request.FILES))
    values = None if form.press() else form.read()
    # Who saves once more has been told, and means it.
    is_overtaken = values is not None and request.POST.get("seen", "") not in ("", found.updated_at.isoformat())
    if values is None or is_overtaken:
        shown = {"example": found, "form": form, "is_overtaken": is_overtaken}
        return _page(request, head, shown, status=409 if is_overtaken else 422)
    try:
        dataset.change(found, values)
    except (DatasetExample.DoesNotExist, Function.DoesNotExist):
        raise Http404("No such example") from None
    messages.success(request, _("The example is saved"))
    return redirect(_with(_address(head), _kept(request)))


@require_POST
@function_page(role=Role.EDITOR)
def delete_examples(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Delete the examples that are named, after a question unless it was answered already."""
    ids = _ids(request.POST.getlist("id"))
    back = "duplicates=1" if request.POST.get("back") == "duplicates" else _kept(request)
    address = _with(_address(head), back)
    if not ids:
        messages.warning(request, _("Nothing is ticked"))
        return redirect(address)
    if request.POST.get("confirmed") != "1":
        known = _listed(head).filter(id__in=ids)
        asked = {"asks_to_delete": [each.id for each in known], "back": address, "back_to": request.POST.get("back")}
        return _page(request, head, asked)
    try:
        count = dataset.delete(head.function, ids)
    except Function.DoesNotExist:
        raise Http404("No such function") from None
    words = ngettext("%(count)s example is deleted", "%(count)s examples are deleted", count)
    messages.success(request, words % {"count": f"{count:,}"})
    return redirect(address)


@require_POST
@function_page(role=Role.EDITOR)
def keep_examples(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Show a pair of near-duplicates to this person no more."""
    keep_both(request, _ids(request.POST.getlist("id")))
    return redirect(f"{_address(head)}?duplicates=1")


# --- the page -----------------------------------------------------------------------------------------------------


def _page(request: HttpRequest, head: FunctionHead, more: dict[str, Any], *, status: int = 200) -> HttpResponse:
    chosen = more.get("example")
    context = {
        "q": _wanted(request),
        "misfit_only": request.GET.get("misfit") == "1",
        "misfit_count": DatasetExample.objects.filter(function=head.function).exclude(misfit="").count(),
        "prompt_count": _prompt_count(head),
        "kept": _kept(request),
        "is_open": "form" in more or "parts" in more,
    }
    if "pairs" not in more:
        context["page"] = _rows(request, head, chosen)
    return render(request, "functions/examples.html", head.context("examples") | context | more, status=status)


def _rows(request: HttpRequest, head: FunctionHead, chosen: DatasetExample | None) -> ExamplePage:
    rows, wanted = _listed(head), _wanted(request)
    if request.GET.get("misfit") == "1":
        rows = rows.exclude(misfit="")
    newer = older = ""
    if wanted:
        found = [key for key, nearness in search.find(head.function, wanted, most=PAGE_SIZE) if nearness > 0]
        by_key = rows.in_bulk(found[:PAGE_SIZE], field_name="key")
        shown = [by_key[key] for key in found if key in by_key]
    else:
        page = page_of(rows, request.GET, NEWEST_FIRST, size=PAGE_SIZE)
        shown = page.items
        newer, older = (
            _query(request, {name: cursor}) if cursor else ""
            for name, cursor in (("before", page.newer), ("after", page.older))
        )
    chosen_id = chosen.pk if chosen is not None else None
    return ExamplePage([row_of(each, head.newest, is_chosen=each.pk == chosen_id) for each in shown], newer, older)


def _listed(head: FunctionHead) -> QuerySet[DatasetExample]:
    rows = DatasetExample.objects.filter(function=head.function).defer(*VALUES)
    return rows.select_related("created_by", "api_key")


def _parts(example: DatasetExample) -> list[tuple[Any, list[tuple[str, str]]]]:
    """Return the values of an example to read: by their fields where they have any."""
    parts = [(_("Input"), example.input), (_("Output"), example.output)]
    if example.expected is not None:
        parts.append((_("Corrected answer"), example.expected))
    return [(label, _fields(value)) for label, value in parts]


def _fields(value: Any) -> list[tuple[str, str]]:
    fields = value.items() if isinstance(value, dict) and value else [("", value)]
    return [(name, _text(inner)) for name, inner in fields]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "\n".join(f"– {item}" for item in value)
    return text_of(value)


def _added(request: HttpRequest, head: FunctionHead) -> ExampleRow | None:
    """Return the example that was added a moment ago."""
    ids = _ids([request.GET.get("added", "")])
    found = _listed(head).filter(id__in=ids).first() if ids and head.may_edit else None
    return row_of(found, head.newest) if found is not None else None


def _prompt_count(head: FunctionHead) -> int:
    return Configuration.from_dict(head.newest.configuration).few_shot_count if head.newest is not None else 0


# --- what a request names -----------------------------------------------------------------------------------------


def _span(head: FunctionHead, text: str | None) -> Span | None:
    """Return the span that an example is made from; 404 where the project has none of this id."""
    if not text:
        return None
    ids = _ids([text])
    spans = Span.objects.filter(project=head.project, id__in=ids).select_related("body", "trace")
    found = spans.first()
    if found is None or not hasattr(found, "body"):
        raise Http404("No such span")
    return found


def _ids(texts: Iterable[str]) -> list[UUID]:
    found = []
    for text in list(texts)[:MOST_IDS]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _wanted(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()[:MOST_SEARCHED]


def _kept(request: HttpRequest) -> str:
    """Return the part of the address that says which list it is."""
    return urlencode({name: request.GET[name] for name in LIST_PARAMS if request.GET.get(name)})


def _query(request: HttpRequest, changes: dict[str, str]) -> str:
    kept = {name: request.GET[name] for name in ("q", "misfit") if request.GET.get(name)}
    return urlencode(kept | changes)


def _address(head: FunctionHead, name: str = "functions:examples") -> str:
    return reverse(name, args=[head.project.slug, head.function.name])


def _with(address: str, query: str) -> str:
    return f"{address}?{query}" if query else address
