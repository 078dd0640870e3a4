"""Settings that make sense are read; the others are named in one line."""

import pytest

from opperweb import env
from opperweb.env import BadSetting


def test_a_secret_may_stand_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("quiet river\n")
    monkeypatch.setenv("SOME_SECRET_FILE", str(tmp_path / "secret"))
    assert env.secret("SOME_SECRET") == "quiet river"


def test_the_value_itself_wins_over_its_file(monkeypatch, tmp_path):
    monkeypatch.setenv("SOME_SECRET", "plain")
    monkeypatch.setenv("SOME_SECRET_FILE", str(tmp_path / "missing"))
    assert env.secret("SOME_SECRET") == "plain"


def test_a_missing_secret_file_is_named(monkeypatch):
    monkeypatch.setenv("SOME_SECRET_FILE", "/nowhere/at/all")
    with pytest.raises(BadSetting, match="SOME_SECRET_FILE: /nowhere/at/all cannot be read"):
        env.secret("SOME_SECRET")


@pytest.mark.parametrize("value", ["eight", "8.5", "0", "99999"])
def test_a_number_out_of_reason_is_named(monkeypatch, value):
    monkeypatch.setenv("SOME_NUMBER", value)
    with pytest.raises(BadSetting, match="SOME_NUMBER"):
        env.integer("SOME_NUMBER", 1, least=1, most=100)


def test_an_empty_value_is_the_default(monkeypatch):
    monkeypatch.setenv("SOME_NUMBER", " ")
    assert env.integer("SOME_NUMBER", 7) == 7


@pytest.mark.parametrize(
    "value",
    ["localhost:80", "ftp://host", "http://", "http://host:port", "http://host:99999", "http://[", "http://a b"],
)
def test_an_address_of_no_known_form_is_named(monkeypatch, value):
    monkeypatch.setenv("SOME_URL", value)
    with pytest.raises(BadSetting, match="SOME_URL"):
        env.url("SOME_URL")


def test_an_address_is_not_repeated_for_it_may_hold_a_password(monkeypatch):
    monkeypatch.setenv("SOME_URL", "https://me:secret@host:port")
    with pytest.raises(BadSetting) as caught:
        env.url("SOME_URL")
    assert "secret" not in str(caught.value)


def test_a_database_address_is_taken_apart(monkeypatch):
    monkeypatch.setenv("SOME_DB", "postgres://me:p%40ss@db.example:5433/things")
    assert env.database("SOME_DB", {}) == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "things",
        "USER": "me",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "5433",
    }


@pytest.mark.parametrize("value", ["postgres://host", "mysql://host/name", "things"])
def test_a_database_address_without_a_name_or_of_another_kind_is_named(monkeypatch, value):
    monkeypatch.setenv("SOME_DB", value)
    with pytest.raises(BadSetting, match="SOME_DB"):
        env.database("SOME_DB", {})


@pytest.mark.parametrize("value", ["redis://host:6379/x", "redis://host/0/1", "http://host"])
def test_a_redis_address_names_a_number(monkeypatch, value):
    monkeypatch.setenv("SOME_REDIS", value)
    with pytest.raises(BadSetting, match="SOME_REDIS"):
        env.redis("SOME_REDIS")


def test_a_folder_that_cannot_be_made_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SOME_DIR", str(tmp_path / "file" / "below"))
    with pytest.raises(BadSetting, match=r"SOME_DIR: .*name another folder"):
        env.folder("SOME_DIR", "")


@pytest.mark.parametrize(("value", "meaning"), [("yes", True), ("0", False), ("", True)])
def test_yes_and_no_have_several_spellings(monkeypatch, value, meaning):
    monkeypatch.setenv("SOME_CHOICE", value)
    assert env.boolean("SOME_CHOICE", default=True) is meaning
