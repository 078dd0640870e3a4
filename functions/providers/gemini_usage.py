"""Tokens as Gemini reports them, with the thoughts beside the answer, brought into our way of counting."""

from __future__ import annotations

from typing import Any

from functions.providers.chat import Usage
from functions.providers.reading import count_in, objects_in


def usage_of(value: Any) -> tuple[Usage, list[str]]:
    """Return the tokens, inclusive as `Usage` has them, and notes on what made no sense; missing is None, never 0."""
    if not isinstance(value, dict):
        return Usage(), []
    notes = []
    tokens_in = _sum(count_in(value, "promptTokenCount"), count_in(value, "toolUsePromptTokenCount"))
    cached = count_in(value, "cachedContentTokenCount")
    if cached is not None and cached > (tokens_in or 0):
        cached = None
        notes.append("the provider reports more cached tokens than there were; they are left out")
    thoughts = count_in(value, "thoughtsTokenCount")
    tokens_out = _sum(count_in(value, "candidatesTokenCount"), thoughts)
    if tokens_out is None and tokens_in is not None and count_in(value, "totalTokenCount") == tokens_in:
        # What is 0 is left out; the total tells it from what is not known.
        tokens_out = 0
    return Usage(
        input_tokens=tokens_in,
        cached_tokens=cached,
        output_tokens=tokens_out,
        reasoning_tokens=thoughts,
        input_audio_tokens=_of_kind(value, "AUDIO", "promptTokensDetails", "toolUsePromptTokensDetails"),
        input_image_tokens=_of_kind(value, "IMAGE", "promptTokensDetails", "toolUsePromptTokensDetails"),
        cached_audio_tokens=_of_kind(value, "AUDIO", "cacheTokensDetails"),
        output_audio_tokens=_of_kind(value, "AUDIO", "candidatesTokensDetails"),
        output_image_tokens=_of_kind(value, "IMAGE", "candidatesTokensDetails"),
    ), notes


def _of_kind(value: dict[str, Any], modality: str, *names: str) -> int | None:
    entries = [entry for name in names for entry in objects_in(value, name) if entry.get("modality") == modality]
    return _sum(*(count_in(entry, "tokenCount") for entry in entries))


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
