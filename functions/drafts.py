"""What somebody works on: a definition that is kept between two presses of a button, and how it differs.

A draft is one person's. It begins at a revision, and is saved as the next one if nobody has saved meanwhile.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from functions import revising
from functions.examples.dataset import Fit
from functions.merging import is_same
from functions.models import DatasetExample, Draft, Function, Revision
from functions.models.function import FIELDS
from opperweb.accounts.models import User

MOST_LOOKED_AT = 500
# The name of a part: a field of the definition, or ("configuration", key).
Part = tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """A function as one person sees it who edits it: the newest revision, and the draft made from some revision."""

    function: Function
    newest: Revision
    base: Revision
    definition: dict[str, Any]
    note: str = ""
    is_draft: bool = False

    @property
    def changes(self) -> list[Part]:
        return changes(definition_of(self.base), self.definition)

    @property
    def is_overtaken(self) -> bool:
        """Tell whether somebody saved another definition since this work began."""
        return self.base.pk != self.newest.pk


@dataclass(frozen=True)
class Misfits:
    """How many of the newest examples fit the newest revision, and will no longer fit."""

    count: int = 0
    looked_at: int = 0
    is_all: bool = True


def definition_of(revision: Revision) -> dict[str, Any]:
    """Return the five fields of a revision."""
    return {name: getattr(revision, name) for name in FIELDS}


def newest_of(function: Function) -> Revision:
    """Return the newest revision, or an empty one with the number 0."""
    newest = function.revisions.order_by("-number").first()
    return newest or Revision(function=function, number=0, **revising.EMPTY)


def work_of(function: Function, author: User, *, base_id: str = "") -> Work:
    """Return the person's draft; without one the revision of `base_id`, or the newest."""
    newest = newest_of(function)
    draft = Draft.objects.select_related("base").filter(function=function, author=author).first()
    if draft is None:
        base = _named(function, base_id) or newest
        return Work(function, newest, base, definition_of(base))
    return Work(
        function, newest, draft.base or newest, {**revising.EMPTY, **draft.definition}, draft.note, is_draft=True
    )


def keep(work: Work, author: User, definition: Mapping[str, Any], note: str) -> Work:
    """Keep a draft; one that says nothing new is let go."""
    values = {name: definition[name] for name in FIELDS}
    if not note and is_same(values, definition_of(work.base)):
        discard(work.function, author)
        return Work(work.function, work.newest, work.base, values)
    note = note[:500]
    kept = {
        "definition": values,
        "note": note,
        "base": None if work.base._state.adding else work.base,
        "updated_at": timezone.now(),
    }
    Draft.objects.update_or_create(function=work.function, author=author, defaults=kept)
    return Work(work.function, work.newest, work.base, values, note, is_draft=True)


def discard(function: Function, author: User) -> None:
    Draft.objects.filter(function=function, author=author).delete()


def rebase(work: Work, author: User, definition: Mapping[str, Any], newest: Revision) -> Work:
    """Put a draft, with what others saved meanwhile worked in, onto the newest revision."""
    return keep(Work(work.function, newest, newest, work.definition), author, definition, work.note)


@transaction.atomic
def save(work: Work, author: User) -> Revision:
    """Make the draft the newest revision, and return it. Raises what `revising.save` raises."""
    base = None if work.base._state.adding else work.base
    revision = revising.save(
        work.function,
        sent(definition_of(work.base), work.definition),
        author=revising.Author(user=author),
        base=base,
        note=work.note.strip(),
    )
    discard(work.function, author)
    return revision


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Part]:
    """Return the parts in which two definitions differ; each setting is a part of its own."""
    found: list[Part] = [
        (name,) for name in FIELDS if name != "configuration" and not is_same(before[name], after[name])
    ]
    old, new = before["configuration"] or {}, after["configuration"] or {}
    for key in dict.fromkeys([*old, *new]):
        if (key in old) != (key in new) or not is_same(old.get(key), new.get(key)):
            found.append(("configuration", key))
    return found


def sent(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is changed of a definition as `revising.save` takes it: a key of null goes out of a configuration."""
    found = {part[0]: after[part[0]] for part in changes(before, after)}
    if "configuration" in found:
        found["configuration"] = {**dict.fromkeys(before["configuration"] or {}), **found["configuration"]}
    return found


def misfits(work: Work) -> Misfits:
    """Count the examples that a draft's schemas would leave behind."""
    before = definition_of(work.base)
    if all(is_same(before[name], work.definition[name]) for name in revising.SCHEMAS):
        return Misfits()
    fit = Fit(Revision(**{name: work.definition[name] for name in revising.SCHEMAS}))
    rows = DatasetExample.objects.filter(function=work.function, misfit="").order_by("-created_at", "-key")
    found = list(rows.only("input", "output", "expected")[: MOST_LOOKED_AT + 1])
    looked_at = found[:MOST_LOOKED_AT]
    count = sum(1 for row in looked_at if fit.misfit_of(row))
    return Misfits(count, len(looked_at), len(found) <= MOST_LOOKED_AT)


def _named(function: Function, base_id: str) -> Revision | None:
    try:
        return function.revisions.filter(pk=uuid.UUID(base_id)).first()
    except ValueError:
        return None
