"""The built-in stand-in for a language model: no network, the same answer each time, failures to order."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from time import perf_counter
from types import TracebackType
from typing import Any

from functions.providers.adapter import Exchange
from functions.providers.chat import ChatDelta, ChatReply, ChatRequest, Message, SchemaDialect, Strategy
from functions.providers.embeddings import Embeddings
from functions.providers.errors import (
    BadCredentials,
    BadRequest,
    Disconnected,
    ModelNotFound,
    ProviderError,
    RateLimited,
    ServerError,
    TimedOut,
)
from functions.providers.rehearsed_embeddings import MODEL as EMBED
from functions.providers.rehearsed_embeddings import rehearsed
from functions.providers.rehearsed_replies import recordings_in, reply_to
from opperweb import json

KNOWN = (
    "echo", "image", "speech", "transcript", "slow-2s", "flaky-2", "flaky-schema-2", "json-in-prose", "empty",
    "fail-400", "fail-401", "fail-429", "fail-500", "fail-timeout", "fail-connection", "fail-cut", "fail-refused",
    "embed",
)  # fmt: skip
NAMES = re.compile(
    r"echo|embed|image|speech|transcript|empty|json-in-prose|fail-(400|401|429|500|timeout|connection|cut|refused)"
    r"|flaky-(?P<flaky>\d{1,2})|flaky-schema-\d{1,2}|slow-(?P<slow>\d{1,3})s"
)
NOTE = "rehearsal is no language model: the answer is made of the words of the input"
CUT = "rehearsal closed the connection before its answer was complete"


class Rehearsal:
    """Answers in the shape of the output schema; `rehearsal/slow-2s` and its like behave as they are called."""

    name = "rehearsal"
    kind = "rehearsal"
    # It takes any schema as it is.
    dialect: SchemaDialect = "none"
    base_url = ""
    shows_schemas = True

    def knows(self, model: str) -> bool:
        """Tell whether there is such a model."""
        return NAMES.fullmatch(model) is not None

    def unknown(self, model: str) -> str:
        """Return a sentence on what there is instead."""
        return f"rehearsal has no model {model}; there are: {', '.join(KNOWN)} (the numbers may differ)"

    def strategies(self, model: str) -> tuple[Strategy, ...]:
        """Return the one way in which it is asked for structure."""
        return ("native",)

    async def ask(self, chat: ChatRequest, *, timeout_seconds: float) -> Exchange:
        """Answer, or fail as the name says."""
        began = perf_counter()
        reply, error = None, await failure_of(chat, timeout_seconds)
        if error is None and chat.model == "fail-cut":
            error = Disconnected(CUT)
        if error is None:
            reply = reply_to(chat)
        duration_ms = _ms_since(began)
        return Exchange(
            method="POST",
            url=f"rehearsal:{chat.model}",
            request_headers={},
            request_body=json.dumps(_question(chat)),
            response_body=json.dumps(_answer(reply, error)),
            http_status=_status_of(error),
            queue_ms=0,
            first_byte_ms=duration_ms,
            duration_ms=duration_ms,
            notes=(NOTE,),
            reply=reply,
            error=error,
        )

    def stream(
        self, chat: ChatRequest, *, timeout_seconds: float, first_byte_seconds: float = 30, idle_seconds: float = 30
    ) -> RehearsedStreaming:
        """Answer word by word, or fail as the name says."""
        return RehearsedStreaming(chat, min(timeout_seconds, first_byte_seconds))

    async def embed(self, model: str, texts: Sequence[str], *, timeout_seconds: float) -> Embeddings | ProviderError:
        """Return vectors made of the letters of the texts, or fail as the name says."""
        if model == EMBED:
            return rehearsed(texts)
        error = await failure_of(ChatRequest(model, ()), timeout_seconds)
        return error or BadRequest(f"rehearsal/{model} makes no embeddings; rehearsal/{EMBED} does")


class RehearsedStreaming:
    """An answer that comes word by word."""

    def __init__(self, chat: ChatRequest, timeout_seconds: float) -> None:
        self.chat = chat
        self.timeout_seconds = timeout_seconds
        self._began = perf_counter()
        self._whole: ChatReply | None = None
        self._words: list[str] = []
        self._sent: list[str] = []
        self._body: list[str] = []
        self._size = 0
        self._chunk_ms: list[tuple[float, int]] = []
        self._error: ProviderError | None = None
        self._duration_ms: float | None = None

    async def __aenter__(self) -> RehearsedStreaming:
        self._began = perf_counter()
        self._error = await failure_of(self.chat, self.timeout_seconds)
        if self._error is None:
            self._whole = reply_to(self.chat)
            # The first comes out first: they are taken from the end.
            self._words = re.findall(r"\s*\S+|\s+", self._whole.text or "")[::-1]
            if self.chat.model == "fail-cut":
                self._words = self._words[(len(self._words) + 1) // 2 :]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._duration_ms is None:
            self._duration_ms = _ms_since(self._began)

    def __aiter__(self) -> RehearsedStreaming:
        return self

    async def __anext__(self) -> ChatDelta:
        # Others get their turn between two words, as they would between two packets.
        await asyncio.sleep(0)
        if not self._words:
            if self.chat.model == "fail-cut":
                self._error = self._error or Disconnected(CUT)
            raise StopAsyncIteration
        word = self._words.pop()
        self._sent.append(word)
        event = f"data: {json.dumps({'text': word})}\n\n"
        self._body.append(event)
        self._size += len(event.encode())
        self._chunk_ms.append((_ms_since(self._began), self._size))
        return ChatDelta(word)

    def exchange(self) -> Exchange:
        """Return what was sent and what has come of it; before the end, what is known so far."""
        first_ms = self._chunk_ms[0][0] if self._chunk_ms else None
        error_body = json.dumps(_answer(None, self._error)) if self._error is not None and not self._sent else ""
        return Exchange(
            method="POST",
            url=f"rehearsal:{self.chat.model}",
            request_headers={},
            request_body=json.dumps(_question(self.chat)),
            response_body="".join(self._body) or error_body,
            http_status=_status_of(self._error),
            queue_ms=0,
            first_byte_ms=first_ms,
            first_token_ms=first_ms,
            chunk_ms=self._chunk_ms[:2000],
            duration_ms=self._duration_ms,
            notes=(NOTE,),
            reply=self._reply(),
            error=self._error,
        )

    def _reply(self) -> ChatReply | None:
        if self._whole is None or self._error is not None:
            return None
        if not self._words:
            return self._whole
        return ChatReply("".join(self._sent) or None, "failed", model=self.chat.model)


async def failure_of(chat: ChatRequest, timeout_seconds: float) -> ProviderError | None:
    """Wait as long as the model's name says; return the error that it stands for."""
    found = NAMES.fullmatch(chat.model)
    if not found:
        return ModelNotFound(Rehearsal().unknown(chat.model), http_status=404)
    if chat.model == "fail-429":
        return RateLimited("HTTP 429: rehearsed, too many requests", http_status=429, retry_after_seconds=0.1)
    if chat.attempt_number <= int(found["flaky"] or 0):
        return ServerError(f"HTTP 500: rehearsed, attempt {chat.attempt_number} fails", http_status=500)
    if seconds := int(found["slow"] or 0):
        await asyncio.sleep(min(seconds, timeout_seconds))
        if seconds > timeout_seconds:
            return TimedOut(f"rehearsal did not answer within {timeout_seconds:g} s")
    if chat.model == "transcript" and not recordings_in(chat):
        return BadRequest("HTTP 400: rehearsed, the input holds no recording", http_status=400)
    return _always(chat.model)


