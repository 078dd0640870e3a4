"""The examples of functions in the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from functions.admin.forms import ExampleForm
from functions.admin.project_rows import ProjectRows
from functions.examples import dataset
from functions.models import DatasetExample, Function


@admin.register(DatasetExample)
class ExampleAdmin(ProjectRows):
    """New ones are added to their function, on its page here or on its own."""

    project_path = "function__project"
    form = ExampleForm
    list_display = ("input_preview", "output_preview", "function", "source", "score", "misfit", "created_at")
    list_select_related = ("function",)
    list_filter: ClassVar[Any] = (
        ("function__project", admin.RelatedOnlyFieldListFilter),
        "source",
        ("misfit", admin.EmptyFieldListFilter),
    )
    search_fields = ("input_preview", "output_preview", "comment", "function__name")
    ordering = ("-created_at", "-key")
    show_full_result_count = False
    fields = (
        "function", "input", "output", "expected", "comment", "source", "source_name", "score", "used_count", "misfit",
        "created_by", "api_key", "created_at", "updated_at",
    )  # fmt: skip
    readonly_fields = (
        "function", "source", "source_name", "score", "used_count", "misfit", "created_by", "api_key", "created_at",
        "updated_at",
    )  # fmt: skip

    def save_model(self, request: HttpRequest, obj: DatasetExample, form: Any, change: bool) -> None:
        stored = DatasetExample.objects.select_related("function__project").get(pk=obj.pk)
        dataset.change(stored, {name: form.cleaned_data[name] for name in dataset.VALUES})

    def delete_model(self, request: HttpRequest, obj: DatasetExample) -> None:
        dataset.delete(obj.function, [obj.id])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[DatasetExample]) -> None:
        ids: dict[Function, list[Any]] = {}
        for example in queryset.select_related("function__project"):
            ids.setdefault(example.function, []).append(example.id)
        for function, examples in ids.items():
            dataset.delete(function, examples)
