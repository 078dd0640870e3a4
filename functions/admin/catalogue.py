"""Providers, names for models and prices in the admin. Secrets are entered on the project's pages, not here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from functions import model_names
from functions.admin.forms import AliasForm, CustomModelForm
from functions.admin.project_rows import ProjectRows
from functions.models import Alias, CustomModel, PriceRow, ProviderAccount, ProviderState, catalogue_changed
from opperweb.accounts.models import Project


class CatalogueAdmin(ProjectRows):
    """What is changed here reaches running processes as a change on a page does."""

    list_select_related = ("project",)
    readonly_fields: ClassVar[tuple[str, ...]] = ("project",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        catalogue_changed(obj.project)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        catalogue_changed(obj.project)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        projects = list(Project.objects.filter(pk__in=queryset.values("project")))
        super().delete_queryset(request, queryset)
        for project in projects:
            catalogue_changed(project)


@admin.register(ProviderAccount)
class ProviderAccountAdmin(CatalogueAdmin):
    list_display = ("name", "kind", "base_url", "is_enabled", "project")
    search_fields = ("name", "base_url")
    # Its address stays: a secret is sent to no other one than it was entered for.
    fields = ("project", "name", "kind", "base_url", "most_at_once", "is_enabled", "created_by", "created_at")
    readonly_fields = ("project", "name", "kind", "base_url", "created_by", "created_at")


@admin.register(ProviderState)
class ProviderStateAdmin(CatalogueAdmin):
    may_change = False
    list_display = ("name", "tested_at", "test_error", "worked_at", "paused_until", "project")


class NameAdmin(CatalogueAdmin):
    """Names for models: they are checked as on their page, and belong to their project for good."""

    may_add = True
    readonly_fields = ("created_at",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "project") if obj is not None else self.readonly_fields


@admin.register(CustomModel)
class CustomModelAdmin(NameAdmin):
    """Its secret stays as it is; one for another address is entered on the page."""

    form = CustomModelForm
    list_display = ("name", "identifier", "project")
    search_fields = ("name", "identifier")
    fields = ("project", "name", "identifier", "extra", "created_at")

    def save_model(self, request: HttpRequest, obj: CustomModel, form: Any, change: bool) -> None:
        model_names.save_custom(obj)


@admin.register(Alias)
class AliasAdmin(NameAdmin):
    form = AliasForm
    list_display = ("name", "fallback_models", "project")
    search_fields = ("name",)
    fields = ("project", "name", "fallback_models", "description", "created_at")

    def save_model(self, request: HttpRequest, obj: Alias, form: Any, change: bool) -> None:
        model_names.save_alias(obj)


@admin.register(PriceRow)
class PriceRowAdmin(CatalogueAdmin):
    list_display = ("model", "valid_from", "input", "output", "source", "project")
    search_fields = ("model", "source")
    readonly_fields = ("project", "created_by", "created_at")
