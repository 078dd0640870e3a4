"""What people may type about judging: checks, which calls, by whom, what becomes an example, the budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from functions.evaluations import rules
from functions.evaluations.changing import judges_of
from functions.evaluations.policy import NO_JUDGE, Sampling
from functions.models import EvaluationPolicy, ProjectEvaluation
from functions.providers import UnknownModel
from functions.task import InvalidModel
from opperweb.accounts.forms import PageForm
from opperweb.accounts.models import Project

# --- checks -----------------------------------------------------------------------------------------------------------

KINDS: Mapping[str, Any] = {
    "contains": _("Contains a text"),
    "not_contains": _("Does not contain a text"),
    "matches": _("Matches a pattern"),
    "length": _("Has a length"),
    "equals_input": _("Equals a part of the input"),
    "range": _("Is a number in a range"),
    "present": _("Is there"),
}
LABELS: Mapping[str, Any] = {
    "path": _("Field of the output"),
    "text": _("Text"),
    "pattern": _("Regular expression"),
    "unit": _("Counted in"),
    "least": _("At least"),
    "most": _("At most"),
    "input_path": _("Field of the input"),
    "name": _("Name"),
}
HINTS: Mapping[str, Any] = {
    "path": _("Such as answer or sources[0].quote. Left empty: all of it."),
    "name": _("Left empty: said from the fields above."),
}
FIELDS: Mapping[str, tuple[str, ...]] = {
    "contains": ("text",),
    "not_contains": ("text",),
    "matches": ("pattern",),
    "length": ("unit", "least", "most"),
    "equals_input": ("input_path",),
    "range": ("least", "most"),
    "present": (),
}
NUMBERS = ("least", "most")
MOST_LENGTH = 1_000


@dataclass(frozen=True)
class RuleField:
    name: str
    value: str
    error: str = ""

    @property
    def id(self) -> str:
        return f"rule-{self.name}"

    @property
    def label(self) -> Any:
        return LABELS[self.name]

    @property
    def hint(self) -> Any:
        return HINTS.get(self.name, "")

    @property
    def options(self) -> tuple[str, ...]:
        return rules.UNITS if self.name == "unit" else ()

    @property
    def is_number(self) -> bool:
        return self.name in NUMBERS


@dataclass(frozen=True)
class RuleForm:
    """A new check of one kind, with the fields that this kind has."""

    kind: str
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> RuleForm | None:
        kind = str(params.get("rule", ""))
        if kind not in KINDS:
            return None
        return cls(kind, {name: str(params.get(name, "")).strip()[:MOST_LENGTH] for name in LABELS})

    @property
    def title(self) -> Any:
        return KINDS[self.kind]

    @property
    def fields(self) -> list[RuleField]:
        names = ("path", *FIELDS[self.kind], "name")
        return [RuleField(name, self.values.get(name, ""), self.errors.get(name, "")) for name in names]

    @property
    def rule(self) -> dict[str, Any]:
        """The check as it is kept; a number that is none stays the text that was typed."""
        given = {name: self.values.get(name, "") for name in ("path", *FIELDS[self.kind], "name")}
        kept: dict[str, Any] = {name: text for name, text in given.items() if text}
        return {"kind": self.kind, **kept, **{name: _number(kept[name]) for name in NUMBERS if name in kept}}


def _number(text: str) -> int | float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return int(number) if number == int(number) and abs(number) < 2**53 else number


# --- which calls, and by whom -----------------------------------------------------------------------------------------


class _JudgeForm(PageForm):
    """A form with the name of a model that judges; empty is what goes without it."""

    model = forms.CharField(
        label=_("Judge"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"list": "offers", "spellcheck": "false", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, project: Project, usual: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        self.fields["model"].widget.attrs["placeholder"] = usual

    def clean_model(self) -> str:
        model: str = self.cleaned_data["model"].strip()
        if model and model != NO_JUDGE:
            try:
                judges_of(self.project, model)
            except (UnknownModel, InvalidModel) as problem:
                raise ValidationError(str(problem)) from None
        return model


class PolicyForm(_JudgeForm):
    """Which calls of a function are judged, and by whom."""

    sampling = forms.ChoiceField(
        label=_("Which calls are judged"), choices=Sampling.choices, widget=forms.RadioSelect()
    )
    one_in = forms.IntegerField(label=_("One in"), min_value=2, max_value=1_000_000, required=False)
    per_hour = forms.IntegerField(label=_("All up to, an hour"), min_value=1, max_value=1_000_000, required=False)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        for name, sampling in (("one_in", Sampling.ONE_IN), ("per_hour", Sampling.ADAPTIVE)):
            if given.get(name) is None and name not in self.errors:
                if given.get("sampling") == sampling:
                    self.add_error(name, _("A number is needed here."))
                else:
                    given[name] = getattr(EvaluationPolicy(), name)
        return given


class LearningForm(PageForm):
    """Which outputs become examples on their own."""

    from_score = forms.BooleanField(label=_("Those with a score of at least"), required=False)
    least_score = forms.IntegerField(label=_("Least score"), min_value=0, max_value=100, required=False)
    from_good = forms.BooleanField(label=_("Those that people rated good"), required=False)
    most_examples = forms.IntegerField(label=_("At most"), min_value=0, max_value=10_000)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("from_score") and given.get("least_score") is None and "least_score" not in self.errors:
            self.add_error("least_score", _("A score from 0 to 100 is needed here."))
        return given

    @property
    def values(self) -> dict[str, Any]:
        """Fields of EvaluationPolicy."""
        given = self.cleaned_data
        return {
            "examples_from_score": given["least_score"] if given["from_score"] else None,
            "examples_from_good": given["from_good"],
            "most_examples": given["most_examples"],
        }


class ProjectEvaluationForm(_JudgeForm):
    """What goes for all functions of a project."""

    is_on = forms.BooleanField(label=_("Judge the calls of this project"), required=False)
    daily_budget_usd = forms.DecimalField(
        label=_("Budget a day, in US dollars"),
        min_value=Decimal(0),
        max_digits=12,
        decimal_places=4,
        required=False,
        help_text=_("When it is spent, calls are skipped until midnight, not delayed. Left empty: no limit."),
    )

    @classmethod
    def initial_of(cls, own: ProjectEvaluation) -> dict[str, Any]:
        budget = own.daily_budget_usd
        return {
            "model": own.model,
            "is_on": own.is_on,
            "daily_budget_usd": None if budget is None else f"{budget.normalize():f}",
        }
