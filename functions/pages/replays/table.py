"""The pairs of a replay as a table, with the words in which two outputs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.utils.translation import gettext

from functions.models import BatchItem, Replay
from functions.pages.lists import query_of
from functions.pages.signed import signed
from functions.pages.trials.table import Table, address_of, table_of, words_of
from functions.replays.pairs import ALONE, BETTER, CHANGED, FAILED, GONE, OPEN, SAME, WORSE, Pair
from functions.trials.sides import Side
from opperweb.pages.diff import Piece, words
from opperweb.pages.display import NARROW
from traces.preview import LENGTH

VERDICTS = (BETTER, SAME, WORSE, FAILED, CHANGED)
# A verdict's icon or sign, and its class.
SIGNS = {
    BETTER: ("sort-up", "", "is-ok"),
    WORSE: ("sort", "", "is-err"),
    FAILED: ("error", "", "is-err"),
    SAME: ("", "=", "ink-2"),
    CHANGED: ("", "≠", "ink-2"),
    ALONE: ("minus", "", "ink-3"),
    OPEN: ("clock", "", "ink-2"),
}
State = BatchItem.State


def verdict_words() -> dict[str, str]:
    return {
        BETTER: gettext("Better"),
        SAME: gettext("Same"),
        WORSE: gettext("Worse"),
        FAILED: gettext("Failed"),
        CHANGED: gettext("Changed"),
        ALONE: gettext("Not compared"),
        OPEN: gettext("Waiting"),
    }


@dataclass(frozen=True)
class Cell:
    """One side of a row: its output in pieces or in words, and where it leads."""

    side: Side
    address: str
    pieces: Sequence[Piece]
    text: str

    @property
    def is_long(self) -> bool:
        return len(self.side.output) >= LENGTH

    @property
    def css(self) -> str:
        if self.side.is_failed:
            return "is-err"
        return "" if self.side.is_answered else "ink-3"


@dataclass(frozen=True)
class Row:
    pair: Pair
    before: Cell
    after: Cell
    word: str

    @property
    def icon(self) -> str:
        return "running" if self.is_running else SIGNS[self.pair.verdict][0]

    @property
    def sign(self) -> str:
        return SIGNS[self.pair.verdict][1]

    @property
    def css(self) -> str:
        return "is-run" if self.is_running else SIGNS[self.pair.verdict][2]

    @property
    def is_running(self) -> bool:
        return self.pair.verdict == OPEN and State.RUNNING in (self.pair.before.state, self.pair.after.state)

    @property
    def address(self) -> str:
        """Where the row leads: to the newer call, or to the older one as long as there is no other."""
        return self.after.address or self.before.address

    @property
    def change(self) -> str:
        """The difference of the scores, else of the shares of the right answer that both sides have."""
        if self.pair.score_difference is not None:
            return signed(self.pair.score_difference)
        if self.pair.matches is not None:
            before, after = self.pair.matches
            return f"{signed(100 * (after - before))}{NARROW}%"
        return ""

    @property
    def change_css(self) -> str:
        return {BETTER: "is-ok", WORSE: "is-err"}.get(self.pair.verdict, "ink-2")


@dataclass(frozen=True)
class Differences:
    """Whether the words are shown in which outputs differ, and the queries of the same page with and without them."""

    is_on: bool
    on: str
    off: str


def pairs_table_of(replay: Replay, pairs: Sequence[Pair], params: Mapping[str, str]) -> tuple[Table[Row], Differences]:
    """Return the page of pairs that `verdict`, `page` and `words` ask for; nothing is asked of the database."""
    is_on = params.get("words") != "off"
    labels = verdict_words()
    table = table_of(
        pairs,
        params,
        partial(_row, replay, shows_words=is_on),
        labels={name: labels[name] for name in VERDICTS},
        tabs=VERDICTS,
        kept={} if is_on else {"words": "off"},
    )
    on, off = (query_of({**table.asked, "words": words}) for words in ("", "off"))
    return table, Differences(is_on, on, off)


def _row(replay: Replay, pair: Pair, *, shows_words: bool) -> Row:
    pieces: Sequence[Piece] = ()
    if shows_words and pair.before.is_answered and pair.after.is_answered and not pair.is_same:
        pieces = words(pair.before.output, pair.after.output)
    word = verdict_words()[pair.verdict]
    if pair.verdict == OPEN and State.RUNNING in (pair.before.state, pair.after.state):
        word = gettext("Running")
    if pair.after.state == State.CANCELLED:
        word = gettext("Not sent")
    return Row(pair, _cell(replay, pair.before, pieces), _cell(replay, pair.after, pieces), word)


def _cell(replay: Replay, side: Side, pieces: Sequence[Piece]) -> Cell:
    return Cell(side, address_of(replay.project, side), pieces, _text(side))


def _text(side: Side) -> str:
    """Return the output, or why there is none."""
    words_if_none = {GONE: gettext("No longer kept"), State.CANCELLED: gettext("Not sent")}
    return words_of(side) or words_if_none.get(side.state, gettext("Not written yet"))
