"""A conversation with a language model before it takes a vendor's form, and the reply after it has lost it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]
Strategy = Literal["", "native", "json", "text"]


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

    def as_json(self) -> dict[str, Any]:
        size = len(self.data) * 3 // 4
        return {"type": self.type, "media_type": self.media_type, "file_name": self.file_name, "bytes": size}


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

    def as_json(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": self.role, "parts": [part.as_json() for part in self.parts]}
        return {**message, "note": self.note} if self.note else message


@dataclass(frozen=True)
class ChatRequest:
    """What to ask. `schema` is already in the dialect of the provider and is sent with the strategy `native` alone."""

    model: str
    messages: tuple[Message, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    strategy: Strategy = ""
    schema: dict[str, Any] | None = None
    is_strict: bool = False
    attempt_number: int = 1


@dataclass(frozen=True)
class Usage:
    """Tokens, inclusive: cached and written ones are part of the input, reasoning is part of the output."""

    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None

    @property
    def is_known(self) -> bool:
        return self.input_tokens is not None or self.output_tokens is not None

    @property
    def total_tokens(self) -> int | None:
        return (self.input_tokens or 0) + (self.output_tokens or 0) if self.is_known else None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            _sum(self.input_tokens, other.input_tokens),
            _sum(self.cached_tokens, other.cached_tokens),
            _sum(self.cache_write_tokens, other.cache_write_tokens),
            _sum(self.output_tokens, other.output_tokens),
            _sum(self.reasoning_tokens, other.reasoning_tokens),
        )


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
    images: tuple[str, ...] = ()
    audio: str | None = None
    notes: tuple[str, ...] = ()
