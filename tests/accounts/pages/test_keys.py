"""A key is shown once, in the answer that makes it, and ends when its name is typed."""

import re

import pytest

from opperweb.accounts.models import ApiKey, Membership, Role

KEYS = "/projects/acme/settings/keys/"


def test_a_new_key_is_shown_once(alice_client, alice, project):
    response = alice_client.post(KEYS + "new/", {"name": "backend", "rights": "read"})
    secret = re.search(r'value="(op-[0-9a-f]{64})"', response.content.decode())[1]
    key = ApiKey.objects.find(secret)
    assert (key.project, key.name, key.rights, key.created_by) == (project, "backend", "read", alice)
    assert "no-store" in response["Cache-Control"]
    assert secret not in str(dict(alice_client.session))
    page = alice_client.get(KEYS).content.decode()
    assert secret not in page
    assert key.masked in page


def test_an_editor_may_make_keys(bob, bob_client):
    Membership.objects.filter(user=bob).update(role=Role.EDITOR)
    assert bob_client.post(KEYS + "new/", {"name": "notebook", "rights": "all"}).status_code == 200
    assert ApiKey.objects.get().created_by == bob


@pytest.mark.parametrize(
    "given", [{}, {"name": " ", "rights": "all"}, {"name": "x" * 81, "rights": "all"}, {"name": "a"}]
)
def test_what_is_wrong_is_said_and_nothing_made(alice_client, given):
    response = alice_client.post(KEYS + "new/", given)
    assert response.status_code == 200
    assert "field-error" in response.content.decode()
    assert not ApiKey.objects.exists()


def test_revoking_asks_for_the_name(alice_client, project):
    key, secret = ApiKey.objects.make(project, "backend")
    path = f"{KEYS}{key.pk}/revoke/"
    assert "Revoke backend?" in alice_client.get(path).content.decode()
    assert "This is not its name. Type backend." in alice_client.post(path, {"name": "other"}).content.decode()
    assert ApiKey.objects.find(secret)
    assert alice_client.post(path, {"name": "backend"}).status_code == 302
    assert ApiKey.objects.find(secret) is None
    assert key.masked not in alice_client.get(KEYS).content.decode()
    assert alice_client.get(path).status_code == 404


def test_a_name_is_shown_as_text(alice_client, project):
    ApiKey.objects.make(project, "<script>alert(1)</script>")
    page = alice_client.get(KEYS).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_list_asks_as_much_for_many_keys_as_for_one(alice, alice_client, project, django_assert_num_queries):
    alice_client.get(KEYS)
    for _ in range(2):
        for number in range(10):
            ApiKey.objects.make(project, f"key {number}", created_by=alice)
        with django_assert_num_queries(6):
            alice_client.get(KEYS)


def test_the_first_key_stands_in_the_lines_to_run(alice_client, project):
    response = alice_client.post(KEYS + "first/", {"snippet": "curl"})
    page = response.content.decode()
    secret = re.search(r"op-[0-9a-f]{64}", page)[0]
    assert ApiKey.objects.find(secret).project == project
    assert "curl" in page
    assert "no-store" in response["Cache-Control"]
