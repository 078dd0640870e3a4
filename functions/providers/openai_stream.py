"""The events of a stream in OpenAI's dialect, put together into the reply that they come to."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from functions.providers import runaway
from functions.providers.adapter import ServerSentEvent
from functions.providers.chat import ChatDelta, ChatReply, ChatRequest
from functions.providers.errors import BadReply, ServerError
from functions.providers.openai_errors import error_of
from functions.providers.openai_reply import TOOL_NAME, reply_of, text_in, thinking_in, word
from functions.providers.openai_usage import usage_of
from functions.providers.profiles import Profile
from functions.providers.sound import wav_of
from opperweb import json

LAST_WORD = "[DONE]"


@dataclass
class _Call:
    """A function call whose name and arguments come in pieces."""

    name: str = ""
    arguments: list[str] = field(default_factory=list)


class OpenAIStream:
    """Reads one stream."""

    def __init__(self, chat: ChatRequest, headers: Mapping[str, str], *, provider: str, profile: Profile) -> None:
        self.is_over = False
        self._provider = provider
        self._profile = profile
        self._headers = {name.lower(): value for name, value in headers.items()}
        self._asks_for_call = chat.strategy == "tool"
        self._space = runaway.WhiteSpace(is_json=chat.strategy in ("native", "tool", "json"))
        self._head: dict[str, Any] = {}
        self._finish_reason: str | None = None
        self._usage: Any = None
        self._unreadable = 0
        self._has_text = False
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._images: list[Any] = []
        self._samples = bytearray()
        self._transcript: list[str] = []

    def read(self, event: ServerSentEvent) -> ChatDelta | None:
        """Return what the event adds, if anything; raise ProviderError for an error that comes in the stream."""
        if event.data.strip() == LAST_WORD:
            self.is_over = True
            return None
        try:
            chunk = json.loads(event.data)
        except (ValueError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            self._unreadable += 1
            return None
        self._raise_error_in(chunk, event)
        for name in ("id", "model"):
            if isinstance(chunk.get(name), str) and chunk[name]:
                self._head[name] = chunk[name]
        self._take_usage(chunk)
        choice = _first_choice(chunk)
        return self._read_choice(choice) if choice is not None else None

    def reply(self) -> ChatReply:
        """Return what the stream came to so far; finish_reason is "failed" where none has come."""
        message: dict[str, Any] = {
            "content": "".join(self._text) if self._has_text else None,
            "reasoning": "".join(self._thinking),
            "refusal": "".join(self._refusal) or None,
            "images": self._images,
            "tool_calls": [
                {"function": {"name": call.name, "arguments": "".join(call.arguments)}}
                for _, call in sorted(self._calls.items())
            ],
        }
        if self._samples or self._transcript:
            data = base64.b64encode(wav_of(bytes(self._samples))).decode() if self._samples else ""
            message["audio"] = {"data": data, "transcript": "".join(self._transcript)}
        choice = {"message": message, "finish_reason": self._finish_reason}
        value = {**self._head, "choices": [choice], "usage": self._usage}
        reply = reply_of(value, self._headers, provider=self._provider, profile=self._profile)
        if not self._unreadable:
            return reply
        note = f"events of the stream that could not be read and were left out: {self._unreadable}"
        return replace(reply, notes=(*reply.notes, note))

    # --- errors and tokens --------------------------------------------------------------------------------------------

    def _raise_error_in(self, chunk: dict[str, Any], event: ServerSentEvent) -> None:
        groq = chunk.get("x_groq")
        inner = groq.get("error") if isinstance(groq, dict) else None
        value = {"error": {"message": inner}} if isinstance(inner, str) and inner else chunk
        if value.get("error") or event.name == "error" or chunk.get("object") == "error":
            raise error_of(200, self._headers, value, event.data.encode("utf-8", "replace"), provider=self._provider)

    def _take_usage(self, chunk: dict[str, Any]) -> None:
        """Keep the tokens: some servers tell them once, some in every chunk, each time the sum so far."""
        groq = chunk.get("x_groq")
        for usage in (chunk.get("usage"), groq.get("usage") if isinstance(groq, dict) else None):
            if isinstance(usage, dict) and usage_of(usage)[0].is_known:
                self._usage = usage

    # --- what a choice adds -------------------------------------------------------------------------------------------

    def _read_choice(self, choice: dict[str, Any]) -> ChatDelta | None:
        reason = choice.get("finish_reason")
        if reason == "error":
            raise ServerError(f"{self._provider} ended its stream with an error that it does not explain")
        if isinstance(reason, str) and reason:
            self._finish_reason = reason
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return None
        if isinstance(delta.get("refusal"), str):
            self._refusal.append(delta["refusal"])
        if isinstance(delta.get("images"), list):
            self._images += delta["images"]
        thinking = thinking_in(delta)
        self._thinking.append(thinking)
        words, arguments, spoken = self._words(delta), self._arguments(delta), self._spoken(delta)
        text = arguments if self._asks_for_call else words or spoken
        if self._space.add(text):
            raise BadReply(f"{self._provider} was left: {runaway.MESSAGE}")
        return ChatDelta(text, thinking) if text or thinking else None

    def _words(self, delta: dict[str, Any]) -> str:
        text = text_in(delta.get("content"))
        if text is None:
            return ""
        self._has_text = True
        self._text.append(text)
        return text

    def _arguments(self, delta: dict[str, Any]) -> str:
        """Keep the pieces of function calls by their index; return what they add to the answer."""
        added = ""
        calls = delta.get("tool_calls")
        for place, piece in enumerate(calls if isinstance(calls, list) else ()):
            function = piece.get("function") if isinstance(piece, dict) else None
            if not isinstance(function, dict):
                continue
            index = piece.get("index")
            call = self._calls.setdefault(index if isinstance(index, int) else place, _Call())
            call.name = word(function.get("name")) or call.name
            if isinstance(function.get("arguments"), str):
                call.arguments.append(function["arguments"])
                added += function["arguments"] if call.name == TOOL_NAME else ""
        return added

    def _spoken(self, delta: dict[str, Any]) -> str:
        """Keep bare samples; return the words that they say."""
        audio = delta.get("audio")
        if not isinstance(audio, dict):
            return ""
        if isinstance(audio.get("data"), str):
            try:
                self._samples += base64.b64decode(audio["data"])
            except (binascii.Error, ValueError):
                self._unreadable += 1
        transcript = audio.get("transcript")
        if not isinstance(transcript, str):
            return ""
        self._transcript.append(transcript)
        return transcript


def _first_choice(chunk: dict[str, Any]) -> dict[str, Any] | None:
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index") in (0, None):
            return choice
    return None
