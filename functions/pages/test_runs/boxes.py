"""The totals of a run on examples as boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from django.utils.translation import gettext, ngettext

from functions.test_runs.verdicts import UNJUDGED, Totals
from opperweb.pages.display import NARROW


@dataclass(frozen=True)
class Box:
    """One total: what it is of, a number, and below it what else there is to say."""

    label: str
    value: str
    note: str = ""
    word: str = ""
    css: str = "ink-3"


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
