"""Try a definition on inputs that another one was asked before: begin it, cancel it, keep what it showed to be better.

Each side that is run is a batch of its own, with what a batch has: its jobs outlive a killed worker, it can be
cancelled, and its calls are spans. They bear the origin `replay` and the tag `replay`, so that no figure of what
callers asked counts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from functions import batches, definitions, revising
from functions.completions.catalogue import catalogue_of
from functions.models import Batch, Draft, Replay, ReplayItem, Revision
from functions.models.function import FIELDS, digest_of
from functions.opening import Asked
from functions.replay_inputs import Estimate, Found, Input, Plan, inputs_of
from opperweb.accounts.models import User
from traces.models import Origin

CACHE = "invocation.cache.ttl"
ROWS_AT_ONCE = 500


class NothingToRun(Exception):
    """No input is there for what was asked."""


@transaction.atomic
def create(plan: Plan, found: Found, foretold: Estimate, *, user: User | None = None) -> Replay:
    """Keep a replay and have workers begin it.

    Raises NothingToRun, and what `revising.check` raises for a definition that makes no sense.
    """
    project = plan.function.project
    catalogue = catalogue_of(project)
    revising.check(plan.after, catalogue)
    before = fields_of(plan.before) if plan.before is not None else {}
    if plan.runs_before:
        revising.check(before, catalogue)
    inputs = list(inputs_of(plan, found))
    if not inputs:
        raise NothingToRun
    replay = Replay.objects.create(
        project=project,
        function=plan.function,
        source=plan.source,
        filter=plan.only.text[:1000] if plan.source == Replay.Source.RECENT else "",
        before_revision=plan.before,
        before_definition=before,
        after_revision=plan.after_revision,
        after_definition={name: plan.after[name] for name in FIELDS},
        is_draft=plan.is_draft,
        total_count=len(inputs),
        estimated_usd=foretold.cost_usd,
        created_by=user,
    )
    _add_items(replay, inputs)
    if plan.runs_before and plan.before is not None:
        replay.before_batch = _begin(plan, replay, plan.before, before, inputs, is_draft=False)
    replay.after_batch = _begin(plan, replay, plan.after_revision, plan.after, inputs, is_draft=plan.is_draft)
    replay.save(update_fields=["before_batch", "after_batch"])
    return replay


@transaction.atomic
def cancel(replay: Replay) -> int:
    """Send no more inputs, of either side; return how many were not sent. What is done is kept."""
    return sum(batches.cancel(batch) for batch in (replay.before_batch, replay.after_batch) if batch is not None)


@transaction.atomic
def save(replay: Replay, user: User) -> Revision:
    """Make the draft that was tried the newest revision of its function, as it was tried; return it.

    Raises Overtaken where somebody saved another one since, and what else `revising.save` raises.
    """
    base, tried = replay.after_revision, replay.after_definition
    draft = Draft.objects.filter(function=replay.function, author=user).first()
    is_as_tried = draft is not None and _is_same(draft.definition, tried)
    newest = replay.function.revisions.order_by("-number").first()
    if newest is not None and newest.digest == digest_of(tried):
        return newest
    # A key of null goes: what the draft no longer has.
    configuration = {**dict.fromkeys(base.configuration if base is not None else {}), **tried["configuration"]}
    revision = revising.save(
        replay.function,
        {**tried, "configuration": configuration},
        author=revising.Author(user=user),
        base=base,
        note=draft.note if draft is not None and is_as_tried else "",
    )
    if draft is not None and is_as_tried:
        draft.delete()
    return revision


@transaction.atomic
def restore(replay: Replay, user: User) -> Revision | None:
    """Make the revision that was tried the newest one again; None where it is there no longer."""
    if replay.after_revision is None:
        return None
    return revising.restore(replay.function, replay.after_revision, author=revising.Author(user=user))


def fields_of(revision: Revision) -> dict[str, Any]:
    """Return the five fields of a revision."""
    return {name: getattr(revision, name) for name in FIELDS}


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return digest_of({**revising.EMPTY, **one}) == digest_of({**revising.EMPTY, **other})


def _begin(
    plan: Plan,
    replay: Replay,
    revision: Revision,
    values: Mapping[str, Any],
    inputs: Sequence[Input],
    *,
    is_draft: bool,
) -> Batch:
    """Have one side run. A kept answer would say nothing of how long it takes and what it costs: none is used."""
    configuration = {key: value for key, value in values["configuration"].items() if key != CACHE}
    definition = definitions.made_of(
        plan.function, revision, {**values, "configuration": configuration}, is_draft=is_draft
    )
    asked = Asked(tags={"replay": str(replay.pk)}, chosen=definition, origin=Origin.REPLAY)
    return batches.create(replay.project, asked, [each.value for each in inputs], at_once=plan.at_once)


def _add_items(replay: Replay, inputs: Sequence[Input]) -> None:
    items = [
        ReplayItem(
            replay=replay,
            number=number,
            input_preview=each.preview,
            recorded_id=each.span_key,
            example_id=each.example.id if each.example is not None else None,
            expected=each.example.answer if each.example is not None else None,
        )
        for number, each in enumerate(inputs)
    ]
    for start in range(0, len(items), ROWS_AT_ONCE):
        ReplayItem.objects.bulk_create(items[start : start + ROWS_AT_ONCE])
