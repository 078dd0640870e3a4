"""A caller's options as Gemini takes them: its own names as they are, OpenAI's brought into them, each change noted."""

from __future__ import annotations

import re
from typing import Any

from functions.providers.chat import ChatRequest
from functions.providers.gemini_models import model_of
from functions.providers.reading import objects_in

# What we decide: an option of these names would change what comes back into something nobody reads.
OURS = ("model", "messages", "contents", "systemInstruction", "stream", "streamOptions", "n", "candidateCount")
# Names of others that stand for nothing here.
UNKNOWN_HERE = (
    "logit_bias", "response_format", "parallel_tool_calls", "tool_choice", "prompt_cache_key", "store", "modalities",
    "audio", "prediction", "verbosity", "user", "safety_identifier", "metadata", "cache_control", "quality",
    "background", "output_format", "moderation", "speed",
)  # fmt: skip
GENERATION = frozenset({
    "temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "seed", "presencePenalty", "frequencyPenalty",
    "responseLogprobs", "logprobs", "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities",
    "thinkingConfig", "speechConfig", "imageConfig", "mediaResolution", "candidateCount", "audioTimestamp",
    "enableEnhancedCivicAnswers",
})  # fmt: skip
RENAMED = {
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "stop": "stopSequences",
    "top_logprobs": "logprobs",
}
FORM_OF_ANSWER = ("responseMimeType", "responseSchema", "responseJsonSchema")


def options_of(chat: ChatRequest, notes: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options as members of generationConfig, and as members of the body beside it."""
    body: dict[str, Any] = {}
    generation: dict[str, Any] = {}
    for name, value in chat.options.items():
        own = camel(name)
        if own in OURS:
            notes.append(f"the option {name} was not sent: it is decided here")
        elif name in UNKNOWN_HERE:
            notes.append(f"the option {name} was not sent: Gemini has nothing of this name")
        elif own == "generationConfig" or name == "reasoning_effort":
            continue
        elif name in RENAMED or own in GENERATION:
            _set(generation, name, value, notes)
        else:
            body[name] = value
    # What the caller wrote in Gemini's own words counts more than what was brought into them.
    generation |= _own_config(chat)
    _set_thinking(generation, chat, notes)
    _leave_out_decided(generation, body, chat, notes)
    return generation, body


def camel(name: str) -> str:
    """Return a name in Google's spelling: max_output_tokens is maxOutputTokens."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def _own_config(chat: ChatRequest) -> dict[str, Any]:
    config = chat.options.get("generationConfig", chat.options.get("generation_config"))
    return {camel(name): value for name, value in config.items()} if isinstance(config, dict) else {}


def _set(generation: dict[str, Any], name: str, value: Any, notes: list[str]) -> None:
    own = RENAMED.get(name, camel(name))
    if value is None:
        return
    if name == "stop" and isinstance(value, str):
        value = [value]
    if name == "logprobs" and isinstance(value, bool):
        own = "responseLogprobs"
    generation.setdefault(own, value)
    if own != camel(name):
        notes.append(f"the option {name} was sent as {own}, the name Gemini knows")


def _set_thinking(generation: dict[str, Any], chat: ChatRequest, notes: list[str]) -> None:
    effort = chat.options.get("reasoning_effort")
    if effort is None:
        return
    if "thinkingConfig" in generation:
        notes.append("the option reasoning_effort was not sent: there is a thinkingConfig")
        return
    config = model_of(chat.model).thinking_for(str(effort))
    if config is None:
        notes.append(f"the option reasoning_effort was not sent: {chat.model} does not take it")
        return
    generation["thinkingConfig"] = config
    ((name, value),) = config.items()
    notes.append(f"the option reasoning_effort {effort} was sent as thinkingConfig.{name} {value}")


def _leave_out_decided(generation: dict[str, Any], body: dict[str, Any], chat: ChatRequest, notes: list[str]) -> None:
    """Leave out what the output schema decides, or what cannot stand beside it."""
    if generation.pop("candidateCount", None) is not None:
        notes.append("the option candidateCount was not sent: it is decided here")
    if chat.strategy in ("native", "tool", "json"):
        for name in [name for name in FORM_OF_ANSWER if name in generation]:
            del generation[name]
            notes.append(f"the option {name} was not sent: the output schema decides it")
    takes_all = model_of(chat.model).takes_schema_beside_functions
    are_in_the_way = chat.strategy == "native" and _has_functions(body) and not takes_all
    for name in [name for name in body if camel(name) in ("tools", "toolConfig")]:
        if chat.strategy == "tool":
            del body[name]
            notes.append(f"the option {name} was not sent: the output schema decides it")
        elif are_in_the_way:
            del body[name]
            notes.append(f"the option {name} was not sent: {chat.model} does not take it together with a schema")


def _has_functions(body: dict[str, Any]) -> bool:
    return any(camel(name) == "functionDeclarations" for tool in objects_in(body, "tools") for name in tool)
