"""A new function, made on a page before anything calls it."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from functions import revising
from functions.pages.definition.page import REFUSED, names_of
from functions.pages.function_forms import NewFunctionForm
from functions.revising import Author, NameTaken
from opperweb.accounts.access import project_page
from opperweb.accounts.models import Project, Role, User


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.EDITOR)
def new_function(request: HttpRequest, project: Project) -> HttpResponse:
    is_sent = request.method == "POST"
    form = NewFunctionForm(request.POST if is_sent else None, initial={"observer_enabled": True})
    if form.is_valid() and (name := _made(form, project, cast(User, request.user))):
        messages.success(request, _("%(name)s is made") % {"name": name})
        return redirect("functions:definition", project.slug, name)
    context = {"project": project, "form": form, "offers": names_of(project)}
    return render(request, "functions/new_function.html", context, status=422 if is_sent else 200)


def _made(form: NewFunctionForm, project: Project, user: User) -> str:
    """Make the function and return its name; say at the field what is wrong and return nothing."""
    given = form.cleaned_data
    try:
        function = revising.create(
            project,
            given["name"],
            form.definition,
            author=Author(user=user),
            description=given["description"],
            observer_enabled=given["observer_enabled"],
        )
    except NameTaken:
        form.add_error("name", _("There is a function of this name. Choose another."))
    except REFUSED as problem:
        form.add_problem(problem)
    else:
        return function.name
    return ""
