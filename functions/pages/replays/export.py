"""The pairs of a replay as CSV, whole texts and all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from functions.models import Replay
from functions.pages.trials.export import Texts, facts_of, in_parts, texts_of
from functions.replays.pairs import Pair, pairs_of
from functions.trials.sides import Side
from opperweb import json
from traces.pages.usage_table import written

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
    async for part in in_parts(partial(pairs_of, replay), partial(_part, replay)):
        yield part.encode()


def _part(replay: Replay, pairs: Sequence[Pair]) -> str:
    numbers, sides = [pair.number for pair in pairs], [side for pair in pairs for side in pair.sides]
    texts = texts_of(replay.project_id, replay.after_batch_id, numbers, sides)
    return written(_line(pair, texts) for pair in pairs)


def _line(pair: Pair, texts: Texts) -> list[Any]:
    given = _text(texts.inputs[pair.number]) if pair.number in texts.inputs else pair.input
    expected = None if pair.example_id is None else _text(pair.expected)
    return [pair.number + 1, pair.verdict, given, expected, *_cells(pair.before, texts), *_cells(pair.after, texts)]


def _cells(side: Side, texts: Texts) -> list[Any]:
    is_there = side.is_answered and side.span_id is not None
    output = _text(texts.output_of(side)) if is_there else None
    row = {"status": side.state, "output": output, "score": side.score, **facts_of(side)}
    return [row[name] for name in SIDE]


def _text(value: Any) -> str:
    """Return a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
