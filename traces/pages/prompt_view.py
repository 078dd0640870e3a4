"""The prompt of an attempt as a conversation: who says what, which parts a retry added, examples folded into pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

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


class PromptExample(NamedTuple):
    """A question with its answer; of one that was chosen for the input, how near it is, and the example it was."""

    question: PromptMessage
    answer: PromptMessage | None
    similarity: float | None = None
    id: UUID | None = None


@dataclass(frozen=True)
class PromptChoice:
    """How examples were chosen of the `of` that there were: by the vectors of `model`, or by words where it is empty.

    `note` says why a model that was named had no say.
    """

    of: int
    model: str
    note: str
    duration_ms: float | None


@dataclass
class PromptBlock:
    """A message, or all the examples that stand together."""

    message: PromptMessage | None = None
    examples: list[PromptExample] = field(default_factory=list)


def blocks_of(messages: Any, request: Any = None) -> list[PromptBlock]:
    """Return the messages in their order, examples gathered; `request` is what the span keeps of its examples."""
    blocks = _gathered(messages)
    kept = request.get("examples") if isinstance(request, Mapping) else None
    for block in blocks:
        block.examples = _recognised(block.examples, kept)
    return blocks


def choice_of(request: Any) -> PromptChoice | None:
    """Return how the examples were chosen, None where nobody chose."""
    facts = request.get("few_shot") if isinstance(request, Mapping) else None
    if not isinstance(facts, Mapping) or not isinstance(facts.get("of"), int):
        return None
    model = facts.get("model") if facts.get("by") == "embedding" else ""
    took = facts.get("duration_ms")
    return PromptChoice(
        of=facts["of"],
        model=readable(str(model or "")[:LONGEST_NAME]),
        note=readable(str(facts.get("note") or "")[:500]),
        duration_ms=took if isinstance(took, int | float) else None,
    )


def _gathered(messages: Any) -> list[PromptBlock]:
    blocks: list[PromptBlock] = []
    for raw in messages if isinstance(messages, list) else []:
        if not isinstance(raw, Mapping):
            continue
        message = _message(raw)
        if raw.get("note") != "example":
            blocks.append(PromptBlock(message))
        elif message.css == "assistant" and blocks and blocks[-1].examples and blocks[-1].examples[-1][1] is None:
            blocks[-1].examples[-1] = PromptExample(blocks[-1].examples[-1].question, message)
        else:
            if not (blocks and blocks[-1].examples):
                blocks.append(PromptBlock())
            blocks[-1].examples.append(PromptExample(message, None))
    return blocks


def _recognised(shown: list[PromptExample], kept: Any) -> list[PromptExample]:
    """Return the examples of a prompt with what is kept of each, where it is clear which is which."""
    if not isinstance(kept, list) or len(kept) != len(shown) or not all(isinstance(one, Mapping) for one in kept):
        return shown
    # In a prompt the nearest stands last, next to the input.
    in_order = sorted(kept, key=lambda one: _nearness(one) or 0.0)
    return [
        example._replace(similarity=_nearness(one), id=_id_of(one))
        for example, one in zip(shown, in_order, strict=True)
    ]


def _nearness(kept: Mapping[str, Any]) -> float | None:
    similarity = kept.get("similarity")
    return similarity if isinstance(similarity, float) or similarity in (0, 1) else None


def _id_of(kept: Mapping[str, Any]) -> UUID | None:
    try:
        return UUID(str(kept.get("id")))
    except ValueError:
        return None


def plain_of(blocks: list[PromptBlock]) -> str:
    """Return the whole conversation as plain text, to copy or to read."""
    messages: list[PromptMessage] = []
    for block in blocks:
        pairs = [message for each in block.examples for message in (each.question, each.answer) if message]
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
