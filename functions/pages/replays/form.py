"""What can be chosen for a new replay: what is tried, against what, on which inputs; and how that is read as a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from functions import drafts, revising
from functions.batches import MOST_AT_ONCE
from functions.models import Draft, Function, Replay, Revision
from functions.pages.trials.choices import DRAFT, choices_of, missing
from functions.trials.inputs import DEFAULT_INPUTS, MOST_INPUTS, Plan
from opperweb.accounts.forms import PageForm
from opperweb.accounts.models import User
from traces.filters import TraceFilter

ANY = "any"


class ReplayForm(PageForm):
    """The fields bear the names of the parameters of its address; what is not given has a default."""

    after = forms.ChoiceField(label=_("Try"))
    before = forms.ChoiceField(label=_("Against"))
    source = forms.ChoiceField(label=_("On"), choices=Replay.Source.choices)
    n = forms.IntegerField(label=_("How many"), min_value=1, max_value=MOST_INPUTS)
    q = forms.CharField(
        label=_("Which of them"),
        required=False,
        max_length=1000,
        help_text=_("As in Completions: tag:env=production, status:error, score:<50, model:openai/*."),
    )
    at_once = forms.IntegerField(label=_("At once"), min_value=1, max_value=MOST_AT_ONCE)
    again = forms.BooleanField(label=_("Run the revision before again too, at its cost"), required=False)

    def __init__(self, params: QueryDict, *, function: Function, newest: Revision, user: User) -> None:
        self.function, self.newest = function, newest
        self.choices = choices_of(function, newest, user, params, "after", "before")
        super().__init__(self._given(params))
        revisions = self.choices.revisions()
        draft = [(DRAFT, self._draft_label(self.choices.draft))] if self.choices.draft is not None else []
        self._choose("after", [*draft, *revisions])
        self._choose("before", [*revisions, (ANY, _("What was recorded, of any revision"))])
        del self.fields["again"].widget.attrs["class"]

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        is_dataset = given.get("source") == Replay.Source.DATASET
        if given.get("before") == ANY and (is_dataset or given.get("again")):
            self.add_error("before", _("Both sides are run then: choose a revision."))
        if problems := self.only.problems:
            self.add_error("q", f"{problems[0].text}: {problems[0].message}")
        return given

    @property
    def only(self) -> TraceFilter:
        params = QueryDict(mutable=True)
        params["q"] = self.cleaned_data.get("q", "")
        return TraceFilter.from_query(params, default_range="all")

    @property
    def plan(self) -> Plan:
        """What was chosen; only of a valid form."""
        given = self.cleaned_data
        is_dataset = given["source"] == Replay.Source.DATASET
        tried = self.choices.tried(given["after"])
        assert tried is not None
        return Plan(
            function=self.function,
            after=tried.values,
            after_revision=tried.revision,
            is_draft=tried.is_draft,
            before=None if given["before"] == ANY else self.choices.revision(given["before"]),
            source=given["source"],
            only=self.only,
            count=given["n"],
            runs_before=is_dataset or given["again"],
            at_once=given["at_once"],
        )

    # --- what is not given --------------------------------------------------------------------------------------------

    def _given(self, params: Mapping[str, str]) -> dict[str, Any]:
        given = {name: params[name] for name in self.base_fields if name in params}
        after = given.setdefault("after", DRAFT if self.choices.draft is not None else str(self.newest.number))
        given.setdefault("before", str(self._number_before(after)))
        defaults = {"source": Replay.Source.RECENT, "n": DEFAULT_INPUTS, "at_once": 8}
        return {**defaults, **given}

    def _number_before(self, after: str) -> int:
        """The revision that a draft was made from, the live one for an older one, else the one before the live one."""
        if after == DRAFT:
            base = self.choices.draft.base if self.choices.draft is not None else None
            return base.number if base is not None else self.newest.number
        if after != str(self.newest.number):
            return self.newest.number
        return next((number for number in self.choices.numbers if number < self.newest.number), self.newest.number)

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        field.error_messages["invalid_choice"] = missing(self.data[name] if name == "after" else "")

    def _draft_label(self, draft: Draft) -> str:
        base = draft.base or self.newest
        number = len(drafts.changes(drafts.definition_of(base), {**revising.EMPTY, **draft.definition}))
        return ngettext("My draft, %(number)s change", "My draft, %(number)s changes", number) % {"number": number}
