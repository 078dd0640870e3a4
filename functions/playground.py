"""Try a task on a page: up to four variants of a definition are asked one input, each as a call that is recorded.

What was asked is kept before anything is asked, so that the address of a run shows the same to everybody. Each variant
is asked once: by the page that began the run, streamed or whole.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction

from functions import calls, definitions, drafts, opening, revising
from functions.completions.catalogue import catalogue_of
from functions.definitions import FunctionNotFound
from functions.merging import is_same
from functions.models import Draft, Function, PlaygroundRun, PlaygroundVariant, Revision
from functions.models.function import FIELDS
from functions.opening import Asked, Begun, InvalidInput
from functions.prompts.media import InvalidMedia
from functions.providers import UnknownModel
from functions.schemas.validator import InvalidSchema
from functions.task import TaskError
from opperweb.accounts.models import Project, User
from opperweb.database import db
from traces.models import Origin
from traces.preview import preview

logger = logging.getLogger(__name__)

MOST_VARIANTS = 4
TAGS = {"env": "playground"}
# What calls are recorded under whose definition was typed in.
NAME = "playground"
STOPPED = "Stopped before it was asked"
REFUSALS = (TaskError, UnknownModel, InvalidSchema, InvalidMedia, InvalidInput, FunctionNotFound)


class NoSuchBasis(Exception):
    """The function has no such revision, or the person no draft of it."""


@dataclass(frozen=True)
class Variant:
    """What was chosen for one variant: what it begins with, and what stands in the place of parts of that."""

    # None with `is_draft`, and where the definition is typed in.
    revision: int | None = None
    is_draft: bool = False
    # Empty: the definition's own.
    model: str = ""
    # Of all its models; null takes one away.
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what is kept of it."""
        return {
            "revision": self.revision,
            "is_draft": self.is_draft,
            "model": self.model,
            "options": dict(self.options),
            "settings": dict(self.settings),
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Variant:
        """Read what `as_dict` gave."""
        return cls(**{name: kept[name] for name in cls.__dataclass_fields__ if name in kept})


@dataclass(frozen=True)
class Basis:
    """What a variant begins with: the values of a definition, and the revision that they come from."""

    function: Function
    revision: Revision
    values: Mapping[str, Any]

    def changed(self, variant: Variant) -> Chosen:
        """Return the definition with what was chosen in its place."""
        model = model_of(self.values["model"], variant.model, variant.options)
        configuration = {**(self.values["configuration"] or {}), **variant.settings}
        values = {**self.values, "model": model, "configuration": configuration}
        is_draft = self.revision._state.adding or not is_same(values, drafts.definition_of(self.revision))
        return Chosen(self.revision, values, is_draft)


@dataclass(frozen=True)
class Chosen:
    """The definition of one variant. `is_draft`: it is not that of the revision."""

    revision: Revision
    values: dict[str, Any]
    is_draft: bool


def of_revision(function: Function, number: int) -> Basis:
    """Begin with a revision. Raises NoSuchBasis."""
    revision = function.revisions.filter(number=number).first()
    if revision is None:
        raise NoSuchBasis(str(number))
    return Basis(function, revision, drafts.definition_of(revision))


def of_draft(function: Function, user: User) -> Basis:
    """Begin with what somebody works on. Raises NoSuchBasis."""
    draft = Draft.objects.select_related("base").filter(function=function, author=user).first()
    if draft is None:
        raise NoSuchBasis("draft")
    base = draft.base or drafts.newest_of(function)
    return Basis(function, base, {**revising.EMPTY, **draft.definition})


def typed(project: Project, values: Mapping[str, Any]) -> Basis:
    """Begin with a definition that is typed in; its function and its revision are in no table."""
    function = Function(project=project, name=NAME, observer_enabled=False)
    return Basis(function, Revision(function=function, number=0), {**revising.EMPTY, **values})


def model_of(stored: Any, name: str, options: Mapping[str, Any]) -> Any:
    """Return `model` of a definition with another model, or other options, in the form it was stored in."""
    entries = list(stored) if isinstance(stored, list) else [stored] if stored is not None else []
    if name:
        # One that the definition names keeps what it is asked with there.
        chosen = [next((entry for entry in entries if _name(entry) == name), name)]
    else:
        chosen = entries or ([settings.DEFAULT_MODEL] if options else [])
    changed = [_with_options(entry, options) for entry in chosen]
    if is_same(changed, entries):
        return stored
    return changed if len(changed) > 1 else changed[0]


def _name(entry: Any) -> str:
    return str(entry.get("name") or "") if isinstance(entry, dict) else str(entry)


def _with_options(entry: Any, options: Mapping[str, Any]) -> Any:
    if not options:
        return entry
    kept = dict(entry) if isinstance(entry, dict) else {"name": entry}
    stored = kept.get("options")
    return {**kept, "options": revising.merged(stored if isinstance(stored, dict) else {}, options)}


def check(project: Project, chosen: Chosen) -> None:
    """Raise what `revising.check` raises for a definition that cannot be asked."""
    revising.check(chosen.values, catalogue_of(project))


# --- a run ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def create(
    project: Project, user: User, basis: Basis, given: Any, variants: Sequence[tuple[Variant, Chosen]]
) -> PlaygroundRun:
    """Keep what is about to be asked; `basis` is that of the first variant."""
    is_kept = not basis.function._state.adding
    run = PlaygroundRun.objects.create(
        project=project,
        function=basis.function if is_kept else None,
        created_by=user,
        input=given,
        input_preview=preview(given),
    )
    PlaygroundVariant.objects.bulk_create(
        PlaygroundVariant(
            run=run,
            number=number,
            choice=variant.as_dict(),
            definition={name: chosen.values[name] for name in FIELDS},
            revision=None if chosen.revision._state.adding else chosen.revision,
            is_draft=chosen.is_draft,
        )
        for number, (variant, chosen) in enumerate(variants[:MOST_VARIANTS])
    )
    return run


