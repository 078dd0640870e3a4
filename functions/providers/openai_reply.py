"""What a server of OpenAI's dialect answered, read into a reply; of a stream, once its pieces are joined."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from functions.providers import runaway
from functions.providers.chat import ChatReply, FinishReason
from functions.providers.errors import BadReply, ServerError
from functions.providers.openai_usage import reported_cost_of, usage_of
from functions.providers.profiles import Profile
from functions.providers.sound import media_type_of

# The one function that a model is given with the strategy `tool`.
TOOL_NAME = "answer"
FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "model_length": "length",
    "content_filter": "refused",
}


def reply_of(value: dict[str, Any], headers: Mapping[str, str], *, provider: str, profile: Profile) -> ChatReply:
    """Return the reply in a chat completion; header names are in small letters."""
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        # Some routers answer 200 with `choices: null` when what is behind them failed.
        raise ServerError(f"{provider} answered without a choice in its answer", http_status=200)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text, raw = _answer_in(message), word(choice.get("finish_reason"))
    if profile.may_be_empty and raw == "stop" and not (text or "").strip() and not message.get("refusal"):
        raise BadReply(f"{provider} answered with nothing, as it sometimes does in JSON mode", http_status=200)
    refusal = message.get("refusal")
    refusal = refusal if isinstance(refusal, str) else ""
    usage, notes = usage_of(value.get("usage"), counts_reasoning_apart=profile.counts_reasoning_apart)
    finish_reason: FinishReason = "refused" if refusal else FINISH_REASONS.get(raw, "failed")
    if text is not None and runaway.has_run_away(text):
        finish_reason = "failed"
        notes.append(runaway.MESSAGE)
    audio, audio_media_type = _audio_in(message)
    return ChatReply(
        text=text,
        finish_reason=finish_reason,
        raw_finish_reason=raw[:100],
        refusal=refusal,
        usage=usage,
        model=word(value.get("model")),
        request_id=word(headers.get("x-request-id")) or word(value.get("id")),
        reported_cost_usd=reported_cost_of(value.get("usage")),
        images=tuple(_images_in(message)),
        audio=audio,
        audio_media_type=audio_media_type,
        thinking=thinking_in(message),
        notes=tuple(notes),
    )


def text_in(content: Any) -> str | None:
    """Return the words of a message or a piece of one, None where it has none."""
    if isinstance(content, list):
        # Mistral's reasoning models answer in parts; those that think have no text of their own.
        texts = [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
        return "".join(texts)
    return content if isinstance(content, str) else None


def thinking_in(message: dict[str, Any]) -> str:
    """Return what a message, or a piece of one, tells of the thinking before the answer."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(thoughts := message.get(name), str) and thoughts:
            return thoughts
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return "".join(text_in(part.get("thinking")) or "" for part in parts if isinstance(part, dict))


def word(value: Any) -> str:
    """Return a short text to keep, "" for anything else."""
    if not isinstance(value, str):
        return ""
    return "".join(character for character in value if character.isprintable())[:255]


def _answer_in(message: dict[str, Any]) -> str | None:
    """Return the text of the answer: with the strategy `tool`, the arguments of the call."""
    text = text_in(message.get("content"))
    calls = list(_calls_in(message))
    for name, arguments in calls:
        if name == TOOL_NAME:
            return arguments
    if not (text or "").strip():
        if calls:
            return calls[0][1]
        audio = message.get("audio")
        if isinstance(audio, dict) and isinstance(audio.get("transcript"), str):
            return str(audio["transcript"])
    return text


def _calls_in(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and isinstance(function.get("arguments"), str):
            yield word(function.get("name")), function["arguments"]


def _audio_in(message: dict[str, Any]) -> tuple[str | None, str]:
    audio = message.get("audio")
    data = audio.get("data") if isinstance(audio, dict) else None
    if not isinstance(data, str) or not data:
        return None, ""
    try:
        start = base64.b64decode(data[:64])
    except (binascii.Error, ValueError):
        start = b""
    # What has no head of its own is bare samples.
    return data, media_type_of(start) or "audio/pcm"


def _images_in(message: dict[str, Any]) -> Iterator[str]:
    """Yield the pictures that routers put into a chat's answer."""
    images = message.get("images")
    for image in images if isinstance(images, list) else ():
        place = image.get("image_url") if isinstance(image, dict) else None
        url = place.get("url") if isinstance(place, dict) else None
        if isinstance(url, str) and url.startswith("data:") and ";base64," in url[:200]:
            yield url.partition(",")[2]
