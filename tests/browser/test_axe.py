"""No page keeps anybody out, by day or by night, on a desk or on a phone."""

import pytest

from tests.browser.conftest import PHONE, WIDE


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "path", ["/projects/acme/traces/", "/projects/acme/settings/keys/", "/projects/acme/settings/members/"]
)
def test_a_page_of_the_project_has_no_violations(open_page, alice, project, axe, path, dark, size):
    page = open_page(user=alice, dark=dark, size=size)
    assert page.goto(path).status == 200
    assert axe(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_sign_in_page_has_no_violations(open_page, project, axe, dark):
    page = open_page(dark=dark)
    assert page.goto("/login/").status == 200
    assert axe(page) == []
