"""The review of a draft before it is saved; and, when somebody saved meanwhile, both changes side by side to merge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from functions import drafts
from functions.drafts import Work
from functions.merging import Merge, Part, Side, merge
from functions.pages.definition.diff import PartDiff, diff_of, label_of_path, text_of_value
from functions.pages.definition.page import misfit_words
from functions.pages.function_page import FunctionHead, function_page
from opperweb.accounts.models import Role, User


@dataclass(frozen=True)
class Conflict:
    """A part that both changed, with what each made of it; `chosen` is mine, theirs or nothing yet."""

    part: Part
    chosen: str = ""
    error: str = ""

    @property
    def id(self) -> str:
        return self.part.id

    @property
    def label(self) -> str:
        return label_of_path(self.part.path)

    @property
    def mine(self) -> str:
        return text_of_value(self.part.path, self.part.mine)

    @property
    def theirs(self) -> str:
        return text_of_value(self.part.path, self.part.theirs)


@dataclass(frozen=True)
class Review:
    """What is shown of a draft: its changes, and beside them those that were saved meanwhile."""

    work: Work
    mine: list[PartDiff]
    theirs: list[PartDiff]
    conflicts: list[Conflict]
    merged_count: int


@require_http_methods(["GET", "HEAD"])
@function_page(role=Role.EDITOR)
def review(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    work = drafts.work_of(head.function, cast(User, request.user))
    if not work.changes:
        messages.info(request, _("There are no changes to review"))
        return redirect("functions:definition", head.project.slug, head.function.name)
    return _page(request, head, work)


@require_POST
@function_page(role=Role.EDITOR)
def merge_definition(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    """Work what others saved into the draft: where both changed a part, as it was chosen."""
    user = cast(User, request.user)
    work = drafts.work_of(head.function, user)
    if not work.is_overtaken:
        return redirect("functions:review-definition", head.project.slug, head.function.name)
    found = _merge(work, _choices(request.POST))
    if found.open:
        return _page(request, head, work, sent=request.POST, status=422)
    drafts.rebase(work, user, found.definition, work.newest)
    given = {"number": work.newest.number}
    messages.success(request, _("Your draft is based on revision %(number)s now. Nothing is saved yet.") % given)
    return redirect("functions:review-definition", head.project.slug, head.function.name)


def _merge(work: Work, choices: Mapping[str, Side] | None = None) -> Merge:
    before, theirs = drafts.definition_of(work.base), drafts.definition_of(work.newest)
    return merge(before, work.definition, theirs, choices)


def _choices(sent: Mapping[str, Any]) -> dict[str, Side]:
    sides: dict[str, Side] = {"mine": "mine", "theirs": "theirs"}
    return {
        name.removeprefix("choose."): sides[value]
        for name, value in sent.items()
        if name.startswith("choose.") and value in sides
    }


def _page(
    request: HttpRequest, head: FunctionHead, work: Work, *, sent: Mapping[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "review": _review(work, sent),
        "work": work,
        "misfit_words": misfit_words(drafts.misfits(work)),
        "next_number": work.newest.number + 1,
    }
    return render(request, "functions/definition_review.html", head.context("definition") | context, status=status)


def _review(work: Work, sent: Mapping[str, Any] | None) -> Review:
    before = drafts.definition_of(work.base)
    mine = diff_of(before, work.definition)
    if not work.is_overtaken:
        return Review(work, mine, [], [], 0)
    choices, found = _choices(sent or {}), _merge(work)
    missing = _("Choose one of both.") if sent is not None else ""
    conflicts = [
        Conflict(part, choices.get(part.id, ""), "" if part.id in choices else missing) for part in found.conflicts
    ]
    theirs = diff_of(before, drafts.definition_of(work.newest))
    return Review(work, mine, theirs, conflicts, len(found.parts) - len(conflicts))
