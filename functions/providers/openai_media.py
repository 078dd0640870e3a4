"""Pictures, speech and recordings in OpenAI's dialect: endpoints of their own, and what a chat needs to give them."""

from __future__ import annotations

import base64
import binascii
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from functions.providers.chat import ChatReply, ChatRequest, MediaPart
from functions.providers.errors import BadReply, BadRequest
from functions.providers.form_data import FormData, FormFile
from functions.providers.media_kind import media_kind
from functions.providers.openai_usage import image_usage_of, reported_cost_of, usage_of
from functions.providers.profiles import Profile
from functions.providers.sound import media_type_of
from opperweb import json

LONGEST_SPEECH = 4096
DEFAULT_VOICE = "alloy"
# What only the conversation and the adapter decide.
OURS = frozenset({"model", "prompt", "input", "messages", "file", "image", "image[]", "stream", "stream_options"})
# Of these the text can be found; the others are bare text, which an error of a proxy is, too.
TRANSCRIPT_FORMS = ("json", "verbose_json", "diarized_json")
# What `mimetypes` calls differently from everybody else, or not at all.
ENDINGS = {
    "audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav",
    "audio/mp4": "m4a", "audio/x-m4a": "m4a", "audio/webm": "webm", "audio/ogg": "ogg", "audio/flac": "flac",
    "image/jpeg": "jpg", "image/webp": "webp",
}  # fmt: skip
SOUND = ("audio/", "application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True)
class MediaRequest:
    """A question for another endpoint than the one for chats."""

    path: str
    content_type: str
    body: bytes
    summary: str | None = None


def media_request(chat: ChatRequest, profile: Profile, notes: list[str]) -> MediaRequest | None:
    """Return the question for an endpoint of its own, or None where a chat is the place to ask; raise BadRequest."""
    kind, name = media_kind(chat.model), chat.model.rpartition("/")[2]
    # These hear and speak in a conversation, all others at a place made for the one or the other.
    is_conversational = ("audio" in name or "omni" in name) and "tts" not in name and kind != "transcript"
    if chat.wants == "image" and not profile.is_router:
        return _image(chat, notes)
    if chat.wants == "audio" and not is_conversational:
        return _speech(chat, notes)
    if (chat.wants == "transcript" and not is_conversational) or (chat.wants == "text" and kind == "transcript"):
        return _transcription(chat, notes)
    return None


def add_media_options(body: dict[str, Any], chat: ChatRequest, notes: list[str]) -> None:
    """Make a chat give pictures or speech, if those are wanted."""
    if chat.wants not in ("image", "audio"):
        return
    if body.pop("response_format", None) is not None:
        notes.append("the option response_format was not sent: pictures and speech have none")
    if chat.wants == "image":
        body.setdefault("modalities", ["image", "text"])
        return
    body.setdefault("modalities", ["text", "audio"])
    given = body.get("audio")
    body["audio"] = {"voice": DEFAULT_VOICE, "format": "wav", **(given if isinstance(given, dict) else {})}
    if chat.is_streamed:
        # The only form there is for a stream.
        body["audio"]["format"] = "pcm16"


# --- pictures -------------------------------------------------------------------------------------------------------


def _image(chat: ChatRequest, notes: list[str]) -> MediaRequest:
    fields: dict[str, Any] = {"model": chat.model, "prompt": _words(chat, "system", "user"), **_options(chat, notes)}
    if "gpt-image" not in chat.model:
        # Otherwise an address comes back. The others send the picture itself, and refuse to be told so.
        fields["response_format"] = "b64_json"
    elif fields.pop("response_format", None) is not None:
        notes.append(f"the option response_format was not sent: {chat.model} does not take it")
    pictures = [part for message in chat.messages for part in message.media if part.type == "image"]
    if not pictures:
        return _as_json("/images/generations", fields)
    name = "image" if "dall-e" in chat.model else "image[]"
    files = tuple(_file(name, part, f"image{number}") for number, part in enumerate(pictures, 1))
    return _as_form("/images/edits", fields, files)


# --- speech and recordings ------------------------------------------------------------------------------------------


def _speech(chat: ChatRequest, notes: list[str]) -> MediaRequest:
    text = _words(chat, "user")
    if not text.strip():
        raise BadRequest(f"{chat.model} was given no words to speak")
    if len(text) > LONGEST_SPEECH:
        raise BadRequest(
            f"{chat.model} speaks at most {LONGEST_SPEECH:,} characters at once; the input has {len(text):,}"
        )
    fields: dict[str, Any] = {"model": chat.model, "input": text, **_options(chat, notes)}
    style = _words(chat, "system")
    if style and chat.model.rpartition("/")[2].startswith("gpt-"):
        fields.setdefault("instructions", style)
    elif style:
        notes.append(f"the instructions were not sent: {chat.model} takes none")
    if "voice" not in fields:
        fields["voice"] = DEFAULT_VOICE
        notes.append(f"the voice is {DEFAULT_VOICE}: the option voice names another")
    return _as_json("/audio/speech", fields)


def _transcription(chat: ChatRequest, notes: list[str]) -> MediaRequest:
    recordings = [part for message in chat.messages for part in message.media if part.type == "audio"]
    if not recordings:
        raise BadRequest(f"{chat.model} writes down what is said in a recording; the input holds none")
    if len(recordings) > 1:
        notes.append("only the last recording was sent: one at a time is written down")
    options = _options(chat, notes, *(("prompt",) if isinstance(chat.options.get("prompt"), str) else ()))
    if options.get("response_format", "json") not in TRANSCRIPT_FORMS:
        del options["response_format"]
        notes.append("the option response_format was not sent: the words are read from JSON")
    if _words(chat, "system", "user").strip():
        notes.append("the words of the task were not sent: a recording is written down without instructions")
    file = _file("file", recordings[-1], "recording")
    return _as_form("/audio/transcriptions", {"model": chat.model, **options}, (file,))


# --- answers --------------------------------------------------------------------------------------------------------


def is_sound(content_type: str) -> bool:
    """Tell whether a body of this type is speech."""
    return content_type.strip().lower().startswith(SOUND)


def sound_reply(body: bytes, headers: Mapping[str, str], *, provider: str) -> ChatReply:
    """Return the speech that a body is."""
    if not body:
        raise BadReply(f"{provider} answered with an empty recording", http_status=200)
    told = headers.get("content-type", "").partition(";")[0].strip().lower()
    return ChatReply(
        text=None,
        finish_reason="stop",
        request_id=headers.get("x-request-id", "")[:255],
        audio=base64.b64encode(body).decode(),
        audio_media_type=media_type_of(body[:16]) or (told if told.startswith("audio/") else "audio/pcm"),
    )


def media_reply(value: dict[str, Any], headers: Mapping[str, str], *, provider: str) -> ChatReply | None:
    """Return the pictures or the transcript that a body is, None where it is neither."""
    if "choices" in value:
        return None
    request_id = headers.get("x-request-id", "")[:255]
    if isinstance(value.get("data"), list):
        images = tuple(_images(value["data"]))
        if not images:
            raise BadReply(f"{provider} answered without the bytes of a picture", http_status=200)
        usage, cost = image_usage_of(value.get("usage")), reported_cost_of(value.get("usage"))
        return ChatReply(None, "stop", usage=usage, request_id=request_id, reported_cost_usd=cost, images=images)
    if isinstance(value.get("text"), str):
        # Some models count seconds instead of tokens: then the usage is not known.
        return ChatReply(value["text"], "stop", usage=usage_of(value.get("usage"))[0], request_id=request_id)
    return None


def _images(data: list[Any]) -> Iterator[str]:
    for entry in data:
        image = entry.get("b64_json") if isinstance(entry, dict) else None
        url = entry.get("url") if isinstance(entry, dict) else None
        if isinstance(image, str) and image:
            yield image
        elif isinstance(url, str) and url.startswith("data:") and ";base64," in url[:200]:
            yield url.partition(",")[2]


# --- parts of a question --------------------------------------------------------------------------------------------


def _words(chat: ChatRequest, *roles: str) -> str:
    return "\n\n".join(message.text for message in chat.messages if message.role in roles and message.text)


def _options(chat: ChatRequest, notes: list[str], *allowed: str) -> dict[str, Any]:
    notes += [
        f"the option {name} was not sent: it is decided here"
        for name in chat.options
        if name in OURS and name not in allowed
    ]
    return {name: value for name, value in chat.options.items() if name not in OURS or name in allowed}


def _file(field: str, part: MediaPart, stem: str) -> FormFile:
    try:
        data = base64.b64decode(part.data, validate=True)
    except binascii.Error as problem:
        raise BadRequest(f"a part of the input is not valid base64: {problem}") from None
    guessed = (mimetypes.guess_extension(part.media_type) or ".bin").removeprefix(".")
    # Servers tell the form of a recording by the ending of its name.
    return FormFile(field, part.file_name or f"{stem}.{ENDINGS.get(part.media_type, guessed)}", part.media_type, data)


def _as_json(path: str, fields: dict[str, Any]) -> MediaRequest:
    return MediaRequest(path, "application/json", json.dumps(fields).encode())


def _as_form(path: str, fields: dict[str, Any], files: tuple[FormFile, ...]) -> MediaRequest:
    form = FormData(tuple(_flat(fields)), files)
    return MediaRequest(path, form.content_type, form.body, form.summary)


def _flat(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            yield f"{name}[]" if isinstance(value, list) else name, each if isinstance(each, str) else json.dumps(each)
