"""What a model gives, told by its name: words, pictures, speech, or the words of a recording."""

from __future__ import annotations

import re

from functions.providers.chat import Wanted

# A word of the name between dashes, dots, underscores and the like; the first row that fits counts.
KINDS: tuple[tuple[Wanted, re.Pattern[str]], ...] = (
    ("transcript", re.compile(r"\b(transcribe|transcription|transcript|whisper|asr|stt)\b")),
    ("audio", re.compile(r"\b(tts|speech|playai|orpheus|kokoro)\b|\bgpt\b.*\baudio\b")),
    ("image", re.compile(r"\b(image|images|imagen|imagine|dall e|flux|stable diffusion|sdxl)\b")),
)


def media_kind(model: str) -> Wanted:
    """Return what a model of this name gives when nothing else is said; a provider before it does no harm."""
    name = model.lower().rpartition("/")[2]
    words = " ".join(word for word in re.split(r"[^a-z0-9]+|(?<=[a-z])(?=\d)", name) if word)
    return next((kind for kind, pattern in KINDS if pattern.search(words)), "text")
