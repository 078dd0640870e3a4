"""Providers that many people add: their kind of account and where they usually listen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Preset:
    """One line of the choice; an address that differs everywhere is left empty."""

    key: str
    label: Any
    kind: str
    base_url: str = ""


PRESETS = (
    Preset("openai", "OpenAI", "openai", "https://api.openai.com/v1"),
    Preset("anthropic", "Anthropic", "anthropic", "https://api.anthropic.com"),
    Preset("gemini", "Gemini", "gemini", "https://generativelanguage.googleapis.com"),
    Preset("mistral", "Mistral", "openai", "https://api.mistral.ai/v1"),
    Preset("groq", "Groq", "openai", "https://api.groq.com/openai/v1"),
    Preset("openrouter", "OpenRouter", "openai", "https://openrouter.ai/api/v1"),
    Preset("ollama", "Ollama", "openai", "http://127.0.0.1:11434/v1"),
    Preset("vllm", "vLLM", "openai", "http://127.0.0.1:8000/v1"),
    Preset("lmstudio", "LM Studio", "openai", "http://127.0.0.1:1234/v1"),
    Preset("llamacpp", "llama.cpp", "openai", "http://127.0.0.1:8080/v1"),
    Preset("other", _("Another that speaks like OpenAI"), "openai"),
    Preset("other-anthropic", _("Another that speaks like Anthropic"), "anthropic"),
    Preset("other-gemini", _("Another that speaks like Gemini"), "gemini"),
)
BY_KEY = {preset.key: preset for preset in PRESETS}
