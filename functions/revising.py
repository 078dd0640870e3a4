"""The one door by which functions and their definitions change, whoever changes them.

A revision never changes; each change of a definition is a new one, in the order in which they were saved: whoever saves
holds the function's row. Who saves says which revision the change was made to, and is told when that is no longer the
newest.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction

from functions.completions.candidates import candidates_for
from functions.completions.catalogue import Catalogue, catalogue_of
from functions.examples import dataset
from functions.few_shot import embedding
from functions.models import Function, Revision
from functions.models.function import FIELDS, definitions_changed, digest_of
from functions.providers import UnknownModel
from functions.schemas.validator import InvalidSchema, check_schema
from functions.task import Configuration, InvalidConfiguration, Task, choices_of
from opperweb.accounts.models import ApiKey, Project, User
from opperweb.api.fields import CONTROL

SCHEMAS = ("input_schema", "output_schema")
# Of the function itself; the rest of what can be changed is its definition.
OWN_FIELDS = ("name", "description", "observer_enabled")
LONGEST_NAME = 255
MOST_TRIES = 20
EMBEDDING_MODEL = "invocation.few_shot.embedding_model"
EMPTY: dict[str, Any] = {
    "instructions": "",
    "input_schema": None,
    "output_schema": None,
    "model": None,
    "configuration": {},
}


class NameTaken(Exception):
    """Another function of the project has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a function named {name} already")


class InvalidName(Exception):
    """No function can have this name; the message says what it must be."""


class Overtaken(Exception):
    """Somebody else has saved a revision since the one that this change was made to."""

    def __init__(self, newest: Revision) -> None:
        super().__init__(f"Revision {newest.number} was saved meanwhile")
        self.newest = newest


@dataclass(frozen=True)
class Author:
    """Who makes a change: a person, or a program with a key."""

    user: User | None = None
    api_key: ApiKey | None = None


NOBODY = Author()


def check_name(name: str) -> None:
    """Raise InvalidName for what no function can be named, whoever names it: an API, a page, the admin or a call."""
    if not name.strip():
        raise InvalidName("must not be blank")
    if len(name) > LONGEST_NAME:
        raise InvalidName(f"must have at most {LONGEST_NAME} characters, and has {len(name)}")
    if CONTROL.search(name):
        raise InvalidName("must not contain control characters")
    # It is a part of addresses, and browsers and clients take `.` and `..` out of those.
    if {".", ".."} & set(name.split("/")):
        raise InvalidName("must not have . or .. between its slashes")


def check(values: Mapping[str, Any], catalogue: Catalogue) -> None:
    """Raise for a schema, a model or a configuration that makes no sense, before anything is made for it.

    Raises InvalidSchema, InvalidModel, InvalidConfiguration and UnknownModel.
    """
    for name in SCHEMAS:
        if values.get(name) is not None:
            try:
                check_schema(values[name])
            except InvalidSchema as problem:
                raise InvalidSchema((name, *problem.path), problem.message) from None
    candidates_for(Task("", choices=choices_of(values.get("model"))), catalogue, settings.DEFAULT_MODEL)
    _check_embedding(Configuration.from_dict(values.get("configuration") or {}).embedding_model, catalogue)


def _check_embedding(model: str, catalogue: Catalogue) -> None:
    if not model:
        return
    try:
        provider, _ = catalogue.resolve(model)
    except UnknownModel as problem:
        raise InvalidConfiguration((EMBEDDING_MODEL,), f"{EMBEDDING_MODEL}: {problem}") from None
    if provider.kind == "anthropic":
        raise InvalidConfiguration((EMBEDDING_MODEL,), f"{EMBEDDING_MODEL}: {provider.name} makes no embeddings")


@transaction.atomic
def create(
    project: Project,
    name: str,
    values: Mapping[str, Any],
    *,
    author: Author = NOBODY,
    description: str = "",
    observer_enabled: bool = True,
    note: str = "",
) -> Function:
    """Make a function that is managed on the server, with its first revision.

    Raises InvalidName, NameTaken and what `check` raises.
    """
    check_name(name)
    check(values, catalogue_of(project))
    try:
        with transaction.atomic():
            function = Function.objects.create(
                project=project,
                name=name,
                description=description,
                observer_enabled=observer_enabled,
                origin=Function.Origin.MANAGED,
            )
    except IntegrityError:
        raise NameTaken(name) from None
    _add(function, {**EMPTY, **values}, author=author, note=note)
    return function


