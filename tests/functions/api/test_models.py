"""/v2/models: what a call can name, and the names that a project makes itself."""

from typing import Any

import pytest

from functions.completions import catalogue
from functions.models import Alias, CustomModel, PriceRow, ProviderAccount
from functions.offers import keep_listed
from opperweb.accounts.models import Project

pytestmark = pytest.mark.django_db(transaction=True)

MODELS = "/v2/models"
CUSTOM = "/v2/models/custom"
ALIASES = "/v2/models/aliases"
OWN = {"name": "team/fast", "identifier": "fake/gpt-9", "extra": {"api_base": "http://127.0.0.1:9/v1"}}


@pytest.fixture(autouse=True)
def _openai(settings: Any) -> Any:
    settings.PROVIDERS = {
        "openai": {"name": "openai", "kind": "openai", "base_url": "https://api.openai.com/v1", "api_key": "k" * 20}
    }
    catalogue.forget()
    yield
    catalogue.forget()


def models(api: Any) -> dict[str, Any]:
    """Every model, by name, page by page."""
    found: dict[str, Any] = {}
    while True:
        page = api.get(MODELS, {"offset": len(found)}).json()
        found |= {one["name"]: one for one in page["data"]}
        if len(found) >= page["meta"]["total_count"]:
            return found


def test_a_providers_models_come_with_their_prices_for_one_token(api: Any) -> None:
    assert models(api)["openai/gpt-4o-mini"] == {
        "hosting_provider": "openai",
        "name": "openai/gpt-4o-mini",
        "location": "api.openai.com",
        "input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07,
    }


def test_the_built_in_models_are_there_and_cost_nothing(api: Any) -> None:
    echo = models(api)["rehearsal/echo"]
    assert (echo["input_cost_per_token"], echo["output_cost_per_token"]) == (0, 0)


def test_pages_follow_each_other(api: Any) -> None:
    total = api.get(MODELS).json()["meta"]["total_count"]
    first, second = (api.get(MODELS, {"limit": 3, "offset": offset}).json() for offset in (0, 3))
    assert total > 100
    assert first["meta"]["total_count"] == total
    names = [one["name"] for one in first["data"] + second["data"]]
    assert len(names) == 6
    assert names == sorted(set(names))
    assert api.get(MODELS, {"limit": 101}).status_code == 422


def test_what_a_provider_listed_itself_is_there_without_a_price(api: Any, project: Project) -> None:
    ProviderAccount.objects.create(project=project, name="local", base_url="http://127.0.0.1:11434/v1")
    keep_listed(project, "local", ["llama3.1:8b"])
    assert models(api)["local/llama3.1:8b"]["input_cost_per_token"] is None


def test_a_provider_that_is_switched_off_offers_nothing(api: Any, project: Project) -> None:
    ProviderAccount.objects.create(project=project, name="openai", base_url="https://api.openai.com", is_enabled=False)
    assert {name.partition("/")[0] for name in models(api)} == {"rehearsal"}


def test_the_projects_own_price_goes_before_the_lists(api: Any, project: Project) -> None:
    PriceRow.objects.create(project=project, model="openai/gpt-4o-mini", input="7", output="9.5")
    catalogue.forget()
    mini = models(api)["openai/gpt-4o-mini"]
    assert (mini["input_cost_per_token"], mini["output_cost_per_token"]) == (7e-06, 9.5e-06)


def test_a_key_is_needed_and_one_that_reads_is_enough(nobody_api: Any, api: Any, read_key: str) -> None:
    assert nobody_api.get(MODELS).status_code == 401
    reader = type(api)(read_key)
    assert reader.get(MODELS).status_code == 200
    assert reader.post(ALIASES, {"name": "a", "fallback_models": ["rehearsal/echo"]}).status_code == 403


