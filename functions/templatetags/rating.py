"""What templates of spans ask of functions: how the reader rated a call, and how it stands with its judge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import template
from django.template.context import RequestContext
from django.utils.translation import gettext_lazy as _

from functions.pages.judging import Judging, judging_of
from opperweb.accounts.models import Membership, Project, User
from traces.evaluation_models import Feedback
from traces.models import Span
from traces.pages.json_view import readable

register = template.Library()

# What happened, by the word that an address carries after it.
SAID = {
    "good": _("Rated good"),
    "bad": _("Rated bad"),
    "good-example": _("Rated good, and saved as an example"),
    "comment": _("Your comment is saved"),
    "back": _("Your rating is taken back"),
    "corrected": _("Your correction is saved"),
    "corrected-example": _("Your correction is saved, and an example made of it"),
    "uncorrected": _("Your correction is removed"),
    "asked": _("The judge is asked"),
}
UNDONE_BY_TAKING_BACK = ("good", "bad", "good-example")


@dataclass(frozen=True)
class Rating:
    """A call and the person who reads it."""

    span: Span
    user: User
    membership: Membership
    said: str
    was: str

    @property
    def may_rate(self) -> bool:
        return self.membership.may_rate and self.span.is_model_call

    @property
    def may_edit(self) -> bool:
        return self.membership.may_edit

    @cached_property
    def mine(self) -> Feedback | None:
        """What this person said of it, if anything; a correction is read only where it is asked for."""
        return Feedback.objects.filter(span=self.span, author=self.user).defer("correction").first()

    @property
    def comment(self) -> str:
        return readable(self.mine.comment) if self.mine else ""

    @property
    def words(self) -> Any:
        """What has just happened, in words; empty where nothing has."""
        return SAID.get(self.said, "")

    @property
    def undo(self) -> str:
        """What undoes it: the rating there was before, or back where there was none."""
        if self.said not in UNDONE_BY_TAKING_BACK or self.mine is None:
            return ""
        return self.was if self.was in ("good", "bad") else "back"


@register.simple_tag(takes_context=True)
def rating_of(context: RequestContext, span: Span) -> Rating:
    """Return what the reader of the page may do with a span, and has done; asks nothing before it is shown."""
    request: Any = context["request"]
    query = request.GET
    return Rating(span, request.user, request.membership, query.get("said", ""), query.get("was", ""))


@register.simple_tag
def judging(span: Span, project: Project) -> Judging:
    """Return how it stands with the judging of a span."""
    return judging_of(span, project)
