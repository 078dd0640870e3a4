"""The dialect of OpenAI's Chat Completions, which most servers of language models speak. Pure: JSON in, JSON out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from functions.providers import openai_embeddings
from functions.providers.adapter import StreamReader, WireRequest
from functions.providers.callers_headers import with_callers_headers
from functions.providers.chat import ChatReply, ChatRequest, MediaPart, Message, Part, Strategy, TextPart
from functions.providers.embeddings import Embeddings
from functions.providers.errors import BadReply
from functions.providers.media_kind import media_kind
from functions.providers.openai_errors import error_of, excerpt
from functions.providers.openai_media import add_media_options, is_sound, media_reply, media_request, sound_reply
from functions.providers.openai_options import options_of
from functions.providers.openai_reply import TOOL_NAME, reply_of
from functions.providers.openai_stream import OpenAIStream
from functions.providers.profiles import profile_for
from opperweb import json

TOOL_DESCRIPTION = "Takes the answer."
# Since this version of Azure's older addresses a stream can be asked for its tokens.
AZURE_TELLS_USAGE_SINCE = "2024-09"


class OpenAI:
    """One account that speaks this dialect."""

    def __init__(self, name: str, base_url: str, api_key: str = "") -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key
        self.profile = profile_for(name, base_url)
        self.dialect = self.profile.dialect
        self.shows_schemas = self.profile.shows_schemas

    def strategies(self, model: str) -> tuple[Strategy, ...]:
        """Return the ways in which this model can be asked for structure, the best first."""
        return ("text",) if media_kind(model) != "text" else self.profile.strategies_of(model)

    # --- the question -------------------------------------------------------------------------------------------------

    def request(self, chat: ChatRequest) -> WireRequest:
        """Return the chat as a POST to /chat/completions, or to the endpoint of the media that it is about."""
        notes: list[str] = []
        if chat.schema is not None and (chat.wants != "text" or media_kind(chat.model) == "transcript"):
            chat = replace(chat, schema=None, strategy="")
            notes.append("the output schema was not sent: pictures, speech and transcripts have none")
        media = media_request(chat, self.profile, notes)
        if media is not None:
            headers = self._headers(chat, media.content_type, notes)
            url = self._url(media.path, chat.model, notes)
            return WireRequest("POST", url, headers, media.body, tuple(notes), media.summary)
        body: dict[str, Any] = {"model": chat.model, "messages": [_message(message) for message in chat.messages]}
        body |= options_of(chat, self.profile, notes)
        body |= self._structure(chat)
        add_media_options(body, chat, notes)
        url = self._url("/chat/completions", chat.model, notes)
        if chat.is_streamed:
            body["stream"] = True
            if self.profile.has_stream_options and _tells_usage(url):
                body["stream_options"] = {"include_usage": True}
        headers = self._headers(chat, "application/json", notes)
        return WireRequest("POST", url, headers, json.dumps(body).encode(), tuple(notes), _summary(body, chat))

    def _structure(self, chat: ChatRequest) -> dict[str, Any]:
        """Return what asks for an answer in the shape of the schema."""
        if chat.strategy == "json":
            return self._with_router({"response_format": {"type": "json_object"}}, chat)
        if chat.strategy not in ("native", "tool") or chat.schema is None:
            return {}
        strict = {"strict": True} if chat.is_strict and self.profile.is_strict_with(chat.model) else {}
        if chat.strategy == "native":
            form = {"name": TOOL_NAME, "schema": chat.schema, **strict}
            return self._with_router({"response_format": {"type": "json_schema", "json_schema": form}}, chat)
        function = {"name": TOOL_NAME, "description": TOOL_DESCRIPTION, "parameters": chat.schema, **strict}
        choice: Any = self.profile.tool_choice
        body = {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": TOOL_NAME}} if choice == "function" else choice,
            **({"parallel_tool_calls": False} if self.profile.has_parallel_tool_calls else {}),
        }
        return self._with_router(body, chat)

    def _with_router(self, body: dict[str, Any], chat: ChatRequest) -> dict[str, Any]:
        if not self.profile.is_router:
            return body
        # Otherwise it may choose a host that ignores what it does not know.
        given = chat.options.get("provider")
        return {**body, "provider": {"require_parameters": True, **(given if isinstance(given, dict) else {})}}

    def _url(self, path: str, model: str, notes: list[str]) -> str:
        base, question_mark, query = self.base_url.partition("?")
        base = base.rstrip("/")
        if self.profile.name == "azure":
            base, query = _azure(base, query, model, notes)
        return f"{base}{path}{question_mark if query else ''}{query}"

    def _headers(self, chat: ChatRequest, content_type: str, notes: list[str]) -> dict[str, str]:
        headers = {"content-type": content_type}
        if self.api_key and self.profile.has_key_header:
            headers["api-key"] = self.api_key
        elif self.api_key:
            headers["authorization"] = f"Bearer {self.api_key}"
        return with_callers_headers(headers, chat.extra_headers, notes)

    # --- the answer ---------------------------------------------------------------------------------------------------

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> ChatReply:
        """Return what was answered; raise ProviderError for what is no answer, whatever the status says."""
        names = {name.lower(): value for name, value in headers.items()}
        if status < 300 and is_sound(names.get("content-type", "")):
            return sound_reply(body, names, provider=self.name)
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if status >= 300 or (isinstance(value, dict) and (value.get("error") or value.get("object") == "error")):
            raise error_of(status, names, value, body, provider=self.name)
        if not isinstance(value, dict):
            raise BadReply(f"{self.name} answered with {excerpt(body)}", http_status=status)
        media = media_reply(value, names, provider=self.name)
        return media or reply_of(value, names, provider=self.name, profile=self.profile)

    def stream(self, chat: ChatRequest, headers: Mapping[str, str]) -> StreamReader:
        """Return a reader for the answer to a request that was asked with `is_streamed`."""
        return OpenAIStream(chat, headers, provider=self.name, profile=self.profile)

    # --- vectors ------------------------------------------------------------------------------------------------------

    def embedding_request(self, model: str, texts: Sequence[str]) -> WireRequest:
        """Return what asks for the vectors of texts, as a POST to /embeddings."""
        notes: list[str] = []
        url = self._url(openai_embeddings.PATH, model, notes)
        headers = self._headers(ChatRequest(model, ()), "application/json", notes)
        body = openai_embeddings.body_for(model, texts)
        return WireRequest("POST", url, headers, json.dumps(body).encode(), tuple(notes))

    def embeddings(self, status: int, headers: Mapping[str, str], body: bytes, count: int) -> Embeddings:
        """Return the vectors of `count` texts; raise ProviderError where the answer holds none."""
        return openai_embeddings.embeddings_of(status, headers, body, count, provider=self.name)


def _message(message: Message) -> dict[str, Any]:
    if all(isinstance(part, TextPart) for part in message.parts):
        return {"role": message.role, "content": message.text}
    # Models read a question better when what it is about comes first.
    parts = sorted(message.parts, key=lambda part: isinstance(part, TextPart))
    return {"role": message.role, "content": [_part(part) for part in parts]}


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if part.type == "audio":
        form = "mp3" if part.media_type in ("audio/mpeg", "audio/mp3") else part.media_type.rpartition("/")[2]
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": form.removeprefix("x-")}}
    if part.type == "image":
        return {"type": "image_url", "image_url": {"url": _data_url(part)}}
    return {"type": "file", "file": {"filename": part.file_name or "file", "file_data": _data_url(part)}}


def _summary(body: dict[str, Any], chat: ChatRequest) -> str | None:
    """Return the body without the bytes of its files, None where it has none."""
    if not any(message.media for message in chat.messages):
        return None
    messages = [
        replace(message, parts=tuple(_without_bytes(part) for part in message.parts)) for message in chat.messages
    ]
    return json.dumps({**body, "messages": [_message(message) for message in messages]})


def _without_bytes(part: Part) -> Part:
    return part if isinstance(part, TextPart) else replace(part, data=f"[{part.size} bytes]")


def _data_url(part: MediaPart) -> str:
    return f"data:{part.media_type};base64,{part.data}"


def _azure(base: str, query: str, model: str, notes: list[str]) -> tuple[str, str]:
    """Return the address and the query of Azure's two ways: by version of the API, or under /openai/v1 without one."""
    if "/deployments/" in base:
        return base, query
    if base.endswith("/v1") or "api-version" not in query:
        if "api-version" in query:
            notes.append("api-version was left out of the address: under /v1 it is refused")
            query = "&".join(pair for pair in query.split("&") if not pair.startswith("api-version="))
        return base if base.endswith("/v1") else f"{base.removesuffix('/openai')}/openai/v1", query
    return f"{base.removesuffix('/openai')}/openai/deployments/{quote(model, safe='')}", query


def _tells_usage(url: str) -> bool:
    version = re.search(r"[?&]api-version=(\d{4}-\d\d)", url)
    return version is None or version[1] >= AZURE_TELLS_USAGE_SINCE
