"""A caller's options as Anthropic's Messages API takes them: what is renamed, changed or left out, each with a note."""

from __future__ import annotations

from typing import Any

from functions.providers.anthropic_models import Claude, claude_of
from functions.providers.chat import ChatRequest

# What we decide: an option of these names would change what comes back into something nobody reads.
OURS = ("model", "messages", "system", "stream", "stream_options", "n")
# OpenAI's names that stand for nothing here.
UNKNOWN_HERE = (
    "seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias", "response_format",
    "parallel_tool_calls", "prompt_cache_key", "store", "modalities", "audio", "prediction", "verbosity",
)  # fmt: skip
SAMPLING = ("temperature", "top_p", "top_k")
# Anthropic's effort begins at low.
EFFORTS = {"none": "low", "minimal": "low"}


def options_of(chat: ChatRequest, notes: list[str]) -> dict[str, Any]:
    """Return the options as members of the body, `max_tokens` always among them."""
    claude = claude_of(chat.model)
    options = dict(chat.options)
    _leave_out(options, OURS, "it is decided here", notes)
    _leave_out(options, UNKNOWN_HERE, "Anthropic has nothing of this name", notes)
    if chat.strategy == "tool":
        _leave_out(options, ("tools", "tool_choice"), "the output schema decides it", notes)
    if chat.strategy == "native":
        _leave_out(options, ("output_format",), "the output schema decides it", notes)
        _leave_out_format(options, notes)
    _rename(options, notes)
    _set_effort(options, chat, claude, notes)
    _set_thinking(options, chat, claude, notes)
    _set_sampling(options, chat, claude, notes)
    _set_limit(options, claude)
    return options


def is_thinking(options: dict[str, Any]) -> bool:
    """Tell whether the model was asked to think before it answers."""
    thinking = options.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") != "disabled"


def _leave_out(options: dict[str, Any], names: tuple[str, ...], why: str, notes: list[str]) -> None:
    for name in [name for name in options if name in names]:
        del options[name]
        notes.append(f"the option {name} was not sent: {why}")


def _leave_out_format(options: dict[str, Any], notes: list[str]) -> None:
    config = options.get("output_config")
    if isinstance(config, dict) and "format" in config:
        options["output_config"] = {name: value for name, value in config.items() if name != "format"}
        notes.append("the option output_config.format was not sent: the output schema decides it")


def _rename(options: dict[str, Any], notes: list[str]) -> None:
    if "max_completion_tokens" in options:
        limit = options.pop("max_completion_tokens")
        options.setdefault("max_tokens", limit)
        notes.append("the option max_completion_tokens was sent as max_tokens, the name Anthropic knows")
    if "stop" in options:
        stop = options.pop("stop")
        if stop is not None:
            options.setdefault("stop_sequences", [stop] if isinstance(stop, str) else stop)
            notes.append("the option stop was sent as stop_sequences, the name Anthropic knows")
    for name in ("safety_identifier", "user"):
        if name in options:
            options.setdefault("metadata", {"user_id": options.pop(name)})
            options.pop(name, None)
            notes.append(f"the option {name} was sent as metadata.user_id, the name Anthropic knows")


def _set_effort(options: dict[str, Any], chat: ChatRequest, claude: Claude, notes: list[str]) -> None:
    if "reasoning_effort" not in options:
        return
    asked = options.pop("reasoning_effort")
    config = options.get("output_config")
    if not claude.takes_effort:
        notes.append(f"the option reasoning_effort was not sent: {chat.model} does not take it")
    elif isinstance(config, dict) and "effort" in config:
        notes.append("the option reasoning_effort was not sent: output_config names an effort")
    elif isinstance(asked, str):
        effort = EFFORTS.get(asked, asked)
        options["output_config"] = {**(config if isinstance(config, dict) else {}), "effort": effort}
        notes.append(f"the option reasoning_effort {asked} was sent as output_config.effort {effort}")


def _set_thinking(options: dict[str, Any], chat: ChatRequest, claude: Claude, notes: list[str]) -> None:
    thinking = options.get("thinking")
    if isinstance(thinking, dict) and thinking.get("type") == "enabled" and not claude.takes_budget:
        options["thinking"] = {"type": "adaptive"}
        notes.append(f"the thinking budget was not sent: {chat.model} decides by itself how long it thinks")


def _set_sampling(options: dict[str, Any], chat: ChatRequest, claude: Claude, notes: list[str]) -> None:
    if not claude.takes_sampling:
        _leave_out(options, SAMPLING, f"{chat.model} does not take it", notes)
        return
    if is_thinking(options):
        if options.get("temperature") != 1:
            _leave_out(options, ("temperature",), "a model that thinks takes none but 1", notes)
        _leave_out(options, ("top_k",), "a model that thinks does not take it", notes)
    temperature = options.get("temperature")
    if isinstance(temperature, int | float) and temperature > 1:
        options["temperature"] = 1
        notes.append(f"the option temperature {temperature:g} was sent as 1, the most Anthropic takes")
    if "temperature" in options and not claude.takes_both_samplings:
        _leave_out(options, ("top_p",), f"{chat.model} takes it only without a temperature", notes)


def _set_limit(options: dict[str, Any], claude: Claude) -> None:
    """Set the limit that Anthropic insists on; what is thought counts, so a budget comes on top of the answer."""
    if options.get("max_tokens") is not None:
        return
    thinking = options.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    options["max_tokens"] = claude.most_tokens + (budget if isinstance(budget, int) else 0)
