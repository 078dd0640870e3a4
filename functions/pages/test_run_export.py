"""The results of a run on examples as CSV and as lines of JSON, whole texts and all, read some at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from functions.models import BatchInput, TestRun
from functions.test_verdicts import Result, results_of
from opperweb import json
from opperweb.database import db
from traces.models import SpanBody
from traces.pages.usage_table import written

# Inputs and outputs may hold pictures: few of them are in memory at a time.
READ_AT_ONCE = 20
COLUMNS = (
    "number", "verdict", "input", "expected", "got", "error", "exact", "fields_right", "fields", "wrong_fields",
    "rules_kept", "rules", "broken_rules", "score", "good", "evaluation", "duration_ms", "cost_usd", "output_tokens",
    "example_id", "span_id",
)  # fmt: skip


async def csv_of(run: TestRun) -> AsyncIterator[bytes]:
    """Give the head and a line for each example, in the order of the table."""
    yield written([COLUMNS]).encode()
    async for rows in _parts(run):
        yield written([_cell(row[name]) for name in COLUMNS] for row in rows).encode()


async def jsonl_of(run: TestRun) -> AsyncIterator[bytes]:
    """Give an object for each example, in the order of the table."""
    async for rows in _parts(run):
        yield "".join(f"{json.dumps(row)}\n" for row in rows).encode()


async def _parts(run: TestRun) -> AsyncIterator[list[dict[str, Any]]]:
    results = await db(results_of, run)
    for start in range(0, len(results), READ_AT_ONCE):
        yield await db(_part, run, results[start : start + READ_AT_ONCE])


def _part(run: TestRun, results: Sequence[Result]) -> list[dict[str, Any]]:
    numbers = [result.number for result in results]
    inputs = BatchInput.objects.filter(item__batch=run.batch_id, item__number__in=numbers)
    given = dict(inputs.values_list("item__number", "input"))
    ids = [result.side.span_id for result in results if result.side.span_id is not None]
    bodies = SpanBody.objects.filter(span__project=run.project_id, span__id__in=ids)
    outputs = dict(bodies.values_list("span__id", "output"))
    return [_row(result, given, outputs) for result in results]


def _row(result: Result, given: dict[int, Any], outputs: dict[UUID, Any]) -> dict[str, Any]:
    side, judgement = result.side, result.judgement
    is_there = side.is_answered and side.span_id is not None
    return {
        "number": result.number + 1,
        "verdict": result.verdict,
        "input": given.get(result.number, result.input),
        "expected": result.expected,
        "got": outputs.get(side.span_id) if is_there and side.span_id is not None else None,
        "error": side.error or None,
        "exact": result.is_exact,
        "fields_right": None if result.fields is None else result.fields_right,
        "fields": None if result.fields is None else len(result.fields),
        "wrong_fields": [name for name in result.wrong_fields if name],
        "rules_kept": len(result.rules) - len(result.broken_rules),
        "rules": len(result.rules),
        "broken_rules": [outcome.name for outcome in result.broken_rules],
        "score": None if judgement is None else judgement.score,
        "good": None if judgement is None else judgement.is_good,
        "evaluation": None if judgement is None else judgement.state,
        "duration_ms": None if side.duration_ms is None else round(side.duration_ms),
        "cost_usd": None if side.cost_usd is None else f"{side.cost_usd.normalize():f}",
        "output_tokens": side.output_tokens,
        "example_id": str(result.example_id),
        "span_id": None if side.span_id is None else str(side.span_id),
    }


def _cell(value: Any) -> Any:
    """Return numbers and texts as they are, anything else as JSON; nothing for null and for an empty list."""
    if value is None or value == []:
        return None
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)
