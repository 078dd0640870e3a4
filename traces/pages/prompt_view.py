"""The prompt of an attempt as a conversation: who says what, which parts a retry added, examples folded into pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opperweb.pages.display import size
from traces.media import media_in
from traces.pages.json_view import compact, indented, readable
from traces.pages.media_view import chip_of, with_chips

ROLES = {"system": "System", "developer": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}
QUIET_NOTES = ("instructions", "input", "example")
MOST_SHOWN = 100_000
# What a message carries beside words; the bytes themselves are kept with the input alone.
FILES = ("image", "audio", "file")
LONGEST_NAME = 100


@dataclass(frozen=True)
class PromptPart:
    """`form` is text or code; image, audio or file for what was sent beside the words, of which `text` tells."""

    form: str
    text: str

    @property
    def is_file(self) -> bool:
        return self.form in FILES


@dataclass
class PromptMessage:
    role: str
    css: str
    note: str
    parts: list[PromptPart] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(f"[{part.text}]" if part.is_file else part.text for part in self.parts)


@dataclass
class PromptBlock:
    """A message, or all the examples that stand together as pairs of question and answer."""

    message: PromptMessage | None = None
    examples: list[tuple[PromptMessage, PromptMessage | None]] = field(default_factory=list)


def blocks_of(messages: Any) -> list[PromptBlock]:
    """Return the messages in their order, examples gathered."""
    blocks: list[PromptBlock] = []
    for raw in messages if isinstance(messages, list) else []:
        if not isinstance(raw, Mapping):
            continue
        message = _message(raw)
        if raw.get("note") != "example":
            blocks.append(PromptBlock(message))
        elif message.css == "assistant" and blocks and blocks[-1].examples and blocks[-1].examples[-1][1] is None:
            blocks[-1].examples[-1] = (blocks[-1].examples[-1][0], message)
        else:
            if not (blocks and blocks[-1].examples):
                blocks.append(PromptBlock())
            blocks[-1].examples.append((message, None))
    return blocks


def plain_of(blocks: list[PromptBlock]) -> str:
    """Return the whole conversation as plain text, to copy or to read."""
    messages: list[PromptMessage] = []
    for block in blocks:
        pairs = [message for pair in block.examples for message in pair if message]
        messages += [block.message] if block.message else pairs
    return "\n\n".join(f"{message.role}\n{message.text}" for message in messages)


def _message(raw: Mapping[str, Any]) -> PromptMessage:
    role = str(raw.get("role", ""))
    note = str(raw.get("note") or "")
    message = PromptMessage(ROLES.get(role, readable(role)), role, "" if note in QUIET_NOTES else readable(note))
    parts = raw.get("parts", raw.get("content", []))
    if isinstance(parts, str):
        parts = [{"type": "text", "text": parts}]
    message.parts = [_part(part) for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    return message


def _part(part: Mapping[str, Any]) -> PromptPart:
    text = part.get("text")
    if isinstance(text, str):
        return _text(readable(text[: MOST_SHOWN + 1]), len(text))
    if part.get("type") in FILES and isinstance(part.get("media_type"), str):
        return PromptPart(str(part["type"]), _file_words(part))
    for value in part.values():
        if isinstance(value, str) and (media := media_in(value)) is not None:
            return PromptPart(media.kind, chip_of(media))
    shown = with_chips(part)
    text = compact(shown) if len(part) < 3 else indented(shown)
    return _text(text, len(text))


def _file_words(part: Mapping[str, Any]) -> str:
    """file-1.pdf, application/pdf, 1.2 kB."""
    octets = part.get("bytes")
    words = [str(part.get("file_name") or "")[:LONGEST_NAME], str(part["media_type"])[:LONGEST_NAME]]
    words += [size(octets)] if isinstance(octets, int) else []
    return readable(", ".join(filter(None, words)))


def _text(text: str, length: int) -> PromptPart:
    """Return what fits on a page of a text of this length."""
    shown = text[:MOST_SHOWN] + (f"\n… {length - MOST_SHOWN:,} more characters" if length > MOST_SHOWN else "")
    return PromptPart("code" if shown.lstrip()[:1] in ("{", "[") else "text", shown)
