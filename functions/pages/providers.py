"""The providers of a project: where its calls go, how each stands, and the accounts that people entered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core.cache import cache
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from functions import provider_test
from functions.completions import standing
from functions.models import ProviderAccount, ProviderState, catalogue_changed
from functions.offers import Configured, configured
from functions.pages.forms import ConfirmForm, ProviderForm
from functions.pages.presets import BY_KEY
from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project, Role, User
from opperweb.pages.display import ago, duration, when
from opperweb.providers_setting import VENDORS
from traces.models import Kind, Span

COUNTED = timedelta(days=7)
COUNTED_FOR_SECONDS = 60


@dataclass(frozen=True)
class Row:
    """A line of the list: people's words for how a provider stands, the technical ones below them."""

    provider: Configured
    state: ProviderState | None
    calls: int

    @property
    def account(self) -> ProviderAccount | None:
        return self.provider.account

    @property
    def kind(self) -> str:
        return str(ProviderAccount.Kind(self.provider.kind).label)

    @property
    def origin(self) -> str:
        """Where a provider of the environment comes from."""
        if self.account is not None:
            return ""
        is_vendor = any(vendor.name == self.provider.name for vendor in VENDORS)
        return f"{self.provider.name.upper()}_API_KEY" if is_vendor else "OPENAI_COMPATIBLE"

    @property
    def is_paused(self) -> bool:
        return self.provider.is_enabled and self.state is not None and self.state.is_paused

    @property
    def icon(self) -> str:
        if not self.provider.is_enabled:
            return "stopped"
        if self.is_paused:
            return "warning"
        if self.state is None or not (self.state.tested_at or self.state.worked_at):
            return ""
        return "error" if self.state.test_error else "ok"

    @property
    def css(self) -> str:
        return {"warning": "is-warn", "error": "is-err", "ok": "is-ok"}.get(self.icon, "ink-3")

    @property
    def words(self) -> str:
        state = self.state
        if not self.provider.is_enabled:
            return _("Switched off")
        if state is None:
            return _("Not tested")
        if state.is_paused and state.paused_until is not None:
            left = (state.paused_until - timezone.now()).total_seconds() * 1000
            return _("Paused, tries again in %(time)s") % {"time": duration(left, 0)}
        if state.test_error:
            return state.test_error
        if state.tested_at is not None:
            return _("Answers in %(time)s") % {"time": duration(state.test_ms)}
        return _("Works") if state.worked_at else _("Not tested")

    @property
    def more(self) -> str:
        state = self.state
        if state is None or not self.provider.is_enabled:
            return ""
        if state.is_paused:
            return _("circuit open: %(reason)s") % {"reason": state.pause_reason or "–"}
        parts = []
        if state.tested_at is not None and not state.test_error and state.model_count is not None:
            models = ngettext("%(count)s model", "%(count)s models", state.model_count)
            parts.append(models % {"count": f"{state.model_count:,}"})
        if state.tested_at is not None:
            parts.append(_("tested %(when)s") % {"when": ago(state.tested_at) or when(state.tested_at)})
        if state.worked_at is not None and (state.test_error or state.tested_at is None):
            parts.append(_("last worked %(when)s") % {"when": ago(state.worked_at) or when(state.worked_at)})
        elif state.test_error:
            parts.append(_("it has not worked yet"))
        return ", ".join(parts)


@require_safe
@project_page
def providers(request: HttpRequest, project: Project) -> HttpResponse:
    return _page(request, project, {})


