"""The models that a project's calls can name, with their prices; its aliases and custom models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from functions import model_names
from functions.completions.catalogue import Catalogue, catalogue_of
from functions.completions.cost import Price
from functions.completions.prices import source as list_name
from functions.models import Alias, CustomModel
from functions.offers import Offer, offers_of
from functions.pages.forms import AliasForm, ConfirmForm, CustomModelForm
from functions.providers import UnknownModel
from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project, Role
from traces.models import Kind, Span

PAGE_SIZE = 100
# A price this old is marked: vendors change theirs.
OLD_AFTER = timedelta(days=60)
COUNTED = timedelta(days=7)


@dataclass(frozen=True)
class Row:
    offer: Offer

    @property
    def price(self) -> Price | None:
        return self.offer.price

    @property
    def input_usd(self) -> Decimal | None:
        return self.price.figures.get("input") if self.price is not None else None

    @property
    def output_usd(self) -> Decimal | None:
        return self.price.figures.get("output") if self.price is not None else None

    @property
    def since(self) -> date | None:
        return _day(self.price)

    @property
    def days_old(self) -> int | None:
        """The age of a price that people typed; how old the installed list is stands above the table, once."""
        if self.price is None or self.since is None or self.price.source == list_name():
            return None
        age = timezone.localdate() - self.since
        return age.days if age > OLD_AFTER else None


@dataclass(frozen=True)
class Step:
    """A model in an alias: paused, or leading nowhere any more, or good."""

    name: str
    is_paused: bool = False
    is_lost: bool = False


@dataclass(frozen=True)
class AliasRow:
    alias: Alias
    steps: list[Step]
    calls: int


@require_safe
@project_page
def models(request: HttpRequest, project: Project) -> HttpResponse:
    return _page(request, project, {})


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def new_alias(request: HttpRequest, project: Project) -> HttpResponse:
    return _alias(request, project, Alias(project=project))


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def edit_alias(request: HttpRequest, project: Project, alias_id: UUID) -> HttpResponse:
    return _alias(request, project, get_object_or_404(Alias, project=project, pk=alias_id))


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def delete_alias(request: HttpRequest, project: Project, alias_id: UUID) -> HttpResponse:
    return _delete(request, project, get_object_or_404(Alias, project=project, pk=alias_id))


@never_cache
@sensitive_post_parameters("api_key")
@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def new_custom(request: HttpRequest, project: Project) -> HttpResponse:
    return _custom(request, project, CustomModel(project=project))


@never_cache
@sensitive_post_parameters("api_key")
@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def edit_custom(request: HttpRequest, project: Project, custom_id: UUID) -> HttpResponse:
    return _custom(request, project, get_object_or_404(CustomModel, project=project, pk=custom_id))


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def delete_custom(request: HttpRequest, project: Project, custom_id: UUID) -> HttpResponse:
    return _delete(request, project, get_object_or_404(CustomModel, project=project, pk=custom_id))


def _alias(request: HttpRequest, project: Project, alias: Alias) -> HttpResponse:
    is_new = alias._state.adding
    initial = {
        "name": alias.name,
        "fallback_models": "\n".join(alias.fallback_models),
        "description": alias.description,
    }
    form = AliasForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        for name, value in form.cleaned_data.items():
            setattr(alias, name, value)
        if _saved(form, lambda: model_names.save_alias(alias)):
            messages.success(request, _("%(name)s is saved") % {"name": alias.name})
            return redirect("functions:models", project.slug)
    return _page(request, project, {"asks": "alias", "named": None if is_new else alias, "form": form})


def _custom(request: HttpRequest, project: Project, custom: CustomModel) -> HttpResponse:
    is_new = custom._state.adding
    extra = custom.extra if isinstance(custom.extra, dict) else {}
    places = ("api_base", "api_version")
    initial = {"name": custom.name, "identifier": custom.identifier, **{name: extra.get(name, "") for name in places}}
    form = CustomModelForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        given = form.cleaned_data
        custom.name, custom.identifier = given["name"], given["identifier"]
        kept = {name: value for name, value in extra.items() if name not in places}
        custom.extra = kept | {name: given[name].strip() for name in places if given[name].strip()}
        custom.api_key = given["api_key"].strip() or custom.api_key
        if _saved(form, lambda: model_names.save_custom(custom, has_new_secret=bool(given["api_key"].strip()))):
            messages.success(request, _("%(name)s is saved") % {"name": custom.name})
            return redirect("functions:models", project.slug)
    return _page(request, project, {"asks": "custom", "named": None if is_new else custom, "form": form})


def _saved(form: Form, save: Callable[[], None]) -> bool:
    """Save, or say at the field what is wrong."""
    try:
        save()
    except model_names.NameTaken as problem:
        form.add_error("name", str(problem))
    except model_names.WrongPlace as problem:
        # extra.api_base is a field of its own here.
        place = next((str(step) for step in reversed(problem.path) if step in form.fields), "name")
        form.add_error(place, problem.message[:1].upper() + problem.message[1:])
    else:
        return True
    return False


def _delete(request: HttpRequest, project: Project, named: Alias | CustomModel) -> HttpResponse:
    form = ConfirmForm(request.POST if request.method == "POST" else None, expected=named.name)
    if not form.is_valid():
        asks = "delete-alias" if isinstance(named, Alias) else "delete-custom"
        return _page(request, project, {"asks": asks, "named": named, "confirm_form": form})
    model_names.delete(named)
    messages.success(request, _("%(name)s is deleted") % {"name": named.name})
    return redirect("functions:models", project.slug)


def _page(request: HttpRequest, project: Project, context: dict[str, Any]) -> HttpResponse:
    catalogue = catalogue_of(project)
    offers = offers_of(project)
    wanted = request.GET.get("q", "").strip()[:200]
    found = [offer for offer in offers if all(word in offer.name.lower() for word in wanted.lower().split())]
    last = max(0, (len(found) - 1) // PAGE_SIZE)
    number = _page_number(request.GET.get("page", ""), last)
    calls = _calls_of(project)
    page = {
        "rows": [Row(offer) for offer in found[number * PAGE_SIZE : (number + 1) * PAGE_SIZE]],
        "q": wanted,
        "total": len(offers),
        "found": len(found),
        "first": number * PAGE_SIZE + 1,
        "last": min((number + 1) * PAGE_SIZE, len(found)),
        # Counted from 1 where people see them.
        "newer": number if number else None,
        "older": number + 2 if number < last else None,
        "unpriced": _unpriced(project),
        "list_name": list_name(),
        "list_days": _list_days(offers),
        "aliases": [_alias_row(alias, catalogue, calls) for alias in project.aliases.order_by("name")],
        "custom_models": project.custom_models.order_by("name"),
    }
    return render(request, "functions/models.html", page | context)


def _page_number(text: str, last: int) -> int:
    return min(int(text) - 1, last) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else 0


def _alias_row(alias: Alias, catalogue: Catalogue, calls: dict[str, int]) -> AliasRow:
    return AliasRow(alias, [_step(name, catalogue) for name in alias.fallback_models], calls.get(alias.name, 0))


def _step(name: str, catalogue: Catalogue) -> Step:
    if name in catalogue.aliases:
        return Step(name)
    try:
        provider, _model = catalogue.resolve(name)
    except UnknownModel:
        return Step(name, is_lost=True)
    return Step(name, is_paused=catalogue.pause_of(provider.name) is not None)


def _calls_of(project: Project) -> dict[str, int]:
    calls = Span.objects.filter(project=project, kind=Kind.LLM, started_at__gte=timezone.now() - COUNTED)
    return dict(calls.values_list("requested_model").annotate(count=Count("pk")))


def _unpriced(project: Project) -> int:
    since = timezone.now() - COUNTED
    return Span.objects.filter(project=project, kind=Kind.LLM, started_at__gte=since, is_priced=False).count()


def _list_days(offers: list[Offer]) -> int | None:
    """Return how old the installed list is, by the newest day in it, where that is old."""
    days = [_day(offer.price) for offer in offers if offer.price is not None and offer.price.source == list_name()]
    newest = max((day for day in days if day is not None), default=None)
    age = None if newest is None else timezone.localdate() - newest
    return age.days if age is not None and age > OLD_AFTER else None


def _day(price: Price | None) -> date | None:
    try:
        return date.fromisoformat(price.date) if price is not None else None
    except ValueError:
        return None