@transaction.atomic
def save(
    function: Function,
    changes: Mapping[str, Any],
    *,
    author: Author = NOBODY,
    base: Revision | None = None,
    note: str = "",
) -> Revision:
    """Change a function, any of OWN_FIELDS and FIELDS, and return its newest revision: a new one if anything changed.

    `configuration` is merged key by key; a key of null goes, and a null in place of all empties it. With a `base`,
    raises Overtaken if that is not the newest and the definition is changed. Raises InvalidName, NameTaken, what
    `check` raises, and Function.DoesNotExist where it was deleted meanwhile.
    """
    held = hold(function)
    if changes.get("name", held.name) != held.name:
        check_name(changes["name"])
    newest = held.revisions.order_by("-number").first()
    stored = {name: getattr(newest, name) for name in FIELDS} if newest is not None else EMPTY
    values = {name: changes.get(name, stored[name]) for name in FIELDS}
    if "configuration" in changes:
        values["configuration"] = _changed_configuration(stored["configuration"], changes["configuration"])
    is_changed = newest is None or digest_of(values) != newest.digest
    if is_changed and base is not None and newest is not None and base.pk != newest.pk:
        raise Overtaken(newest)
    if is_changed:
        check(values, catalogue_of(held.project))
    told = _change(held, {name: changes[name] for name in OWN_FIELDS if name in changes})
    if newest is not None and not is_changed and not told:
        return newest
    revision = _add(held, values, author=author, note=note or told, before=newest)
    for name in OWN_FIELDS:
        setattr(function, name, getattr(held, name))
    return revision


def merged(stored: Mapping[str, Any] | None, sent: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a configuration with the keys that were sent in place of its own; those that are null are left out."""
    return {key: value for key, value in {**(stored or {}), **(sent or {})}.items() if value is not None}


@transaction.atomic
def restore(function: Function, revision: Revision, *, author: Author = NOBODY, note: str = "") -> Revision:
    """Make a new revision from an old one and return it; the newest itself is returned as it is."""
    held = hold(function)
    newest = held.revisions.order_by("-number").first()
    if newest is not None and newest.digest == revision.digest:
        return newest
    values = {name: getattr(revision, name) for name in FIELDS}
    return _add(held, values, author=author, note=note or f"Restored revision {revision.number}", before=newest)


def delete(function: Function) -> None:
    """Remove a function with its revisions and examples; its name is free, its spans keep what they hold."""
    for left in reversed(range(MOST_TRIES)):
        try:
            return _delete(function)
        except OperationalError:
            if connection.vendor != "postgresql" or not left:
                raise
            # Calls that are written at this moment hold a part of it. They may not be the ones that give way.
            time.sleep(random.uniform(0.01, 0.1))


@transaction.atomic
def _delete(function: Function) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # Before the second after which PostgreSQL looks for whom to end.
            cursor.execute("SET LOCAL lock_timeout = '300ms'")
    # Held against references too: a call that is written from now on waits, and is kept without its function.
    list(Revision.objects.select_for_update().filter(function=function).values_list("pk"))
    held = Function.objects.select_for_update().filter(pk=function.pk).first()
    if held is not None:
        held.delete()
        definitions_changed(function.project)


def hold(function: Function) -> Function:
    """Return the function as it stands, held until the end of the transaction; calls are written to it meanwhile.

    Raises Function.DoesNotExist where it was deleted.
    """
    held = Function.objects.select_for_update(no_key=True, of=("self",)).select_related("project")
    return held.get(pk=function.pk)


def revision_for(function: Function, values: Mapping[str, Any], *, api_key: ApiKey | None = None) -> Revision:
    """Return the revision of this definition, an earlier equal one or a new one, of a function that is held."""
    # Two deployments that call in turn share two revisions.
    equal = function.revisions.filter(digest=digest_of(dict(values))).order_by("-number").first()
    if equal is not None:
        return equal
    newest = function.revisions.order_by("-number").first()
    note = "Created by first call" if newest is None else ""
    return _add(function, values, author=Author(api_key=api_key), note=note, before=newest)


def _changed_configuration(stored: Mapping[str, Any] | None, sent: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if sent is None else merged(stored, sent)


def _change(function: Function, changes: Mapping[str, Any]) -> str:
    """Change what belongs to the function itself, and say in words what that was."""
    changed = {name: value for name, value in changes.items() if getattr(function, name) != value}
    if not changed:
        return ""
    for name, value in changed.items():
        setattr(function, name, value)
    try:
        with transaction.atomic():
            function.save(update_fields=[*changed])
    except IntegrityError:
        raise NameTaken(function.name) from None
    words = {
        "name": f"Renamed to {function.name}",
        "description": "Description changed",
        "observer_enabled": f"Evaluation {'on' if function.observer_enabled else 'off'}",
    }
    return ", ".join(words[name] for name in changed)[:500]


def _add(
    function: Function,
    values: Mapping[str, Any],
    *,
    author: Author,
    note: str = "",
    before: Revision | None = None,
) -> Revision:
    """Add a revision to a function whose row is held."""
    revision = Revision.objects.create(
        function=function,
        number=(before.number if before is not None else 0) + 1,
        digest=digest_of(dict(values)),
        created_by=author.user,
        api_key=author.api_key,
        note=note[:500],
        **{name: values[name] for name in FIELDS},
    )
    if before is not None and any(getattr(before, name) != values[name] for name in SCHEMAS):
        dataset.look_over(function, revision)
    definitions_changed(function.project)
    # Another model may be named now, whose vectors are still to be made.
    embedding.embed_later(function)
    return revision
