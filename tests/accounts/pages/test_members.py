"""Owners decide who belongs to a project; everybody may leave; links let others in."""

import re

import pytest
from django.test import Client

from opperweb.accounts.models import Invitation, Membership, Role, User

MEMBERS = "/projects/acme/settings/members/"


def place(user) -> Membership:
    return Membership.objects.get(user=user, project__slug="acme")


def invited(client: Client, role: str = "editor") -> str:
    page = client.post(MEMBERS + "invite/", {"role": role}).content.decode()
    found = re.search(r'value="http://testserver(/invitations/[^"]+)"', page)
    assert found
    return found[1]


def test_an_owner_changes_a_role(alice_client, bob):
    alice_client.post(f"{MEMBERS}{place(bob).pk}/role/", {"role": "editor"})
    assert place(bob).role == Role.EDITOR
    alice_client.post(f"{MEMBERS}{place(bob).pk}/role/", {"role": "emperor"})
    assert place(bob).role == Role.EDITOR


@pytest.mark.parametrize("path", ["role/", "remove/"])
def test_a_reader_changes_nobody(alice, bob_client, path):
    assert bob_client.post(f"{MEMBERS}{place(alice).pk}/{path}", {"role": "reader"}).status_code == 403
    assert place(alice).role == Role.OWNER


def test_the_last_owner_stays(alice, alice_client):
    path = f"{MEMBERS}{place(alice).pk}/"
    assert "needs an owner" in alice_client.post(path + "role/", {"role": "reader"}, follow=True).content.decode()
    assert "needs an owner" in alice_client.post(path + "remove/", follow=True).content.decode()
    assert place(alice).role == Role.OWNER


def test_an_owner_removes_a_member_after_a_question(alice_client, bob, bob_client):
    path = f"{MEMBERS}{place(bob).pk}/remove/"
    assert "Remove Bob?" in alice_client.get(path).content.decode()
    alice_client.post(path)
    assert bob_client.get(MEMBERS).status_code == 404


def test_a_reader_may_leave(alice, bob, bob_client):
    path = f"{MEMBERS}{place(bob).pk}/remove/"
    assert "Leave Acme?" in bob_client.get(path).content.decode()
    page = bob_client.post(path, follow=True).content.decode()
    assert "No project yet" in page
    assert not bob.memberships.exists()


def test_a_link_lets_a_new_person_in_once(alice_client, client, password):
    path = invited(alice_client)
    assert "Join Acme" in client.get(path).content.decode()
    form = {"email": "Dora@example.com", "name": "Dora", "password": password}
    assert client.post(path, form)["Location"] == "/projects/acme/traces/"
    assert place(User.objects.get(email="dora@example.com")).role == Role.EDITOR
    assert client.get(MEMBERS).status_code == 200
    assert Client().get(path).status_code == 404


def test_a_link_lets_a_signed_in_person_in(alice_client, charlie, charlie_client):
    path = invited(alice_client, "reviewer")
    assert "Join project" in charlie_client.get(path).content.decode()
    charlie_client.post(path)
    assert place(charlie).role == Role.REVIEWER


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"email": "alice@example.com", "name": "A", "password": "a-long-quiet-river"}, "has an account"),
        ({"email": "dora@example.com", "name": "Dora", "password": "short"}, "at least 10 characters"),
        ({"email": "dora", "name": "Dora", "password": "a-long-quiet-river"}, "valid email"),
    ],
)
def test_a_wrong_form_makes_no_account_and_keeps_the_link(alice_client, client, form, words):
    path = invited(alice_client)
    people = User.objects.count()
    assert words in client.post(path, form).content.decode()
    assert User.objects.count() == people
    assert client.get(path).status_code == 200


def test_a_withdrawn_link_lets_nobody_in(alice_client, client):
    path = invited(alice_client)
    alice_client.post(f"{MEMBERS}invitations/{Invitation.objects.get().pk}/withdraw/")
    assert client.get(path).status_code == 404
    assert client.get("/invitations/nonsense/").status_code == 404


def test_readers_see_no_invitations(alice_client, bob_client):
    invited(alice_client)
    assert "Open invitations" in alice_client.get(MEMBERS).content.decode()
    assert "Open invitations" not in bob_client.get(MEMBERS).content.decode()


def test_the_list_asks_as_much_for_many_people_as_for_one(alice_client, project, django_assert_num_queries):
    alice_client.get(MEMBERS)
    for start in (0, 10):
        for number in range(start, start + 10):
            user = User.objects.create_user(f"{number}@example.com", None)
            Membership.objects.create(user=user, project=project)
        with django_assert_num_queries(6):
            alice_client.get(MEMBERS)
