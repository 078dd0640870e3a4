"""The dialect of OpenAI's Chat Completions, which most servers of language models speak. Pure: JSON in, JSON out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from functions.providers.adapter import WireRequest
from functions.providers.chat import ChatReply, ChatRequest, FinishReason, MediaPart, Message, Part, TextPart
from functions.providers.errors import BadReply, ServerError
from functions.providers.openai_errors import error_of, excerpt
from functions.providers.openai_usage import reported_cost_of, usage_of
from opperweb import json

# What we decide: an option of these names would change what comes back into something nobody reads.
OURS = frozenset({"model", "messages", "stream", "stream_options", "n"})
SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias")
# The connection is the transport's; the body is always JSON.
HEADERS_NOT_TAKEN = {
    "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "accept-encoding",
    "te", "upgrade", "expect", "trailer", "keep-alive", "proxy-authorization", "proxy-connection",
}  # fmt: skip
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


class OpenAI:
    """One account that speaks this dialect."""

    def __init__(self, name: str, base_url: str, api_key: str = "") -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key

    # --- the question -------------------------------------------------------------------------------------------------

    def request(self, chat: ChatRequest) -> WireRequest:
        """Return the chat as a POST to /chat/completions."""
        notes: list[str] = []
        body: dict[str, Any] = {"model": chat.model, "messages": [_message(message) for message in chat.messages]}
        body |= _options(chat, notes)
        if chat.strategy == "native" and chat.schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": _json_schema(chat)}
        elif chat.strategy == "json":
            body["response_format"] = {"type": "json_object"}
        base, question_mark, query = self.base_url.partition("?")
        url = f"{base.rstrip('/')}/chat/completions{question_mark}{query}"
        return WireRequest("POST", url, self._headers(chat, notes), json.dumps(body).encode(), tuple(notes))

    def _headers(self, chat: ChatRequest, notes: list[str]) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        if self.api_key:
            headers["authorization"] = f"Bearer {self.api_key}"
        for name, value in chat.extra_headers.items():
            if name.lower() in HEADERS_NOT_TAKEN:
                notes.append(f"the header {name} was not sent: the connection is not the caller's")
            else:
                headers[name.lower()] = value
        return headers

    # --- the answer ---------------------------------------------------------------------------------------------------

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> ChatReply:
        """Return what was answered; raise ProviderError for what is no answer, whatever the status says."""
        names = {name.lower(): value for name, value in headers.items()}
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if status >= 300 or (isinstance(value, dict) and value.get("error")):
            raise error_of(status, names, value, body, provider=self.name)
        if not isinstance(value, dict):
            raise BadReply(f"{self.name} answered with {excerpt(body)}", http_status=status)
        return _reply(value, names, status, provider=self.name)


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


def _data_url(part: MediaPart) -> str:
    return f"data:{part.media_type};base64,{part.data}"


def _json_schema(chat: ChatRequest) -> dict[str, Any]:
    form: dict[str, Any] = {"name": "answer", "schema": chat.schema}
    # Servers that never heard of it may refuse `strict`.
    return {**form, "strict": True} if chat.is_strict else form


def _options(chat: ChatRequest, notes: list[str]) -> dict[str, Any]:
    options = {name: value for name, value in chat.options.items() if name not in OURS}
    notes += [f"the option {name} was not sent: it is decided here" for name in chat.options if name in OURS]
    if chat.strategy in ("native", "json") and "response_format" in options:
        del options["response_format"]
        notes.append("the option response_format was not sent: the output schema decides it")
    if not takes_sampling(chat.model, options.get("reasoning_effort")):
        for name in [name for name in SAMPLING if name in options]:
            del options[name]
            notes.append(f"the option {name} was not sent: {chat.model} does not take it")
    if is_reasoning(chat.model) and "max_tokens" in options:
        limit = options.pop("max_tokens")
        options.setdefault("max_completion_tokens", limit)
        notes.append(f"the option max_tokens was sent as max_completion_tokens, the name {chat.model} knows")
    return options


def is_reasoning(model: str) -> bool:
    """Tell whether OpenAI counts a model among those that think before they answer."""
    return bool(re.match(r"(o\d|gpt-5)(?!\d)", model.rpartition("/")[2]))


def takes_sampling(model: str, effort: Any = None) -> bool:
    """Tell whether a model takes temperature and its like, with this `reasoning_effort`."""
    name = model.rpartition("/")[2]
    if not is_reasoning(name):
        return True
    found = re.match(r"gpt-5(?:\.(\d{1,3}))?(.*)", name)
    if not found:
        return False
    if found[1] is None:
        return found[2].startswith("-chat")
    if re.match(r"-(chat|pro|codex)", found[2]):
        return False
    return effort == "none" or (effort is None and int(found[1]) <= 4)


def _reply(value: dict[str, Any], headers: dict[str, str], status: int, *, provider: str) -> ChatReply:
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        # Some routers answer 200 with `choices: null` when what is behind them failed.
        raise ServerError(f"{provider} answered without a choice in its answer", http_status=status)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    refusal = message.get("refusal")
    refusal = refusal if isinstance(refusal, str) else ""
    raw = choice.get("finish_reason")
    raw = raw if isinstance(raw, str) else ""
    usage, notes = usage_of(value.get("usage"))
    audio = message.get("audio")
    return ChatReply(
        text=_text(message.get("content")),
        finish_reason="refused" if refusal else FINISH_REASONS.get(raw, "failed"),
        raw_finish_reason=raw[:100],
        refusal=refusal,
        usage=usage,
        model=_word(value.get("model")),
        request_id=_word(headers.get("x-request-id")) or _word(value.get("id")),
        reported_cost_usd=reported_cost_of(value.get("usage")),
        audio=audio["data"] if isinstance(audio, dict) and isinstance(audio.get("data"), str) else None,
        notes=tuple(notes),
    )


def _text(content: Any) -> str | None:
    if isinstance(content, list):
        # Mistral's reasoning models answer in parts; those that think have no text of their own.
        texts = [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
        return "".join(texts)
    return content if isinstance(content, str) else None


def _word(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(character for character in value if character.isprintable())[:255]
