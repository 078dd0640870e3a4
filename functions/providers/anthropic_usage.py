"""Tokens as Anthropic reports them, with the cached ones beside the input, brought into our way of counting."""

from __future__ import annotations

from typing import Any

from functions.providers.chat import Usage
from functions.providers.reading import count_in, object_in

COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")


def usage_of(value: Any) -> Usage:
    """Return the tokens, inclusive as `Usage` has them; missing is None, never 0."""
    if not isinstance(value, dict):
        return Usage()
    fresh, output = count_in(value, "input_tokens"), count_in(value, "output_tokens")
    if fresh is None:
        # Without it the cached ones are a part of nothing.
        return Usage(output_tokens=output, reasoning_tokens=_thinking(value, output))
    cached = count_in(value, "cache_read_input_tokens")
    written, written_1h = _written(value)
    return Usage(
        input_tokens=fresh + (cached or 0) + (written or 0),
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=output,
        reasoning_tokens=_thinking(value, output),
        cache_write_1h_tokens=written_1h,
    )


def with_later(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Return what a stream has told so far: totals grow, so the larger one counts; the rest is the latest."""
    joined = {**earlier, **{name: value for name, value in later.items() if value is not None}}
    for name in COUNTS:
        known = [count for count in (count_in(earlier, name), count_in(later, name)) if count is not None]
        if known:
            joined[name] = max(known)
    return joined


def _written(value: dict[str, Any]) -> tuple[int | None, int | None]:
    """Return the tokens written to the cache, and those of them that stay there for an hour."""
    parts = object_in(value, "cache_creation")
    short, long = count_in(parts, "ephemeral_5m_input_tokens"), count_in(parts, "ephemeral_1h_input_tokens")
    written = count_in(value, "cache_creation_input_tokens")
    if written is None and (short is not None or long is not None):
        written = (short or 0) + (long or 0)
    return written, None if long is None or written is None else min(long, written)


def _thinking(value: dict[str, Any], output: int | None) -> int | None:
    thinking = count_in(object_in(value, "output_tokens_details"), "thinking_tokens")
    return None if output is None or thinking is None else min(thinking, output)
