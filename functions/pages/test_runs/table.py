"""The results of a run on examples as a table, with the words in which an answer differs from the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.utils.translation import gettext

from functions.models import BatchItem, TestRun
from functions.pages.trials.table import Table, address_of, table_of, words_of
from functions.test_runs.verdicts import (
    FAILED,
    GONE,
    JUDGING,
    OPEN,
    PASSED,
    UNJUDGED,
    UNSENT,
    WRONG,
    Result,
)
from opperweb.pages.diff import Piece, words
from traces.preview import preview

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
        return words_of(self.result.side)

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


def results_table_of(run: TestRun, results: Sequence[Result], params: Mapping[str, str]) -> Table[Row]:
    """Return the page of results that `verdict` and `page` ask for; nothing is asked of the database."""
    labels = verdict_words()
    tabs = (FAILED, WRONG, UNJUDGED, PASSED)
    return table_of(results, params, partial(_row, run, labels=labels), labels=labels, tabs=tabs, kept={})


def is_running(result: Result) -> bool:
    """Tell whether its call is on its way."""
    return result.side.state == BatchItem.State.RUNNING


def _row(run: TestRun, result: Result, *, labels: Mapping[str, str]) -> Row:
    side, expected = result.side, preview(result.expected)
    pieces = words(expected, side.output) if result.is_exact is False and side.output else ()
    word = gettext("Running") if is_running(result) else labels[result.verdict]
    return Row(result, word, address_of(run.project, side), expected or gettext("Nothing"), pieces)
