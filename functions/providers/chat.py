"""A conversation with a language model before it takes a vendor's form, and the reply after it has lost it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]
Strategy = Literal["", "native", "tool", "json", "text"]
# Whose rules for schemas a server follows; "none": schemas are told in words alone, or taken as they are.
SchemaDialect = Literal["openai", "anthropic", "gemini", "grammar", "none"]
# What is to come back: words (or JSON), pictures, speech; or the words that were spoken in a recording.
Wanted = Literal["text", "image", "audio", "transcript"]


@dataclass(frozen=True)
class TextPart:
    """Words."""

    text: str

    def as_json(self) -> dict[str, Any]:
        return {"type": "text", "text": self.text}


@dataclass(frozen=True)
class MediaPart:
    """An image, a sound or a file, as bare base64."""

    type: Literal["image", "audio", "file"]
    media_type: str
    data: str
    file_name: str = ""

    @property
    def size(self) -> int:
        """Return how many bytes it has."""
        return len(self.data) * 3 // 4 - self.data[-2:].count("=")

    def as_json(self) -> dict[str, Any]:
        return {"type": self.type, "media_type": self.media_type, "file_name": self.file_name, "bytes": self.size}


Part = TextPart | MediaPart


@dataclass(frozen=True)
class Message:
    """One turn. `note` says what it is there for: instructions, example, input, answer before, added by retry."""

    role: Role
    parts: tuple[Part, ...]
    note: str = ""

    @classmethod
    def of_text(cls, role: Role, text: str, note: str = "") -> Message:
        return cls(role, (TextPart(text),), note)

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def media(self) -> tuple[MediaPart, ...]:
        return tuple(part for part in self.parts if isinstance(part, MediaPart))

    def as_json(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": self.role, "parts": [part.as_json() for part in self.parts]}
        return {**message, "note": self.note} if self.note else message


@dataclass(frozen=True)
class ChatRequest:
    """What to ask. `schema` is already in the dialect of the provider; `native` and `tool` send it, others do not."""

    model: str
    messages: tuple[Message, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    strategy: Strategy = ""
    schema: dict[str, Any] | None = None
    is_strict: bool = False
    attempt_number: int = 1
    wants: Wanted = "text"
    # The answer is to come piece by piece.
    is_streamed: bool = False


@dataclass(frozen=True)
class Usage:
    """Tokens, inclusive: cached and written ones are part of the input, reasoning is part of the output."""

    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    # Parts of the ones above that have prices of their own.
    cache_write_1h_tokens: int | None = None
    input_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    cached_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None

    @property
    def is_known(self) -> bool:
        return self.input_tokens is not None or self.output_tokens is not None

    @property
    def total_tokens(self) -> int | None:
        return (self.input_tokens or 0) + (self.output_tokens or 0) if self.is_known else None

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(_sum(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)))


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


FinishReason = Literal["stop", "length", "refused", "failed"]


@dataclass(frozen=True)
class ChatReply:
    """What came back. `finish_reason` is in our words, `raw_finish_reason` in the vendor's."""

    text: str | None
    finish_reason: FinishReason
    raw_finish_reason: str = ""
    refusal: str = ""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    request_id: str = ""
    reported_cost_usd: Decimal | None = None
    # Bare base64.
    images: tuple[str, ...] = ()
    audio: str | None = None
    audio_media_type: str = ""
    thinking: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChatDelta:
    """What one event of a stream adds. With the strategy `tool` the pieces of the arguments are the text."""

    text: str = ""
    thinking: str = ""
