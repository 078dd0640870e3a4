"""Texts as vectors: what comes back from a provider that was asked for them, whatever its dialect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from functions.providers.errors import BadReply

# All the dialects take so many at once.
MOST_TEXTS = 100
MOST_DIMENSIONS = 20_000


@dataclass(frozen=True)
class Embeddings:
    """A vector for each text, in their order; the squares of its numbers come to 1."""

    vectors: tuple[tuple[float, ...], ...]
    model: str = ""
    input_tokens: int | None = None


def vectors_of(found: Sequence[Any], count: int, *, provider: str) -> tuple[tuple[float, ...], ...]:
    """Return lists of numbers as vectors; raise BadReply unless there is one for each of `count` texts."""
    if len(found) != count:
        raise BadReply(f"{provider} answered with {len(found)} vectors for {count} texts")
    vectors = tuple(_vector(numbers, provider) for numbers in found)
    if len({len(vector) for vector in vectors}) > 1:
        raise BadReply(f"{provider} answered with vectors of different lengths")
    return vectors


def normalised(numbers: Sequence[float]) -> tuple[float, ...]:
    """Return a vector of the same direction whose squares come to 1; one of zeros stays as it is."""
    length = math.sqrt(sum(number * number for number in numbers))
    return tuple(number / length for number in numbers) if length else tuple(numbers)


def _vector(numbers: Any, provider: str) -> tuple[float, ...]:
    if not isinstance(numbers, list) or not 0 < len(numbers) <= MOST_DIMENSIONS:
        raise BadReply(f"{provider} answered with something else than a vector")
    try:
        # An integer may be too large for a float, and infinity is no place.
        vector = normalised([float(number) for number in numbers])
    except (TypeError, ValueError, OverflowError):
        vector = (math.nan,)
    if not all(map(math.isfinite, vector)):
        raise BadReply(f"{provider} answered with a vector that holds something else than numbers")
    return vector
