"""Usage: what model calls cost and came to, over time and by model, function, tag or API key."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project
from traces.pages.usage_report import Report
from traces.pages.usage_table import groups_csv, written
from traces.pages.usage_view import UsageView


@project_page
def usage(request: HttpRequest, project: Project) -> HttpResponse:
    """Show the page, or as CSV its table (`csv=groups`) or its chart (`csv=time`)."""
    view = UsageView.from_query(request.GET)
    if not view.is_canonical or not all(value for _name, values in request.GET.lists() for value in values):
        query = view.as_query()
        return HttpResponseRedirect(f"{request.path}?{query}" if query else request.path)
    report = Report(project, view, timezone.now())
    if request.GET.get("csv") in ("groups", "time"):
        return _csv(report, request.GET["csv"])
    return render(request, "traces/usage.html", report.context)


def _csv(report: Report, part: str) -> HttpResponse:
    label = str(report.group_label)
    text = groups_csv(label, report.rows) if part == "groups" else written(report.time_lines)
    days = "-".join(f"{timezone.localtime(moment):%Y%m%d}" for moment in (report.stretch.start, report.stretch.end))
    name = f"usage-{report.project.slug}-{days}.csv"
    # The mark at the beginning tells table programs that it is UTF-8.
    return HttpResponse(
        f"\ufeff{text}",
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
