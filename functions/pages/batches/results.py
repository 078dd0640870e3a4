"""The results of a batch as lines of JSON: read some at a time, so that no batch is too large to send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from functions.models import BatchItem
from opperweb import json
from opperweb.database import db

# Inputs and outputs may hold pictures: few of them are in memory at a time.
READ_AT_ONCE = 20


async def lines_of(batch_id: UUID) -> AsyncIterator[bytes]:
    """Give a line for each input, in their order."""
    after = -1
    while items := await db(_items, batch_id, after):
        after = items[-1].number
        yield "".join(f"{json.dumps(_result(item))}\n" for item in items).encode()


def _items(batch_id: UUID, after: int) -> list[BatchItem]:
    items = BatchItem.objects.filter(batch_id=batch_id, number__gt=after).select_related("body", "span__body")
    return list(
        items.only("number", "state", "error_message", "body__input", "span__id", "span__body__output").order_by(
            "number"
        )[:READ_AT_ONCE]
    )


def _result(item: BatchItem) -> dict[str, Any]:
    is_done = item.state == BatchItem.State.DONE
    return {
        "number": item.number,
        "status": item.state,
        "input": item.body.input,
        "output": item.span.body.output if item.span is not None and is_done else None,
        "error": item.error_message or None,
        "span_id": str(item.span.id) if item.span is not None else None,
    }
