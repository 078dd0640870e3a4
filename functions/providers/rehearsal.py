"""The built-in stand-in for a language model: no network, the same answer each time, failures to order."""

from __future__ import annotations

import asyncio
import re
from time import perf_counter
from typing import Any

from functions.providers.adapter import Exchange
from functions.providers.chat import ChatReply, ChatRequest, Message, Usage
from functions.providers.errors import ModelNotFound, ProviderError, RateLimited, ServerError, TimedOut
from functions.providers.rehearsed import value_for
from opperweb import json

KNOWN = ("echo", "fail-429", "fail-500", "flaky-schema-2", "slow-2s")
NAMES = re.compile(r"echo|fail-429|fail-500|flaky-schema-(?P<flaky>\d{1,2})|slow-(?P<slow>\d{1,3})s")
NOTE = "rehearsal is no language model: the answer is made of the words of the input"
MOST_CHARACTERS = 2_000


class Rehearsal:
    """Answers in the shape of the output schema; `rehearsal/slow-2s` and its like behave as they are called."""

    name = "rehearsal"
    kind = "rehearsal"

    def knows(self, model: str) -> bool:
        """Tell whether there is such a model."""
        return NAMES.fullmatch(model) is not None

    def unknown(self, model: str) -> str:
        """Return a sentence on what there is instead."""
        return f"rehearsal has no model {model}; there are: {', '.join(KNOWN)} (the numbers may differ)"

    async def ask(self, chat: ChatRequest, *, timeout_seconds: float) -> Exchange:
        """Answer, or fail as the name says."""
        began = perf_counter()
        reply, error = None, await self._failure(chat.model, timeout_seconds)
        if error is None:
            reply = _reply(chat)
        duration_ms = round((perf_counter() - began) * 1000, 3)
        return Exchange(
            method="POST",
            url=f"rehearsal:{chat.model}",
            request_headers={},
            request_body=json.dumps(_question(chat)),
            response_body=json.dumps(_answer(reply, error)),
            http_status=200 if error is None else error.http_status,
            queue_ms=0,
            first_byte_ms=duration_ms,
            duration_ms=duration_ms,
            notes=(NOTE,),
            reply=reply,
            error=error,
        )

    async def _failure(self, model: str, timeout_seconds: float) -> ProviderError | None:
        found = NAMES.fullmatch(model)
        if not found:
            return ModelNotFound(self.unknown(model), http_status=404)
        if model == "fail-429":
            return RateLimited("HTTP 429: rehearsed, too many requests", http_status=429, retry_after_seconds=0.1)
        if model == "fail-500":
            return ServerError("HTTP 500: rehearsed, the server failed", http_status=500)
        if seconds := int(found["slow"] or 0):
            await asyncio.sleep(min(seconds, timeout_seconds))
            if seconds > timeout_seconds:
                return TimedOut(f"rehearsal did not answer within {timeout_seconds:g} s")
        return None


def _reply(chat: ChatRequest) -> ChatReply:
    heard = _input_of(chat.messages)
    found = NAMES.fullmatch(chat.model)
    if chat.schema is None:
        text = f"This is a rehearsal, no language model answered. The input was: {' '.join(heard.split())}"
        text = text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "…"
    elif found and chat.attempt_number <= int(found["flaky"] or 0):
        text = json.dumps({"rehearsed": "this does not fit the schema"} if _is_no_object(chat.schema) else [])
    else:
        text = json.dumps(value_for(chat.schema, heard))
    words_in = sum(len(message.text.split()) for message in chat.messages)
    return ChatReply(
        text=text,
        finish_reason="stop",
        raw_finish_reason="stop",
        usage=Usage(input_tokens=words_in, output_tokens=len(text.split())),
        model=chat.model,
    )


def _input_of(messages: tuple[Message, ...]) -> str:
    """Return the text of the input: later turns of the user ask for a correction."""
    turns = [message for message in messages if message.role == "user"]
    named = [message for message in turns if message.note == "input"]
    return (named or turns or [Message.of_text("user", "")])[-1].text


def _is_no_object(schema: dict[str, Any]) -> bool:
    return schema.get("type") not in (None, "object")


def _question(chat: ChatRequest) -> dict[str, Any]:
    messages = [{"role": message.role, "content": message.text} for message in chat.messages]
    question = {"model": chat.model, "messages": messages, **({"schema": chat.schema} if chat.schema else {})}
    return {**question, "options": dict(chat.options)} if chat.options else question


def _answer(reply: ChatReply | None, error: ProviderError | None) -> dict[str, Any]:
    if reply is None:
        return {"error": {"message": error.message if error else "", "type": error.kind if error else ""}}
    words = {"words_in": reply.usage.input_tokens, "words_out": reply.usage.output_tokens}
    return {"text": reply.text, "finish_reason": reply.finish_reason, "usage": words}
