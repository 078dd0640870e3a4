"""Who may do what in the admin: what the same person may do on the pages of the same project.

Whoever opens the admin at all is staff. A superuser sees and changes everything; other staff see the rows of the
projects they belong to, and change those of the projects they may edit.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib import admin
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest

from opperweb.accounts.models import Project, Role, User

EDITORS = (Role.OWNER, Role.EDITOR)


def editable_projects(user: User) -> QuerySet[Project]:
    """Return the projects whose rows a person may change."""
    if user.is_superuser:
        return Project.objects.order_by("name")
    return Project.objects.filter(memberships__user=user, memberships__role__in=EDITORS).order_by("name")


class ProjectRows(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that belong to projects. `project_path` leads from a row to its project."""

    project_path: ClassVar[str] = "project"
    may_add: ClassVar[bool] = False
    may_change: ClassVar[bool] = True
    may_delete: ClassVar[bool] = True
    # Shows on the side what the rows that are seen belong to, and nothing of other projects.
    list_filter: ClassVar[Any] = (("project", admin.RelatedOnlyFieldListFilter),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        user = _user(request)
        if user.is_superuser:
            return rows
        own = user.memberships.values("project")
        return rows.filter(**{f"{self.project_path}__in": own})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user = _user(request)
        if not user.is_staff:
            return False
        return user.is_superuser or (
            user.memberships.exists() if obj is None else user.memberships.filter(project=self.project_of(obj)).exists()
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_add and _may_edit(request, None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_change and _may_edit(request, None if obj is None else self.project_of(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_delete and _may_edit(request, None if obj is None else self.project_of(obj))

    def project_of(self, obj: Model) -> Project:
        """Return the project of a row."""
        found: Any = obj
        for step in self.project_path.split("__"):
            found = getattr(found, step)
        return cast(Project, found)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.name == "project":
            kwargs["queryset"] = editable_projects(_user(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out deleting many at once for who may not change every row that is listed."""
        actions: dict[str, Any] = super().get_actions(request)
        if not _user(request).is_superuser:
            actions.pop("delete_selected", None)
        return actions


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _may_edit(request: HttpRequest, project: Project | None) -> bool:
    """Tell whether the person may change rows of a project, or with none of any at all."""
    user = _user(request)
    if not user.is_staff:
        return False
    projects = editable_projects(user)
    return user.is_superuser or (projects.exists() if project is None else projects.filter(pk=project.pk).exists())
