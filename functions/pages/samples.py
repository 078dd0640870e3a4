"""Two buttons: load the sample traces into a project, and take them out again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from functions import samples
from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project, Role


@require_POST
@project_page(role=Role.EDITOR)
def load(request: HttpRequest, project: Project) -> HttpResponse:
    number = samples.load(project)
    words = ngettext("Loaded %(number)s sample trace", "Loaded %(number)s sample traces", number)
    messages.success(request, words % {"number": number})
    return redirect("traces:list", project.slug)


@require_POST
@project_page(role=Role.EDITOR)
def remove(request: HttpRequest, project: Project) -> HttpResponse:
    number = samples.remove(project)
    words = ngettext("Removed %(number)s sample trace", "Removed %(number)s sample traces", number)
    messages.success(request, words % {"number": number})
    return redirect("traces:list", project.slug)
