"""The results of a run on examples as a table, fifty a page, and its totals as boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext, ngettext

from functions.models import BatchItem, TestRun
from functions.test_verdicts import (
    FAILED,
    GONE,
    JUDGED,
    JUDGING,
    OPEN,
    PASSED,
    UNJUDGED,
    UNSENT,
    WRONG,
    Result,
    Totals,
)
from opperweb.pages.diff import Piece, words
from opperweb.pages.display import NARROW
from traces.preview import preview

PAGE_SIZE = 50
LONGEST_NUMBER = 4
# A verdict's icon and class.
SIGNS = {
    PASSED: ("check", "is-ok"),
    WRONG: ("x", "is-err"),
    FAILED: ("error", "is-err"),
    UNJUDGED: ("minus", "is-warn"),
    JUDGING: ("clock", "ink-2"),
    OPEN: ("clock", "ink-2"),
    UNSENT: ("minus", "ink-3"),
    GONE: ("minus", "ink-3"),
}


def verdict_words() -> dict[str, str]:
    return {
        PASSED: gettext("Passed"),
        WRONG: gettext("Wrong"),
        FAILED: gettext("Failed"),
        UNJUDGED: gettext("Not judged"),
        JUDGING: gettext("To be judged"),
        OPEN: gettext("Waiting"),
        UNSENT: gettext("Not sent"),
        GONE: gettext("No longer kept"),
    }


@dataclass(frozen=True)
class Row:
    """One example: what was expected and what came, in pieces where they differ, and where its call is."""

    result: Result
    word: str
    address: str
    expected: str
    pieces: Sequence[Piece]

    @property
    def icon(self) -> str:
        return "running" if is_running(self.result) else SIGNS[self.result.verdict][0]

    @property
    def css(self) -> str:
        return "is-run" if is_running(self.result) else SIGNS[self.result.verdict][1]

    @property
    def got(self) -> str:
        """The answer, or why there is none."""
        side = self.result.side
        if side.is_answered:
            return side.output or gettext("An empty output")
        return side.error or gettext("It failed") if side.is_failed else ""

    @property
    def fields_words(self) -> str:
        if self.result.fields is None:
            return ""
        return gettext("%(right)s of %(all)s") % {"right": self.result.fields_right, "all": len(self.result.fields)}

    @property
    def score(self) -> int | None:
        return self.result.judgement.score if self.result.judgement is not None else None

    @property
    def kept(self) -> int:
        return len(self.result.rules) - len(self.result.broken_rules)

    @property
    def wrong(self) -> str:
        """What a check has against it, in words."""
        said = [f"{outcome.name}: {outcome.message}" for outcome in self.result.broken_rules]
        judgement = self.result.judgement
        if self.result.verdict == UNJUDGED and judgement is not None:
            said.append(judgement.reason or gettext("No evaluation"))
        return "; ".join(said)


@dataclass(frozen=True)
class Tab:
    """The results of one verdict."""

    label: str
    count: int
    query: str
    is_current: bool


@dataclass(frozen=True)
class Table:
    rows: Sequence[Row]
    tabs: Sequence[Tab]
    # The queries of the pages beside this one.
    newer: str
    older: str
    place: str


@dataclass(frozen=True)
class Box:
    """One total: what it is of, a number, and below it what else there is to say."""

    label: str
    value: str
    note: str = ""
    word: str = ""
    css: str = "ink-3"


def table_of(run: TestRun, results: Sequence[Result], params: Mapping[str, str]) -> Table:
    """Return the page of results that `verdict` and `page` ask for; nothing is asked of the database."""
    labels = verdict_words()
    verdict = params.get("verdict", "")
    verdict = verdict if verdict in labels else ""
    chosen = [result for result in results if not verdict or result.verdict == verdict]
    page = _page(params.get("page", ""), len(chosen))
    first, last = (page - 1) * PAGE_SIZE, min(page * PAGE_SIZE, len(chosen))
    return Table(
        [_row(run, result, labels) for result in chosen[first:last]],
        _tabs(results, verdict, labels),
        _query(verdict=verdict, page=page - 1) if page > 1 else "",
        _query(verdict=verdict, page=page + 1) if last < len(chosen) else "",
        f"{first + 1}–{last}" if len(chosen) > PAGE_SIZE else "",
    )


def boxes_of(totals: Totals) -> list[Box]:
    """Return the totals that there is anything to say of; the first is how many passed."""
    if not totals.judged and not totals.answered:
        return []
    boxes = [_passed(totals), _share(gettext("Exactly as expected"), totals.exact, totals.answered)]
    if any(totals.fields) and totals.fields:
        pairs = totals.fields.values()
        count, right = sum(number for number, _ in pairs), sum(right for _, right in pairs)
        boxes.append(_share(gettext("Fields right"), right, count, _least(totals.fields)))
    if totals.rules:
        pairs = totals.rules.values()
        count, kept = sum(number for number, _ in pairs), sum(kept for _, kept in pairs)
        boxes.append(_share(gettext("Rule checks kept"), kept, count, _least(totals.rules)))
    if totals.rated:
        average = gettext("average score %(score)s") % {"score": f"{fmean(totals.scores):.0f}"} if totals.scores else ""
        boxes.append(_share(gettext("Good, says the judge"), totals.good, totals.rated, average))
    return boxes


def percent(part: int, whole: int) -> str:
    """Return a share in words, rounded down: what is not all of it is never 100 %."""
    return f"{100 * part // whole}{NARROW}%" if whole else "–"


def _passed(totals: Totals) -> Box:
    run, unjudged = totals.run, totals.counts.get(UNJUDGED, 0)
    box = _share(gettext("Passed"), totals.passed, totals.judged)
    notes = [box.note]
    if run.threshold is not None:
        notes.append(gettext("needs %(percent)s %%") % {"percent": run.threshold})
    if unjudged:
        notes.append(ngettext("%(count)s not judged", "%(count)s not judged", unjudged) % {"count": unjudged})
    word, css = "", "ink-3"
    if run.is_enough is not None and totals.is_over:
        word, css = (gettext("enough"), "is-ok") if run.is_enough else (gettext("too few"), "is-err")
    elif totals.is_over and totals.judged < run.example_count:
        word = gettext("not all were run")
    return Box(box.label, box.value, ", ".join(notes), word, css)


def _share(label: str, part: int, whole: int, note: str = "") -> Box:
    of_all = gettext("%(part)s of %(whole)s") % {"part": f"{part:,}", "whole": f"{whole:,}"}
    return Box(label, percent(part, whole), f"{of_all}, {note}" if note else of_all)


def _least(counts: Mapping[str, tuple[int, int]]) -> str:
    """Name the field or the rule that is right least often, unless all always are."""
    name, (count, right) = min(counts.items(), key=lambda item: item[1][1] / item[1][0])
    if right == count:
        return ""
    return gettext("least %(name)s: %(right)s of %(count)s") % {"name": name, "right": right, "count": count}


def _query(**params: object) -> str:
    return urlencode({name: value for name, value in params.items() if value})


def _page(text: str, count: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else 1
    return max(1, min(number, -(-count // PAGE_SIZE)))


def _tabs(results: Sequence[Result], verdict: str, labels: Mapping[str, str]) -> list[Tab]:
    shown = [FAILED, WRONG, UNJUDGED, PASSED, *([verdict] if verdict and verdict not in JUDGED else [])]
    counts = [("", gettext("All"), len(results))]
    counts += [(name, labels[name], sum(result.verdict == name for result in results)) for name in shown]
    return [
        Tab(label, count, _query(verdict=name), name == verdict)
        for name, label, count in counts
        if count or name in ("", verdict)
    ]


def is_running(result: Result) -> bool:
    """Tell whether its call is on its way."""
    return result.side.state == BatchItem.State.RUNNING


def _row(run: TestRun, result: Result, labels: Mapping[str, str]) -> Row:
    side, expected, address = result.side, preview(result.expected), ""
    if side.span_id is not None and side.trace_id is not None:
        address = f"{reverse('traces:detail', args=[run.project.slug, side.trace_id])}?span={side.span_id}"
    pieces = words(expected, side.output) if result.is_exact is False and side.output else ()
    word = gettext("Running") if is_running(result) else labels[result.verdict]
    return Row(result, word, address, expected or gettext("Nothing"), pieces)
