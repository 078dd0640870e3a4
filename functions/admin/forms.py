"""The forms of the admin: JSON as text with what is wrong told by line and column, checks before anything is saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction

from functions import drafts, model_names, revising
from functions.completions.catalogue import catalogue_of
from functions.merging import is_same
from functions.models import Alias, CustomModel, DatasetExample, Function
from functions.models.function import FIELDS
from functions.pages.function_forms import name_validator
from functions.pages.json_text import NotJson, json_of, text_of
from functions.providers import UnknownModel
from functions.schemas.validator import InvalidSchema
from functions.task import InvalidConfiguration, InvalidModel
from opperweb.accounts.models import Project

REFUSED = (InvalidSchema, InvalidModel, InvalidConfiguration, UnknownModel)


class _Typed(str):
    """Text as it was typed, which is not yet a value."""


class JsonField(forms.CharField):
    """Any JSON value as indented text; no text is null."""

    def __init__(self, *, rows: int = 8, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows, "cols": 100, "spellcheck": "false", "class": "vLargeTextField"})
        super().__init__(**{"required": False, "strip": False, "widget": widget, **kwargs})

    def bound_data(self, data: Any, initial: Any) -> Any:
        return None if data is None else _Typed(data)

    def prepare_value(self, value: Any) -> Any:
        return str(value) if isinstance(value, _Typed) else "" if value is None else text_of(value)

    def to_python(self, value: Any) -> Any:
        if value is None or not value.strip():
            return None
        try:
            return json_of(value)
        except NotJson as problem:
            raise ValidationError(problem.message, code="invalid") from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return not is_same(self.to_python(data), initial)
        except ValidationError:
            return True


class FunctionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A function with its definition: a change of the definition is saved as a new revision."""

    instructions = forms.CharField(
        required=False, strip=False, widget=forms.Textarea(attrs={"rows": 10, "cols": 100, "class": "vLargeTextField"})
    )
    input_schema = JsonField(help_text="JSON Schema. Left empty: any input.", rows=14)
    output_schema = JsonField(help_text="JSON Schema. Left empty: a text.", rows=14)
    model = JsonField(help_text="A name in quotes, an object with name and options, or a list of both.", rows=4)
    configuration = JsonField(help_text="An object of settings by their keys.", rows=6)
    note = forms.CharField(required=False, max_length=500, help_text="What is new in this revision.")
    base = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Function
        fields: ClassVar[tuple[str, ...]] = ("project", "name", "description", "observer_enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        instance = kwargs.get("instance")
        if instance is not None:
            newest = drafts.newest_of(instance)
            kwargs["initial"] = {
                **drafts.definition_of(newest),
                "base": str(newest.number),
                **(kwargs.get("initial") or {}),
            }
        super().__init__(*args, **kwargs)
        # Who may only look has no field.
        if "name" in self.fields:
            # One that a function has had since before the rule stays; a browser would cut what is too long.
            self.fields["name"].validators = [self._fits_a_function]
            self.fields["name"].widget.attrs.pop("maxlength", None)

    @property
    def definition(self) -> dict[str, Any]:
        """What is to be saved; a configuration is given as a whole."""
        return {name: self.cleaned_data[name] for name in FIELDS}

    def clean_instructions(self) -> str:
        text: str = self.cleaned_data["instructions"]
        typed, stored = text.replace("\r\n", "\n"), str(self.initial.get("instructions") or "")
        return stored if typed == stored.replace("\r\n", "\n").replace("\r", "\n") else typed

    def clean_configuration(self) -> dict[str, Any]:
        value = self.cleaned_data["configuration"]
        if value is not None and not isinstance(value, dict):
            raise ValidationError("Must be an object, in curly brackets")
        return value or {}

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        project = given.get("project") or (self.instance.project if self.instance.project_id else None)
        if project is None or any(name not in given for name in FIELDS):
            return given
        self._check_name(project, given.get("name", ""))
        try:
            revising.check(self.definition, catalogue_of(project))
        except REFUSED as problem:
            self.add_error(_field_of(problem), _words_of(problem))
        newest = drafts.newest_of(self.instance) if not self.instance._state.adding else None
        if newest is not None and given.get("base") and given["base"] != str(newest.number):
            self.add_error(None, f"Revision {newest.number} was saved meanwhile. Load this page again.")
        return given

    def _fits_a_function(self, name: str) -> None:
        if name != self.instance.name:
            name_validator(name)

    def _check_name(self, project: Project, name: str) -> None:
        if Function.objects.filter(project=project, name=name).exclude(pk=self.instance.pk).exists():
            self.add_error("name", f"There is a function named {name} already")


def _field_of(problem: Exception) -> str:
    if isinstance(problem, InvalidSchema):
        return str(problem.path[0])
    return "configuration" if isinstance(problem, InvalidConfiguration) else "model"


def _words_of(problem: Any) -> str:
    path = problem.path[1:] if isinstance(problem, InvalidSchema) else ()
    where = ".".join(map(str, path))
    return f"{where}: {problem.message}" if where else str(problem.message)


class ExampleForm(forms.ModelForm):  # type: ignore[type-arg]
    """An example with its values as JSON."""

    input = JsonField(rows=5)
    output = JsonField(rows=5)
    expected = JsonField(rows=3, help_text="What the output should have been; left empty, the output is right.")

    class Meta:
        model = DatasetExample
        fields: ClassVar[tuple[str, ...]] = ("input", "output", "expected", "comment")


class AliasForm(forms.ModelForm):  # type: ignore[type-arg]
    fallback_models = JsonField(rows=5, help_text='A list of names, such as ["openai/gpt-4o-mini", "local/llama"].')

    class Meta:
        model = Alias
        fields: ClassVar[tuple[str, ...]] = ("project", "name", "fallback_models", "description")

    def clean_fallback_models(self) -> list[str]:
        value = self.cleaned_data["fallback_models"]
        if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
            raise ValidationError("Must be a list of names")
        if len(value) > model_names.MOST_MODELS:
            raise ValidationError(f"At most {model_names.MOST_MODELS} names")
        return value

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        _tried(self, lambda: model_names.save_alias(self.instance))


class CustomModelForm(forms.ModelForm):  # type: ignore[type-arg]
    extra = JsonField(rows=5, help_text="api_base, api_version and the like; never a secret.")

    class Meta:
        model = CustomModel
        fields: ClassVar[tuple[str, ...]] = ("project", "name", "identifier", "extra")

    def clean_extra(self) -> dict[str, Any]:
        value = self.cleaned_data["extra"]
        if value is not None and not isinstance(value, dict):
            raise ValidationError("Must be an object, in curly brackets")
        return value or {}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        _tried(self, lambda: model_names.save_custom(self.instance))


class _Undo(Exception):
    """Ends a trial: what was written is taken back."""


def _tried(form: Any, save: Callable[[], None]) -> None:
    """Save on trial, and say at the field what is wrong; it is saved for good by the admin."""
    if form.errors:
        return
    is_new = form.instance._state.adding
    try:
        with transaction.atomic():
            save()
            raise _Undo
    except _Undo:
        pass
    except model_names.NameTaken as problem:
        form.add_error("name", str(problem))
    except model_names.WrongPlace as problem:
        place = str(problem.path[0])
        form.add_error(place if place in form.fields else None, problem.message)
    form.instance._state.adding = is_new
