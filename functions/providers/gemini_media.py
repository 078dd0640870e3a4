"""Pictures and speech from Google: how they are asked for, and how what comes becomes files that others can open."""

from __future__ import annotations

import base64
import re
from math import gcd
from typing import Any

from functions.providers.chat import ChatReply, ChatRequest, MediaPart, TextPart
from functions.providers.errors import BadRequest
from functions.providers.gemini_models import model_of
from functions.providers.gemini_options import UNKNOWN_HERE, camel
from functions.providers.reading import objects_in, text_in, word
from functions.providers.sound import SAMPLES_PER_SECOND, wav_of
from functions.providers.turns import system_text

ASPECT_RATIOS = {"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"}
IMAGE_SIZES = {"512px", "1K", "2K", "4K"}
DEFAULT_VOICE = "Kore"
BARE_SAMPLES = re.compile(r"audio/(l16|pcm|raw)\b", re.IGNORECASE)
RATE = re.compile(r"\brate=(\d{3,6})\b", re.IGNORECASE)


# --- pictures from a model that also talks ----------------------------------------------------------------------------


def add_image_config(generation: dict[str, Any], body: dict[str, Any], chat: ChatRequest, notes: list[str]) -> None:
    """Ask for a picture; take the options that describe it out of `body`."""
    # The first of these models could not draw without a word.
    both = model_of(chat.model).version < (2, 5)
    generation.setdefault("responseModalities", ["TEXT", "IMAGE"] if both else ["IMAGE"])
    config = dict(generation["imageConfig"]) if isinstance(generation.get("imageConfig"), dict) else {}
    for name, value in _picture_options(body, notes).items():
        config.setdefault(name, value)
    if config:
        generation["imageConfig"] = config


def _picture_options(options: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Take aspect ratio and size, in Google's words or OpenAI's, out of the options."""
    found: dict[str, Any] = {}
    for name in [name for name in options if camel(name) in ("aspectRatio", "imageSize")]:
        found[camel(name)] = options.pop(name)
    given = options.pop("size", None)
    if given is None:
        return found
    size = str(given)
    own = "imageSize" if size in IMAGE_SIZES else "aspectRatio"
    value = size if size in IMAGE_SIZES else _aspect_ratio(size)
    if value is None:
        notes.append(f"the option size {size[:40]} was not sent: Gemini has no such shape")
    else:
        found.setdefault(own, value)
        notes.append(f"the option size {size} was sent as {own} {value}")
    return found


def _aspect_ratio(size: str) -> str | None:
    sides = re.fullmatch(r"([1-9]\d{1,4})x([1-9]\d{1,4})", size)
    if sides is None:
        return None
    width, height = int(sides[1]), int(sides[2])
    ratio = f"{width // gcd(width, height)}:{height // gcd(width, height)}"
    return ratio if ratio in ASPECT_RATIOS else None


# --- pictures from Imagen ---------------------------------------------------------------------------------------------


def predict_body(chat: ChatRequest, notes: list[str]) -> dict[str, Any]:
    """Return the body of :predict; raise BadRequest where the prompt is more than words."""
    parts = [part for message in chat.messages for part in message.parts]
    if any(isinstance(part, MediaPart) for part in parts):
        raise BadRequest(f"{chat.model} takes words alone; choose a Gemini image model to change a picture")
    texts = [system_text(chat.messages), _last_words(chat)]
    prompt = "\n\n".join(text for text in texts if text.strip())
    options = {name: value for name, value in chat.options.items() if value is not None}
    parameters: dict[str, Any] = {"sampleCount": options.pop("n", 1), "includeRaiReason": True}
    parameters |= _picture_options(options, notes)
    given = options.pop("parameters", None)
    for name, value in options.items():
        if name in UNKNOWN_HERE or name in ("temperature", "top_p", "max_tokens", "max_completion_tokens", "stop"):
            notes.append(f"the option {name} was not sent: {chat.model} does not take it")
        else:
            parameters[camel(name)] = value
    return {"instances": [{"prompt": prompt}], "parameters": parameters | (given if isinstance(given, dict) else {})}


def predicted(value: dict[str, Any]) -> ChatReply:
    """Return the pictures in an answer of :predict, or why there are none."""
    predictions = objects_in(value, "predictions")
    images = tuple(data for each in predictions if (data := text_in(each, "bytesBase64Encoded")))
    reasons = [reason for each in predictions if (reason := word(each.get("raiFilteredReason"), 500))]
    if images:
        notes = tuple(f"a picture was held back: {reason}" for reason in reasons)
        return ChatReply(text=None, finish_reason="stop", raw_finish_reason="", images=images, notes=notes)
    return ChatReply(
        text=None,
        finish_reason="refused" if reasons else "failed",
        raw_finish_reason="RAI_FILTERED" if reasons else "no picture",
        refusal="; ".join(reasons),
    )


# --- speech -----------------------------------------------------------------------------------------------------------


def spoken_turn(chat: ChatRequest, body: dict[str, Any]) -> dict[str, Any]:
    """Return the one turn of a request for speech: how it is to sound, then the words; raise BadRequest without any."""
    words = _last_words(chat)
    if not words.strip():
        raise BadRequest(f"there is nothing for {chat.model} to say: the input holds no words")
    given = body.pop("instructions", None)
    style = given if isinstance(given, str) and given.strip() else system_text(chat.messages)
    return {"role": "user", "parts": [{"text": f"{style}\n\n{words}" if style else words}]}


def add_speech_config(generation: dict[str, Any], body: dict[str, Any]) -> None:
    """Ask for speech; take the voice out of `body`."""
    generation.setdefault("responseModalities", ["AUDIO"])
    voice = body.pop("voice", None)
    name = voice if isinstance(voice, str) and voice else DEFAULT_VOICE
    generation.setdefault("speechConfig", {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": name}}})


def _last_words(chat: ChatRequest) -> str:
    """Return the words of the user's last turn: what is to be said or drawn."""
    users = [message for message in chat.messages if message.role == "user"]
    return "\n\n".join(part.text for part in users[-1].parts if isinstance(part, TextPart)) if users else ""


class Recording:
    """Sound that comes in pieces. Bare samples have no head that would tell players what they are: one is written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._media_type = ""
        self._unread = 0

    def add(self, data: str, media_type: str) -> None:
        """Take the next piece, as base64."""
        self._media_type = self._media_type or media_type
        try:
            self._pieces.append(base64.b64decode(data, validate=True))
        except ValueError:
            self._unread += 1

    def whole(self) -> tuple[str | None, str, tuple[str, ...]]:
        """Return the file as base64 and its media type, None and empty where there is none, and notes."""
        notes = (f"pieces of sound that could not be read: {self._unread}",) if self._unread else ()
        if not self._pieces:
            return None, "", notes
        sound, media_type = b"".join(self._pieces), self._media_type.partition(";")[0].strip().lower()
        if BARE_SAMPLES.match(self._media_type):
            rate = RATE.search(self._media_type)
            sound = wav_of(sound, samples_per_second=int(rate[1]) if rate else SAMPLES_PER_SECOND)
            media_type = "audio/wav"
        return base64.b64encode(sound).decode(), media_type, notes
