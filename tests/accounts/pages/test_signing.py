"""Signing in leads to the page one came for, and tells a guesser nothing."""

import pytest
from django.test import Client

from opperweb.accounts.throttle import MOST_FOR_EMAIL


def sign_in(client: Client, email: str, password: str, **extra):
    return client.post("/login/", {"email": email, "password": password, **extra})


def test_the_right_password_opens_the_project(client, alice, password):
    response = sign_in(client, "ALICE@example.com ", password)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/")["Location"] == "/projects/acme/traces/"


def test_the_page_one_came_for_comes_next(client, alice, password):
    page = client.get("/login/?next=/projects/acme/settings/keys/").content.decode()
    assert 'name="next" value="/projects/acme/settings/keys/"' in page
    assert sign_in(client, alice.email, password, next="/account/")["Location"] == "/account/"


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_nobody_is_led_to_another_host(client, alice, password, address):
    assert sign_in(client, alice.email, password, next=address)["Location"] == "/"


def test_the_answer_does_not_tell_whether_an_address_is_known(client, alice):
    known = sign_in(client, alice.email, "wrong").content.decode()
    unknown = sign_in(client, "nobody1@example.com", "wrong").content.decode()
    assert "E-mail or password is not right." in known
    assert known.count("</p>") == unknown.count("</p>")
    assert "E-mail or password is not right." in unknown


@pytest.mark.parametrize("text", ["\0", "x" * 5000, "<script>", "é\u202e"])
def test_odd_input_is_a_wrong_one(client, alice, text):
    assert sign_in(client, text, text).status_code == 200


def test_a_guesser_waits_even_with_the_right_password(client, alice, password):
    for _ in range(MOST_FOR_EMAIL):
        sign_in(client, alice.email, "wrong")
    response = sign_in(client, alice.email, password)
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 900
    assert "Too many attempts" in response.content.decode()
    assert client.get("/")["Location"].startswith("/login/")


def test_signing_out_takes_a_post(alice_client):
    assert alice_client.get("/logout/").status_code == 405
    assert alice_client.post("/logout/")["Location"] == "/login/"
    assert alice_client.get("/account/").status_code == 302


def test_who_is_not_active_is_not_let_in(client, alice, password):
    alice.is_active = False
    alice.save()
    assert sign_in(client, alice.email, password).status_code == 200


def test_the_page_is_not_kept_by_caches(client, db):
    assert "no-store" in client.get("/login/")["Cache-Control"]
