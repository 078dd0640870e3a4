"""What can be chosen for a run on examples: what is run, by what its answers are judged, and how many must pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from functions.batches import MOST_AT_ONCE
from functions.evaluations.changing import judges_of
from functions.evaluations.judge import NO_MODEL
from functions.evaluations.policy import Policy, policy_of
from functions.models import Function, Replay, Revision, TestRun
from functions.pages.trials.choices import DRAFT, choices_of, missing
from functions.providers import UnknownModel
from functions.task import InvalidModel
from functions.test_runs.running import Measure, rules_of
from functions.trials.inputs import MOST_INPUTS, Plan
from opperweb.accounts.forms import PageForm
from opperweb.accounts.models import User

Check = TestRun.Check
# Tells a form that was sent with no box ticked from an address without one.
SENT = "sent"


class Boxes(forms.CheckboxSelectMultiple):
    """Boxes to tick, in a fieldset that what is said about them leads to."""

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return super().id_for_label(id_, index) if index is not None else id_


class TestRunForm(PageForm):
    """The fields bear the names of the parameters of its address; what is not given has a default."""

    # Test runners take a class of this name for one of theirs.
    __test__ = False

    revision = forms.ChoiceField(label=_("Run"))
    n = forms.IntegerField(
        label=_("How many examples"), min_value=1, max_value=MOST_INPUTS, help_text=_("The newest first.")
    )
    at_once = forms.IntegerField(label=_("At once"), min_value=1, max_value=MOST_AT_ONCE)
    threshold = forms.IntegerField(
        label=_("How many must pass, in %"),
        min_value=1,
        max_value=100,
        required=False,
        help_text=_("Empty: any share will do."),
    )
    checks = forms.MultipleChoiceField(
        label=_("An example passes if it is right by"),
        choices=Check.choices,
        widget=Boxes,
        error_messages={"required": _("Choose at least one check.")},
    )
    fields_counted = forms.MultipleChoiceField(label=_("Fields that count"), required=False, widget=Boxes)

    def __init__(
        self, params: QueryDict, *, function: Function, newest: Revision, user: User, example_count: int
    ) -> None:
        self.function, self.newest = function, newest
        self.policy, self.rules = policy_of(function), rules_of(function)
        self.judge_problem = _judge_problem(function, self.policy)
        self.choices = choices_of(function, newest, user, params, "revision")
        self.chosen = self.choices.tried(params.get("revision") or str(newest.number))
        self.names = field_names(self.chosen.values if self.chosen else {})
        super().__init__(self._given(params, example_count))
        choice = self.fields["revision"]
        assert isinstance(choice, forms.ChoiceField)
        draft = [(DRAFT, gettext("My draft"))] if self.choices.draft is not None else []
        choice.choices = [*draft, *self.choices.revisions()]
        choice.error_messages["invalid_choice"] = missing(self.data["revision"])
        counted = self.fields["fields_counted"]
        assert isinstance(counted, forms.MultipleChoiceField)
        counted.choices = [(name, name) for name in self.names]

    def clean_checks(self) -> list[str]:
        checks: list[str] = self.cleaned_data["checks"]
        if Check.RULES in checks and not self.rules:
            raise forms.ValidationError(_("This function has no rule checks. Add one on its Evaluations page."))
        if Check.AI in checks and self.judge_problem:
            raise forms.ValidationError(self.judge_problem)
        return checks

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if Check.FIELDS in given.get("checks", ()) and self.names and not given.get("fields_counted"):
            self.add_error("fields_counted", _("Choose at least one field."))
        return given

    @property
    def plan(self) -> Plan:
        """What is run on what; only of a valid form."""
        assert self.chosen is not None
        return Plan(
            function=self.function,
            after=self.chosen.values,
            after_revision=self.chosen.revision,
            is_draft=self.chosen.is_draft,
            source=Replay.Source.DATASET,
            count=self.cleaned_data["n"],
            at_once=self.cleaned_data["at_once"],
        )

    @property
    def measure(self) -> Measure:
        """By what it is judged; only of a valid form."""
        counted = self.cleaned_data["fields_counted"]
        is_part = Check.FIELDS in self.cleaned_data["checks"] and len(counted) < len(self.names)
        return Measure(
            checks=[check for check in Check.values if check in self.cleaned_data["checks"]],
            fields=counted if is_part else (),
            threshold=self.cleaned_data["threshold"],
        )

    @property
    def pairs(self) -> list[tuple[str, Any]]:
        """All that was chosen, as a form sends it."""
        pairs: list[tuple[str, Any]] = [(SENT, "1")]
        for name, value in self.data.items():
            values = value if isinstance(value, list) else [value]
            pairs += [(name, each) for each in values if each is not None]
        return pairs

    # --- what is not given --------------------------------------------------------------------------------------------

    def _given(self, params: QueryDict, example_count: int) -> dict[str, Any]:
        given: dict[str, Any] = {
            "revision": str(self.newest.number),
            "n": max(1, min(example_count, MOST_INPUTS)),
            "at_once": 8,
            "threshold": "",
        }
        given |= {name: params[name] for name in given if name in params}
        if SENT in params:
            counted = [name for name in params.getlist("fields_counted") if name in self.names]
            # Of another revision the fields may be others.
            return {**given, "checks": params.getlist("checks"), "fields_counted": counted}
        return {**given, "checks": self._usual_checks(), "fields_counted": list(self.names)}

    def _usual_checks(self) -> list[str]:
        checks = [Check.FIELDS if self.names else Check.EXACT]
        if self.rules:
            checks.append(Check.RULES)
        if not self.judge_problem:
            checks.append(Check.AI)
        return [str(check) for check in checks]


def _judge_problem(function: Function, policy: Policy) -> str:
    """Return why no model would judge the answers, or an empty text."""
    if not policy.is_on:
        return gettext("AI evaluation is off for this function, so nothing would be judged.")
    try:
        return "" if judges_of(function.project, policy.model) else NO_MODEL
    except (UnknownModel, InvalidModel) as problem:
        return gettext("The judge cannot be asked: %(problem)s") % {"problem": problem}


def field_names(definition: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields of an answer, none where it is no object."""
    schema = definition.get("output_schema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return list(properties) if isinstance(properties, dict) else []
