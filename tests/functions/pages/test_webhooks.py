"""The settings page of webhooks: the signing secret for owners alone, and the log of deliveries."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from functions import webhooks
from functions.models import Delivery, WebhookSecret
from opperweb.accounts.models import Membership, Project, Role, User
from tests.traces.factories import make_call

WEBHOOKS = "/projects/acme/settings/webhooks/"


@pytest.fixture
def delivery(project: Project) -> Delivery:
    log = [
        {"at": "2026-01-01T10:00:00+00:00", "status": 500, "error": "HTTP 500: <b>oh no</b>", "duration_ms": 12.5},
        {"at": "2026-01-01T10:00:05+00:00", "status": None, "error": "ConnectError: refused", "duration_ms": 1},
    ]
    return Delivery.objects.create(
        project=project,
        span=make_call(project).spans.get(),
        url="https://hooks.example.com/results",
        state=Delivery.State.FAILED,
        due_at=timezone.now(),
        tries=8,
        log=log,
    )


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ids: list[str] = []
    monkeypatch.setattr(webhooks.deliver_job, "delay", ids.append)
    return ids


def test_an_owner_sees_the_secret_on_demand_and_only_then(alice_client: Client, project: Project) -> None:
    secret = webhooks.secret_of(project)
    assert secret not in alice_client.get(WEBHOOKS).content.decode()
    shown = alice_client.post(f"{WEBHOOKS}signing/")
    assert secret in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]


def test_a_replaced_secret_is_another_one(alice_client: Client, project: Project) -> None:
    before = webhooks.secret_of(project)
    assert "Replace the signing secret?" in alice_client.get(f"{WEBHOOKS}signing/replace/").content.decode()
    assert webhooks.secret_of(project) == before
    shown = alice_client.post(f"{WEBHOOKS}signing/replace/").content.decode()
    after = webhooks.secret_of(project)
    assert after != before
    assert after in shown
    assert WebhookSecret.objects.count() == 1


def test_an_editor_reads_the_log_but_not_the_secret(bob: User, bob_client: Client, delivery: Delivery) -> None:
    assert bob_client.get(WEBHOOKS).status_code == 403
    Membership.objects.filter(user=bob).update(role=Role.EDITOR)
    assert "https://hooks.example.com/results" in bob_client.get(WEBHOOKS).content.decode()
    assert bob_client.post(f"{WEBHOOKS}signing/").status_code == 403
    assert bob_client.post(f"{WEBHOOKS}signing/replace/").status_code == 403


def test_the_log_shows_each_try_as_text_the_newest_first(alice_client: Client, delivery: Delivery) -> None:
    page = alice_client.get(WEBHOOKS).content.decode()
    assert "Given up" in page
    assert "2 tries" in page
    assert page.index("ConnectError") < page.index("HTTP 500")
    assert "<b>oh no</b>" not in page


def test_a_delivery_is_sent_again_from_the_start(alice_client: Client, delivery: Delivery, sent: list[str]) -> None:
    assert alice_client.post(f"{WEBHOOKS}{delivery.pk}/send/").status_code == 302
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, sent) == ("queued", 0, [str(delivery.pk)])
    assert len(delivery.log) == 2


def test_what_has_no_result_yet_cannot_be_sent(alice_client: Client, delivery: Delivery, sent: list[str]) -> None:
    Delivery.objects.update(due_at=None, state="queued")
    page = alice_client.get(WEBHOOKS).content.decode()
    assert "Waiting for the result" in page
    assert "Send again" not in page
    assert alice_client.post(f"{WEBHOOKS}{delivery.pk}/send/").status_code == 404
    assert sent == []


def test_another_projects_deliveries_are_not_there(
    charlie_client: Client, other_project: Project, delivery: Delivery, sent: list[str]
) -> None:
    assert charlie_client.get(WEBHOOKS).status_code == 404
    assert charlie_client.post(f"/projects/umbrella/settings/webhooks/{delivery.pk}/send/").status_code == 404
    assert sent == []


def test_the_log_asks_as_much_for_many_as_for_one(
    alice_client: Client, project: Project, delivery: Delivery, django_assert_num_queries: Any
) -> None:
    alice_client.get(WEBHOOKS)
    for _ in range(2):
        for _number in range(10):
            Delivery.objects.create(project=project, span=delivery.span, url="https://hooks.example.com/")
        with django_assert_num_queries(6):
            alice_client.get(WEBHOOKS)
