"""The pairs of a replay as a table: fifty a page, by verdict, with the words in which two outputs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext

from functions.models import BatchItem, Replay
from functions.pages.replay_boxes import signed
from functions.replay_pairs import ALONE, BETTER, CHANGED, FAILED, GONE, OPEN, SAME, WORSE, Pair, Side
from opperweb.pages.diff import Piece, words
from opperweb.pages.display import NARROW
from traces.preview import LENGTH

PAGE_SIZE = 50
LONGEST_NUMBER = 4
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
class Tab:
    """The pairs of one verdict."""

    label: str
    count: int
    query: str
    is_current: bool


@dataclass(frozen=True)
class Table:
    rows: Sequence[Row]
    tabs: Sequence[Tab]
    # The queries of the pages beside this one, and of the same page with and without differences.
    newer: str
    older: str
    with_words: str
    without_words: str
    shows_words: bool
    place: str


def table_of(replay: Replay, pairs: Sequence[Pair], params: Mapping[str, str]) -> Table:
    """Return the page of pairs that `verdict`, `page` and `words` ask for; nothing is asked of the database."""
    verdict = params.get("verdict", "")
    verdict = verdict if verdict in VERDICTS else ""
    shows_words = params.get("words") != "off"
    chosen = [pair for pair in pairs if not verdict or pair.verdict == verdict]
    page = _page(params.get("page", ""), len(chosen))
    first, last = (page - 1) * PAGE_SIZE, min(page * PAGE_SIZE, len(chosen))
    kept = {"verdict": verdict} | ({} if shows_words else {"words": "off"})

    def query(**more: Any) -> str:
        return _query({**kept, **more})

    return Table(
        [_row(replay, pair, shows_words=shows_words) for pair in chosen[first:last]],
        _tabs(pairs, verdict, {"words": "" if shows_words else "off"}),
        query(page=page - 1) if page > 1 else "",
        query(page=page + 1) if last < len(chosen) else "",
        query(page=page if page > 1 else "", words=""),
        query(page=page if page > 1 else "", words="off"),
        shows_words,
        f"{first + 1}–{last}" if len(chosen) > PAGE_SIZE else "",
    )


def _query(params: Mapping[str, Any]) -> str:
    return urlencode({name: value for name, value in params.items() if value})


def _page(text: str, count: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else 1
    return max(1, min(number, -(-count // PAGE_SIZE)))


def _tabs(pairs: Sequence[Pair], verdict: str, kept: dict[str, str]) -> list[Tab]:
    labels = verdict_words()
    counts = [("", gettext("All"), len(pairs))]
    counts += [(name, labels[name], sum(pair.verdict == name for pair in pairs)) for name in VERDICTS]
    return [
        Tab(label, count, _query({"verdict": name, **kept}), name == verdict)
        for name, label, count in counts
        if count or name in ("", verdict)
    ]


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
    address = ""
    if side.span_id is not None and side.trace_id is not None:
        address = f"{reverse('traces:detail', args=[replay.project.slug, side.trace_id])}?span={side.span_id}"
    return Cell(side, address, pieces, _text(side))


def _text(side: Side) -> str:
    """Return the output, or why there is none."""
    if side.is_answered:
        return side.output or gettext("An empty output")
    if side.is_failed:
        return side.error or gettext("It failed")
    return {
        GONE: gettext("No longer kept"),
        State.CANCELLED: gettext("Not sent"),
    }.get(side.state, gettext("Not written yet"))
