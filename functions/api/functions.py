"""/v2/functions: the functions of a project, and the revisions of their definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter

from functions import revising
from functions.api.call import DEFINITION, refusals
from functions.api.function_serializers import (
    FunctionAnswer,
    FunctionChanges,
    FunctionFields,
    FunctionInList,
    RevisionAnswer,
    about_function,
    about_revision,
    in_list,
)
from functions.models import Function, Revision
from opperweb.accounts.models import ApiKey
from opperweb.api.body import check_text, read_object
from opperweb.api.endpoint import answer, described, endpoint
from opperweb.api.errors import Conflict, Invalid, NotFound
from opperweb.api.fields import read
from opperweb.api.pagination import PAGING, Window, page, page_of, window_of
from opperweb.database import db
from traces.api.spans import path_uuid

TAG = "functions"
SORTS = {
    "name": ("name",),
    "-name": ("-name",),
    "created_at": ("created_at", "pk"),
    "-created_at": ("-created_at", "-pk"),
}
NEWEST_FIRST = "-created_at"
FILTERS = (
    OpenApiParameter("name", str, description="A part of the name, in any case."),
    OpenApiParameter("sort", str, enum=list(SORTS), default=NEWEST_FIRST),
)


@described("Make a function", tag=TAG, request=FunctionFields, responses={201: FunctionAnswer})
async def create(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Make a function that is managed on the server, with its first revision and an empty dataset; 409 for a name that
    is taken."""
    fields = read(FunctionFields, read_object(request))
    return answer(await db(_create, key, fields), status=201)


@described("List functions", tag=TAG, parameters=(*FILTERS, *PAGING), responses={200: page_of(FunctionInList)})
async def index(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Return a page of the project's functions, the newest first; `name` is a part of the name in any case, `sort` is
    name or created_at, with `-` in front for descending."""
    return answer(await db(_index, key, request.GET))


@described("Read a function", tag=TAG, responses={200: FunctionAnswer})
async def show(request: HttpRequest, key: ApiKey, function_id: str) -> HttpResponse:
    """Return a function with its newest definition."""
    return answer(await db(lambda: _about(find(key, function_id))))


@described("Read a function by its name", tag=TAG, responses={200: FunctionAnswer})
async def show_by_name(request: HttpRequest, key: ApiKey, name: str) -> HttpResponse:
    """Return a function with its newest definition; slashes in the name may stand as they are or as %2F."""
    return answer(await db(lambda: _about(find_by_name(key, name))))


@described("Change a function", tag=TAG, request=FunctionChanges, responses={200: FunctionAnswer})
async def update(request: HttpRequest, key: ApiKey, function_id: str) -> HttpResponse:
    """Change the fields that are given; whatever changes is a new revision. `configuration` is merged key by key."""
    fields = read(FunctionChanges, read_object(request))
    return answer(await db(_update, key, function_id, fields))


@described("Delete a function", tag=TAG, responses={204: None})
async def delete(request: HttpRequest, key: ApiKey, function_id: str) -> HttpResponse:
    """Remove a function with its revisions and its dataset; the name is free, spans keep what they hold."""
    await db(lambda: revising.delete(find(key, function_id)))
    return HttpResponse(status=204)


@described("List revisions", tag=TAG, parameters=PAGING, responses={200: page_of(RevisionAnswer)})
async def index_revisions(request: HttpRequest, key: ApiKey, function_id: str) -> HttpResponse:
    """Return a page of a function's revisions, the newest first; `configuration` holds the whole definition."""
    return answer(await db(_revisions, key, function_id, window_of(request.GET)))


@described("Read a function as of a revision", tag=TAG, responses={200: FunctionAnswer})
async def show_revision(request: HttpRequest, key: ApiKey, function_id: str, revision_id: str) -> HttpResponse:
    """Return a function with the definition that it had then."""
    return answer(await db(_as_of, key, function_id, revision_id))


function_list = endpoint(POST=create, GET=index)
function_detail = endpoint(GET=show, PATCH=update, DELETE=delete)
function_by_name = endpoint(GET=show_by_name)
revision_list = endpoint(GET=index_revisions)
revision_detail = endpoint(GET=show_revision)


def find(key: ApiKey, function_id: str) -> Function:
    """Return a function of the key's project."""
    function = _mine(key).filter(pk=path_uuid(function_id)).first()
    if function is None:
        raise NotFound(f"There is no function {function_id}")
    return function


def find_by_name(key: ApiKey, name: str) -> Function:
    function = _mine(key).filter(name=name).first()
    if function is None:
        raise NotFound(f"There is no function named {name[:255]}")
    return function


def _mine(key: ApiKey) -> QuerySet[Function]:
    return Function.objects.filter(project=key.project).select_related("project")


def _about(function: Function) -> dict[str, Any]:
    revision = function.revisions.order_by("-number").first()
    if revision is None:
        raise _gone(function)
    return about_function(function, revision)


def _gone(function: Function) -> NotFound:
    return NotFound(f"There is no function {function.pk}: it was deleted meanwhile")


def _create(key: ApiKey, fields: dict[str, Any]) -> dict[str, Any]:
    definition = {name: fields[name] for name in DEFINITION if name in fields}
    own = {name: fields[name] for name in ("description", "observer_enabled") if name in fields}
    author = revising.Author(api_key=key)
    with refusals(fields):
        try:
            function = revising.create(key.project, fields["name"], definition, author=author, **own)
        except revising.NameTaken as problem:
            raise Conflict(str(problem)) from None
    return _about(function)


def _update(key: ApiKey, function_id: str, fields: dict[str, Any]) -> dict[str, Any]:
    function = find(key, function_id)
    if fields.get("description", "") is None:
        fields["description"] = ""
    with refusals(fields):
        try:
            revision = revising.save(function, fields, author=revising.Author(api_key=key))
        except revising.NameTaken as problem:
            raise Conflict(str(problem)) from None
        except Function.DoesNotExist:
            raise _gone(function) from None
    return about_function(function, revision)


def _index(key: ApiKey, query: Mapping[str, Any]) -> dict[str, Any]:
    window, sort, part = window_of(query), query.get("sort") or NEWEST_FIRST, query.get("name") or ""
    if sort not in SORTS:
        raise Invalid.at(["query", "sort"], f"must be one of {', '.join(SORTS)}", value=sort)
    check_text(part, ["query", "name"])
    mine = Function.objects.filter(project=key.project, name__icontains=part)
    newest = Revision.objects.filter(function=OuterRef("pk")).order_by("-number").values("pk")[:1]
    rows = window.of(mine.annotate(newest_id=Subquery(newest)).order_by(*SORTS[sort]))
    return page(mine.count(), _listed(rows))


def _listed(functions: Iterable[Any]) -> list[dict[str, Any]]:
    # Without the schemas, which may be large.
    wanted = Revision.objects.filter(pk__in=[function.newest_id for function in functions])
    revisions = {revision.pk: revision for revision in wanted.only("instructions", "model")}
    return [
        in_list(function, revisions[function.newest_id]) for function in functions if function.newest_id in revisions
    ]


def _revisions(key: ApiKey, function_id: str, window: Window) -> dict[str, Any]:
    revisions = find(key, function_id).revisions.order_by("-number")
    return page(revisions.count(), [about_revision(revision) for revision in window.of(revisions)])


def _as_of(key: ApiKey, function_id: str, revision_id: str) -> dict[str, Any]:
    function = find(key, function_id)
    revision = function.revisions.filter(pk=path_uuid(revision_id)).first()
    if revision is None:
        raise NotFound(f"The function has no revision {revision_id}")
    return about_function(function, revision)
