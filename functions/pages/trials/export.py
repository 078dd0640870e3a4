"""What came of a trial to be written to a file, whole texts and all, read some at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from functions.models import BatchInput
from functions.trials.sides import Side
from opperweb.database import db
from traces.models import SpanBody

# Inputs and outputs may hold pictures: few of them are in memory at a time.
READ_AT_ONCE = 20
R = TypeVar("R")
W = TypeVar("W")


@dataclass(frozen=True)
class Texts:
    """The inputs by their numbers, and the outputs by their calls."""

    inputs: Mapping[int, Any]
    outputs: Mapping[UUID, Any]

    def output_of(self, side: Side) -> Any:
        """Return the output, or None where there is none."""
        return self.outputs.get(side.span_id) if side.is_answered and side.span_id is not None else None


async def in_parts(read: Callable[[], Sequence[R]], write: Callable[[Sequence[R]], W]) -> AsyncIterator[W]:
    """Give what is written of some results at a time, until it is all of them."""
    results = await db(read)
    for start in range(0, len(results), READ_AT_ONCE):
        yield await db(write, results[start : start + READ_AT_ONCE])


def texts_of(project_id: int, batch_id: UUID | None, numbers: Iterable[int], sides: Iterable[Side]) -> Texts:
    """Return the texts of these inputs of a batch, and of these sides, in two queries."""
    inputs = BatchInput.objects.filter(item__batch=batch_id, item__number__in=list(numbers))
    ids = [side.span_id for side in sides if side.span_id is not None]
    bodies = SpanBody.objects.filter(span__project=project_id, span__id__in=ids)
    return Texts(dict(inputs.values_list("item__number", "input")), dict(bodies.values_list("span__id", "output")))


def facts_of(side: Side) -> dict[str, Any]:
    """Return what is written of every call."""
    return {
        "error": side.error or None,
        "duration_ms": None if side.duration_ms is None else round(side.duration_ms),
        "cost_usd": None if side.cost_usd is None else f"{side.cost_usd.normalize():f}",
        "output_tokens": side.output_tokens,
        "span_id": None if side.span_id is None else str(side.span_id),
    }
