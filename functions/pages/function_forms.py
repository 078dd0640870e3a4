"""What people may type of a function itself, and of one that is to be made."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from functions.models import Function
from functions.models.function import FIELDS
from functions.pages.definition.schema_reading import sentence_of
from functions.providers import UnknownModel
from functions.revising import InvalidName, check_name
from functions.schemas.pydantic_source import SourceError, schema_from
from functions.schemas.validator import InvalidSchema
from functions.task import InvalidModel
from opperweb.accounts.forms import PageForm


class FunctionForm(PageForm):
    """What belongs to the function itself and to no revision."""

    # Without a length of its own: a browser would cut what is longer, and say nothing.
    name = forms.CharField(label=gettext_lazy("Name"), help_text=gettext_lazy("What your code calls it by."))
    description = forms.CharField(
        label=gettext_lazy("Description"),
        max_length=10_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    observer_enabled = forms.BooleanField(label=gettext_lazy("Evaluate its calls"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["observer_enabled"].widget.attrs.pop("class")
        # In place of Django's own, which knows null characters alone.
        self.fields["name"].validators = [self._check_name]

    def clean_description(self) -> str:
        text: str = self.cleaned_data["description"]
        return text.replace("\r\n", "\n")

    def _check_name(self, name: str) -> None:
        # One that it has had since before the rule stays as it is.
        if name != self.initial.get("name"):
            name_validator(name)


class NewFunctionForm(FunctionForm):
    """A function to be made on the server. Schemas are pasted, models stand one a line."""

    instructions = forms.CharField(
        label=gettext_lazy("Instructions"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=gettext_lazy("What the model is to do with each input."),
    )
    input_schema = forms.CharField(
        label=gettext_lazy("Input"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=gettext_lazy("JSON Schema, or the source of a Pydantic model. Left empty: any text."),
    )
    output_schema = forms.CharField(
        label=gettext_lazy("Output"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=gettext_lazy("The same. Left empty: a text."),
    )
    model = forms.CharField(
        label=gettext_lazy("Model"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"list": "offers", "autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("name", "description", "instructions", "input_schema", "output_schema", "model", "observer_enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usual = gettext_lazy("Left empty: %(model)s. More can be added later.") % {"model": settings.DEFAULT_MODEL}
        self.fields["model"].help_text = usual

    def clean_instructions(self) -> str:
        text: str = self.cleaned_data["instructions"]
        return text.replace("\r\n", "\n")

    def clean_input_schema(self) -> dict[str, Any] | None:
        return _pasted(self.cleaned_data["input_schema"])

    def clean_output_schema(self) -> dict[str, Any] | None:
        return _pasted(self.cleaned_data["output_schema"])

    def clean_model(self) -> str | None:
        return self.cleaned_data["model"].strip() or None

    def add_problem(self, problem: Exception) -> None:
        """Say at its field what `revising.create` refused."""
        message = str(problem)[:1].upper() + str(problem)[1:]
        if isinstance(problem, InvalidSchema):
            self.add_error(str(problem.path[0]), sentence_of(problem.path[1:], problem.message))
        else:
            self.add_error("model" if isinstance(problem, UnknownModel | InvalidModel) else "name", f"{message}.")

    @property
    def definition(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in FIELDS if name in self.cleaned_data}


def name_validator(name: str) -> None:
    """Refuse, as a form's field does, what no function can be named."""
    try:
        check_name(name)
    except InvalidName as problem:
        raise ValidationError(f"{str(problem)[:1].upper()}{str(problem)[1:]}.") from None


def initial_of(function: Function) -> dict[str, Any]:
    """Return what a FunctionForm begins with."""
    return {name: getattr(function, name) for name in ("name", "description", "observer_enabled")}


def _pasted(text: str) -> dict[str, Any] | None:
    if not text.strip():
        return None
    try:
        return schema_from(text)
    except SourceError as problem:
        raise ValidationError(f"{problem}.") from None
