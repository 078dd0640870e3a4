"""/v2/datasets: the examples of a function, which the API calls the entries of its dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter

from functions import few_shot
from functions.api.function_serializers import EntryAnswer, EntryChanges, EntryFields, about_entry
from functions.examples import dataset
from functions.models import DatasetExample, Function
from opperweb.accounts.models import ApiKey
from opperweb.api.body import check_text, read_object
from opperweb.api.endpoint import answer, described, endpoint
from opperweb.api.errors import Invalid, NotFound
from opperweb.api.fields import read
from opperweb.api.pagination import MAX_LIMIT, PAGING, Window, page, page_of, whole_number, window_of
from opperweb.database import db
from traces.api.spans import path_uuid

TAG = "datasets"
NEAREST = 5
QUERY = (
    OpenApiParameter("query", str, required=True, description="The text that the inputs are compared with."),
    OpenApiParameter("limit", int, description=f"1 to {MAX_LIMIT}; {NEAREST} by default."),
)


@described("Add an entry", tag=TAG, request=EntryFields, responses={200: EntryAnswer})
async def create(request: HttpRequest, key: ApiKey, dataset_id: str) -> HttpResponse:
    """Keep an input with its answer; the entries nearest to an input guide the models that answer it."""
    fields = read(EntryFields, read_object(request))
    return answer(await db(_create, key, dataset_id, fields))


@described("List entries", tag=TAG, parameters=PAGING, responses={200: page_of(EntryAnswer)})
async def index(request: HttpRequest, key: ApiKey, dataset_id: str) -> HttpResponse:
    """Return a page of the entries, the oldest first."""
    return answer(await db(_index, key, dataset_id, window_of(request.GET)))


@described("Find the nearest entries", tag=TAG, parameters=QUERY, responses={200: EntryAnswer(many=True)})
async def query(request: HttpRequest, key: ApiKey, dataset_id: str) -> HttpResponse:
    """Return the entries whose inputs are nearest to the text `query` of the query string, the nearest first; `limit`
    says how many (5)."""
    return answer(await db(_nearest, key, dataset_id, request.GET))


@described("Read an entry", tag=TAG, responses={200: EntryAnswer})
async def show(request: HttpRequest, key: ApiKey, dataset_id: str, entry_id: str) -> HttpResponse:
    """Return an entry; values that are no texts come as JSON text."""
    return answer(await db(lambda: about_entry(find_entry(key, dataset_id, entry_id))))


@described("Change an entry", tag=TAG, request=EntryChanges, responses={200: EntryAnswer})
async def update(request: HttpRequest, key: ApiKey, dataset_id: str, entry_id: str) -> HttpResponse:
    """Change the fields that are given; null empties `expected` and `comment`."""
    fields = read(EntryChanges, read_object(request))
    return answer(await db(_update, key, dataset_id, entry_id, fields))


@described("Delete an entry", tag=TAG, responses={204: None})
async def delete(request: HttpRequest, key: ApiKey, dataset_id: str, entry_id: str) -> HttpResponse:
    """Remove an entry; no prompt shows it any more."""
    await db(_delete, key, dataset_id, entry_id)
    return HttpResponse(status=204)


dataset_detail = endpoint(POST=create)
entry_list = endpoint(GET=index)
entry_query = endpoint(POST=query)
entry_detail = endpoint(GET=show, PATCH=update, DELETE=delete)


def find(key: ApiKey, dataset_id: str) -> Function:
    """Return the function of the key's project that has this dataset."""
    mine = Function.objects.filter(project=key.project).select_related("project")
    function = mine.filter(dataset_id=path_uuid(dataset_id)).first()
    if function is None:
        raise NotFound(f"There is no dataset {dataset_id}")
    return function


def find_entry(key: ApiKey, dataset_id: str, entry_id: str) -> DatasetExample:
    function = find(key, dataset_id)
    found = DatasetExample.objects.filter(function=function, id=path_uuid(entry_id)).first()
    if found is None:
        raise _no_entry(entry_id)
    found.function = function
    return found


def _no_entry(entry_id: str) -> NotFound:
    return NotFound(f"The dataset has no entry {entry_id}")


def _create(key: ApiKey, dataset_id: str, fields: dict[str, Any]) -> dict[str, Any]:
    function = find(key, dataset_id)
    try:
        example = dataset.add(function, fields, source=DatasetExample.Source.API, api_key=key)
    except Function.DoesNotExist:
        raise NotFound(f"There is no dataset {dataset_id}") from None
    return about_entry(example)


def _index(key: ApiKey, dataset_id: str, window: Window) -> dict[str, Any]:
    examples = DatasetExample.objects.filter(function=find(key, dataset_id)).order_by("created_at", "key")
    return page(examples.count(), [about_entry(example) for example in window.of(examples)])


def _nearest(key: ApiKey, dataset_id: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    function, text = find(key, dataset_id), parameters.get("query")
    if not text:
        raise Invalid.at(["query", "query"], "must be the text that the entries are compared with", type="missing")
    check_text(text, ["query", "query"])
    limit = whole_number(parameters, "limit", default=NEAREST, least=1, most=MAX_LIMIT)
    return [about_entry(example) for example, _ in few_shot.nearest(function, text, limit)]


def _update(key: ApiKey, dataset_id: str, entry_id: str, fields: dict[str, Any]) -> dict[str, Any]:
    example = find_entry(key, dataset_id, entry_id)
    try:
        return about_entry(dataset.change(example, fields) if fields else example)
    except (DatasetExample.DoesNotExist, Function.DoesNotExist):
        raise _no_entry(entry_id) from None


def _delete(key: ApiKey, dataset_id: str, entry_id: str) -> None:
    example = find_entry(key, dataset_id, entry_id)
    try:
        count = dataset.delete(example.function, [example.id])
    except Function.DoesNotExist:
        count = 0
    if not count:
        raise _no_entry(entry_id)
