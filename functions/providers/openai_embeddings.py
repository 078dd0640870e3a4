"""The embeddings endpoint of OpenAI's dialect. Pure: JSON in, JSON out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from functions.providers.embeddings import Embeddings, vectors_of
from functions.providers.errors import BadReply
from functions.providers.openai_errors import error_of, excerpt
from functions.providers.reading import count_in, json_of, object_in, objects_in, word

PATH = "/embeddings"


def body_for(model: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return what asks for the vectors of these texts."""
    return {"model": model, "input": list(texts), "encoding_format": "float"}


def embeddings_of(status: int, headers: Mapping[str, str], body: bytes, count: int, *, provider: str) -> Embeddings:
    """Return the vectors in an answer; raise ProviderError for what is none, whatever the status says."""
    names = {name.lower(): value for name, value in headers.items()}
    value = json_of(body)
    if status >= 300 or (isinstance(value, dict) and (value.get("error") or value.get("object") == "error")):
        raise error_of(status, names, value, body, provider=provider)
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        raise BadReply(f"{provider} answered with {excerpt(body)}", http_status=status)
    entries = objects_in(value, "data")
    if all(isinstance(entry.get("index"), int) for entry in entries):
        # The order is promised by number alone.
        entries = sorted(entries, key=lambda entry: int(entry["index"]))
    vectors = vectors_of([entry.get("embedding") for entry in entries], count, provider=provider)
    usage = object_in(value, "usage")
    tokens = count_in(usage, "prompt_tokens")
    return Embeddings(
        vectors, word(value.get("model")), tokens if tokens is not None else count_in(usage, "total_tokens")
    )
