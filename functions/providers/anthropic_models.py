"""What a Claude model takes, as far as its name tells. Of names that are not known the best is assumed.

| models             | most tokens of an answer, where the caller names no limit |
| ------------------ | ---------------------------------------------------------- |
| Claude 2, Claude 3 | 4,096                                                      |
| Claude 3.5         | 8,192                                                      |
| Claude 3.7 and on  | 16,000                                                     |
| other names        | 8,192                                                      |
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# claude-3-5-sonnet-20241022, claude-sonnet-4-20250514, claude-opus-4.5, anthropic.claude-haiku-4-5-20251001-v1:0
NAME = re.compile(
    r"claude-(?:(?P<family>[a-z]+)-)?(?P<major>\d{1,2})(?!\d)(?:[-.](?P<minor>\d{1,2})(?!\d))?(?:-(?P<after>[a-z]+))?"
)
UNKNOWN_MOST_TOKENS = 8_192
ALWAYS_THINKING = frozenset({("fable", (5, 0)), ("mythos", (5, 0)), ("opus", (5, 5))})


@dataclass(frozen=True)
class Claude:
    """One model, by family and version; `version` is None where the name is not one of Anthropic's."""

    family: str = ""
    version: tuple[int, int] | None = None

    @property
    def most_tokens(self) -> int:
        """The limit of an answer for which no other was named."""
        if self.version is None:
            return UNKNOWN_MOST_TOKENS
        if self.version < (3, 5):
            return 4_096
        return 8_192 if self.version < (3, 7) else 16_000

    @property
    def takes_tools(self) -> bool:
        return self.version is None or self.version >= (3, 0)

    @property
    def takes_schema(self) -> bool:
        """Whether answers can be held to a schema."""
        return self.version is None or self.version >= (4, 5)

    @property
    def takes_forced_tool(self) -> bool:
        return (self.family, self.version) not in ALWAYS_THINKING

    @property
    def takes_sampling(self) -> bool:
        """Whether temperature, top_p and top_k may be sent."""
        return not self._thinks_by_itself

    @property
    def takes_both_samplings(self) -> bool:
        """Whether temperature and top_p may be sent together."""
        return self.version is None or self.version < (4, 1)

    @property
    def takes_budget(self) -> bool:
        """Whether thinking may be given a budget; otherwise it is adaptive."""
        return not self._thinks_by_itself

    @property
    def takes_effort(self) -> bool:
        return self.version is None or self.version >= (4, 6) or (self.family, self.version) == ("opus", (4, 5))

    @property
    def _thinks_by_itself(self) -> bool:
        if self.version is None:
            return False
        return self.version >= (5, 0) or (self.family == "opus" and self.version >= (4, 7))


def claude_of(model: str) -> Claude:
    """Return what is known of a model from its name."""
    found = NAME.search(model.lower())
    if found is None:
        return Claude("", (2, 0)) if "claude-instant" in model.lower() else Claude()
    family = found["family"] or found["after"] or ""
    return Claude(family, (int(found["major"]), int(found["minor"] or 0)))
