"""The dialect of Google's generateContent. Pure: JSON in, JSON out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from functions.providers import gemini_embeddings
from functions.providers.adapter import StreamReader, WireRequest
from functions.providers.callers_headers import with_callers_headers
from functions.providers.chat import ChatReply, ChatRequest, MediaPart, Part, SchemaDialect, Strategy, TextPart, Wanted
from functions.providers.embeddings import Embeddings
from functions.providers.errors import BadReply, BadRequest, ServerError
from functions.providers.gemini_errors import error_in, error_of
from functions.providers.gemini_media import (
    add_image_config,
    add_speech_config,
    predict_body,
    predicted,
    spoken_turn,
)
from functions.providers.gemini_models import kind_of, model_of
from functions.providers.gemini_options import options_of
from functions.providers.gemini_reply import TOOL_NAME, Answer
from functions.providers.gemini_stream import GeminiStream
from functions.providers.openai_errors import excerpt
from functions.providers.reading import json_of
from functions.providers.turns import Turn, system_text, turns_of, with_words_before
from opperweb import json

MOST_BYTES = 20 * 1024 * 1024
VERSIONED = re.compile(r"/v\d+(alpha|beta)?\d*$")
FOLDERS = ("models", "tunedModels")
# The same form under the name that Gemini knows.
MEDIA_TYPES = {"image/jpg": "image/jpeg", "audio/mpeg": "audio/mp3", "audio/x-wav": "audio/wav"}


class Gemini:
    """One account that speaks this dialect."""

    dialect: SchemaDialect = "gemini"
    shows_schemas = True

    def __init__(self, name: str, base_url: str, api_key: str = "") -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key

    def strategies(self, model: str) -> tuple[Strategy, ...]:
        """Return the ways in which this model can be asked for structure, the best first."""
        return ("native", "tool", "json", "text") if model_of(model).takes_structure else ("text",)

    # --- the question -------------------------------------------------------------------------------------------------

    def request(self, chat: ChatRequest) -> WireRequest:
        """Return the chat as a POST to the model's own address; raise BadRequest for what it cannot take."""
        notes: list[str] = []
        if model_of(chat.model).is_imagen:
            url, body = self._url(chat.model, "predict"), predict_body(chat, notes)
        else:
            method = "streamGenerateContent" if chat.is_streamed else "generateContent"
            url, body = self._url(chat.model, method), self._body(chat, notes)
        ours = {"content-type": "application/json", "x-goog-api-key": self.api_key}
        headers = with_callers_headers(
            {name: value for name, value in ours.items() if value}, chat.extra_headers, notes
        )
        written = json.dumps(body).encode()
        if len(written) > MOST_BYTES:
            size = f"{len(written) / 1024**2:.1f} MB"
            raise BadRequest(
                f"the request to {self.name} is too large: {size} of at most 20 MB; send fewer or smaller files"
            )
        return WireRequest("POST", url, headers, written, tuple(notes), _summary(body, chat))

    def _url(self, model: str, method: str) -> str:
        base, _, query = self.base_url.partition("?")
        base = base.rstrip("/")
        if not VERSIONED.search(base):
            base += "/v1beta"
        folder, slash, name = model.partition("/")
        if not slash or folder not in FOLDERS:
            folder, name = FOLDERS[0], model
        parameters = "&".join(filter(None, ["alt=sse" if method.startswith("stream") else "", query]))
        address = f"{base}/{folder}/{quote(name, safe='')}:{method}"
        return f"{address}?{parameters}" if parameters else address

    def _body(self, chat: ChatRequest, notes: list[str]) -> dict[str, Any]:
        kind = kind_of(chat)
        generation, body = options_of(chat, notes)
        content = self._conversation(chat, kind, body, notes)
        if kind == "image":
            add_image_config(generation, body, chat, notes)
        elif kind == "audio":
            add_speech_config(generation, body)
        body |= _structure(chat, kind, generation, notes)
        return {**content, **body, **({"generationConfig": generation} if generation else {})}

    def _conversation(self, chat: ChatRequest, kind: Wanted, body: dict[str, Any], notes: list[str]) -> dict[str, Any]:
        if kind == "audio":
            return {"contents": [spoken_turn(chat, body)]}
        turns, system = turns_of(chat.messages, notes), system_text(chat.messages)
        if not system:
            return {"contents": _contents(turns)}
        if kind == "image" or not model_of(chat.model).takes_system:
            notes.append(f"the instructions were sent with the first turn: {chat.model} has no other place for them")
            return {"contents": _contents(with_words_before(turns, system))}
        return {"systemInstruction": {"parts": [{"text": system}]}, "contents": _contents(turns)}

    # --- the answer ---------------------------------------------------------------------------------------------------

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> ChatReply:
        """Return what was answered; raise ProviderError for what is no answer, whatever the status says."""
        names = {name.lower(): value for name, value in headers.items()}
        value = json_of(body)
        if status >= 300 or error_in(value):
            raise error_of(status, names, value, body, provider=self.name)
        if isinstance(value, dict) and "predictions" in value:
            return predicted(value)
        # Asked for a stream without events, Google sends a list of its pieces.
        pieces = value if isinstance(value, list) else [value]
        if not pieces or not all(isinstance(piece, dict) for piece in pieces):
            raise BadReply(f"{self.name} answered with {excerpt(body)}", http_status=status)
        answer = Answer(names)
        for piece in pieces:
            answer.take(piece)
        if not answer.has_begun:
            raise ServerError(f"{self.name} answered without a candidate in its answer", http_status=status)
        return answer.reply()

    def stream(self, chat: ChatRequest, headers: Mapping[str, str]) -> StreamReader:
        """Return a reader for the answer to a request that was asked with `is_streamed`."""
        names = {name.lower(): value for name, value in headers.items()}
        return GeminiStream(chat, names, provider=self.name)

    # --- vectors ------------------------------------------------------------------------------------------------------

    def embedding_request(self, model: str, texts: Sequence[str]) -> WireRequest:
        """Return what asks for the vectors of texts, as a POST to the model's own address."""
        headers = {"content-type": "application/json", "x-goog-api-key": self.api_key}
        body = gemini_embeddings.body_for(model, texts)
        return WireRequest(
            "POST",
            self._url(model, gemini_embeddings.METHOD),
            {name: value for name, value in headers.items() if value},
            json.dumps(body).encode(),
        )

    def embeddings(self, status: int, headers: Mapping[str, str], body: bytes, count: int) -> Embeddings:
        """Return the vectors of `count` texts; raise ProviderError where the answer holds none."""
        return gemini_embeddings.embeddings_of(status, headers, body, count, provider=self.name)


