"""Pairs of examples that are nearly the same, side by side; those that are kept are remembered for that person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest

from functions.few_shot import duplicates
from functions.models import DatasetExample
from functions.pages.function_page import FunctionHead
from opperweb.pages.diff import Piece, words

SHOWN = 50
# As many as a page may have to pass over.
MOST_REMEMBERED = 500
REMEMBERED = "examples_kept_both"


@dataclass(frozen=True)
class PairView:
    """Two examples with what differs in their inputs and their answers, as far as previews say it."""

    older: DatasetExample
    newer: DatasetExample
    similarity: float
    has_same_answer: bool
    input_pieces: list[Piece]
    output_pieces: list[Piece]


def pairs_of(head: FunctionHead, request: HttpRequest) -> list[PairView]:
    """Return the nearest pairs that this person has not kept."""
    kept = {tuple(pair) for pair in request.session.get(REMEMBERED, ())}
    found = duplicates.pairs(head.function, SHOWN + len(kept))
    left = [pair for pair in found if _names((pair.older.id, pair.newer.id)) not in kept]
    return [_view(pair) for pair in left[:SHOWN]]


def keep_both(request: HttpRequest, ids: Sequence[UUID]) -> None:
    """Remember that these two are both wanted."""
    if len(ids) == 2:
        kept = [pair for pair in request.session.get(REMEMBERED, []) if tuple(pair) != _names(ids)]
        request.session[REMEMBERED] = [*kept, list(_names(ids))][-MOST_REMEMBERED:]


def _names(ids: Sequence[UUID]) -> tuple[str, ...]:
    return tuple(sorted(str(each) for each in ids))


def _view(pair: duplicates.Pair) -> PairView:
    return PairView(
        pair.older,
        pair.newer,
        pair.similarity,
        pair.has_same_answer,
        words(pair.older.input_preview, pair.newer.input_preview),
        words(pair.older.output_preview, pair.newer.output_preview),
    )
