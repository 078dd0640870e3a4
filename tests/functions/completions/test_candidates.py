"""Names become models: those of the environment, of the project's accounts, its aliases and its own names."""

from typing import Any

import pytest
from django.db import connection

from functions.completions.candidates import candidates_for
from functions.completions.catalogue import catalogue_of
from functions.models import Alias, CustomModel, ProviderAccount, catalogue_changed
from functions.providers import UnknownModel
from functions.task import InvalidModel, Task, choices_of
from opperweb.accounts.models import Project


@pytest.fixture(autouse=True)
def _upstream(use_upstream: Any) -> None:
    use_upstream()


def found(project: Project, *models: Any) -> list[Any]:
    catalogue_changed(project)
    project.refresh_from_db()
    return [*candidates_for(Task("t", choices=choices_of([*models])), catalogue_of(project), "rehearsal/echo")]


def test_an_alias_stands_for_its_models_in_order_with_the_options_it_was_asked_with(project: Project) -> None:
    Alias.objects.create(project=project, name="inner", fallback_models=["fake/c"])
    Alias.objects.create(project=project, name="fast", fallback_models=["fake/a", "rehearsal/echo", "inner"])
    candidates = found(project, {"name": "fast", "options": {"temperature": 0}}, "fake/d")
    assert [one.name for one in candidates] == ["fake/a", "rehearsal/echo", "fake/c", "fake/d"]
    assert [one.asked for one in candidates] == ["fast", "fast", "fast", "fake/d"]
    assert [dict(one.options) for one in candidates] == [{"temperature": 0}] * 3 + [{}]


def test_aliases_in_a_circle_are_refused(project: Project) -> None:
    Alias.objects.create(project=project, name="a", fallback_models=["b"])
    Alias.objects.create(project=project, name="b", fallback_models=["a"])
    with pytest.raises(InvalidModel):
        found(project, "a")


def test_a_model_of_an_alias_that_is_gone_is_passed_over_and_told(project: Project) -> None:
    Alias.objects.create(project=project, name="fast", fallback_models=["nobody/x", "fake/a"])
    candidates = found(project, "fast")
    assert [one.name for one in candidates] == ["fake/a"]
    assert "nobody/x" in candidates[0].notes[0]
    Alias.objects.update(fallback_models=["nobody/x"])
    with pytest.raises(UnknownModel):
        found(project, "fast")


def test_an_account_of_the_project_goes_before_the_environment(project: Project, other_project: Project) -> None:
    ProviderAccount.objects.create(
        project=project, name="fake", kind="openai", base_url="http://127.0.0.1:7/v1", secret="of the project"
    )
    assert found(project, "fake/a")[0].provider.adapter.base_url == "http://127.0.0.1:7/v1"
    assert found(other_project, "fake/a")[0].provider.adapter.base_url != "http://127.0.0.1:7/v1"


def test_a_switched_off_account_answers_nothing(project: Project) -> None:
    ProviderAccount.objects.create(project=project, name="fake", base_url="http://127.0.0.1:7/v1", is_enabled=False)
    with pytest.raises(UnknownModel):
        found(project, "fake/a")


def test_a_custom_model_has_its_own_address_and_the_secret_of_the_environment_stays_here(project: Project) -> None:
    CustomModel.objects.create(
        project=project, name="ours", identifier="fake/llama", extra={"api_base": "http://127.0.0.1:7/v1/"}
    )
    candidate = found(project, "ours")[0]
    assert (candidate.name, candidate.asked, candidate.model) == ("fake/llama", "ours", "llama")
    assert candidate.provider.adapter.base_url == "http://127.0.0.1:7/v1"
    assert candidate.provider.adapter.api_key == ""


def test_a_custom_model_without_an_address_is_asked_where_its_provider_is(project: Project, upstream: Any) -> None:
    CustomModel.objects.create(project=project, name="ours", identifier="fake/llama", api_key="my own")
    candidate = found(project, "ours")[0]
    assert candidate.provider.adapter.base_url == upstream.url
    assert candidate.provider.adapter.api_key == "my own"


@pytest.mark.parametrize("name", ["nobody/x", "x", "rehearsal/nonesuch", "fake/"])
def test_a_name_that_leads_nowhere_is_refused(project: Project, name: str) -> None:
    with pytest.raises(UnknownModel):
        found(project, name)


def test_secrets_are_encrypted_in_the_database(project: Project) -> None:
    account = ProviderAccount.objects.create(project=project, name="p", base_url="http://x", secret="very-secret-4f2a")
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM functions_provideraccount")
        assert "very-secret" not in cursor.fetchone()[0]
    assert ProviderAccount.objects.get().secret == "very-secret-4f2a"
    assert account.secret_hint == "4f2a"
