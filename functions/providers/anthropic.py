"""The dialect of Anthropic's Messages API. Pure: JSON in, JSON out."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from functions.providers import runaway
from functions.providers.adapter import StreamReader, WireRequest
from functions.providers.anthropic_errors import error_of
from functions.providers.anthropic_models import claude_of
from functions.providers.anthropic_options import is_thinking, options_of
from functions.providers.anthropic_stream import (
    TOOL_NAME,
    AnthropicStream,
    call_text,
    finish_reason_of,
    refusal_of,
    stray_calls,
)
from functions.providers.anthropic_usage import usage_of
from functions.providers.callers_headers import with_callers_headers
from functions.providers.chat import ChatReply, ChatRequest, MediaPart, Part, SchemaDialect, Strategy, TextPart
from functions.providers.embeddings import Embeddings
from functions.providers.errors import BadReply, BadRequest
from functions.providers.openai_errors import excerpt
from functions.providers.reading import json_of, objects_in, text_in, word
from functions.providers.turns import Turn, system_text, turns_of
from opperweb import json

VERSION = "2023-06-01"
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
# A shorter beginning is not worth a place in the vendor's cache, which costs more to write than to read once.
CACHED_FROM_CHARACTERS = 4_000


class Anthropic:
    """One account that speaks this dialect."""

    dialect: SchemaDialect = "anthropic"
    shows_schemas = True

    def __init__(self, name: str, base_url: str, api_key: str = "") -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key

    def strategies(self, model: str) -> tuple[Strategy, ...]:
        """Return the ways in which this model can be asked for structure, the best first."""
        claude = claude_of(model)
        if not claude.takes_tools:
            return ("text",)
        return ("native", "tool", "text") if claude.takes_schema else ("tool", "text")

    # --- the question -------------------------------------------------------------------------------------------------

    def request(self, chat: ChatRequest) -> WireRequest:
        """Return the chat as a POST to /v1/messages; raise BadRequest for what no Claude can do."""
        if chat.wants != "text":
            raise BadRequest(f"{self.name} answers in words alone: it makes neither images nor speech nor transcripts")
        notes: list[str] = []
        options = options_of(chat, notes)
        turns = turns_of(chat.messages, notes)
        body = self._body(chat, turns, options)
        ours = {"content-type": "application/json", "x-api-key": self.api_key, "anthropic-version": VERSION}
        headers = with_callers_headers(
            {name: value for name, value in ours.items() if value}, chat.extra_headers, notes
        )
        return WireRequest("POST", self._url(), headers, json.dumps(body).encode(), tuple(notes), _summary(body, turns))

    def _url(self) -> str:
        base, question_mark, query = self.base_url.partition("?")
        base = base.rstrip("/")
        return f"{base if base.endswith('/v1') else f'{base}/v1'}/messages{question_mark}{query}"

    def _body(self, chat: ChatRequest, turns: list[Turn], options: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {"model": chat.model}
        if system := system_text(chat.messages):
            body["system"] = _system(system, options)
        body["messages"] = [{"role": role, "content": self._content(parts)} for role, parts in turns]
        body |= options
        if chat.strategy == "native" and chat.schema is not None:
            format_ = {"type": "json_schema", "schema": chat.schema}
            config = options.get("output_config")
            body["output_config"] = {**(config if isinstance(config, dict) else {}), "format": format_}
        elif chat.strategy == "tool" and chat.schema is not None:
            body |= _tool(chat, options)
        if chat.is_streamed:
            body["stream"] = True
        return body

    def _content(self, parts: list[Part]) -> Any:
        if len(parts) == 1 and isinstance(parts[0], TextPart):
            return parts[0].text
        return [
            {"type": "text", "text": part.text} if isinstance(part, TextPart) else self._media(part) for part in parts
        ]

    def _media(self, part: MediaPart) -> dict[str, Any]:
        if part.type == "audio":
            raise BadRequest(f"{self.name} does not take audio ({part.media_type}); choose a model that listens")
        if part.type == "image":
            media_type = "image/jpeg" if part.media_type == "image/jpg" else part.media_type
            if media_type not in IMAGE_TYPES:
                raise BadRequest(f"{self.name} takes images as JPEG, PNG, GIF or WebP, not as {media_type}")
            return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": part.data}}
        document = {"type": "document", "source": self._document(part)}
        return {**document, "title": part.file_name} if part.file_name else document

    def _document(self, part: MediaPart) -> dict[str, Any]:
        if part.media_type == "application/pdf":
            return {"type": "base64", "media_type": "application/pdf", "data": part.data}
        if part.media_type == "text/plain":
            text = base64.b64decode(part.data).decode("utf-8", "replace")
            return {"type": "text", "media_type": "text/plain", "data": text}
        raise BadRequest(f"{self.name} takes files as PDF or plain text, not as {part.media_type}")

    # --- the answer ---------------------------------------------------------------------------------------------------

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> ChatReply:
        """Return what was answered; raise ProviderError for what is no answer, whatever the status says."""
        names = {name.lower(): value for name, value in headers.items()}
        value = json_of(body)
        if status >= 300 or (isinstance(value, dict) and (value.get("error") or value.get("type") == "error")):
            raise error_of(status, names, value, body, provider=self.name)
        if not isinstance(value, dict) or not isinstance(value.get("content"), list):
            raise BadReply(f"{self.name} answered with {excerpt(body)}", http_status=status)
        return _reply(value, names)

    def stream(self, chat: ChatRequest, headers: Mapping[str, str]) -> StreamReader:
        """Return a reader for the answer to a request that was asked with `is_streamed`."""
        names = {name.lower(): value for name, value in headers.items()}
        return AnthropicStream(chat, names, provider=self.name)

    # --- vectors ------------------------------------------------------------------------------------------------------

    def embedding_request(self, model: str, texts: Sequence[str]) -> WireRequest:
        """Raise BadRequest: the vendor makes no vectors."""
        raise BadRequest(f"{self.name} makes no embeddings; name a model of a provider that does")

    def embeddings(self, status: int, headers: Mapping[str, str], body: bytes, count: int) -> Embeddings:
        """Raise BadReply: nobody was asked."""
        raise BadReply(f"{self.name} makes no embeddings", http_status=status)


def _system(text: str, options: Mapping[str, Any]) -> Any:
    # With a mark of the caller's own, where the cached beginning ends is the caller's matter.
    if len(text) < CACHED_FROM_CHARACTERS or "cache_control" in options:
        return text
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


def _tool(chat: ChatRequest, options: dict[str, Any]) -> dict[str, Any]:
    claude = claude_of(chat.model)
    tool: dict[str, Any] = {
        "name": TOOL_NAME,
        "description": "Takes the answer.",
        "input_schema": chat.schema,
    }
    if chat.is_strict and claude.takes_schema:
        tool["strict"] = True
    # A model that thinks cannot be made to call a tool, only be offered it.
    is_forced = claude.takes_forced_tool and not is_thinking(options)
    choice = {"type": "tool", "name": TOOL_NAME} if is_forced else {"type": "auto"}
    return {"tools": [tool], "tool_choice": {**choice, "disable_parallel_tool_use": True}}


def _summary(body: dict[str, Any], turns: list[Turn]) -> str | None:
    """Return the body with the sizes of media in the place of their bytes; None where there are none."""
    if not any(isinstance(part, MediaPart) for _, parts in turns for part in parts):
        return None
    kept = [{**message, "content": _without_bytes(message["content"])} for message in body["messages"]]
    return json.dumps({**body, "messages": kept})


def _without_bytes(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [
        {**block, "source": {**block["source"], "data": f"[{len(block['source']['data'])} characters]"}}
        if "source" in block
        else block
        for block in content
    ]


def _reply(value: dict[str, Any], headers: dict[str, str]) -> ChatReply:
    blocks = objects_in(value, "content")
    texts = [text_in(block, "text") for block in blocks if block.get("type") == "text"]
    text = call_text(blocks)
    if text is None and texts:
        text = "".join(texts)
    raw = word(value.get("stop_reason"), 100)
    finish_reason = finish_reason_of(raw)
    notes = list(stray_calls(blocks))
    if text is not None and runaway.has_run_away(text):
        finish_reason = "failed"
        notes.append(runaway.MESSAGE)
    return ChatReply(
        text=text,
        finish_reason=finish_reason,
        raw_finish_reason=raw,
        refusal=refusal_of(value) if finish_reason == "refused" else "",
        usage=usage_of(value.get("usage")),
        model=word(value.get("model")),
        request_id=word(headers.get("request-id")) or word(value.get("id")),
        thinking="".join(text_in(block, "thinking") for block in blocks if block.get("type") == "thinking"),
        notes=tuple(notes),
    )
