"""A person changes their own name, password and likings."""

import pytest

from opperweb.accounts.models import User


def test_a_person_changes_their_name(alice, alice_client):
    alice_client.post("/account/", {"name": "Alice L."})
    assert User.objects.get(pk=alice.pk).name == "Alice L."


def test_a_new_password_takes_the_old_one_and_ends_other_sessions(alice, alice_client, client, password):
    client.force_login(alice)
    alice_client.post("/account/password/", {"old": password, "new": "another-quiet-river"})
    assert User.objects.get(pk=alice.pk).check_password("another-quiet-river")
    assert alice_client.get("/account/").status_code == 200
    assert client.get("/account/").status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("wrong", "another-quiet-river", "not your password"),
        ("a-long-quiet-river", "short", "at least 10 characters"),
        ("a-long-quiet-river", "alice@example.com", "too similar"),
    ],
)
def test_a_wrong_form_changes_nothing(alice, alice_client, password, old, new, words):
    assert words in alice_client.post("/account/password/", {"old": old, "new": new}).content.decode()
    assert User.objects.get(pk=alice.pk).check_password(password)


def test_the_theme_is_drawn_by_the_server(alice_client):
    response = alice_client.post("/account/preferences/", {"theme": "dark", "next": "/account/"})
    assert response["Location"] == "/account/"
    assert 'data-theme="dark"' in alice_client.get("/account/").content.decode()
    alice_client.post("/account/preferences/", {"theme": "system"})
    assert "data-theme=" not in alice_client.get("/account/").content.decode().split("<head>")[0]


def test_an_unknown_preference_is_left_out(alice_client):
    response = alice_client.post("/account/preferences/", {"theme": "neon", "next": "//evil.example"})
    assert (response["Location"], dict(response.cookies)) == ("/", {})
