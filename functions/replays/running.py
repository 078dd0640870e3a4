"""Try a definition on inputs that another one was asked before: begin it, cancel it, keep what it showed to be better.

Each side that is run is a batch of its own, with what a batch has: its jobs outlive a killed worker, it can be
cancelled, and its calls are spans. They bear the origin `replay` and the tag `replay`, so that no figure of what
callers asked counts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from functions import batches, drafts, revising
from functions.models import Draft, Replay, ReplayItem, Revision
from functions.models.function import FIELDS, digest_of
from functions.trials.inputs import Estimate, Found, Input, Plan
from functions.trials.running import begin, checked_inputs
from opperweb.accounts.models import User
from traces.models import Origin

ROWS_AT_ONCE = 500


@transaction.atomic
def create(plan: Plan, found: Found, foretold: Estimate, *, user: User | None = None) -> Replay:
    """Keep a replay and have workers begin it. Raises what `checked_inputs` raises."""
    inputs = checked_inputs(plan, found)
    replay = Replay.objects.create(
        project=plan.function.project,
        function=plan.function,
        source=plan.source,
        filter=plan.only.text[:1000] if plan.source == Replay.Source.RECENT else "",
        before_revision=plan.before,
        before_definition=drafts.definition_of(plan.before) if plan.before is not None else {},
        after_revision=plan.after_revision,
        after_definition={name: plan.after[name] for name in FIELDS},
        is_draft=plan.is_draft,
        total_count=len(inputs),
        estimated_usd=foretold.cost_usd,
        created_by=user,
    )
    _add_items(replay, inputs)
    if plan.tried_before is not None:
        replay.before_batch = begin(plan, plan.tried_before, inputs, origin=Origin.REPLAY, key=replay.pk)
    replay.after_batch = begin(plan, plan.tried_after, inputs, origin=Origin.REPLAY, key=replay.pk)
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


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return digest_of({**revising.EMPTY, **one}) == digest_of({**revising.EMPTY, **other})


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
