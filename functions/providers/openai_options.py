"""Which of a caller's options go to a server of OpenAI's dialect, under which name; what is left out is told."""

from __future__ import annotations

import re
from typing import Any

from functions.providers.chat import ChatRequest
from functions.providers.profiles import Profile

# What we decide: an option of these names would change what comes back into something nobody reads.
OURS = frozenset({"model", "messages", "stream", "stream_options", "n"})
SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias")
LIMITS = ("max_tokens", "max_completion_tokens")
# What the output schema decides, by how it is asked for.
DECIDED_BY_SCHEMA = {
    "native": ("response_format",),
    "json": ("response_format",),
    "tool": ("response_format", "tools", "tool_choice", "parallel_tool_calls"),
}


def options_of(chat: ChatRequest, profile: Profile, notes: list[str]) -> dict[str, Any]:
    """Return the options as this server and this model take them; add a note for each that was changed."""
    options = {name: value for name, value in chat.options.items() if name not in OURS}
    notes += [f"the option {name} was not sent: it is decided here" for name in chat.options if name in OURS]
    for name in DECIDED_BY_SCHEMA.get(chat.strategy, ()):
        if options.pop(name, None) is not None:
            notes.append(f"the option {name} was not sent: the output schema decides it")
    _leave_out_refused(options, chat.model, profile, notes)
    _rename(options, chat.model, profile, notes)
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


def _leave_out_refused(options: dict[str, Any], model: str, profile: Profile, notes: list[str]) -> None:
    has_sampling = takes_sampling(model, options.get("reasoning_effort"))
    for name in list(options):
        if name in SAMPLING and not has_sampling:
            del options[name]
            notes.append(f"the option {name} was not sent: {model} does not take it")
        elif profile.refuses(name, model):
            del options[name]
            notes.append(f"the option {name} was not sent: {profile.name} does not take it")


def _rename(options: dict[str, Any], model: str, profile: Profile, notes: list[str]) -> None:
    limit: str = "max_completion_tokens" if is_reasoning(model) else profile.limit_name
    names: dict[str, str] = {each: limit for each in LIMITS if each != limit}
    if profile.seed_name != "seed":
        names["seed"] = profile.seed_name
    for name, known in names.items():
        if name in options:
            value = options.pop(name)
            options.setdefault(known, value)
            notes.append(f"the option {name} was sent as {known}, the name that is known there")
