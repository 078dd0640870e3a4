"""The settings page of models: what is found, what it costs and since when, aliases and custom models."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from functions.completions import catalogue
from functions.models import Alias, CustomModel, PriceRow, ProviderAccount, ProviderState, catalogue_changed
from functions.offers import keep_listed
from opperweb.accounts.models import Project
from tests.traces.factories import make_call

MODELS = "/projects/acme/settings/models/"
SECRET = "sk-very-secret-4f2a"


@pytest.fixture(autouse=True)
def _providers(settings: Any) -> Any:
    one = {"kind": "openai", "base_url": "https://api.openai.com/v1", "api_key": "k"}
    settings.PROVIDERS = {"openai": {**one, "name": "openai"}}
    catalogue.forget()
    yield
    catalogue.forget()


def shown(client: Client, query: str = "") -> str:
    response = client.get(MODELS + query)
    assert response.status_code == 200
    return response.content.decode()


def test_a_listed_model_shows_its_window_price_and_source(alice_client: Client) -> None:
    page = shown(alice_client, "?q=gpt-4o-mini")
    assert "openai/gpt-4o-mini" in page
    assert "128k" in page
    assert "$0.15" in page
    assert "$0.60" in page
    assert "genai-prices " in page


def test_words_find_models_and_nothing_found_says_what_to_do(alice_client: Client) -> None:
    page = shown(alice_client, "?q=OPENAI+nano")
    assert "openai/gpt-4.1-nano" in page
    assert "rehearsal/echo" not in page
    assert "No model of this name" in shown(alice_client, "?q=nothing-like-it")


@pytest.mark.parametrize(
    ("number", "has_before", "has_next"), [("1", False, True), ("2", True, False), ("99", True, False)]
)
def test_the_list_is_shown_by_hundreds(alice_client: Client, number: str, has_before: bool, has_next: bool) -> None:
    page = shown(alice_client, f"?page={number}")
    assert ('rel="prev"' in page, 'rel="next"' in page) == (has_before, has_next)
    assert page.count('<td class="name">') <= 100


@pytest.mark.parametrize("number", ["0", "-1", "x", "٣", "9" * 30])
def test_a_page_that_makes_no_sense_is_the_first(alice_client: Client, number: str) -> None:
    assert "1 to 100 of" in shown(alice_client, f"?page={number}")


def test_no_price_is_said_with_the_way_to_set_one(alice_client: Client, bob_client: Client, project: Project) -> None:
    ProviderAccount.objects.create(project=project, name="local", base_url="http://127.0.0.1:11434/v1")
    keep_listed(project, "local", ["llama 3/8b"])
    page = shown(alice_client, "?q=local")
    assert "No price" in page
    assert "/settings/prices/new/?model=local%2Fllama%203%2F8b" in page
    assert "prices/new" not in shown(bob_client, "?q=local")


def test_an_old_price_that_somebody_typed_is_marked(alice_client: Client, project: Project) -> None:
    for days, words in ((59, "59 days old"), (83, "83 days old")):
        PriceRow.objects.all().delete()
        valid_from = timezone.now() - timedelta(days=days)
        PriceRow.objects.create(project=project, model="openai/gpt-4o-mini", valid_from=valid_from, input=1, output=1)
        catalogue_changed(project)
        assert (words in shown(alice_client, "?q=gpt-4o-mini")) is (days > 60)


def test_calls_without_a_price_are_counted(alice_client: Client, project: Project) -> None:
    for _ in range(2):
        make_call(project, is_priced=False)
    make_call(project)
    assert "2 calls this week have no price." in shown(alice_client)


# --- aliases ----------------------------------------------------------------------------------------------------------


def test_an_alias_is_added_changed_and_deleted(alice_client: Client, project: Project) -> None:
    given = {"name": "fast", "fallback_models": "openai/gpt-4o-mini\r\n\r\n rehearsal/echo ", "description": ""}
    assert alice_client.post(f"{MODELS}aliases/new/", given).status_code == 302
    alias = Alias.objects.get()
    assert alias.fallback_models == ["openai/gpt-4o-mini", "rehearsal/echo"]
    path = f"{MODELS}aliases/{alias.pk}/"
    assert "openai/gpt-4o-mini\nrehearsal/echo" in alice_client.get(path).content.decode()
    assert alice_client.post(path, {**given, "name": "quick"}).status_code == 302
    assert "Type quick." in alice_client.post(f"{path}delete/", {"name": "fast"}).content.decode()
    assert alice_client.post(f"{path}delete/", {"name": "quick"}).status_code == 302
    assert not Alias.objects.exists()
    project.refresh_from_db()
    assert project.catalogue_version == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"fallback_models": "\n"}, "This field is required"),
        ({"fallback_models": "nowhere/x"}, "No provider nowhere is configured"),
        ({"fallback_models": "fast"}, "An alias cannot stand for itself"),
        ({"name": "mine"}, "There is a model or an alias mine already"),
    ],
)
def test_an_alias_that_does_not_fit_is_refused_at_its_field(
    alice_client: Client, project: Project, given: dict[str, str], words: str
) -> None:
    CustomModel.objects.create(project=project, name="mine", identifier="openai/gpt-4o")
    alias = {"name": "fast", "fallback_models": "rehearsal/echo", **given}
    assert words in alice_client.post(f"{MODELS}aliases/new/", alias).content.decode()
    assert not Alias.objects.exists()


def test_a_paused_provider_and_a_model_that_is_gone_are_marked_in_the_alias(
    alice_client: Client, project: Project
) -> None:
    Alias.objects.create(project=project, name="fast", fallback_models=["openai/gpt-4o", "gone/x", "rehearsal/echo"])
    ProviderState.objects.create(project=project, name="openai", paused_until=timezone.now() + timedelta(minutes=1))
    catalogue_changed(project)
    page = shown(alice_client)
    aliases = page[page.index('id="aliases-title"') :]
    assert aliases.count("chip warn") == 2
    assert aliases.index('aria-label="paused"') < aliases.index('aria-label="leads nowhere"')


# --- custom models ----------------------------------------------------------------------------------------------------


def test_a_custom_model_is_added_and_its_secret_never_shown(alice_client: Client) -> None:
    given = {"name": "mine", "identifier": "fake/x", "api_base": "http://127.0.0.1:9/v1", "api_key": SECRET}
    assert alice_client.post(f"{MODELS}custom/new/", given).status_code == 302
    custom = CustomModel.objects.get()
    assert (custom.extra, custom.api_key) == ({"api_base": "http://127.0.0.1:9/v1"}, SECRET)
    assert "own secret" in shown(alice_client)
    assert SECRET not in shown(alice_client) + alice_client.get(f"{MODELS}custom/{custom.pk}/").content.decode()


def test_changing_a_custom_model_keeps_what_the_form_does_not_know(alice_client: Client, project: Project) -> None:
    extra = {"api_base": "http://127.0.0.1:9/v1", "region": "eu"}
    custom = CustomModel.objects.create(project=project, name="mine", identifier="fake/x", extra=extra, api_key=SECRET)
    path = f"{MODELS}custom/{custom.pk}/"
    given = {"name": "mine", "identifier": "fake/y", "api_base": "http://127.0.0.1:9/v1", "api_key": ""}
    assert alice_client.post(path, given).status_code == 302
    custom.refresh_from_db()
    assert (custom.identifier, custom.extra, custom.api_key) == ("fake/y", extra, SECRET)
    moved = alice_client.post(path, {**given, "api_base": "https://elsewhere.example"}).content.decode()
    assert "The secret was entered for another address" in moved


def test_an_address_that_is_none_is_said_at_its_field(alice_client: Client) -> None:
    given = {"name": "mine", "identifier": "fake/x", "api_base": "ftp://x"}
    page = alice_client.post(f"{MODELS}custom/new/", given).content.decode()
    assert 'id="id_api_base_error"' in page
    assert not CustomModel.objects.exists()


def test_an_address_of_a_cloud_is_said_at_its_field(alice_client: Client) -> None:
    given = {"name": "mine", "identifier": "fake/x", "api_base": "http://169.254.169.254/latest"}
    page = alice_client.post(f"{MODELS}custom/new/", given).content.decode()
    assert "Must not lead to 169.254.169.254: it is a link-local address" in page
    assert 'id="id_api_base_error"' in page
    assert not CustomModel.objects.exists()


# --- rights -----------------------------------------------------------------------------------------------------------


def test_a_reader_reads_and_changes_nothing(bob_client: Client, project: Project) -> None:
    alias = Alias.objects.create(project=project, name="fast", fallback_models=["rehearsal/echo"])
    page = shown(bob_client)
    assert "fast" in page
    assert "Add alias" not in page
    for path in ("aliases/new/", f"aliases/{alias.pk}/", f"aliases/{alias.pk}/delete/", "custom/new/"):
        assert bob_client.post(MODELS + path, {"name": "fast"}).status_code == 403


def test_another_projects_names_are_not_there(charlie_client: Client, other_project: Project, project: Project) -> None:
    alias = Alias.objects.create(project=project, name="fast", fallback_models=["rehearsal/echo"])
    assert charlie_client.get(MODELS).status_code == 404
    path = f"/projects/umbrella/settings/models/aliases/{alias.pk}/delete/"
    assert charlie_client.post(path, {"name": "fast"}).status_code == 404
    assert Alias.objects.exists()


def test_the_page_asks_as_much_for_many_names_as_for_one(
    alice_client: Client, project: Project, django_assert_num_queries: Any
) -> None:
    shown(alice_client)
    for start in (0, 10):
        for number in range(start, start + 10):
            Alias.objects.create(project=project, name=f"alias {number}", fallback_models=["rehearsal/echo"])
        shown(alice_client)
        with django_assert_num_queries(9):
            shown(alice_client)
