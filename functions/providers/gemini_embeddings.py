"""Google's batchEmbedContents. Pure: JSON in, JSON out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from functions.providers.embeddings import Embeddings, vectors_of
from functions.providers.errors import BadReply
from functions.providers.gemini_errors import error_in, error_of
from functions.providers.gemini_usage import usage_of
from functions.providers.openai_errors import excerpt
from functions.providers.reading import json_of, objects_in

METHOD = "batchEmbedContents"


def body_for(model: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return what asks for the vectors of these texts; each entry must name the model once more."""
    path = model if "/" in model else f"models/{model}"
    return {"requests": [{"model": path, "content": {"parts": [{"text": text}]}} for text in texts]}


def embeddings_of(status: int, headers: Mapping[str, str], body: bytes, count: int, *, provider: str) -> Embeddings:
    """Return the vectors in an answer; raise ProviderError for what is none. Most models tell no tokens."""
    names = {name.lower(): value for name, value in headers.items()}
    value = json_of(body)
    if status >= 300 or error_in(value):
        raise error_of(status, names, value, body, provider=provider)
    if not isinstance(value, dict) or not isinstance(value.get("embeddings"), list):
        raise BadReply(f"{provider} answered with {excerpt(body)}", http_status=status)
    found = [entry.get("values") for entry in objects_in(value, "embeddings")]
    usage, _ = usage_of(value.get("usageMetadata"))
    return Embeddings(vectors_of(found, count, provider=provider), input_tokens=usage.input_tokens)