# --- custom models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:a9fe:a9fe]", "[fe80::1]", "224.0.0.1", "0.0.0.0:11434"],
)
def test_a_custom_model_is_not_asked_where_clouds_keep_secrets(api: Any, host: str) -> None:
    for path in ("/v1", ""):
        response = api.post(CUSTOM, {**OWN, "extra": {"api_base": f"http://{host}{path}"}})
        assert response.status_code == 422
        (problem,) = response.json()["detail"]
        assert problem["loc"] == ["body", "extra", "api_base"]
        assert problem["msg"].startswith("must not lead to ")
    assert not CustomModel.objects.exists()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:11434", "localhost:8000", "10.0.0.7", "192.168.1.20", "[::1]", "[fd12::1]"]
)
def test_a_custom_model_may_run_on_this_machine_and_in_a_private_network(api: Any, host: str) -> None:
    assert api.post(CUSTOM, {**OWN, "extra": {"api_base": f"http://{host}/v1"}}).status_code == 200


def test_a_custom_model_is_made_read_changed_and_deleted(api: Any) -> None:
    made = api.post(CUSTOM, {**OWN, "api_key": "top-secret-key"})
    assert made.status_code == 200, made.content
    about = made.json()
    assert about == {"id": about["id"], **OWN}
    assert api.get(f"{CUSTOM}/{about['id']}").json() == about
    assert api.get(f"{CUSTOM}/by-name/team/fast").json() == about
    assert api.get(f"{CUSTOM}/by-name/team%2Ffast").json() == about
    assert api.get(CUSTOM).json() == {"meta": {"total_count": 1}, "data": [about]}
    changed = api.patch(f"{CUSTOM}/{about['id']}", {"identifier": "fake/gpt-10", "extra": None})
    assert (changed.status_code, changed.json()) == (200, {**about, "identifier": "fake/gpt-10"})
    assert models(api)["team/fast"]["hosting_provider"] == "fake"
    assert api.delete(f"{CUSTOM}/{about['id']}").status_code == 204
    assert api.get(f"{CUSTOM}/{about['id']}").status_code == 404
    assert "team/fast" not in models(api)


def test_its_secret_is_kept_and_in_no_answer(api: Any) -> None:
    made = api.post(CUSTOM, {**OWN, "api_key": "top-secret-key"})
    answers = [made, api.get(CUSTOM), api.get(f"{CUSTOM}/{made.json()['id']}"), api.get(MODELS)]
    assert not any(b"top-secret-key" in one.content or b"api_key" in one.content for one in answers)
    assert CustomModel.objects.get().api_key == "top-secret-key"


def test_a_secret_does_not_follow_to_another_address(api: Any) -> None:
    about = api.post(CUSTOM, {**OWN, "api_key": "top-secret-key"}).json()
    elsewhere = {"extra": {"api_base": "https://elsewhere.example/v1"}}
    refused = api.patch(f"{CUSTOM}/{about['id']}", elsewhere)
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", "api_key"])
    assert api.patch(f"{CUSTOM}/{about['id']}", {**elsewhere, "api_key": "another"}).status_code == 200


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"name": None}, ["body", "name"]),
        ({"name": "x" * 256}, ["body", "name"]),
        ({"identifier": "gpt-9"}, ["body", "identifier"]),
        ({"identifier": "nowhere/gpt-9", "extra": {}}, ["body", "identifier"]),
        ({"extra": []}, ["body", "extra"]),
        ({"extra": {"api_base": "ftp://example.com"}}, ["body", "extra", "api_base"]),
        ({"extra": {"api_base": "https://me:pass@example.com"}}, ["body", "extra", "api_base"]),
        ({"extra": {"api_key": "secret"}}, ["body", "extra", "api_key"]),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(api: Any, fields: dict[str, Any], loc: list[str]) -> None:
    refused = api.post(CUSTOM, {**OWN, **fields})
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, loc)
    assert not CustomModel.objects.exists()


def test_the_provider_may_be_named_apart(api: Any) -> None:
    made = api.post(CUSTOM, {"name": "mine", "provider": "openai", "identifier": "gpt-4o", "type": "llm"})
    assert made.json()["identifier"] == "openai/gpt-4o"


# --- aliases ----------------------------------------------------------------------------------------------------------


