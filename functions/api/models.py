"""/v2/models: which models a call can name; names of one's own for models, and for several of them in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse

from functions import model_names
from functions.api.model_serializers import (
    AliasAnswer,
    AliasChanges,
    AliasFields,
    CustomModelAnswer,
    CustomModelChanges,
    CustomModelFields,
    ModelAnswer,
    about_alias,
    about_custom,
    about_offer,
)
from functions.models import Alias, CustomModel
from functions.offers import offers_of
from opperweb.accounts.models import ApiKey
from opperweb.api.body import read_object
from opperweb.api.endpoint import answer, described, endpoint
from opperweb.api.errors import Conflict, Invalid, NotFound, value_at
from opperweb.api.fields import read
from opperweb.api.pagination import PAGING, Window, page, page_of, window_of
from opperweb.database import db
from traces.api.spans import path_uuid

TAG = "models"
Named = TypeVar("Named", Alias, CustomModel)


@described("List models", tag=TAG, parameters=PAGING, responses={200: page_of(ModelAnswer)})
async def index(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Return a page of the models that a call of this project can name, with their prices for one token."""
    return answer(await db(_offers, key, window_of(request.GET)))


@described("Name a model", tag=TAG, request=CustomModelFields, responses={200: CustomModelAnswer})
async def create_custom(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Give a model a name of one's own, with an address and a secret of its own where it needs them."""
    fields = read(CustomModelFields, read_object(request))
    return answer(await db(_save_custom, CustomModel(project=key.project), fields))


@described("List custom models", tag=TAG, parameters=PAGING, responses={200: page_of(CustomModelAnswer)})
async def list_custom(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Return a page of the project's custom models, the oldest first."""
    return answer(await db(_page, CustomModel, key, window_of(request.GET)))


@described("Read a custom model", tag=TAG, responses={200: CustomModelAnswer})
async def show_custom(request: HttpRequest, key: ApiKey, **where: str) -> HttpResponse:
    """Return a custom model; its secret is never shown."""
    return answer(about_custom(await db(lambda: find(CustomModel, key, **where))))


@described("Change a custom model", tag=TAG, request=CustomModelChanges, responses={200: CustomModelAnswer})
async def update_custom(request: HttpRequest, key: ApiKey, **where: str) -> HttpResponse:
    """Change the fields that are given."""
    fields = read(CustomModelChanges, read_object(request))
    return answer(await db(lambda: _save_custom(find(CustomModel, key, **where), fields)))


@described("Delete a custom model", tag=TAG, responses={204: None})
async def delete_custom(request: HttpRequest, key: ApiKey, **where: str) -> HttpResponse:
    """Remove the name; calls that use it are told that it is not known."""
    await db(lambda: model_names.delete(find(CustomModel, key, **where)))
    return HttpResponse(status=204)


@described("Make an alias", tag=TAG, request=AliasFields, responses={200: AliasAnswer})
async def create_alias(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Give several models one name; a call with it tries them in order."""
    fields = read(AliasFields, read_object(request))
    return answer(await db(_save_alias, Alias(project=key.project), fields))


@described("List aliases", tag=TAG, parameters=PAGING, responses={200: page_of(AliasAnswer)})
async def list_aliases(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Return a page of the project's aliases, the oldest first."""
    return answer(await db(_page, Alias, key, window_of(request.GET)))


@described("Read an alias", tag=TAG, responses={200: AliasAnswer})
async def show_alias(request: HttpRequest, key: ApiKey, **where: str) -> HttpResponse:
    """Return an alias."""
    return answer(about_alias(await db(lambda: find(Alias, key, **where))))


@described("Change an alias", tag=TAG, request=AliasChanges, responses={200: AliasAnswer})
async def update_alias(request: HttpRequest, key: ApiKey, **where: str) -> HttpResponse:
    """Change the fields that are given."""
    fields = read(AliasChanges, read_object(request))
    return answer(await db(lambda: _save_alias(find(Alias, key, **where), fields)))


@described("Delete an alias", tag=TAG, responses={204: None})
async def delete_alias(request: HttpRequest, key: ApiKey, **where: str) -> HttpResponse:
    """Remove the name; calls that use it are told that it is not known."""
    await db(lambda: model_names.delete(find(Alias, key, **where)))
    return HttpResponse(status=204)


model_list = endpoint(GET=index)
custom_list = endpoint(POST=create_custom, GET=list_custom)
custom_detail = endpoint(GET=show_custom, PATCH=update_custom, DELETE=delete_custom)
custom_by_name = endpoint(GET=show_custom)
alias_list = endpoint(POST=create_alias, GET=list_aliases)
alias_detail = endpoint(GET=show_alias, PATCH=update_alias, DELETE=delete_alias)
alias_by_name = endpoint(GET=show_alias)


def find(model: type[Named], key: ApiKey, *, model_id: str = "", name: str = "") -> Named:
    """Return an alias or a custom model of the key's project, by its id or its name."""
    mine = model._default_manager.filter(project=key.project).select_related("project")
    words = model._meta.verbose_name
    if name:
        found = mine.filter(name=name).first()
    else:
        found = mine.filter(pk=path_uuid(model_id)).first()
    if found is None:
        raise NotFound(f"There is no {words} {name or model_id}")
    return found


def _offers(key: ApiKey, window: Window) -> dict[str, Any]:
    offers = offers_of(key.project)
    return page(len(offers), [about_offer(offer) for offer in window.of(offers)])


def _page(model: type[Named], key: ApiKey, window: Window) -> dict[str, Any]:
    mine = model._default_manager.filter(project=key.project).order_by("created_at", "pk")
    return page(mine.count(), [_about(one) for one in window.of(mine)])


def _about(named: Alias | CustomModel) -> dict[str, Any]:
    return about_alias(named) if isinstance(named, Alias) else about_custom(named)


def _save_custom(custom: CustomModel, fields: dict[str, Any]) -> dict[str, Any]:
    _change(custom, fields)
    with _refusals(fields):
        model_names.save_custom(custom, has_new_secret="api_key" in fields)
    return about_custom(custom)


def _save_alias(alias: Alias, fields: dict[str, Any]) -> dict[str, Any]:
    _change(alias, fields)
    with _refusals(fields):
        model_names.save_alias(alias)
    return about_alias(alias)


def _change(named: Alias | CustomModel, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(named, name, value)


@contextmanager
def _refusals(fields: dict[str, Any]) -> Iterator[None]:
    try:
        yield
    except model_names.NameTaken as problem:
        raise Conflict(str(problem)) from None
    except model_names.WrongPlace as problem:
        raise Invalid.at(["body", *problem.path], problem.message, value=value_at(fields, problem.path)) from None
