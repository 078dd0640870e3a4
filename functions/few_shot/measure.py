"""How near two texts are, from 0 to 1: the cosine of their words, of which rare ones weigh more."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# By word: how much of a text it is. The squares of a text's weights come to 1.
Weights = Mapping[str, float]


@dataclass(frozen=True)
class Frequencies:
    """In how many of `count` texts each word is."""

    count: int = 0
    holding: Mapping[str, int] = field(default_factory=dict)
    # By word, as they are asked for: a logarithm takes longer than all the rest.
    _known: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of_texts(cls, texts: Iterable[Sequence[str]]) -> Frequencies:
        """Count them in texts that are given as their words."""
        holding: Counter[str] = Counter()
        count = 0
        for words in texts:
            holding.update(set(words))
            count += 1
        return cls(count, holding)

    def share(self, word: str) -> float:
        """Return in which part of the texts a word is, 0 to 1."""
        return self.holding.get(word, 0) / self.count if self.count else 0.0

    def telling(self, word: str) -> float:
        """Return how much a word tells: more than 0 even for one that is everywhere."""
        known = self._known.get(word)
        if known is None:
            held = self.holding.get(word, 0)
            known = math.log(1 + (self.count - held + 0.5) / (held + 0.5))
            if held:
                self._known[word] = known
        return known

    def weights_of(self, words: Iterable[str]) -> dict[str, float]:
        """Return what each word is of a text; empty for a text without words."""
        weights, squares = self._weighed(words)
        length = math.sqrt(squares)
        return {word: weight / length for word, weight in weights.items()} if length else {}

    def similarity_of(self, weights: Weights, words: Iterable[str]) -> float:
        """Return how near a text is to one of these weights: 1 for the same words, 0 where they share none."""
        others, squares = self._weighed(words)
        shared = sum(weight * others[word] for word, weight in weights.items() if word in others)
        return min(1.0, shared / math.sqrt(squares)) if squares else 0.0

    def _weighed(self, words: Iterable[str]) -> tuple[dict[str, float], float]:
        """Return the weight of each word, and the sum of their squares."""
        known, unseen = self._known, self.telling("")
        weights: dict[str, float] = {}
        squares = 0.0
        for word, times in Counter(words).items():
            weight = known.get(word) or (self.telling(word) if word in self.holding else unseen)
            if times > 1:
                weight *= 1 + math.log(times)
            weights[word] = weight
            squares += weight * weight
        return weights, squares


def similarity(one: Weights, other: Weights) -> float:
    """Return how near two texts are by their weights."""
    if len(one) > len(other):
        one, other = other, one
    return min(1.0, sum(weight * other[word] for word, weight in one.items() if word in other))