@never_cache
@sensitive_post_parameters("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def new_provider(request: HttpRequest, project: Project) -> HttpResponse:
    """Add an account; `?preset=` fills in what is known of a vendor."""
    account = ProviderAccount(project=project, created_by=cast(User, request.user))
    if request.method != "POST":
        preset = BY_KEY.get(request.GET.get("preset", ""))
        return _page(request, project, {"form": _new_form(project, preset=preset), "asks_for_new": True})
    form = _new_form(project, data=request.POST, account=account)
    if not form.is_valid():
        return _page(request, project, {"form": form, "asks_for_new": True})
    _save(form.changed())
    messages.success(request, _("%(name)s is added. Test it.") % {"name": account.name})
    return redirect("functions:providers", project.slug)


@never_cache
@sensitive_post_parameters("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def edit_provider(request: HttpRequest, project: Project, account_id: UUID) -> HttpResponse:
    account = get_object_or_404(ProviderAccount, project=project, pk=account_id)
    initial = {"kind": account.kind, "base_url": account.base_url, "most_at_once": account.most_at_once}
    form = ProviderForm(request.POST if request.method == "POST" else None, account=account, initial=initial)
    if not form.is_valid():
        return _page(request, project, {"edits": account, "edit_form": form})
    _save(form.changed())
    messages.success(request, _("%(name)s is saved") % {"name": account.name})
    return redirect("functions:providers", project.slug)


@require_POST
@project_page(role=Role.EDITOR)
def switch_provider(request: HttpRequest, project: Project, account_id: UUID) -> HttpResponse:
    """Switch an account off or on; off, one of its name in the environment is not asked either."""
    account = get_object_or_404(ProviderAccount, project=project, pk=account_id)
    account.is_enabled = request.POST.get("on") == "1"
    _save(account)
    words = _("%(name)s is switched on") if account.is_enabled else _("%(name)s is switched off")
    messages.success(request, words % {"name": account.name})
    return redirect("functions:providers", project.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def delete_provider(request: HttpRequest, project: Project, account_id: UUID) -> HttpResponse:
    account = get_object_or_404(ProviderAccount, project=project, pk=account_id)
    form = ConfirmForm(request.POST if request.method == "POST" else None, expected=account.name)
    if not form.is_valid():
        return _page(request, project, {"deletes": account, "confirm_form": form})
    with transaction.atomic():
        account.delete()
        ProviderState.objects.filter(project=project, name=account.name).delete()
        catalogue_changed(project)
    messages.success(request, _("%(name)s is deleted") % {"name": account.name})
    return redirect("functions:providers", project.slug)


@require_POST
@project_page(role=Role.EDITOR)
def test_provider(request: HttpRequest, project: Project, name: str) -> HttpResponse:
    """Ask a provider for its models, for 10 seconds at most."""
    _say(request, provider_test.try_out(project, _named(project, name)), name)
    return redirect("functions:providers", project.slug)


@require_POST
@project_page(role=Role.EDITOR)
def test_providers(request: HttpRequest, project: Project) -> HttpResponse:
    """Ask all of them at the same time."""
    trials = provider_test.try_out_all(project, [each for each in configured(project) if each.is_enabled])
    failed = sum(1 for trial in trials.values() if trial.error)
    if failed:
        given = {"good": len(trials) - failed, "all": len(trials)}
        messages.error(request, _("%(good)s of %(all)s providers answer") % given)
    else:
        messages.success(request, _("All providers answer"))
    return redirect("functions:providers", project.slug)


@require_POST
@project_page(role=Role.EDITOR)
def resume_provider(request: HttpRequest, project: Project, name: str) -> HttpResponse:
    """End a pause and see at once whether the provider answers."""
    provider = _named(project, name)
    standing.resume(project, name)
    _say(request, provider_test.try_out(project, provider), name)
    return redirect("functions:providers", project.slug)


def _say(request: HttpRequest, trial: provider_test.Trial, name: str) -> None:
    if trial.error:
        messages.error(request, _("%(name)s: %(error)s") % {"name": name, "error": trial.error})
    else:
        given = {"name": name, "time": duration(trial.duration_ms)}
        messages.success(request, _("%(name)s answers in %(time)s") % given)


def _named(project: Project, name: str) -> Configured:
    found = next((each for each in configured(project) if each.name == name), None)
    if found is None:
        raise Http404("No such provider")
    return found


@transaction.atomic
def _save(account: ProviderAccount) -> None:
    account.save()
    catalogue_changed(account.project)


def _new_form(project: Project, *, data: Any = None, preset: Any = None, account: Any = None) -> ProviderForm:
    initial = (
        {"preset": preset.key, "name": preset.key.partition("-")[0], "base_url": preset.base_url} if preset else {}
    )
    form = ProviderForm(data, account=account or ProviderAccount(project=project), initial=initial)
    form.fields["preset"].widget.attrs |= {
        "hx-get": reverse("functions:new-provider", args=[project.slug]),
        "hx-trigger": "change",
        "hx-select": "#provider-fields",
        "hx-target": "#provider-fields",
        "hx-swap": "outerHTML",
    }
    return form


def _page(request: HttpRequest, project: Project, context: dict[str, Any]) -> HttpResponse:
    states = {state.name: state for state in ProviderState.objects.filter(project=project)}
    calls = _calls_of(project)
    rows = [Row(each, states.get(each.name), calls.get(each.name, 0)) for each in configured(project)]
    if "form" not in context and request.membership.may_edit:  # type: ignore[attr-defined]
        context["form"] = _new_form(project)
    return render(request, "functions/providers.html", {"rows": rows} | context)


def _calls_of(project: Project) -> dict[str, int]:
    """Return how many calls each provider answered in the last days; kept for a minute, for it counts rows."""
    key = f"provider-calls:{project.pk}"
    counts: dict[str, int] | None = cache.get(key)
    if counts is None:
        since = timezone.now() - COUNTED
        calls = Span.objects.filter(project=project, kind=Kind.LLM, started_at__gte=since)
        counts = dict(calls.values_list("provider").annotate(count=Count("pk")))
        cache.set(key, counts, COUNTED_FOR_SECONDS)
    return counts
