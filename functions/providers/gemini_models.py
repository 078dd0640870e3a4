"""What a model on the Gemini API takes, as far as its name tells. Of names that are not known the newest is assumed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from functions.providers.chat import ChatRequest, Wanted
from functions.providers.media_kind import media_kind

NAME = re.compile(r"gemini-(\d{1,2})(?:\.(\d{1,2}))?(?!\d)")
NEWEST = (99, 0)
# Google's own budgets for OpenAI's words.
BUDGETS = {"none": 0, "minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
LEVELS = {
    "none": "minimal", "minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high",
    "max": "high",
}  # fmt: skip
# The larger models of 2.5 always think a little.
LEAST_BUDGET_OF_PRO = 128


@dataclass(frozen=True)
class GeminiModel:
    """One model, by its bare name and version."""

    name: str
    version: tuple[int, int]

    @property
    def is_gemma(self) -> bool:
        return "gemma" in self.name

    @property
    def is_imagen(self) -> bool:
        return self.name.startswith("imagen")

    @property
    def kind(self) -> Wanted:
        """What the model gives when nothing else is said."""
        return media_kind(self.name)

    @property
    def takes_structure(self) -> bool:
        """Whether answers can be held to a form."""
        return not self.is_gemma and self.kind not in ("image", "audio")

    @property
    def takes_system(self) -> bool:
        """Whether there is a place for instructions above the conversation."""
        return self.takes_structure

    @property
    def takes_schema_beside_functions(self) -> bool:
        return self.version >= (3, 0)

    def thinking_for(self, effort: str) -> dict[str, Any] | None:
        """Return the thinkingConfig for one of OpenAI's efforts; None where the model takes none or the word is odd."""
        if not self.takes_structure or self.version < (2, 5) or effort not in LEVELS:
            return None
        is_pro = "-pro" in self.name
        if self.version < (3, 0):
            return {"thinkingBudget": max(BUDGETS[effort], LEAST_BUDGET_OF_PRO if is_pro else 0)}
        level = LEVELS[effort]
        if is_pro and level == "minimal":
            level = "low"
        if is_pro and level == "medium" and self.version == (3, 0):
            level = "high"
        return {"thinkingLevel": level}


def model_of(name: str) -> GeminiModel:
    """Return what is known of a model from its name, with or without `models/` before it."""
    bare = name.lower().rpartition("/")[2]
    found = NAME.search(bare)
    return GeminiModel(bare, (int(found[1]), int(found[2] or 0)) if found else NEWEST)


def kind_of(chat: ChatRequest) -> Wanted:
    """Return what is to come back: the model's name decides where it can do one thing alone."""
    kind = model_of(chat.model).kind
    return kind if kind in ("image", "audio") else chat.wants
