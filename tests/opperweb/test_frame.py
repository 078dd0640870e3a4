"""The frame shows where one can go and nothing that is not there; errors are shown inside it."""

import pytest
from django.template.loader import render_to_string

from opperweb.accounts.templatetags.frame import UnknownIcon, icon


def test_the_sidebar_marks_where_one_is(alice_client):
    page = alice_client.get("/projects/acme/settings/members/").content.decode()
    assert page.count('aria-current="page"') == 2
    assert page.count("<h1") == 1
    assert 'href="/projects/acme/traces/"' in page


def test_a_reader_sees_only_the_settings_that_open(bob_client):
    page = bob_client.get("/projects/acme/settings/members/").content.decode()
    assert "/settings/keys/" not in page
    assert "/projects/new/" not in page


def test_no_script_or_style_stands_in_a_page(alice_client):
    page = alice_client.get("/projects/acme/settings/keys/").content.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert " onclick=" not in page
    assert all("src=" in part[:80] for part in page.split("<script")[1:])


def test_a_missing_page_stands_in_the_frame(alice_client, client):
    response = alice_client.get("/projects/elsewhere/traces/")
    assert response.status_code == 404
    assert "No such page" in response.content.decode()
    assert "Settings" in response.content.decode()
    assert client.get("/nothing-here/").status_code == 404


def test_a_page_for_others_says_so(bob_client):
    response = bob_client.get("/projects/acme/settings/project/")
    assert response.status_code == 403
    assert "Not for your role" in response.content.decode()


@pytest.mark.parametrize("name", ["400.html", "500.html", "403_csrf.html", "404.html", "403.html"])
def test_an_error_page_needs_neither_request_nor_database(name):
    assert "<h1>" in render_to_string(name)


def test_an_icon_is_one_of_the_sprite():
    assert "icons.svg#i-key" in icon("key")
    assert 'aria-label="Key &quot;"' in icon("key", label='Key "')
    with pytest.raises(UnknownIcon):
        icon("no-such-icon")
