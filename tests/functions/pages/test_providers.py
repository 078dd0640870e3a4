"""The settings page of providers: who may change what, what stands first, and that no secret leaves it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from functions import provider_test
from functions.completions import catalogue
from functions.models import ProviderAccount, ProviderState
from functions.provider_test import Trial
from opperweb.accounts.models import Membership, Project, Role, User
from tests.traces.factories import make_call

PROVIDERS = "/projects/acme/settings/providers/"
SECRET = "sk-very-secret-4f2a"
MISTRAL = {"preset": "mistral", "name": "", "base_url": "", "secret": SECRET, "most_at_once": ""}


@pytest.fixture(autouse=True)
def _environment(settings: Any) -> None:
    one = {"kind": "openai", "base_url": "https://api.openai.com/v1", "api_key": "sk-of-the-environment"}
    settings.PROVIDERS = {"openai": {**one, "name": "openai"}}
    catalogue.forget()


@pytest.fixture
def account(project: Project) -> ProviderAccount:
    return ProviderAccount.objects.create(
        project=project, name="local", base_url="http://127.0.0.1:11434/v1", secret=SECRET
    )


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(trial: Trial) -> None:
        async def ask(_: Any) -> Trial:
            return trial

        monkeypatch.setattr(provider_test, "ask", ask)

    return use


def shown(client: Client, path: str = PROVIDERS) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_a_provider_of_the_environment_says_where_it_comes_from(alice_client: Client) -> None:
    page = shown(alice_client)
    assert "from OPENAI_API_KEY" in page
    assert "sk-of-the-environment" not in page


def test_a_chosen_vendor_fills_what_is_left_empty(alice_client: Client, alice: User, project: Project) -> None:
    version = project.catalogue_version
    assert alice_client.post(f"{PROVIDERS}new/", MISTRAL).status_code == 302
    account = ProviderAccount.objects.get()
    assert (account.name, account.kind, account.base_url) == ("mistral", "openai", "https://api.mistral.ai/v1")
    assert (account.secret, account.created_by) == (SECRET, alice)
    project.refresh_from_db()
    assert project.catalogue_version == version + 1


def test_the_secret_is_on_no_page(alice_client: Client, account: ProviderAccount) -> None:
    for path in (PROVIDERS, f"{PROVIDERS}{account.pk}/", f"{PROVIDERS}{account.pk}/delete/"):
        page = shown(alice_client, path)
        assert SECRET not in page
        assert "4f2a" in page
    refused = alice_client.post(f"{PROVIDERS}new/", {**MISTRAL, "name": "No Such Name"}).content.decode()
    assert SECRET not in refused


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "Mistral EU"}, "Small letters, digits, dots and dashes only"),
        ({"name": "rehearsal"}, "rehearsal is built in"),
        ({"name": "local"}, "There is a provider of this name"),
        ({"preset": "other"}, "An address is needed"),
        ({"base_url": "ftp://example.com"}, "This is no address"),
        ({"base_url": "https://me:pass@example.com"}, "This is no address"),
        ({"base_url": "http://169.254.169.254/v1"}, "Must not lead to 169.254.169.254: it is a link-local address"),
        ({"base_url": "http://0xa9fea9fe/v1"}, "Must not lead to 0xa9fea9fe: it is a link-local address"),
        ({"base_url": "http://0.0.0.0:11434/v1"}, "it is an unspecified address; 127.0.0.1 is this machine"),
        ({"secret": "sk-ünicode"}, "It holds characters that no API key has"),
        ({"most_at_once": "0"}, "greater than or equal to 1"),
        ({"preset": "nonsense"}, "Select a valid choice"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_kept(
    alice_client: Client, account: ProviderAccount, given: dict[str, str], words: str
) -> None:
    assert words in alice_client.post(f"{PROVIDERS}new/", {**MISTRAL, **given}).content.decode()
    assert list(ProviderAccount.objects.all()) == [account]


def test_an_edit_without_a_secret_keeps_it(alice_client: Client, account: ProviderAccount) -> None:
    changes = {"kind": "openai", "base_url": "http://127.0.0.1:11434/v2", "secret": "", "most_at_once": "4"}
    assert alice_client.post(f"{PROVIDERS}{account.pk}/", changes).status_code == 302
    account.refresh_from_db()
    assert (account.base_url, account.secret, account.most_at_once) == ("http://127.0.0.1:11434/v2", SECRET, 4)


def test_a_secret_does_not_follow_to_another_server(alice_client: Client, account: ProviderAccount) -> None:
    changes = {"kind": "openai", "base_url": "https://elsewhere.example/v1", "secret": ""}
    page = alice_client.post(f"{PROVIDERS}{account.pk}/", changes).content.decode()
    assert "Type the secret for it" in page
    account.refresh_from_db()
    assert account.base_url == "http://127.0.0.1:11434/v1"
    assert alice_client.post(f"{PROVIDERS}{account.pk}/", {**changes, "secret": "another"}).status_code == 302


def test_a_provider_is_switched_off_and_on(alice_client: Client, account: ProviderAccount) -> None:
    for on, is_enabled in (("0", False), ("1", True)):
        alice_client.post(f"{PROVIDERS}{account.pk}/switch/", {"on": on})
        account.refresh_from_db()
        assert account.is_enabled is is_enabled
        assert ("Switched off" in shown(alice_client)) is not is_enabled


def test_deleting_asks_for_the_name(alice_client: Client, account: ProviderAccount) -> None:
    path = f"{PROVIDERS}{account.pk}/delete/"
    assert "Delete local?" in shown(alice_client, path)
    assert "Type local." in alice_client.post(path, {"name": "other"}).content.decode()
    assert ProviderAccount.objects.exists()
    assert alice_client.post(path, {"name": "local"}).status_code == 302
    assert not ProviderAccount.objects.exists()


def test_a_test_shows_the_time_and_the_number_of_models(alice_client: Client, answers: Any) -> None:
    answers(Trial(412.0, ("a", "b")))
    alice_client.post(f"{PROVIDERS}by-name/openai/test/")
    page = shown(alice_client)
    assert "Answers in 0.41\u202fs" in page
    assert "2 models, tested just now" in page


def test_all_are_tested_at_once_but_those_switched_off(
    alice_client: Client, account: ProviderAccount, project: Project, answers: Any
) -> None:
    ProviderAccount.objects.create(project=project, name="off", base_url="http://127.0.0.1:9/v1", is_enabled=False)
    answers(Trial(12.0, ("a",)))
    assert alice_client.post(f"{PROVIDERS}test/").status_code == 302
    assert {state.name for state in ProviderState.objects.all()} == {"local", "openai"}
    assert "All providers answer" in shown(alice_client)
    answers(Trial(12.0, error="401, key refused"))
    alice_client.post(f"{PROVIDERS}test/")
    assert "0 of 2 providers answer" in shown(alice_client)


def test_a_refused_key_says_when_it_last_worked(alice_client: Client, project: Project, answers: Any) -> None:
    worked_at = timezone.now() - timedelta(minutes=7)
    ProviderState.objects.create(project=project, name="openai", worked_at=worked_at)
    answers(Trial(80.0, error="401, key refused"))
    alice_client.post(f"{PROVIDERS}by-name/openai/test/")
    page = shown(alice_client)
    assert "401, key refused" in page
    assert "last worked 7\u202fmin ago" in page


def test_a_pause_is_said_in_peoples_words_first_and_ended_by_a_press(
    alice_client: Client, project: Project, answers: Any
) -> None:
    ProviderState.objects.create(
        project=project,
        name="openai",
        paused_until=timezone.now() + timedelta(seconds=24.9),
        pause_reason="5 calls in a row got 503",
        pauses=1,
    )
    page = shown(alice_client)
    assert page.index("Paused, tries again in 2") < page.index("circuit open: 5 calls in a row got 503")
    assert "Try now" in page
    answers(Trial(10.0, ("a",)))
    alice_client.post(f"{PROVIDERS}by-name/openai/resume/")
    assert not ProviderState.objects.get().is_paused


def test_a_reader_reads_and_changes_nothing(bob_client: Client, account: ProviderAccount) -> None:
    page = shown(bob_client)
    assert "local" in page
    assert "Add provider" not in page
    for path in (
        "new/",
        f"{account.pk}/",
        f"{account.pk}/switch/",
        f"{account.pk}/delete/",
        "by-name/openai/test/",
        "test/",
    ):
        assert bob_client.post(PROVIDERS + path, MISTRAL).status_code == 403


def test_an_editor_may_change_them(bob: User, bob_client: Client) -> None:
    Membership.objects.filter(user=bob).update(role=Role.EDITOR)
    assert bob_client.post(f"{PROVIDERS}new/", MISTRAL).status_code == 302


def test_strangers_and_other_projects_find_nothing(
    charlie_client: Client, other_project: Project, account: ProviderAccount
) -> None:
    assert charlie_client.get(PROVIDERS).status_code == 404
    elsewhere = f"/projects/umbrella/settings/providers/{account.pk}/"
    assert charlie_client.get(elsewhere).status_code == 404
    assert charlie_client.post(f"{elsewhere}delete/", {"name": "local"}).status_code == 404


def test_calls_of_the_last_days_are_counted(alice_client: Client, project: Project) -> None:
    for _ in range(3):
        make_call(project, provider="openai")
    make_call(project, provider="openai", started_at=timezone.now() - timedelta(days=8))
    assert '<td class="num" data-label="Calls, 7 d">3</td>' in shown(alice_client)


def test_the_list_asks_as_much_for_many_as_for_one(
    alice_client: Client, project: Project, django_assert_num_queries: Any
) -> None:
    shown(alice_client)
    for start in (0, 10):
        for number in range(start, start + 10):
            ProviderAccount.objects.create(project=project, name=f"one-{number}", base_url="http://127.0.0.1:9/v1")
        with django_assert_num_queries(6):
            shown(alice_client)
