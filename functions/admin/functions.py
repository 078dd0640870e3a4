"""Functions and their revisions in the admin: a saved change of a definition is a new revision."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Max, QuerySet
from django.http import HttpRequest

from functions import drafts, revising
from functions.admin.forms import ExampleForm, FunctionForm
from functions.admin.project_rows import ProjectRows
from functions.examples import dataset
from functions.models import DatasetExample, Function, Revision
from functions.pages.json_text import text_of
from functions.revising import Author
from opperweb.accounts.models import User

MOST_EXAMPLES = 50
VALUES = ("input", "output", "expected", "comment")


class ExampleInline(admin.StackedInline):  # type: ignore[type-arg]
    """The newest examples of a function; all of them have a list of their own."""

    model = DatasetExample
    form = ExampleForm
    extra = 0
    fk_name = "function"
    verbose_name_plural = f"the {MOST_EXAMPLES} newest examples"
    readonly_fields = ("source", "misfit", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DatasetExample]:
        rows: QuerySet[DatasetExample] = super().get_queryset(request).order_by("-created_at", "-key")
        function_id = str((request.resolver_match.kwargs if request.resolver_match else {}).get("object_id", ""))
        newest = rows.filter(function_id=unquote(function_id)).values_list("pk", flat=True)[:MOST_EXAMPLES]
        return rows.filter(pk__in=list(newest))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_change(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_change(request, obj)

    def _may_change(self, request: HttpRequest, obj: Any) -> bool:
        # `obj` is the function; before there is one, it has no examples.
        return obj is not None and self.admin_site.get_model_admin(Function).has_change_permission(request, obj)


@admin.register(Function)
class FunctionAdmin(ProjectRows):
    may_add = True
    form = FunctionForm
    list_display = ("name", "project", "revision", "origin", "observer_enabled", "created_at")
    list_select_related = ("project",)
    list_filter = (("project", admin.RelatedOnlyFieldListFilter), "origin", "observer_enabled")
    search_fields = ("name", "description")
    ordering = ("name",)
    inlines = (ExampleInline,)
    fieldsets = (
        (None, {"fields": ("project", "name", "description", "observer_enabled")}),
        (
            "Definition",
            {"fields": ("instructions", "input_schema", "output_schema", "model", "configuration", "note", "base")},
        ),
        ("Kept", {"fields": ("id", "dataset_id", "origin", "created_at")}),
    )
    readonly_fields = ("id", "dataset_id", "origin", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return cast(QuerySet[Any], rows.annotate(newest=Max("revisions__number")))

    @admin.display(ordering="newest")
    def revision(self, function: Any) -> int | None:
        return cast(int | None, function.newest)

    @admin.display(description="definition")
    def definition_text(self, function: Function) -> str:
        """For those who may not change it: all of it as JSON."""
        return text_of(drafts.definition_of(drafts.newest_of(function)))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        return (self.fieldsets[0], ("Definition", {"fields": ("definition_text",)}), self.fieldsets[2])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return self.readonly_fields
        return (*self.readonly_fields, "project", "definition_text")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Function, form: Any, change: bool) -> None:
        """Save by the door that every change takes; what the form has set on the row is undone by reading it again."""
        given, author = form.cleaned_data, Author(user=cast(User, request.user))
        own = {name: given[name] for name in revising.OWN_FIELDS}
        if not change:
            own.pop("name")
            made = revising.create(
                obj.project, given["name"], form.definition, author=author, note=given["note"], **own
            )
            obj.pk, obj._state.adding = made.pk, False
            return
        stored = Function.objects.select_related("project").get(pk=obj.pk)
        base = stored.revisions.order_by("-number").first()
        changes = drafts.sent(drafts.definition_of(drafts.newest_of(stored)), form.definition)
        revision = revising.save(stored, {**changes, **own}, author=author, base=base, note=given["note"])
        messages.info(request, f"Revision {revision.number} is live")

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save examples as a page does, so that they are indexed and every process knows of them."""
        rows = formset.save(commit=False)
        new = {row.pk for row in rows if row._state.adding}
        dataset.delete(form.instance, [row.id for row in formset.deleted_objects])
        for row in rows:
            values = {name: getattr(row, name) for name in VALUES}
            if row.pk in new:
                dataset.add(form.instance, values, created_by=cast(User, request.user))
            else:
                dataset.change(DatasetExample.objects.select_related("function__project").get(pk=row.pk), values)

    def delete_model(self, request: HttpRequest, obj: Function) -> None:
        revising.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Function]) -> None:
        for function in queryset:
            revising.delete(function)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Let its revisions go with it, which nobody deletes alone."""
        deleted, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, set(), protected


@admin.register(Revision)
class RevisionAdmin(ProjectRows):
    """Revisions never change."""

    project_path = "function__project"
    may_change = False
    may_delete = False
    list_display = ("__str__", "note", "created_by", "api_key", "created_at")
    list_select_related = ("function", "created_by", "api_key")
    list_filter: ClassVar[Any] = (("function__project", admin.RelatedOnlyFieldListFilter),)
    search_fields = ("function__name", "note")
    ordering = ("-created_at",)
    fields = (
        "function", "number", "note", "created_by", "api_key", "created_at",
        "instructions", "input_schema_json", "output_schema_json", "model_json", "configuration_json",
    )  # fmt: skip
    readonly_fields = ("input_schema_json", "output_schema_json", "model_json", "configuration_json")

    @admin.display(description="input schema")
    def input_schema_json(self, revision: Revision) -> str:
        return text_of(revision.input_schema)

    @admin.display(description="output schema")
    def output_schema_json(self, revision: Revision) -> str:
        return text_of(revision.output_schema)

    @admin.display(description="model")
    def model_json(self, revision: Revision) -> str:
        return text_of(revision.model)

    @admin.display(description="configuration")
    def configuration_json(self, revision: Revision) -> str:
        return text_of(revision.configuration)
