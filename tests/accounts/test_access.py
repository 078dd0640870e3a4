"""Who opens what: strangers find nothing, members find what is for their role, others are asked to sign in."""

from uuid import uuid4

import pytest
from django.test import Client

from opperweb.accounts.models import ApiKey, Membership, Role
from opperweb.ids import uuid7

BASE = "/projects/acme/settings/"
READ = {
    "": Role.READER,
    "project/": Role.OWNER,
    "keys/": Role.EDITOR,
    "keys/new/": Role.EDITOR,
    "members/": Role.READER,
}
READ |= {"members/invite/": Role.OWNER}
RANK = [Role.READER, Role.REVIEWER, Role.EDITOR, Role.OWNER]


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize("role", RANK)
def test_a_page_opens_for_its_role_and_those_above(bob, bob_client, path, role):
    Membership.objects.filter(user=bob).update(role=role)
    allowed = RANK.index(role) >= RANK.index(READ[path])
    status = bob_client.get(BASE + path, follow=True).status_code
    assert status == (200 if allowed else 403)


@pytest.mark.parametrize("path", READ)
def test_a_stranger_finds_nothing(project, charlie_client, path):
    assert charlie_client.get(BASE + path).status_code == 404
    assert charlie_client.post(BASE + path).status_code in (404, 405)


@pytest.mark.parametrize("path", [*(BASE + path for path in READ), "/", "/account/", "/projects/new/"])
def test_who_is_signed_out_is_asked_to_sign_in(project, client, path):
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=")


@pytest.mark.parametrize(
    "path",
    [
        "keys/first/",
        "members/1/role/",
        "members/1/remove/",
        "members/invitations/1/withdraw/",
        f"keys/{uuid4()}/revoke/",
    ],
)
def test_a_stranger_changes_nothing(project, charlie_client, path):
    assert charlie_client.post(BASE + path).status_code == 404


def test_a_key_of_another_project_is_not_there(alice_client, other_project):
    key, _ = ApiKey.objects.make(other_project, "theirs")
    assert alice_client.post(f"{BASE}keys/{key.pk}/revoke/", {"name": "theirs"}).status_code == 404
    assert alice_client.get(f"{BASE}keys/{uuid7()}/revoke/").status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


@pytest.mark.parametrize("path", ["role/", "remove/"])
def test_a_member_of_another_project_is_not_there(alice_client, charlie, path):
    theirs = charlie.memberships.get()
    assert alice_client.post(f"{BASE}members/{theirs.pk}/{path}", {"role": "reader"}).status_code == 404
    assert charlie.memberships.get().role == Role.OWNER


def test_times_are_shown_in_the_projects_zone(alice_client, project):
    ApiKey.objects.make(project, "late")
    ApiKey.objects.update(created_at="2026-03-01T23:30:00Z")
    project.time_zone = "Asia/Tokyo"
    project.save()
    assert "2 Mar 2026" in alice_client.get(BASE + "keys/").content.decode()


def test_a_form_without_its_token_is_refused(alice, project):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post(BASE + "keys/new/", {"name": "a", "rights": "all"}).status_code == 403
    assert not ApiKey.objects.exists()