def test_an_alias_is_made_read_changed_and_deleted(api: Any) -> None:
    fields = {"name": "team/careful", "fallback_models": ["openai/gpt-4o", "rehearsal/echo"]}
    made = api.post(ALIASES, fields)
    about = made.json()
    assert (made.status_code, about) == (200, {"id": about["id"], **fields, "description": None})
    assert api.get(f"{ALIASES}/{about['id']}").json() == about
    assert api.get(f"{ALIASES}/by-name/team%2Fcareful").json() == about
    assert api.get(ALIASES).json() == {"meta": {"total_count": 1}, "data": [about]}
    changed = api.patch(f"{ALIASES}/{about['id']}", {"description": "for letters"}).json()
    assert changed == {**about, "description": "for letters"}
    assert api.delete(f"{ALIASES}/{about['id']}").status_code == 204
    assert api.delete(f"{ALIASES}/{about['id']}").status_code == 404


def test_a_call_follows_a_new_alias_at_once_and_a_deleted_one_no_more(api: Any) -> None:
    call = {"name": "greet", "instructions": "Greet.", "input": "Ann", "model": "fast"}
    assert api.post("/v2/call", call).status_code == 404
    alias = api.post(ALIASES, {"name": "fast", "fallback_models": ["rehearsal/fail-500", "rehearsal/echo"]}).json()
    assert api.post("/v2/call", call).status_code == 200
    api.delete(f"{ALIASES}/{alias['id']}")
    assert api.post("/v2/call", call).status_code == 404


def test_a_name_is_taken_only_once_by_either_kind(api: Any, other_api: Any) -> None:
    alias = {"name": "fast", "fallback_models": ["rehearsal/echo"]}
    other = api.post(ALIASES, {**alias, "name": "slow"}).json()
    assert api.post(ALIASES, alias).status_code == 200
    assert api.post(ALIASES, alias).status_code == 409
    assert api.post(CUSTOM, {**OWN, "name": "fast"}).status_code == 409
    assert api.patch(f"{ALIASES}/{other['id']}", {"name": "fast"}).status_code == 409
    assert api.patch(f"{ALIASES}/{other['id']}", {"name": "slow"}).status_code == 200
    assert other_api.post(ALIASES, alias).status_code == 200


@pytest.mark.parametrize(
    ("fallbacks", "loc"),
    [
        ([], ["body", "fallback_models"]),
        ("rehearsal/echo", ["body", "fallback_models"]),
        (["rehearsal/echo", "nowhere/x"], ["body", "fallback_models", 1]),
        (["rehearsal/echo", 5], ["body", "fallback_models", 1]),
        (["fast"], ["body", "fallback_models", 0]),
    ],
)
def test_an_alias_that_leads_nowhere_is_refused_with_its_place(api: Any, fallbacks: Any, loc: list[Any]) -> None:
    refused = api.post(ALIASES, {"name": "fast", "fallback_models": fallbacks})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == loc
    assert not Alias.objects.exists()


def test_aliases_do_not_go_round_in_a_circle(api: Any) -> None:
    first = api.post(ALIASES, {"name": "first", "fallback_models": ["rehearsal/echo"]}).json()
    api.post(ALIASES, {"name": "second", "fallback_models": ["first"]})
    refused = api.patch(f"{ALIASES}/{first['id']}", {"fallback_models": ["rehearsal/echo", "second"]})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["msg"] == "second leads back to first"


def test_the_same_request_twice_makes_one_alias(api: Any) -> None:
    alias = {"name": "fast", "fallback_models": ["rehearsal/echo"]}
    first, again = (api.post(ALIASES, alias, headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert (again.status_code, again.json()) == (200, first.json())


def test_another_projects_names_are_not_there(api: Any, other_api: Any) -> None:
    alias = api.post(ALIASES, {"name": "fast", "fallback_models": ["rehearsal/echo"]}).json()
    custom = api.post(CUSTOM, OWN).json()
    for path in (f"{ALIASES}/{alias['id']}", f"{ALIASES}/by-name/fast", f"{CUSTOM}/{custom['id']}"):
        assert other_api.get(path).status_code == 404
    assert other_api.patch(f"{ALIASES}/{alias['id']}", {"name": "mine"}).status_code == 404
    assert other_api.delete(f"{CUSTOM}/{custom['id']}").status_code == 404
    assert other_api.get(f"{ALIASES}/nonsense").status_code == 422
