"""What the built-in stand-in answers, by the name of its model and what the conversation holds."""

from __future__ import annotations

import re
from typing import Any

from functions.providers.chat import ChatReply, ChatRequest, MediaPart, Message, Usage
from functions.providers.media_kind import media_kind
from functions.providers.rehearsed import value_for
from functions.providers.rehearsed_media import picture_for, sound_for
from opperweb import json

MOST_CHARACTERS = 2_000
OPENING = "This is a rehearsal, no language model answered."
REFUSAL = "This is a rehearsal of a refusal: a model would have declined here."


def reply_to(chat: ChatRequest) -> ChatReply:
    """Return the answer of a model that does not fail."""
    heard = _input_of(chat.messages)
    kind = chat.wants if chat.wants != "text" else media_kind(chat.model)
    if chat.model == "fail-refused":
        return _reply(chat, None, refusal=REFUSAL)
    if kind == "image":
        return _reply(chat, None, images=(picture_for(heard),))
    if kind == "audio":
        return _reply(chat, None, audio=sound_for(heard), audio_media_type="audio/wav")
    if kind == "transcript":
        return _reply(chat, f"{OPENING} It did not listen to {_named(recordings_in(chat))}.")
    return _reply(chat, _text(chat, heard))


def recordings_in(chat: ChatRequest) -> list[MediaPart]:
    """Return the recordings of a conversation."""
    return [part for message in chat.messages for part in message.media if part.type == "audio"]


def _reply(chat: ChatRequest, text: str | None, *, refusal: str = "", **more: Any) -> ChatReply:
    words_in = sum(len(message.text.split()) for message in chat.messages)
    return ChatReply(
        text=text,
        finish_reason="refused" if refusal else "stop",
        raw_finish_reason="refusal" if refusal else "stop",
        refusal=refusal,
        usage=Usage(input_tokens=words_in, output_tokens=len((text or refusal).split())),
        model=chat.model,
        **more,
    )


def _text(chat: ChatRequest, heard: str) -> str:
    if chat.model == "empty":
        return ""
    flaky = re.fullmatch(r"flaky-schema-(\d+)", chat.model)
    if chat.schema is None:
        text = _echo(chat, heard)
        return _in_prose({"answer": text}) if chat.model == "json-in-prose" else text
    if flaky and chat.attempt_number <= int(flaky[1]):
        return json.dumps({"rehearsed": "this does not fit the schema"} if _is_no_object(chat.schema) else [])
    value = value_for(chat.schema, heard)
    return _in_prose(value) if chat.model == "json-in-prose" else json.dumps(value)


def _echo(chat: ChatRequest, heard: str) -> str:
    text = f"{OPENING} The input was: {' '.join(heard.split())}"
    text = text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "…"
    media = [part for message in chat.messages for part in message.media]
    return f"{text} With it came {_named(media)}." if media else text


def _in_prose(value: Any) -> str:
    return f"Here is the answer that was asked for:\n\n```json\n{json.dumps(value)}\n```\n\nIs there anything else?"


def _named(media: list[MediaPart]) -> str:
    """Return what there is of each kind: "2 images (image/png, 68 bytes; image/jpeg, 9 bytes)"."""
    words = []
    for kind, one, many in (
        ("image", "image", "images"),
        ("audio", "recording", "recordings"),
        ("file", "file", "files"),
    ):
        parts = [part for part in media if part.type == kind]
        if parts:
            sizes = "; ".join(f"{part.media_type}, {part.size} bytes" for part in parts)
            words.append(f"{len(parts)} {one if len(parts) == 1 else many} ({sizes})")
    return " and ".join(words)


def _input_of(messages: tuple[Message, ...]) -> str:
    """Return the text of the input: later turns of the user ask for a correction."""
    turns = [message for message in messages if message.role == "user"]
    named = [message for message in turns if message.note == "input"]
    return (named or turns or [Message.of_text("user", "")])[-1].text


def _is_no_object(schema: dict[str, Any]) -> bool:
    return schema.get("type") not in (None, "object")
