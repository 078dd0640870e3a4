"""Examples that are nearly the same: each pair of inputs that differ in hardly a word, and whether their answers do.

Two inputs that are nearly the same share the words that tell most of them. So only those are compared that share one
of these few words; inputs that are the same to the word need no comparison.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from typing import Any

from functions.few_shot.measure import Frequencies, Weights, similarity
from functions.few_shot.search import find
from functions.few_shot.text import text_of, words_of
from functions.few_shot.usual import version_of
from functions.models import DatasetExample, ExampleWords, Function

LEAST_SIMILARITY = 0.9
# By so many of its words is each input put beside others.
TELLING_WORDS = 4
# Of very many that share a word only neighbours are compared, for all pairs of them would be too many.
MOST_TOGETHER = 30
MOST_EXAMPLES = 20_000
MOST_PAIRS = 1_000
MOST_KEPT = 50


@dataclass(frozen=True)
class Pair:
    """Two examples with nearly the same input, the older one first."""

    older: DatasetExample
    newer: DatasetExample
    similarity: float
    # Else one of them teaches what the other one denies.
    has_same_answer: bool


Places = tuple[tuple[int, int, float], ...]

_kept: OrderedDict[uuid.UUID, tuple[int, Places]] = OrderedDict()
_lock = Lock()


def is_near_duplicate(function: Function, input: Any) -> bool:
    """Tell whether a function has an example whose input is nearly this one."""
    text = text_of(input)
    return any(nearness >= LEAST_SIMILARITY for _, nearness in find(function, text, most=1)[:1])


def pairs(function: Function, limit: int) -> list[Pair]:
    """Return the pairs of examples that are nearly the same, the nearest first; from memory where nothing changed."""
    places = _places(function)[:limit]
    keys = {key for older, newer, _ in places for key in (older, newer)}
    rows = DatasetExample.objects.filter(function=function).in_bulk(keys, field_name="key")
    return [
        Pair(rows[older], rows[newer], nearness, _has_same_answer(rows[older], rows[newer]))
        for older, newer, nearness in places
        if older in rows and newer in rows
    ]


def count(function: Function) -> int:
    """Return how many pairs there are, 1,000 at most."""
    return len(_places(function))


def forget() -> None:
    """Look for everything anew."""
    _kept.clear()


def _places(function: Function) -> Places:
    version = version_of(function)
    kept = _kept.get(function.pk)
    if kept is None or kept[0] != version:
        kept = (version, tuple(_found(function)))
    with _lock:
        _kept[function.pk] = kept
        _kept.move_to_end(function.pk)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return kept[1]


def _found(function: Function) -> list[tuple[int, int, float]]:
    rows = ExampleWords.objects.filter(example__function=function).exclude(digest="")
    texts = {
        key: words.split()
        for key, words in rows.order_by("-example_id").values_list("example_id", "words")[:MOST_EXAMPLES]
    }
    frequencies = Frequencies.of_texts(texts.values())
    weights = {key: frequencies.weights_of(words) for key, words in texts.items()}
    found: dict[tuple[int, int], float] = {}
    for older, newer in _beside_each_other(weights):
        if (older, newer) not in found:
            nearness = similarity(weights[older], weights[newer])
            if nearness >= LEAST_SIMILARITY:
                found[older, newer] = round(nearness, 3)
                if len(found) >= MOST_PAIRS:
                    break
    return sorted(
        ((*pair, nearness) for pair, nearness in found.items()), key=lambda each: (-each[2], -each[1], -each[0])
    )


def _beside_each_other(weights: Mapping[int, Weights]) -> Iterator[tuple[int, int]]:
    """Return pairs of keys, the smaller one first, that may be near each other; some of them twice."""
    together: defaultdict[str, list[int]] = defaultdict(list)
    for key in sorted(weights):
        telling = sorted(weights[key].items(), key=lambda pair: (-pair[1], pair[0]))[:TELLING_WORDS]
        # The whole set is one more thing to share: so what is the same is found among however many.
        together[" ".join(sorted(weights[key]))].append(key)
        for word, _ in telling:
            together[word].append(key)
    for keys in together.values():
        yield from _pairs_in(keys)


def _pairs_in(keys: list[int]) -> Iterable[tuple[int, int]]:
    if len(keys) > MOST_TOGETHER:
        return pairwise(keys)
    return ((older, newer) for place, older in enumerate(keys) for newer in keys[place + 1 :])


def _has_same_answer(one: DatasetExample, other: DatasetExample) -> bool:
    if one.answer == other.answer:
        return True
    texts = [words_of(text_of(each.answer)) for each in (one, other)]
    frequencies = Frequencies.of_texts(texts)
    return similarity(*map(frequencies.weights_of, texts)) >= LEAST_SIMILARITY
