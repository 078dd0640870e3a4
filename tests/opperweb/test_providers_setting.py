"""A provider exists when its key or its address is set."""

import pytest

from opperweb import providers_setting
from opperweb.env import BadSetting


def test_without_any_setting_there_is_only_the_rehearsal():
    assert providers_setting.providers() == {}
    assert providers_setting.default_model("DEFAULT_MODEL", {}) == "rehearsal/echo"


def test_a_key_alone_means_the_vendors_own_address(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    found = providers_setting.providers()
    assert found["openai"] == {
        "name": "openai",
        "kind": "openai",
        "base_url": "https://api.openai.com/v1",
        "api_key": "sk-1",
    }
    assert providers_setting.default_model("DEFAULT_MODEL", found).startswith("openai/")


def test_an_address_alone_is_enough(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1/")
    assert providers_setting.providers()["openai"]["base_url"] == "http://127.0.0.1:9/v1"


def test_more_providers_of_one_dialect_stand_side_by_side(monkeypatch):
    monkeypatch.setenv("GROQ_KEY", "gk")
    monkeypatch.setenv("OPENAI_COMPATIBLE", "ollama=http://127.0.0.1:11434/v1 groq=https://groq.example/v1,GROQ_KEY")
    found = providers_setting.providers()
    assert {name: (p["kind"], p["api_key"]) for name, p in found.items()} == {
        "ollama": ("openai", ""),
        "groq": ("openai", "gk"),
    }


@pytest.mark.parametrize(
    "value",
    [
        "ollama",
        "Ollama=http://127.0.0.1:1",
        "ollama=127.0.0.1",
        "openai=http://127.0.0.1:1",
        "rehearsal=http://127.0.0.1:1",
        "a=http://127.0.0.1:1 a=http://127.0.0.1:2",
        "a=http://127.0.0.1:1,NO_SUCH_KEY",
    ],
)
def test_a_form_that_makes_no_sense_is_named(monkeypatch, value):
    monkeypatch.setenv("OPENAI_COMPATIBLE", value)
    with pytest.raises(BadSetting, match="OPENAI_COMPATIBLE"):
        providers_setting.providers()


def test_a_key_that_cannot_stand_in_a_header_is_named_but_not_repeated(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ключ")
    with pytest.raises(BadSetting, match="OPENAI_API_KEY") as caught:
        providers_setting.providers()
    assert "ключ" not in str(caught.value)


@pytest.mark.parametrize("value", ["gpt-4", "/x", "openai/", "nowhere/x"])
def test_a_default_model_of_no_provider_is_named(monkeypatch, value):
    monkeypatch.setenv("DEFAULT_MODEL", value)
    with pytest.raises(BadSetting, match="DEFAULT_MODEL"):
        providers_setting.default_model("DEFAULT_MODEL", {})
