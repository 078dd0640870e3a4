"""The events of an answer from Gemini, read one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from functions.providers import runaway
from functions.providers.adapter import ServerSentEvent
from functions.providers.chat import ChatDelta, ChatReply, ChatRequest
from functions.providers.errors import BadReply
from functions.providers.gemini_errors import error_in, error_of
from functions.providers.gemini_reply import Answer
from functions.providers.reading import json_of


class GeminiStream:
    """Reads one stream."""

    # There is no last word: the connection closes, and chunks that carry a finish reason need not be the last.
    is_over = False

    def __init__(self, chat: ChatRequest, headers: Mapping[str, str], *, provider: str) -> None:
        self.provider = provider
        self._headers = dict(headers)
        self._waits_for_call = chat.strategy == "tool"
        self._space = runaway.WhiteSpace(is_json=chat.strategy in ("native", "tool", "json"))
        self._answer = Answer(self._headers)
        self._given = 0
        self._has_given_call = False
        self._thoughts_given = 0
        self._unread = 0

    def read(self, event: ServerSentEvent) -> ChatDelta | None:
        """Return what the event adds, if anything; raise ProviderError for an error that comes in the stream."""
        value = json_of(event.data)
        if error_in(value):
            raise error_of(200, self._headers, value, event.data.encode("utf-8", "replace"), provider=self.provider)
        if not isinstance(value, dict):
            self._unread += 1
            return None
        self._answer.take(value)
        text, thinking = self._new_text(), self._new_thinking()
        if self._space.add(text):
            raise BadReply(f"{self.provider} was left: {runaway.MESSAGE}")
        return ChatDelta(text, thinking) if text or thinking else None

    def reply(self) -> ChatReply:
        """Return what the stream came to so far; finish_reason is "failed" where none has come."""
        reply = self._answer.reply()
        if not self._unread:
            return reply
        note = f"events of the stream that could not be read and were left out: {self._unread}"
        return replace(reply, notes=(*reply.notes, note))

    def _new_text(self) -> str:
        if not self._waits_for_call:
            return self._rest_of_text()
        if self._answer.arguments is not None and not self._has_given_call and not self._given:
            self._has_given_call = True
            return self._answer.arguments
        # Words before a call are no part of the answer; without a call they are all of it.
        return self._rest_of_text() if self._answer.finish_reason and not self._has_given_call else ""

    def _rest_of_text(self) -> str:
        pieces = self._answer.text[self._given :]
        self._given = len(self._answer.text)
        return "".join(pieces)

    def _new_thinking(self) -> str:
        pieces = self._answer.thinking[self._thoughts_given :]
        self._thoughts_given = len(self._answer.thinking)
        return "".join(pieces)
