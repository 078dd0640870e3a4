"""Find or make the function and the revision that a call is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from functions.models import Function, Revision
from functions.models.function import digest_of
from opperweb.accounts.models import ApiKey, Project, look_keys_up_anew

FIELDS = ("instructions", "input_schema", "output_schema", "model", "configuration")
# The vendor ignores the count that a call sends: the SDK sends its default whenever any other key is set.
FEW_SHOT_COUNT = "invocation.few_shot.count"


@dataclass(frozen=True)
class Definition:
    """What a call asks for: the stored definition with what the call sent in place of it."""

    function: Function
    revision: Revision
    instructions: str
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    model: Any
    configuration: dict[str, Any]


_known: dict[tuple[int, int, str, str], Definition] = {}
_lock = Lock()
MOST_KNOWN = 5_000


def known(project: Project, name: str, sent: Mapping[str, Any]) -> Definition | None:
    """Return the definition of a call by name from memory, if an equal call was here since the last change."""
    return _known.get(place_of(project, name, sent))


def forget() -> None:
    """Read every definition anew."""
    _known.clear()


def place_of(project: Project, name: str, sent: Mapping[str, Any]) -> tuple[int, int, str, str]:
    """Return what tells two calls by name apart, as their definitions go."""
    return (project.pk, project.definitions_version, name, digest_of(dict(sent)))


def changed(project: Project) -> None:
    """Tell every process that a function or its newest revision is no longer what it was."""
    Project.objects.filter(pk=project.pk).update(definitions_version=F("definitions_version") + 1)
    look_keys_up_anew()


def remember(project: Project, name: str, sent: Mapping[str, Any], definition: Definition) -> None:
    """Keep a definition in memory; only when what was read for it is in the database for good."""
    with _lock:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[place_of(project, name, sent)] = definition


def for_call(project: Project, name: str, sent: Mapping[str, Any], *, api_key: ApiKey | None = None) -> Definition:
    """Return the definition of a call by name; must run in a transaction.

    A function that calls made gets a revision for each definition they bring; one that is managed on the server is
    only overridden for this call (contract section 13).
    """
    function = _function(project, name)
    newest = function.revisions.order_by("-number").first()
    values = _merged(newest, sent)
    revision = newest
    if newest is None or (function.origin == Function.Origin.CALL and digest_of(values) != newest.digest):
        revision = _revision(function, values, api_key)
    assert revision is not None
    return Definition(function, revision, **values)


def _function(project: Project, name: str) -> Function:
    function = Function.objects.filter(project=project, name=name).first()
    if function is not None:
        return function
    try:
        with transaction.atomic():
            return Function.objects.create(project=project, name=name)
    except IntegrityError:
        # Two first calls came at once, and the other one was faster.
        return Function.objects.get(project=project, name=name)


def _merged(newest: Revision | None, sent: Mapping[str, Any]) -> dict[str, Any]:
    stored = {name: getattr(newest, name) for name in FIELDS} if newest is not None else {}
    values = {name: sent[name] if sent.get(name) is not None else stored.get(name) for name in FIELDS}
    configuration = {**(stored.get("configuration") or {}), **(sent.get("configuration") or {})}
    kept = (stored.get("configuration") or {}).get(FEW_SHOT_COUNT)
    if kept is None:
        configuration.pop(FEW_SHOT_COUNT, None)
    else:
        configuration[FEW_SHOT_COUNT] = kept
    return {**values, "instructions": values["instructions"] or "", "configuration": configuration}


def _revision(function: Function, values: Mapping[str, Any], api_key: ApiKey | None) -> Revision:
    """Return the function's revision of this definition, an earlier equal one or a new one."""
    # The lock gives numbers in order; two deployments that call in turn share two revisions.
    Function.objects.select_for_update().get(pk=function.pk)
    digest = digest_of(dict(values))
    equal = function.revisions.filter(digest=digest).order_by("-number").first()
    if equal is not None:
        return equal
    last = function.revisions.order_by("-number").values_list("number", flat=True).first() or 0
    changed(function.project)
    return Revision.objects.create(function=function, number=last + 1, digest=digest, api_key=api_key, **values)
