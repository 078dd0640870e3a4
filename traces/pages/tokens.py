"""The tokens of a call by kind: what of the input was cached, written or heard, what of the output was thought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from traces.models import Attempt, Span
from traces.pages.json_view import readable

# Kinds in the order of the list, each a part of the input or of the output above it.
INPUT_PARTS: dict[str, Promise] = {
    "cached_tokens": _("of which cached"),
    "cached_audio_tokens": _("of which cached audio"),
    "cache_write_tokens": _("of which written to the cache"),
    "cache_write_1h_tokens": _("of which written for 1 h"),
    "input_audio_tokens": _("of which audio"),
    "input_image_tokens": _("of which images"),
}
OUTPUT_PARTS: dict[str, Promise] = {
    "reasoning_tokens": _("of which reasoning"),
    "output_audio_tokens": _("of which audio"),
    "output_image_tokens": _("of which images"),
}


@dataclass(frozen=True)
class TokenLine:
    words: Promise | str
    tokens: int | None


def token_lines(span: Span, attempts: Sequence[Attempt]) -> list[TokenLine]:
    """Return input and output, each with those of its parts that are known; nothing where no tokens are."""
    if span.total_tokens is None:
        return []
    more = _sums_of(attempts)
    counts: dict[str, Any] = {
        "cached_tokens": span.cached_tokens,
        "cache_write_tokens": span.cache_write_tokens,
        "reasoning_tokens": span.reasoning_tokens,
        **more,
    }
    known = {*INPUT_PARTS, *OUTPUT_PARTS}
    return [
        TokenLine(_("Input"), span.input_tokens),
        *(TokenLine(words, counts[name]) for name, words in INPUT_PARTS.items() if counts.get(name)),
        TokenLine(_("Output"), span.output_tokens),
        *(TokenLine(words, counts[name]) for name, words in OUTPUT_PARTS.items() if counts.get(name)),
        *(TokenLine(readable(name.replace("_", " ")), count) for name, count in more.items() if name not in known),
    ]


def _sums_of(attempts: Sequence[Attempt]) -> dict[str, int]:
    """Return the kinds that attempts count beside those that every span has."""
    sums: dict[str, int] = {}
    for attempt in attempts:
        for name, count in attempt.more_tokens.items() if isinstance(attempt.more_tokens, dict) else ():
            if isinstance(count, int):
                sums[name] = sums.get(name, 0) + count
    return sums
