"""What all pages of one function share: the function by its name or 404, and the head with its tabs.

    @require_safe
    @function_page
    def examples(request: HttpRequest, head: FunctionHead) -> HttpResponse:
        return render(request, "functions/examples.html", head.context("examples") | {...})

The template includes "functions/_function_head.html" in its block `topbar` and links css/functions.css.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, overload

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import slugify

from functions.models import DatasetExample, Function, Revision
from opperweb.accounts.access import Page, ProjectRequest, has_role, project_page
from opperweb.accounts.models import Project, Role


@dataclass(frozen=True)
class FunctionHead:
    """The function of a page, and what stands above its tabs. `newest` is None before the first revision."""

    project: Project
    function: Function
    newest: Revision | None
    revision_count: int
    example_count: int
    may_edit: bool
    # Of this server, as the person reaches it: what a call is sent to.
    address: str

    def context(self, tab: str) -> dict[str, Any]:
        """Return what the templates of all tabs need; `tab` is the name of the one that is open."""
        return {"project": self.project, "function": self.function, "head": self, "tab": tab, "rail": True}

    def file_name(self, ending: str) -> str:
        """Return the name of a file with something of the function in it; `ending` is "examples.csv"."""
        return f"{slugify(self.function.name)[:80] or 'function'}-{ending}"


@overload
def function_page(view: Page) -> Page: ...
@overload
def function_page(*, role: Role) -> Callable[[Page], Page]: ...
def function_page(view: Page | None = None, *, role: Role = Role.READER) -> Page | Callable[[Page], Page]:
    """Give a page the function of its URL as a FunctionHead: 404 for strangers, 403 for members below `role`."""

    def decorate(page: Page) -> Page:
        @wraps(page)
        def within_function(
            request: ProjectRequest, project: Project, *args: Any, name: str, **kwargs: Any
        ) -> HttpResponse:
            return page(request, head_of(request, project, name), *args, **kwargs)

        return project_page(role=role)(within_function)

    return decorate if view is None else decorate(view)


def head_of(request: HttpRequest, project: Project, name: str) -> FunctionHead:
    """Return the head of the function of this name, in two queries. Raises Http404."""
    function = project.functions.annotate(
        revision_count=_counted(Revision), example_count=_counted(DatasetExample)
    ).filter(name=name)
    found = function.first()
    if found is None:
        raise Http404("No such function")
    # So that whoever goes on from the function to its project asks nothing of the database.
    found.project = project
    membership = getattr(request, "membership", None)
    return FunctionHead(
        project,
        found,
        found.revisions.order_by("-number").first(),
        found.revision_count,
        found.example_count,
        membership is not None and has_role(membership, Role.EDITOR),
        f"{request.scheme}://{request.get_host()}",
    )


def _counted(model: type[Revision] | type[DatasetExample]) -> Coalesce:
    rows = model._default_manager.filter(function=OuterRef("pk")).order_by()
    return Coalesce(Subquery(rows.values("function").annotate(number=Count("pk")).values("number")), 0)