def _always(model: str) -> ProviderError | None:
    """Return a new error each time: whoever catches one may change it."""
    if model == EMBED:
        return BadRequest("HTTP 400: rehearsed, embed makes vectors and answers no question", http_status=400)
    if model == "fail-400":
        return BadRequest("HTTP 400: rehearsed, the request is not taken", http_status=400)
    if model == "fail-401":
        return BadCredentials("HTTP 401: rehearsed, the key is not known", http_status=401)
    if model == "fail-500":
        return ServerError("HTTP 500: rehearsed, the server failed", http_status=500)
    if model == "fail-timeout":
        return TimedOut("rehearsal did not answer in time (rehearsed: nobody waited)")
    return Disconnected("rehearsal refused the connection (rehearsed)") if model == "fail-connection" else None


def _status_of(error: ProviderError | None) -> int | None:
    return 200 if error is None else error.http_status


def _ms_since(began: float) -> float:
    return round((perf_counter() - began) * 1000, 3)


def _question(chat: ChatRequest) -> dict[str, Any]:
    messages = [_message(message) for message in chat.messages]
    question = {"model": chat.model, "messages": messages, **({"schema": chat.schema} if chat.schema else {})}
    return {**question, "options": dict(chat.options)} if chat.options else question


def _message(message: Message) -> dict[str, Any]:
    media = [part.as_json() for part in message.media]
    return {"role": message.role, "content": message.text, **({"media": media} if media else {})}


def _answer(reply: ChatReply | None, error: ProviderError | None) -> dict[str, Any]:
    if reply is None:
        return {"error": {"message": error.message if error else "", "type": error.kind if error else ""}}
    words = {"words_in": reply.usage.input_tokens, "words_out": reply.usage.output_tokens}
    answer: dict[str, Any] = {"text": reply.text, "finish_reason": reply.finish_reason, "usage": words}
    if reply.refusal:
        answer["refusal"] = reply.refusal
    if reply.images:
        answer["images"] = [f"[image/png, {len(image)} characters of base64]" for image in reply.images]
    if reply.audio is not None:
        answer["audio"] = f"[{reply.audio_media_type}, {len(reply.audio)} characters of base64]"
    return answer
