"""A conversation for vendors where the two sides take turns strictly, and none may say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from functions.providers.chat import Message, Part, TextPart

Turn = tuple[Literal["user", "assistant"], list[Part]]

OPENING = "Begin."
GOING_ON = "Go on."
NOTHING = "(nothing)"


def system_text(messages: Sequence[Message]) -> str:
    """Return the words that stand above the conversation."""
    texts = [message.text for message in messages if message.role == "system"]
    return "\n\n".join(text for text in texts if text.strip())


def turns_of(messages: Sequence[Message], notes: list[str]) -> list[Turn]:
    """Return the turns: the user's is the first and the last, neighbours are one, media stand before the words."""
    turns: list[Turn] = []
    for message in messages:
        if message.role == "system":
            continue
        if turns and turns[-1][0] == message.role:
            turns[-1][1].extend(_parts(message))
        else:
            turns.append((message.role, _parts(message)))
    if not turns or turns[0][0] != "user":
        turns.insert(0, ("user", [TextPart(OPENING)]))
        notes.append(f"the conversation was opened with {OPENING!r}: the user's turn comes first")
    if turns[-1][0] != "user":
        turns.append(("user", [TextPart(GOING_ON)]))
        notes.append(f"{GOING_ON!r} was added: the last turn is the user's")
    return turns


def _parts(message: Message) -> list[Part]:
    said = [part for part in message.parts if not isinstance(part, TextPart) or part.text.strip()]
    # Models read a question better when what it is about comes first.
    return sorted(said, key=lambda part: isinstance(part, TextPart)) or [TextPart(NOTHING)]


def with_words_before(turns: Sequence[Turn], text: str) -> list[Turn]:
    """Return the turns with `text` as the first words of the first one, for models without a place above."""
    if not text:
        return list(turns)
    (role, parts), *rest = turns
    media = [part for part in parts if not isinstance(part, TextPart)]
    words = [part for part in parts if isinstance(part, TextPart)]
    return [(role, [*media, TextPart(text), *words]), *rest]
