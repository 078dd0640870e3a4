"""Vectors without a language model: each word, and each three letters of one, has a direction by its digest.

Texts that share words, or parts of words, are near each other; of what words mean it knows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from zlib import crc32

from functions.providers.embeddings import Embeddings, normalised

MODEL = "embed"
DIMENSIONS = 384
WORD = re.compile(r"\w+")
WHOLE, PART = 1.0, 0.3


def rehearsed(texts: Sequence[str]) -> Embeddings:
    """Return a vector for each text, the same each time."""
    return Embeddings(tuple(map(_vector, texts)), MODEL, sum(len(WORD.findall(text)) for text in texts))


def _vector(text: str) -> tuple[float, ...]:
    numbers = [0.0] * DIMENSIONS
    for feature, weight in _features(text.casefold()):
        digest = crc32(feature.encode("utf-8", "replace"))
        numbers[digest % DIMENSIONS] += weight if digest & 0x8000_0000 else -weight
    return normalised(numbers)


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in WORD.findall(text):
        # Short words are mostly those that say little.
        yield word, WHOLE if len(word) > 3 else PART
        edged = f"<{word}>"
        for place in range(len(edged) - 2):
            yield edged[place : place + 3], PART
