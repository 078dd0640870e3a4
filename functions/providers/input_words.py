"""The words and numbers of an input, handed out in turn."""

from __future__ import annotations

import re
from typing import Any

from opperweb import json


class Words:
    """The words of an input, handed out in turn."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.by_key: dict[str, str] = {}
        self.leaves: list[str] = []
        self._gather(_json_in(text), "", 0)
        if not self.leaves:
            self.leaves = [" ".join(text.split())[:300] or "rehearsal"]
        self.numbers = [float(found) for found in re.findall(r"(?<![\w.-])-?\d{1,9}(?:\.\d{1,6})?(?![\w.-])", text)]
        self.turn = 0
        self.number_turn = 0

    def next(self, key: str = "") -> str:
        if key in self.by_key:
            return self.by_key[key]
        self.turn += 1
        return self.leaves[(self.turn - 1) % len(self.leaves)]

    def next_number(self) -> float | None:
        self.number_turn += 1
        return self.numbers[(self.number_turn - 1) % len(self.numbers)] if self.numbers else None

    def _gather(self, value: Any, key: str, depth: int) -> None:
        if isinstance(value, str) and value.strip() and len(self.leaves) < 200:
            self.leaves.append(" ".join(value.split())[:300])
            if key:
                self.by_key.setdefault(key, self.leaves[-1])
        elif isinstance(value, dict | list) and depth < 20:
            pairs = value.items() if isinstance(value, dict) else ((("", item)) for item in value)
            for name, item in pairs:
                self._gather(item, name, depth + 1)


def _json_in(text: str) -> Any:
    """Return the JSON that a text is, or that it ends with after some words."""
    starts = [0, *(found.start() for found in re.finditer(r"(?m)^[\[{]", text))][:5]
    for start in starts:
        try:
            return json.loads(text[start:])
        except (ValueError, RecursionError):
            continue
    return None
