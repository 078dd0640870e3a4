"""Find the examples whose words are nearest to a text: a few by the full-text index, then in the order of one measure.

The index only says which examples hold which words, so that both databases find the same. The words that are looked
up are the rarest of the text: what half of all examples hold brings no example nearer, and would take long to read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from functions.few_shot.indexing import examples_by_word, mark_of
from functions.few_shot.measure import Frequencies, Weights
from functions.few_shot.text import words_of
from functions.few_shot.usual import Usual, usual_of
from functions.models import DatasetExample, ExampleWords, Function

# Of a function with no more examples than these all are compared, without the index.
FEW = 200
MOST_WORDS = 12
# So many places of words in examples are read for one search.
MOST_PLACES = 1_000
# A word that a greater part of the examples holds is not looked up.
LARGEST_SHARE = 0.25
LEAST_COMPARED = 40

# The key of an example, and how near it is, 0 to 1.
Found = tuple[int, float]


def nearest(function: Function, text: str, limit: int, *, offset: int = 0) -> list[tuple[DatasetExample, float]]:
    """Return the examples that share words with a text, the nearest first, also those that fit the schemas no more."""
    found = [each for each in find(function, text, most=offset + limit) if each[1] > 0][offset : offset + limit]
    rows = DatasetExample.objects.filter(function=function).in_bulk([key for key, _ in found], field_name="key")
    return [(rows[key], nearness) for key, nearness in found if key in rows]


def find(function: Function, text: str, *, most: int, usual: Usual | None = None) -> list[Found]:
    """Return examples of a function by how near they are to a text; at least `most` where so many share a word."""
    usual = usual or usual_of(function)
    mark = mark_of(function.pk)
    words = [mark + word for word in words_of(text)]
    question = usual.frequencies.weights_of(words)
    if not question:
        return []
    if usual.count <= FEW:
        keys: Iterable[int] = DatasetExample.objects.filter(function=function).values_list("key", flat=True)
    else:
        keys = _candidates(question, usual, max(LEAST_COMPARED, 2 * most))
    return sorted(_compared(keys, question, usual.frequencies), key=lambda found: (-found[1], -found[0]))


def _candidates(question: Weights, usual: Usual, most: int) -> list[int]:
    """Return the examples that hold most of the words that tell most, the newest first among equals."""
    words = list(_looked_up(question, usual))
    scores: defaultdict[int, float] = defaultdict(float)
    for place, key in examples_by_word(words):
        scores[key] += question[words[place]]
    return sorted(scores, key=lambda key: (-scores[key], -key))[:most]


def _looked_up(question: Weights, usual: Usual) -> Iterator[str]:
    places = 0.0
    frequencies = usual.frequencies
    rarest = sorted(question, key=lambda word: (frequencies.share(word), -question[word], word))
    for number, word in enumerate(rarest[:MOST_WORDS]):
        share = frequencies.share(word)
        places += share * usual.count
        if share > LARGEST_SHARE or (number and places > MOST_PLACES):
            return
        yield word


def _compared(keys: Iterable[int], question: Weights, frequencies: Frequencies) -> Iterator[Found]:
    for key, words in ExampleWords.objects.filter(example_id__in=list(keys)).values_list("example_id", "words"):
        yield key, frequencies.similarity_of(question, words.split())
