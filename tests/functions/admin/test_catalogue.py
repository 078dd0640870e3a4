"""The catalogue in the admin: no secret is shown, and what is changed is told to every process."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from functions.models import Alias, CustomModel, PriceRow, ProviderAccount, ProviderState
from opperweb.accounts.models import Project, User

SECRET = "sk-very-secret-4f2a"


@pytest.fixture
def admin(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.com", "a-long-quiet-river"))
    return client


def test_no_page_shows_a_secret(admin: Client, project: Project) -> None:
    rows = [
        ProviderAccount.objects.create(project=project, name="local", base_url="http://127.0.0.1/v1", secret=SECRET),
        CustomModel.objects.create(project=project, name="mine", identifier="local/x", api_key=SECRET),
        Alias.objects.create(project=project, name="fast", fallback_models=["local/x"]),
        PriceRow.objects.create(project=project, model="local/x", input=1),
        ProviderState.objects.create(project=project, name="local"),
    ]
    for row in rows:
        name = row._meta.model_name
        for path in (f"admin:functions_{name}_changelist", f"admin:functions_{name}_change"):
            answer = admin.get(reverse(path, args=[row.pk] if path.endswith("_change") else None))
            assert answer.status_code == 200
            assert SECRET not in answer.content.decode()


def test_a_change_and_a_deletion_are_told_to_every_process(admin: Client, project: Project) -> None:
    row = PriceRow.objects.create(project=project, model="local/x", input=1)
    given = {"model": "local/x", "valid_from_0": "2026-01-01", "valid_from_1": "00:00", "input": "2", "source": ""}
    admin.post(reverse("admin:functions_pricerow_change", args=[row.pk]), given)
    row.refresh_from_db()
    assert row.input == 2
    project.refresh_from_db()
    assert project.catalogue_version == 1
    chosen = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
    admin.post(reverse("admin:functions_pricerow_changelist"), chosen)
    assert not PriceRow.objects.exists()
    project.refresh_from_db()
    assert project.catalogue_version == 2
