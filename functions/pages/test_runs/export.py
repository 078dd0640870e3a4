"""The results of a run on examples as CSV and as lines of JSON, whole texts and all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from functions.models import TestRun
from functions.pages.trials.export import Texts, facts_of, in_parts, texts_of
from functions.test_runs.verdicts import Result, results_of
from opperweb import json
from traces.pages.usage_table import written

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


def _parts(run: TestRun) -> AsyncIterator[list[dict[str, Any]]]:
    return in_parts(partial(results_of, run), partial(_part, run))


def _part(run: TestRun, results: Sequence[Result]) -> list[dict[str, Any]]:
    numbers, sides = [result.number for result in results], [result.side for result in results]
    texts = texts_of(run.project_id, run.batch_id, numbers, sides)
    return [_row(result, texts) for result in results]


def _row(result: Result, texts: Texts) -> dict[str, Any]:
    side, judgement = result.side, result.judgement
    row = {
        "number": result.number + 1,
        "verdict": result.verdict,
        "input": texts.inputs.get(result.number, result.input),
        "expected": result.expected,
        "got": texts.output_of(side),
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
        "example_id": str(result.example_id),
        **facts_of(side),
    }
    return {name: row[name] for name in COLUMNS}


def _cell(value: Any) -> Any:
    """Return numbers and texts as they are, anything else as JSON; nothing for null and for an empty list."""
    if value is None or value == []:
        return None
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)
