"""The pairs of a replay as CSV, whole texts and all, read some at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from functions.models import BatchInput, Replay
from functions.replay_pairs import Pair, Side, pairs_of
from opperweb import json
from opperweb.database import db
from traces.models import Span
from traces.pages.usage_table import written

# Inputs and outputs may hold pictures: few of them are in memory at a time.
READ_AT_ONCE = 20
SIDE = ("status", "output", "error", "duration_ms", "cost_usd", "output_tokens", "score", "span_id")
HEAD = (
    "number",
    "verdict",
    "input",
    "expected",
    *(f"before_{name}" for name in SIDE),
    *(f"after_{name}" for name in SIDE),
)


async def lines_of(replay: Replay) -> AsyncIterator[bytes]:
    """Give a line for each pair, in the order of the table."""
    yield written([HEAD]).encode()
    pairs = await db(pairs_of, replay)
    for start in range(0, len(pairs), READ_AT_ONCE):
        yield (await db(_part, replay, pairs[start : start + READ_AT_ONCE])).encode()


def _part(replay: Replay, pairs: Sequence[Pair]) -> str:
    numbers = [pair.number for pair in pairs]
    inputs = BatchInput.objects.filter(item__batch=replay.after_batch_id, item__number__in=numbers)
    texts = dict(inputs.values_list("item__number", "input"))
    ids = [side.span_id for pair in pairs for side in (pair.before, pair.after) if side.span_id is not None]
    outputs = dict(Span.objects.filter(project=replay.project, id__in=ids).values_list("id", "body__output"))
    return written(_line(pair, texts, outputs) for pair in pairs)


def _line(pair: Pair, inputs: dict[int, Any], outputs: dict[UUID, Any]) -> list[Any]:
    given = _text(inputs[pair.number]) if pair.number in inputs else pair.input
    expected = None if pair.example_id is None else _text(pair.expected)
    return [pair.number + 1, pair.verdict, given, expected, *_cells(pair.before, outputs), *_cells(pair.after, outputs)]


def _cells(side: Side, outputs: dict[UUID, Any]) -> list[Any]:
    is_there = side.is_answered and side.span_id is not None
    return [
        side.state,
        _text(outputs.get(side.span_id)) if is_there and side.span_id is not None else None,
        side.error or None,
        None if side.duration_ms is None else round(side.duration_ms),
        None if side.cost_usd is None else f"{side.cost_usd.normalize():f}",
        side.output_tokens,
        side.score,
        None if side.span_id is None else str(side.span_id),
    ]


def _text(value: Any) -> str:
    """Return a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