async def answer_all(run_id: uuid.UUID) -> None:
    """Ask all variants of a run at the same time; one that fails does not take the others with it."""
    waiting = PlaygroundVariant.objects.filter(run=run_id, is_begun=False).values_list("pk", flat=True)
    await asyncio.gather(*(_answer(key) for key in await db(list, waiting)))


async def _answer(key: int) -> None:
    claimed = await db(claim, key)
    if claimed is None:
        return
    project, asked = claimed
    try:
        begun = await opening.start(project, asked, at_once=True)
        await asyncio.gather(calls.run(begun), db(_keep_span, key, begun.span_id))
    except Exception as problem:
        if not isinstance(problem, REFUSALS):
            logger.exception("a variant of the playground failed")
        await db(refuse, key, words_of(problem))


async def stream(key: int) -> tuple[Begun, calls.Pieces] | None:
    """Begin to answer one variant, piece by piece; None where that is done already. Raises REFUSALS."""
    claimed = await db(claim, key)
    if claimed is None:
        return None
    project, asked = claimed
    try:
        begun, pieces = await calls.stream(project, asked)
    except asyncio.CancelledError:
        await asyncio.shield(db(refuse, key, STOPPED))
        raise
    except Exception as problem:
        await db(refuse, key, words_of(problem))
        raise
    try:
        await db(_keep_span, key, begun.span_id)
    except BaseException:
        await pieces.aclose()
        raise
    return begun, pieces


def claim(key: int) -> tuple[Project, Asked] | None:
    """Take a variant that nobody has begun, and return what it asks."""
    if not PlaygroundVariant.objects.filter(pk=key, is_begun=False).update(is_begun=True):
        return None
    related = ("run__project", "run__function__project", "revision")
    return _asked(PlaygroundVariant.objects.select_related(*related).get(pk=key))


def _asked(variant: PlaygroundVariant) -> tuple[Project, Asked]:
    run, revision = variant.run, variant.revision
    function, is_draft = run.function, variant.is_draft
    if function is None or revision is None:
        basis = typed(run.project, {})
        function, revision, is_draft = basis.function, basis.revision, True
    definition = definitions.made_of(function, revision, variant.definition, is_draft=is_draft)
    return run.project, Asked(input=run.input, chosen=definition, origin=Origin.PLAYGROUND, tags=TAGS)


def refuse(key: int, words: str) -> None:
    """Keep why a variant was not asked."""
    PlaygroundVariant.objects.filter(pk=key).update(error=words[:500])


def words_of(problem: Exception) -> str:
    """Return why a variant was not asked, in words."""
    if isinstance(problem, InvalidInput):
        return "; ".join(each.sentence for each in problem.problems[:3])
    if isinstance(problem, FunctionNotFound):
        return "The function was deleted meanwhile"
    return str(problem) if isinstance(problem, REFUSALS) else "The server failed; what happened is in its log"


def _keep_span(key: int, span_id: uuid.UUID) -> None:
    PlaygroundVariant.objects.filter(pk=key).update(span_id=span_id)
