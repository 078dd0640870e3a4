"""Which models a project can name: of whose list, at which address, at what price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from functions.completions import catalogue
from functions.models import CustomModel, PriceRow, ProviderAccount, catalogue_changed
from functions.offers import Offer, configured, keep_listed, listed_by, offers_of
from opperweb.accounts.models import Project


@pytest.fixture(autouse=True)
def _no_providers(settings: Any) -> Any:
    settings.PROVIDERS = {}
    catalogue.forget()
    yield
    catalogue.forget()


def an_account(project: Project, name: str, base_url: str, **values: Any) -> ProviderAccount:
    account = ProviderAccount.objects.create(project=project, name=name, base_url=base_url, **values)
    catalogue_changed(project)
    project.refresh_from_db()
    return account


def offers(project: Project) -> dict[str, Offer]:
    return {offer.name: offer for offer in offers_of(project)}


def test_a_provider_of_another_name_is_known_by_its_address(project: Project) -> None:
    an_account(project, "work", "https://api.openai.com/v1")
    mini = offers(project)["work/gpt-4o-mini"]
    assert (mini.provider, mini.location, mini.context_window) == ("work", "api.openai.com", 128_000)
    assert mini.price is not None
    assert mini.price.figures["input"] == Decimal("0.15")


def test_a_server_that_the_list_does_not_know_offers_what_it_listed_itself(project: Project) -> None:
    an_account(project, "local", "http://127.0.0.1:11434/v1")
    assert not any(name.startswith("local/") for name in offers(project))
    keep_listed(project, "local", ["llama3.1:8b"])
    found = offers(project)["local/llama3.1:8b"]
    assert (found.location, found.price, found.context_window) == ("127.0.0.1:11434", None, None)


def test_what_was_listed_in_one_project_is_not_in_another(project: Project, other_project: Project) -> None:
    keep_listed(project, "local", ["secret-model"])
    assert listed_by(["local"], other_project) == {}


def test_gemini_is_not_asked_for_another_vendors_models(project: Project) -> None:
    an_account(project, "gemini", "https://generativelanguage.googleapis.com", kind="gemini")
    names = [name for name in offers(project) if name.startswith("gemini/")]
    assert "gemini/gemini-2.5-flash" in names
    assert not any("claude" in name for name in names)


def test_every_name_is_one_that_a_call_can_use(project: Project) -> None:
    an_account(project, "openai", "https://api.openai.com/v1")
    current = catalogue.catalogue_of(project)
    for name in offers(project):
        current.resolve(name)
        assert not name.endswith("-")


def test_a_model_with_a_price_of_ones_own_is_there_even_if_no_list_has_it(project: Project) -> None:
    an_account(project, "local", "http://127.0.0.1:11434/v1")
    PriceRow.objects.create(project=project, model="local/home-made", input="1", output="2", source="own")
    catalogue_changed(project)
    project.refresh_from_db()
    price = offers(project)["local/home-made"].price
    assert price is not None
    assert (str(price.figures["output"].normalize()), price.source) == ("2", "own")


def test_a_custom_model_has_the_price_of_what_it_stands_for(project: Project) -> None:
    an_account(project, "openai", "https://api.openai.com/v1")
    CustomModel.objects.create(project=project, name="mine", identifier="openai/gpt-4o-mini")
    catalogue_changed(project)
    project.refresh_from_db()
    mine = offers(project)["mine"]
    assert (mine.asked, mine.is_custom, mine.location) == ("openai/gpt-4o-mini", True, "api.openai.com")
    assert mine.price is not None
    assert mine.price.figures["input"] == Decimal("0.15")


def test_an_account_goes_before_one_of_its_name_in_the_environment(project: Project, settings: Any) -> None:
    one = {"kind": "openai", "base_url": "https://api.openai.com/v1", "api_key": "sk-of-the-environment"}
    settings.PROVIDERS = {"openai": {**one, "name": "openai"}}
    account = an_account(project, "openai", "https://elsewhere.example/v1")
    [provider] = configured(project)
    assert (provider.account, provider.base_url, provider.api_key) == (account, "https://elsewhere.example/v1", "")
    assert "sk-of" not in repr(configured(Project(pk=-1)))
