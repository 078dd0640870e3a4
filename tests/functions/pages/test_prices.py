"""Prices of one's own, and calls of the past that are priced anew after a look at the difference."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from functions import repricing
from functions.completions import catalogue
from functions.models import PriceRow
from opperweb.accounts.models import Project, User
from tests.traces.factories import make_attempt, make_call
from traces.models import Attempt

PRICES = "/projects/acme/settings/prices/"
GIVEN = {"model": "local/llama", "input": "0.10", "output": "0.4", "valid_from": "2026-01-01T00:00", "source": "own"}


@pytest.fixture(autouse=True)
def _no_providers(settings: Any) -> Any:
    settings.PROVIDERS = {}
    catalogue.forget()
    yield
    catalogue.forget()


def test_a_price_is_set_changed_and_deleted(alice_client: Client, alice: User, project: Project) -> None:
    more = {"cached": "0.025", "cache_write_1h": "0.2", "input_audio": "1", "output_image": "8"}
    assert alice_client.post(f"{PRICES}new/", GIVEN | more).status_code == 302
    row = PriceRow.objects.get()
    assert (row.input, row.cached, row.cache_write, row.output_image) == (Decimal("0.1"), Decimal("0.025"), None, 8)
    assert (row.created_by, row.source, row.valid_from.isoformat()) == (alice, "own", "2026-01-01T00:00:00+00:00")
    assert alice_client.post(f"{PRICES}{row.pk}/", {**GIVEN, "output": "0.5"}).status_code == 302
    row.refresh_from_db()
    assert (row.output, row.cached) == (Decimal("0.5"), None)
    assert "Delete this price of local/llama?" in alice_client.get(f"{PRICES}{row.pk}/delete/").content.decode()
    assert alice_client.post(f"{PRICES}{row.pk}/delete/").status_code == 302
    assert not PriceRow.objects.exists()
    project.refresh_from_db()
    assert project.catalogue_version == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "llama"}, "Write it as provider/name"),
        ({"input": "", "output": ""}, "A price for input or for output is needed"),
        ({"input": "-1"}, "greater than or equal to 0"),
        ({"input": "a lot"}, "Enter a number"),
        ({"input": "NaN"}, "Enter a number"),
        ({"valid_from": "soon"}, "Enter a valid date"),
        ({"valid_from": "2025-01-01T00:00"}, "There is a price from this time on"),
    ],
)
def test_what_does_not_fit_is_said(alice_client: Client, project: Project, given: dict[str, str], words: str) -> None:
    alice_client.post(f"{PRICES}new/", {**GIVEN, "valid_from": "2025-01-01T00:00"})
    assert words in alice_client.post(f"{PRICES}new/", GIVEN | given).content.decode()
    assert PriceRow.objects.count() == 1


def test_a_price_of_zero_is_a_price(alice_client: Client) -> None:
    assert alice_client.post(f"{PRICES}new/", GIVEN | {"input": "0", "output": "0"}).status_code == 302
    assert "$0.00" in alice_client.get(PRICES).content.decode()


def test_the_form_begins_with_the_model_that_was_named(alice_client: Client, project: Project) -> None:
    PriceRow.objects.create(project=project, model="local/llama", input="0.10", output="0.40")
    page = alice_client.get(f"{PRICES}new/?model=other/model").content.decode()
    assert 'value="other/model"' in page


# --- re-pricing -------------------------------------------------------------------------------------------------------


@pytest.fixture
def attempt(project: Project) -> Attempt:
    span = make_call(project, model="local/llama", provider="local").spans.get()
    tokens: dict[str, Any] = {"input_tokens": 1_000_000, "output_tokens": 0}
    PriceRow.objects.create(
        project=project, model="local/llama", input="0.25", output="1", valid_from=timezone.now() - timedelta(days=9)
    )
    return make_attempt(span, requested_model="local/llama", **tokens)


def span_of_days() -> dict[str, str]:
    today = timezone.localdate()
    return {"since": (today - timedelta(days=2)).isoformat(), "until": today.isoformat(), "model": ""}


def test_the_difference_is_shown_before_anything_is_changed(alice_client: Client, attempt: Attempt) -> None:
    page = alice_client.get(f"{PRICES}reprice/", span_of_days()).content.decode()
    assert "Re-price 1 attempt?" in page
    assert "$0 and would cost $0.25" in page.replace("\n", " ")
    attempt.refresh_from_db()
    assert attempt.cost_usd is None


def test_a_press_has_a_worker_do_it(
    alice_client: Client, attempt: Attempt, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(repricing.reprice_job, "delay", lambda *given: sent.append(given))
    with django_capture_on_commit_callbacks(execute=True):
        assert alice_client.post(f"{PRICES}reprice/", span_of_days()).status_code == 302
    [given] = sent
    repricing.reprice_job(*given)
    attempt.refresh_from_db()
    assert attempt.cost_usd == Decimal("0.25")


def test_days_in_the_wrong_order_are_refused(alice_client: Client, attempt: Attempt) -> None:
    days = span_of_days()
    page = alice_client.get(f"{PRICES}reprice/", {**days, "since": days["until"], "until": days["since"]})
    assert "This is before the first day." in page.content.decode()


def test_a_reader_sees_prices_and_changes_none(bob_client: Client, attempt: Attempt) -> None:
    page = bob_client.get(PRICES).content.decode()
    assert "local/llama" in page
    assert "Re-price" not in page
    assert bob_client.post(f"{PRICES}new/", GIVEN).status_code == 403
    assert bob_client.post(f"{PRICES}reprice/", span_of_days()).status_code == 403


def test_strangers_find_nothing(charlie_client: Client, attempt: Attempt) -> None:
    row = PriceRow.objects.get()
    assert charlie_client.get(PRICES).status_code == 404
    assert charlie_client.post(f"/projects/umbrella/settings/prices/{row.pk}/delete/").status_code == 404
