"""The way to a project, a new one, and its own settings."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from opperweb.accounts.access import may_make_projects, project_page, sections_for
from opperweb.accounts.forms import NewProjectForm, ProjectForm
from opperweb.accounts.founding import found
from opperweb.accounts.models import Project, Role, User


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Go to the first project; say so plainly where there is none."""
    user = cast(User, request.user)
    project = Project.objects.of(user).first()
    if project is None:
        return render(request, "accounts/no_project.html", {"may_make_projects": may_make_projects(user)})
    return redirect("traces:list", project.slug)


@require_safe
@project_page
def project_home(request: HttpRequest, project: Project) -> HttpResponse:
    """Go to the traces, for whoever shortens an address to the project."""
    return redirect("traces:list", project.slug)


@require_http_methods(["GET", "HEAD", "POST"])
def new_project(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    if not may_make_projects(user):
        raise PermissionDenied
    form = NewProjectForm(request.POST if request.method == "POST" else None, initial={"time_zone": "UTC"})
    if form.is_valid():
        project = found(form.cleaned_data["name"], owner=user, time_zone=form.cleaned_data["time_zone"])
        messages.success(request, _("Project made"))
        return redirect("traces:list", project.slug)
    return render(request, "accounts/new_project.html", {"form": form})


@require_safe
@project_page
def settings_home(request: HttpRequest, project: Project) -> HttpResponse:
    return redirect(sections_for(request.membership)[0].url_name, project.slug)  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.OWNER)
def project_settings(request: HttpRequest, project: Project) -> HttpResponse:
    initial = {"name": project.name, "time_zone": project.time_zone}
    form = ProjectForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        given = form.cleaned_data
        Project.objects.filter(pk=project.pk).update(name=given["name"], time_zone=given["time_zone"])
        messages.success(request, _("Project saved"))
        return redirect("accounts:project", project.slug)
    return render(request, "accounts/project.html", {"form": form})
