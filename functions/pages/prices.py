"""Prices that a project sets itself, and the calls of the past that are priced anew."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from functions import repricing
from functions.completions.cost import KINDS
from functions.models import PriceRow, catalogue_changed
from functions.offers import offers_of
from functions.pages.forms import PriceForm, RepriceForm
from functions.pages.models import OLD_AFTER
from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project, Role, User


@require_safe
@project_page
def prices(request: HttpRequest, project: Project) -> HttpResponse:
    return _page(request, project, {})


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def new_price(request: HttpRequest, project: Project) -> HttpResponse:
    """Set a price; `?model=` fills in the model and what is known of its price."""
    row = PriceRow(project=project, created_by=cast(User, request.user))
    return _form(request, project, row, _known(project, request.GET.get("model", "")[:255]))


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def edit_price(request: HttpRequest, project: Project, price_id: UUID) -> HttpResponse:
    row = get_object_or_404(PriceRow, project=project, pk=price_id)
    return _form(
        request, project, row, {name: getattr(row, name) for name in ("model", "valid_from", "source", *KINDS)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def delete_price(request: HttpRequest, project: Project, price_id: UUID) -> HttpResponse:
    row = get_object_or_404(PriceRow, project=project, pk=price_id)
    if request.method != "POST":
        return _page(request, project, {"deletes": row})
    with transaction.atomic():
        row.delete()
        catalogue_changed(project)
    messages.success(request, _("The price of %(name)s is deleted") % {"name": row.model})
    return redirect("functions:prices", project.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def reprice(request: HttpRequest, project: Project) -> HttpResponse:
    """Show what calls of a time would cost now; with `do`, have a worker price them so."""
    given = request.POST if request.method == "POST" else request.GET
    form = RepriceForm(given)
    if not form.is_valid():
        return _page(request, project, {"reprice_form": form})
    since, until = form.times
    which = {"since": since, "until": until, "model": form.cleaned_data["model"].strip()}
    if request.method == "POST":
        repricing.reprice_later(project, **which)
        messages.success(request, _("The calls are priced anew in the background. Reload in a while."))
        return redirect("functions:prices", project.slug)
    return _page(request, project, {"reprice_form": form, "foretold": repricing.preview(project, **which)})


def _form(request: HttpRequest, project: Project, row: PriceRow, initial: dict[str, Any]) -> HttpResponse:
    form = PriceForm(request.POST if request.method == "POST" else None, row=row, initial=initial)
    if not form.is_valid():
        edits = None if row._state.adding else row
        return render(request, "functions/price_form.html", {"form": form, "edits": edits})
    with transaction.atomic():
        form.changed().save()
        catalogue_changed(project)
    messages.success(request, _("The price of %(name)s is saved") % {"name": row.model})
    return redirect("functions:prices", project.slug)


def _known(project: Project, model: str) -> dict[str, Any]:
    """Return what a new price begins with: the figures that hold now, so that a correction types only what differs."""
    start = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    offer = next((each for each in offers_of(project) if model and model in (each.name, each.asked)), None)
    figures = dict(offer.price.figures) if offer is not None and offer.price is not None else {}
    return {"model": offer.asked if offer is not None else model, "valid_from": start, **figures}


def _page(request: HttpRequest, project: Project, context: dict[str, Any]) -> HttpResponse:
    now = timezone.localtime()
    rows = PriceRow.objects.filter(project=project).select_related("created_by")
    page = {
        "prices": rows,
        "old_before": now - OLD_AFTER,
        "reprice_form": RepriceForm(initial={"since": now.date().replace(day=1), "until": now.date()}),
    }
    return render(request, "functions/prices.html", page | context)
