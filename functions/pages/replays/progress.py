"""How far a replay is: the progress of its one batch, or of both together where both sides are run."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal

from functions.models import Batch, Replay
from functions.pages.batches import progress as batch_progress
from functions.pages.batches.progress import Progress

State = Batch.State


def progress_of(replay: Replay, now: datetime) -> Progress:
    """Return how far a replay is, in two queries for each side that is run."""
    batches = [batch for batch in (replay.before_batch, replay.after_batch) if batch is not None]
    each = [batch_progress.progress_of(batch, now) for batch in batches]
    counts: Counter[str] = Counter()
    for progress in each:
        counts.update(progress.counts)
    return Progress(_together(replay, batches), counts, [end for progress in each for end in progress.ends], now)


def _together(replay: Replay, batches: list[Batch]) -> Batch:
    """Return both batches as one that is not kept."""
    costs = [batch.cost_usd for batch in batches if batch.cost_usd is not None]
    starts = [batch.started_at for batch in batches if batch.started_at is not None]
    ends = [batch.ended_at for batch in batches if batch.ended_at is not None]
    is_over = len(ends) == len(batches)
    return Batch(
        project=replay.project,
        total_count=sum(batch.total_count for batch in batches),
        cost_usd=sum(costs, Decimal(0)) if costs else None,
        unpriced_count=sum(batch.unpriced_count for batch in batches),
        started_at=min(starts, default=None),
        # Of batches that were deleted nothing more will come.
        ended_at=max(ends, default=replay.created_at) if is_over else None,
        state=_state(batches),
    )


def _state(batches: list[Batch]) -> str:
    open_states = [batch.state for batch in batches if batch.ended_at is None]
    for state in (State.RUNNING, State.QUEUED, State.PAUSED, State.CANCELLED):
        if state in open_states:
            return state
    return State.CANCELLED if any(batch.state == State.CANCELLED for batch in batches) else State.DONE
