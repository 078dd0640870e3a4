"""The first start makes a way in, once."""

import pytest

from opperweb.accounts.bootstrapping import bootstrap
from opperweb.accounts.models import ApiKey, Project, Role, User
from opperweb.env import BadSetting

pytestmark = pytest.mark.django_db


def test_the_first_start_makes_a_person_a_project_and_a_key():
    report = bootstrap()
    assert User.objects.get().check_password(report.password)
    assert ApiKey.objects.find(report.api_key).project == Project.objects.get()
    assert Project.objects.get().memberships.get().role == Role.OWNER
    assert report.api_key in str(report)


def test_the_second_start_makes_nothing_and_tells_nothing():
    bootstrap()
    assert bootstrap() is None
    assert User.objects.count() == Project.objects.count() == ApiKey.objects.count() == 1


def test_what_the_environment_gives_is_used_and_not_repeated(monkeypatch):
    monkeypatch.setenv("BOOTSTRAP_EMAIL", "Ada@Example.com")
    monkeypatch.setenv("BOOTSTRAP_PASSWORD", "a-long-quiet-river")
    monkeypatch.setenv("BOOTSTRAP_API_KEY", "op-0123456789abcdef")
    monkeypatch.setenv("BOOTSTRAP_PROJECT", "River Works")
    told = str(bootstrap())
    assert User.objects.get(email="ada@example.com").check_password("a-long-quiet-river")
    assert ApiKey.objects.find("op-0123456789abcdef").project.slug == "river-works"
    assert "river" not in told.replace("River Works", "")
    assert "op-0123456789abcdef" not in told


@pytest.mark.parametrize(
    ("name", "value"), [("BOOTSTRAP_EMAIL", "ada"), ("BOOTSTRAP_API_KEY", "short"), ("BOOTSTRAP_PROJECT", "!!")]
)
def test_nonsense_is_named_and_nothing_is_made(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=name):
        bootstrap()
    assert not User.objects.exists()
