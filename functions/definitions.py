"""Find the definition that a call has: in memory, by the name of its function, or by the id of it and of a revision."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

from django.db import IntegrityError, transaction

from functions import revising
from functions.evaluations.policy import policy_of
from functions.models import DatasetExample, Function, Revision
from functions.models.function import FIELDS, digest_of
from functions.task import Configuration
from opperweb.accounts.models import ApiKey, Project

# The vendor ignores the count that a call sends: the SDK sends its default whenever any other key is set.
FEW_SHOT_COUNT = "invocation.few_shot.count"
MOST_KNOWN = 5_000


class FunctionNotFound(Exception):
    """No function of this project has the id that was named."""


class RevisionNotFound(Exception):
    """The function has no revision of the id that was named."""


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
    # Whether examples are kept that its prompts should show.
    has_examples: bool = False
    # Not the revision's own, so that nothing of it counts as the revision's.
    is_draft: bool = False
    # Whether its completions get an evaluation.
    is_judged: bool = False

    @property
    def links(self) -> dict[str, Any]:
        """What a completion is linked to; a function that is made up for a call is in no table."""
        is_kept = not self.function._state.adding
        return {"function": self.function, "revision": self.revision} if is_kept else {}


class Called(Protocol):
    """What a call says of its definition."""

    @property
    def name(self) -> str: ...
    @property
    def definition(self) -> Mapping[str, Any] | None: ...
    @property
    def function_id(self) -> uuid.UUID | None: ...
    @property
    def revision_id(self) -> uuid.UUID | None: ...


# Project, version of its definitions, function, and what was sent or the revision.
Place = tuple[int, int, str, str]

_known: dict[Place, Definition] = {}
_lock = Lock()


def known(project: Project, called: Called) -> Definition | None:
    """Return the definition of a call from memory, if an equal call was here since the last change."""
    return _known.get(place_of(project, called))


def forget() -> None:
    """Read every definition anew."""
    _known.clear()


def place_of(project: Project, called: Called) -> Place:
    """Return what tells two calls apart, as their definitions go."""
    if called.function_id is not None:
        return (project.pk, project.definitions_version, str(called.function_id), str(called.revision_id or ""))
    return (project.pk, project.definitions_version, f"name {called.name}", digest_of(dict(called.definition or {})))


def remember(place: Place, definition: Definition) -> None:
    """Keep a definition in memory; only when what was read for it is in the database for good."""
    with _lock:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[place] = definition


def of_function(project: Project, function_id: uuid.UUID, revision_id: uuid.UUID | None = None) -> Definition:
    """Return the stored definition of a function, the newest or that of a revision.

    Raises FunctionNotFound and RevisionNotFound.
    """
    function = Function.objects.select_related("project").filter(project=project, pk=function_id).first()
    if function is None:
        raise FunctionNotFound(str(function_id))
    revisions = function.revisions.order_by("-number")
    revision = (revisions.filter(pk=revision_id) if revision_id is not None else revisions).first()
    if revision is None:
        raise RevisionNotFound(str(revision_id))
    return of_revision(function, revision)


def of_revision(function: Function, revision: Revision) -> Definition:
    """Return the definition of a revision as it is stored."""
    return made_of(function, revision, {name: getattr(revision, name) for name in FIELDS})


def made_of(function: Function, revision: Revision, values: Mapping[str, Any], *, is_draft: bool = False) -> Definition:
    """Return a definition of these values, all of FIELDS, beside the revision that it comes from."""
    wanted = Configuration.from_dict(values["configuration"]).few_shot_count
    has_examples = wanted > 0 and DatasetExample.objects.filter(function=function, misfit="").exists()
    return Definition(
        function,
        revision,
        **{name: values[name] for name in FIELDS},
        has_examples=has_examples,
        is_draft=is_draft,
        is_judged=policy_of(function).wants_rows,
    )


def for_call(project: Project, name: str, sent: Mapping[str, Any], *, api_key: ApiKey | None = None) -> Definition:
    """Return the definition of a call by name; must run in a transaction.

    A function that calls made gets a revision for each definition they bring; one that is managed on the server is
    only overridden for this call (contract section 13).
    """
    try:
        return _of_named(project, name, sent, api_key=api_key)
    except Function.DoesNotExist:
        # Deleted at this moment: the call makes it anew, as one a moment later would.
        return _of_named(project, name, sent, api_key=api_key)


def _of_named(project: Project, name: str, sent: Mapping[str, Any], *, api_key: ApiKey | None) -> Definition:
    function = _function(project, name)
    newest = function.revisions.order_by("-number").first()
    values = _merged(newest, sent)
    if newest is not None and (function.origin == Function.Origin.MANAGED or digest_of(values) == newest.digest):
        return made_of(function, newest, values)
    # Held, it is read again: what somebody saved in between is not undone by a call that sends a part.
    revising.hold(function)
    values = _merged(function.revisions.order_by("-number").first(), sent)
    return made_of(function, revising.revision_for(function, values, api_key=api_key), values)


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
