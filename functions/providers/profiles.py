"""Where the servers of OpenAI's dialect differ: a table of exceptions, chosen by address and name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from functions.providers.chat import SchemaDialect, Strategy

ALL_STRATEGIES: tuple[Strategy, ...] = ("native", "tool", "json", "text")
# Schemas are accepted there and then ignored, so they are asked for in words.
WITHOUT_SCHEMAS: tuple[Strategy, ...] = ("json", "tool", "text")
PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})


@dataclass(frozen=True)
class Profile:
    """What one kind of server takes. The defaults are those of a server of which nothing is known."""

    name: str
    # Whose rules its schemas follow.
    dialect: SchemaDialect = "openai"
    strategies: tuple[Strategy, ...] = ALL_STRATEGIES
    # Models of it that only pretend to take a schema.
    without_schemas: str = "(?!)"
    # Models for which it knows `strict`.
    strict_models: str = "(?!)"
    # It puts a schema that is sent before the model's eyes; a grammar enforces one the model never sees.
    shows_schemas: bool = False
    has_stream_options: bool = False
    has_parallel_tool_calls: bool = False
    tool_choice: Literal["function", "any", "required"] = "function"
    limit_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    seed_name: str = "seed"
    has_key_header: bool = False
    # What it answers with an error, by a pattern of the models.
    refused_options: frozenset[str] = frozenset()
    refusing_models: str = ""
    # It is a router: a schema must not end up at a host that ignores it, images come out of a chat.
    is_router: bool = False
    # Reasoning is counted beside the completion's tokens.
    counts_reasoning_apart: bool = False
    # With JSON mode it sometimes answers with nothing.
    may_be_empty: bool = False

    def strategies_of(self, model: str) -> tuple[Strategy, ...]:
        """Return the ways in which this model can be asked for structure, the best first."""
        return WITHOUT_SCHEMAS if re.search(self.without_schemas, model) else self.strategies

    def is_strict_with(self, model: str) -> bool:
        """Tell whether `strict` may be sent."""
        return bool(re.search(self.strict_models, model))

    def refuses(self, option: str, model: str) -> bool:
        """Tell whether an option leads to an error there."""
        return option in self.refused_options and bool(re.search(self.refusing_models, model))


GENERIC = Profile("generic")
OPENAI = Profile(
    "openai",
    shows_schemas=True,
    strict_models="",
    has_stream_options=True,
    has_parallel_tool_calls=True,
    limit_name="max_completion_tokens",
)
AZURE = Profile(
    "azure",
    shows_schemas=True,
    strict_models="",
    has_stream_options=True,
    has_parallel_tool_calls=True,
    limit_name="max_completion_tokens",
    has_key_header=True,
)
MISTRAL = Profile(
    "mistral",
    shows_schemas=True,
    strict_models="",
    has_parallel_tool_calls=True,
    tool_choice="any",
    seed_name="random_seed",
    # It refuses every name that it does not know.
    refused_options=frozenset({"logit_bias", "logprobs", "top_logprobs", "user", "store", "service_tier"}),
)
GROQ = Profile(
    "groq",
    shows_schemas=True,
    strict_models="gpt-oss",
    has_stream_options=True,
    has_parallel_tool_calls=True,
    limit_name="max_completion_tokens",
    refused_options=frozenset({"logit_bias", "logprobs", "top_logprobs"}),
)
OPENROUTER = Profile(
    "openrouter",
    shows_schemas=True,
    strict_models="",
    has_stream_options=True,
    # Our attempts are one model each: a router's own list would hide which of them answered.
    refused_options=frozenset({"models", "route"}),
    is_router=True,
)
OLLAMA = Profile("ollama", dialect="grammar", without_schemas=r"[:-]cloud$", has_stream_options=True)
OLLAMA_CLOUD = Profile("ollama cloud", strategies=WITHOUT_SCHEMAS, has_stream_options=True)
VLLM = Profile("vllm", dialect="grammar", has_stream_options=True, has_parallel_tool_calls=True)
LLAMA_CPP = Profile("llama.cpp", dialect="grammar", has_stream_options=True, tool_choice="required")
LM_STUDIO = Profile("lm studio", dialect="grammar", has_stream_options=True, tool_choice="required")
XAI = Profile(
    "xai",
    shows_schemas=True,
    strict_models="",
    has_stream_options=True,
    has_parallel_tool_calls=True,
    refused_options=PENALTIES | {"stop"},
    refusing_models=r"grok-(3-mini|[4-9]|code)(?!.*non-reasoning)",
    counts_reasoning_apart=True,
)
DEEPSEEK = Profile("deepseek", strategies=WITHOUT_SCHEMAS, has_stream_options=True, may_be_empty=True)
Z_AI = Profile("z.ai", strategies=WITHOUT_SCHEMAS, may_be_empty=True)
QWEN = Profile("qwen", strategies=WITHOUT_SCHEMAS, has_stream_options=True, may_be_empty=True)

BY_HOST: tuple[tuple[str, Profile], ...] = (
    (r"(^|\.)api\.openai\.com$", OPENAI),
    (r"\.(openai|cognitiveservices|services\.ai)\.azure\.(com|us|cn)$", AZURE),
    (r"(^|\.)mistral\.ai$", MISTRAL),
    (r"(^|\.)groq\.com$", GROQ),
    (r"(^|\.)openrouter\.ai$", OPENROUTER),
    (r"(^|\.)ollama\.com$", OLLAMA_CLOUD),
    (r"(^|\.)x\.ai$", XAI),
    (r"(^|\.)deepseek\.com$", DEEPSEEK),
    (r"(^|\.)(z\.ai|bigmodel\.cn)$", Z_AI),
    (r"(^|\.)(dashscope[a-z-]*\.aliyuncs|maas\.aliyuncs)\.com$", QWEN),
)
BY_NAME: dict[str, Profile] = {
    "azure": AZURE, "mistral": MISTRAL, "groq": GROQ, "openrouter": OPENROUTER, "ollama": OLLAMA, "vllm": VLLM,
    "llamacpp": LLAMA_CPP, "lmstudio": LM_STUDIO, "xai": XAI, "deepseek": DEEPSEEK, "zai": Z_AI, "qwen": QWEN,
}  # fmt: skip
# Where these listen unless told otherwise; nobody offers TLS there.
BY_PORT: dict[int, Profile] = {11434: OLLAMA, 1234: LM_STUDIO, 8000: VLLM, 8080: LLAMA_CPP}


def profile_for(name: str, base_url: str) -> Profile:
    """Return the profile of a provider: its host tells most, then its name, then its port."""
    parts = urlsplit(base_url)
    for pattern, profile in BY_HOST:
        if re.search(pattern, (parts.hostname or "").lower()):
            return profile
    # `my-vllm` and `vllm_2` are told by a word of theirs.
    words = {re.sub(r"[^a-z]", "", name.lower()), *re.split(r"[^a-z]+", name.lower())}
    for word, profile in BY_NAME.items():
        if word in words:
            return profile
    if parts.scheme == "http" and (found := BY_PORT.get(_port(base_url) or 0)) is not None:
        return found
    # The variable of this name may lead to a gateway, which passes on what it is sent.
    return OPENAI if name == "openai" else GENERIC


def _port(base_url: str) -> int | None:
    try:
        return urlsplit(base_url).port
    except ValueError:
        return None
