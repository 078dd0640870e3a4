"""What no view answers: a 403 tells its reason, to programs and to people, and as text."""

import json

import pytest
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory

from opperweb.api import fallback

ask = RequestFactory()


@pytest.mark.parametrize(
    ("reason", "told"), [("Only for <owners>", "Only for <owners>"), ("", "The key may not do this")]
)
def test_the_api_tells_why_something_is_forbidden(reason, told):
    response = fallback.forbidden(ask.get("/v2/spans"), PermissionDenied(reason))
    assert response.status_code == 403
    body = json.loads(response.content)
    assert (body["type"], body["detail"], body["error"]["message"]) == ("ForbiddenError", reason or None, told)


@pytest.mark.parametrize(
    ("reason", "told"), [("Only for <owners>.", "Only for &lt;owners&gt;."), ("", "You may not open this page.")]
)
def test_a_page_tells_why_it_is_not_shown(reason, told):
    response = fallback.forbidden(ask.get("/projects/acme/"), PermissionDenied(reason))
    assert response.status_code == 403
    assert told in response.content.decode()


def test_a_reader_is_told_which_role_a_page_is_for(bob_client):
    page = bob_client.get("/projects/acme/settings/project/")
    assert "This page is for members who are at least owner." in page.content.decode()


@pytest.mark.parametrize("path", ["/v2/traces", "/login/"])
def test_a_foreign_host_name_is_told_which_setting_it_is(client, db, path):
    response = client.get(path, headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "PUBLIC_URL" in response.content.decode()
    assert "evil" not in response.content.decode()
