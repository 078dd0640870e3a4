"""What Gemini answered, put together from a whole answer or from the pieces of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.providers import runaway
from functions.providers.chat import ChatReply, FinishReason
from functions.providers.gemini_media import Recording
from functions.providers.gemini_usage import usage_of
from functions.providers.reading import object_in, objects_in, text_in, word
from opperweb import json

# The one function that a model is given with the strategy `tool`.
TOOL_NAME = "answer"
REFUSALS = frozenset({
    "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
})  # fmt: skip
FINISH_REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(REFUSALS, "refused"),
}


class Answer:
    """Takes responses in order, one or many, and is the reply that they come to."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.text: list[str] = []
        self.thinking: list[str] = []
        # The arguments of our function, as JSON text, once it was called.
        self.arguments: str | None = None
        self.finish_reason = ""
        self.has_begun = False
        self.notes: list[str] = []
        self._headers = headers
        self._images: list[str] = []
        self._recording = Recording()
        self._usage: Any = None
        self._why = ""
        self._block_reason = ""
        self._model = ""
        self._id = ""

    def take(self, value: dict[str, Any]) -> None:
        """Take the next response; its texts are added to `text` and `thinking`."""
        self._model = word(value.get("modelVersion")) or self._model
        self._id = word(value.get("responseId")) or self._id
        if isinstance(value.get("usageMetadata"), dict):
            # The counts are of everything so far.
            self._usage = value["usageMetadata"]
        feedback = object_in(value, "promptFeedback")
        if block_reason := word(feedback.get("blockReason"), 100):
            self._block_reason = block_reason
            self._why = text_in(feedback, "blockReasonMessage")
        candidates = objects_in(value, "candidates")
        if candidates:
            self._take_candidate(candidates[0])
        self.has_begun = self.has_begun or bool(candidates) or bool(block_reason)

    def reply(self) -> ChatReply:
        """Return what was answered so far; finish_reason is "failed" where none has come."""
        raw = self.finish_reason or self._block_reason
        finish_reason: FinishReason = FINISH_REASONS.get(raw, "failed")
        if self._block_reason and not self.finish_reason:
            finish_reason = "refused"
        usage, notes = usage_of(self._usage)
        text = self.arguments if self.arguments is not None else "".join(self.text) if self.text else None
        if text is not None and runaway.has_run_away(text):
            finish_reason = "failed"
            notes.append(runaway.MESSAGE)
        if finish_reason == "failed" and self._why:
            notes.append(f"the provider says: {self._why[:300]}")
        audio, audio_media_type, audio_notes = self._recording.whole()
        return ChatReply(
            text=text,
            finish_reason=finish_reason,
            raw_finish_reason=raw,
            refusal=self._why if finish_reason == "refused" else "",
            usage=usage,
            model=self._model,
            request_id=self._id or word(self._headers.get("x-request-id")),
            images=tuple(self._images),
            audio=audio,
            audio_media_type=audio_media_type,
            thinking="".join(self.thinking),
            notes=(*self.notes, *notes, *audio_notes),
        )

    def _take_candidate(self, candidate: dict[str, Any]) -> None:
        for part in objects_in(object_in(candidate, "content"), "parts"):
            self._take_part(part)
        if finish_reason := word(candidate.get("finishReason"), 100):
            self.finish_reason = finish_reason
            self._why = text_in(candidate, "finishMessage") or self._why

    def _take_part(self, part: dict[str, Any]) -> None:
        if text := text_in(part, "text"):
            (self.thinking if part.get("thought") is True else self.text).append(text)
        if call := object_in(part, "functionCall"):
            self._take_call(call)
        inline = object_in(part, "inlineData")
        data, media_type = text_in(inline, "data"), text_in(inline, "mimeType")
        # A model that draws may show its drafts among its thoughts.
        if data and media_type.startswith("image/") and part.get("thought") is not True:
            self._images.append(data)
        elif data and media_type.startswith("audio/"):
            self._recording.add(data, media_type)

    def _take_call(self, call: dict[str, Any]) -> None:
        name = word(call.get("name"), 100)
        if name == TOOL_NAME and self.arguments is None:
            self.arguments = json.dumps(object_in(call, "args"))
        else:
            self.notes.append(f"the model called the function {name or 'without a name'}; nobody ran it")
