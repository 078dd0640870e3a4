"""No page keeps anybody out, by day or by night, on a desk or on a phone."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from functions.models import Alias, CustomModel, Delivery, PriceRow, ProviderAccount
from opperweb.accounts.models import Project
from tests.browser.conftest import PHONE, WIDE
from tests.traces.factories import make_call
from traces.models import Trace

BASE = "/projects/acme/"
SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
DARKNESS = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


@pytest.fixture
def call(project: Project) -> Trace:
    """A trace of one call in a project that has something on each of its pages."""
    trace = make_call(project, cost_usd=Decimal("1.25"), tags={"env": "production"})
    ProviderAccount.objects.create(
        project=project, name="lab", base_url="http://127.0.0.1:9/v1", secret="not-so-secret"
    )
    Alias.objects.create(project=project, name="fast", fallback_models=["lab/small", "rehearsal/echo"])
    CustomModel.objects.create(project=project, name="house", identifier="lab/large")
    PriceRow.objects.create(project=project, model="lab/small", input=Decimal("0.1"), output=Decimal("0.4"))
    Delivery.objects.create(
        project=project,
        span=trace.spans.get(),
        url="https://hooks.example.com/results",
        state=Delivery.State.FAILED,
        tries=1,
        log=[{"at": timezone.now().isoformat(), "status": 500, "error": "HTTP 500", "duration_ms": 12.5}],
    )
    return trace


@SIZES
@DARKNESS
@pytest.mark.usefixtures("call")
@pytest.mark.parametrize(
    "path",
    [
        "traces/", "usage/", "settings/keys/", "settings/members/", "settings/providers/", "settings/models/",
        "settings/prices/", "settings/webhooks/",
    ],
)  # fmt: skip
def test_a_page_of_the_project_has_no_violations(open_page, alice, axe, path, dark, size):
    page = open_page(user=alice, dark=dark, size=size)
    assert page.goto(BASE + path).status == 200
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]


@SIZES
@DARKNESS
def test_a_chosen_span_has_no_violations(open_page, alice, call, axe, dark, size):
    page = open_page(user=alice, dark=dark, size=size)
    assert page.goto(f"{BASE}traces/{call.id}/?span={call.spans.get().id}").status == 200
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]


def test_no_section_of_the_settings_is_broken_in_two_on_a_phone(open_page, alice, project):
    page = open_page(user=alice, size=PHONE)
    page.goto(f"{BASE}settings/models/")
    lines = page.eval_on_selector_all(
        ".settings-sections > a",
        "links => links.map(link => {"
        "  const range = document.createRange(); range.selectNodeContents(link);"
        "  return new Set([...range.getClientRects()].map(box => box.top)).size;"
        "})",
    )
    assert len(lines) > 4
    assert set(lines) == {1}


@DARKNESS
def test_the_sign_in_page_has_no_violations(open_page, project, axe, dark):
    page = open_page(dark=dark)
    assert page.goto("/login/").status == 200
    assert axe(page) == []
