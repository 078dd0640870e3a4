"""The events of an answer from Anthropic, read one by one, and what a whole answer's blocks say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from functions.providers import runaway
from functions.providers.adapter import ServerSentEvent
from functions.providers.anthropic_errors import error_of
from functions.providers.anthropic_usage import usage_of, with_later
from functions.providers.chat import ChatDelta, ChatReply, ChatRequest, FinishReason
from functions.providers.errors import BadReply
from functions.providers.reading import json_of, object_in, text_in, word
from opperweb import json

TOOL_NAME = "answer"
FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refused",
}


def finish_reason_of(raw: str) -> FinishReason:
    """Return a stop reason in our words."""
    return FINISH_REASONS.get(raw, "failed")


def refusal_of(value: dict[str, Any]) -> str:
    """Return why the model declined, in a sentence or by category; empty where it does not say."""
    details = object_in(value, "stop_details")
    return text_in(details, "explanation") or text_in(details, "category")


def call_text(blocks: Sequence[dict[str, Any]]) -> str | None:
    """Return the answer that was given as arguments of our tool, as JSON text; None where it was not called."""
    for block in blocks:
        if _is_our_call(block):
            return json.dumps(block.get("input"))
    return None


def stray_calls(blocks: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield a note on each call of a tool that nobody runs."""
    ours = next(filter(_is_our_call, blocks), None)
    for block in blocks:
        if block.get("type") == "tool_use" and block is not ours:
            yield f"the model called the tool {word(block.get('name'), 100) or 'without a name'}; nobody ran it"


def _is_our_call(block: dict[str, Any]) -> bool:
    return block.get("type") == "tool_use" and block.get("name") == TOOL_NAME


class AnthropicStream:
    """Reads one stream."""

    def __init__(self, chat: ChatRequest, headers: Mapping[str, str], *, provider: str) -> None:
        self.provider = provider
        self.is_over = False
        self._waits_for_call = chat.strategy == "tool"
        self._headers = dict(headers)
        self._space = runaway.WhiteSpace(is_json=chat.strategy in ("native", "tool"))
        self._message: dict[str, Any] = {}
        self._end: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._text: list[str] = []
        # Words before a call of the tool are no part of the answer, but may turn out to be all of it.
        self._held: list[str] = []
        self._thinking: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._call_index: Any = None
        self._unread = 0

    def read(self, event: ServerSentEvent) -> ChatDelta | None:
        """Return what the event adds, if anything; raise ProviderError for an error that comes in the stream."""
        value = json_of(event.data)
        if not isinstance(value, dict):
            self._unread += 1
            return None
        kind = value.get("type", event.name)
        if kind == "error" or value.get("error"):
            raise error_of(200, self._headers, value, event.data.encode(), provider=self.provider)
        if kind == "message_start":
            self._begin(object_in(value, "message"))
        elif kind == "content_block_start":
            return self._block(value.get("index"), object_in(value, "content_block"))
        elif kind == "content_block_delta":
            return self._delta(value.get("index"), object_in(value, "delta"))
        elif kind == "content_block_stop":
            return self._close_block(value.get("index"))
        elif kind == "message_delta":
            return self._finish(value)
        elif kind == "message_stop":
            self.is_over = True
        return None

    def reply(self) -> ChatReply:
        """Return what the stream came to so far; finish_reason is "failed" where none has come."""
        raw = word(self._end.get("stop_reason"), 100)
        finish_reason = finish_reason_of(raw)
        pieces = self._text or self._held
        notes = [*stray_calls(self._calls)]
        if self._unread:
            notes.append(f"events of the stream that could not be read and were left out: {self._unread}")
        return ChatReply(
            text="".join(pieces) if pieces else None,
            finish_reason=finish_reason,
            raw_finish_reason=raw,
            refusal=refusal_of(self._end) if finish_reason == "refused" else "",
            usage=usage_of(self._usage),
            model=word(self._message.get("model")),
            request_id=word(self._headers.get("request-id")) or word(self._message.get("id")),
            thinking="".join(self._thinking),
            notes=tuple(notes),
        )

    # --- the events, in the order in which they come ------------------------------------------------------------------

    def _begin(self, message: dict[str, Any]) -> None:
        self._message = message
        usage = dict(object_in(message, "usage"))
        # The output begins with a number that means nothing yet.
        usage.pop("output_tokens", None)
        self._usage = with_later(self._usage, usage)

    def _block(self, index: Any, block: dict[str, Any]) -> ChatDelta | None:
        if block.get("type") == "tool_use":
            self._calls.append(block)
            if _is_our_call(block) and sum(map(_is_our_call, self._calls)) == 1:
                self._call_index = index
            return None
        # Blocks begin empty; some servers save a delta.
        return self._delta(index, {**block, "type": f"{block.get('type')}_delta"})

    def _delta(self, index: Any, delta: dict[str, Any]) -> ChatDelta | None:
        kind = delta.get("type")
        if kind == "text_delta" and (text := text_in(delta, "text")):
            if not self._waits_for_call:
                return self._add(text)
            self._held.append(text)
        if kind == "input_json_delta" and index == self._call_index and self._call_index is not None:
            text = text_in(delta, "partial_json")
            return self._add(text) if text else None
        if kind == "thinking_delta" and (thought := text_in(delta, "thinking")):
            self._thinking.append(thought)
            return ChatDelta(thinking=thought)
        return None

    def _close_block(self, index: Any) -> ChatDelta | None:
        """Give the arguments of a call that came without fragments: it has none, or all of them at once."""
        if index is None or index != self._call_index:
            return None
        self._call_index = None
        call = next(filter(_is_our_call, self._calls))
        return None if self._text else self._add(json.dumps(object_in(call, "input")))

    def _finish(self, value: dict[str, Any]) -> ChatDelta | None:
        end = object_in(value, "delta")
        self._end = {**self._end, **{name: member for name, member in end.items() if member is not None}}
        self._usage = with_later(self._usage, object_in(value, "usage"))
        if self._end.get("stop_reason") and self._waits_for_call and not self._text and self._held:
            held, self._held = "".join(self._held), []
            return self._add(held)
        return None

    # --- the words ----------------------------------------------------------------------------------------------------

    def _add(self, text: str) -> ChatDelta:
        if self._space.add(text):
            raise BadReply(f"{self.provider} was left: {runaway.MESSAGE}")
        self._text.append(text)
        return ChatDelta(text)