def _contents(turns: list[Turn]) -> list[dict[str, Any]]:
    return [
        {"role": "model" if role == "assistant" else "user", "parts": [_part(part) for part in parts]}
        for role, parts in turns
    ]


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"text": part.text}
    return {"inlineData": {"mimeType": MEDIA_TYPES.get(part.media_type, part.media_type), "data": part.data}}


def _structure(chat: ChatRequest, kind: Wanted, generation: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Ask for JSON in `generation`, or return what asks for it beside it."""
    if chat.strategy not in ("native", "tool", "json"):
        return {}
    if kind in ("image", "audio"):
        notes.append(f"the output schema was not sent: {chat.model} answers with {kind}")
        return {}
    if chat.strategy == "tool" and chat.schema is not None:
        function = {"name": TOOL_NAME, "description": "Takes the answer."}
        return {
            "tools": [{"functionDeclarations": [{**function, "parametersJsonSchema": chat.schema}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [TOOL_NAME]}},
        }
    generation["responseMimeType"] = "application/json"
    if chat.strategy == "native" and chat.schema is not None:
        generation["responseJsonSchema"] = chat.schema
    return {}


def _summary(body: dict[str, Any], chat: ChatRequest) -> str | None:
    """Return the body with the sizes of media in the place of their bytes; None where there are none."""
    if not any(isinstance(part, MediaPart) for message in chat.messages for part in message.parts):
        return None
    kept = [{**turn, "parts": [_without_bytes(part) for part in turn["parts"]]} for turn in body["contents"]]
    return json.dumps({**body, "contents": kept})


def _without_bytes(part: dict[str, Any]) -> dict[str, Any]:
    if "inlineData" not in part:
        return part
    inline = part["inlineData"]
    return {"inlineData": {**inline, "data": f"[{len(inline['data'])} characters]"}}
