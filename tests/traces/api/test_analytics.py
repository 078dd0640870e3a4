"""GET /v2/analytics/usage, as the contract words it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from opperai import Opper

from opperweb.accounts.models import ApiKey, Project
from tests.traces.factories import make_call
from traces.analytics.rollups import roll_up

USAGE = "/v2/analytics/usage"
FIRST = datetime(2026, 3, 1, 23, 59, 30, tzinfo=UTC)
MARCH = {"from_date": "2026-03-01", "to_date": "2026-04-01T00:00:00Z"}


@pytest.fixture(params=["spans", "rows"])
def calls(request: pytest.FixtureRequest, project: Project) -> None:
    """Three calls of two days, read from the spans and then from rows."""
    values: dict[str, Any] = {"input_tokens": 100, "output_tokens": 23, "duration_ms": 1500.5}
    make_call(project, started_at=FIRST, cost_usd=Decimal("0.00123"), tags={"user": "a", "env": "x"}, **values)
    make_call(project, started_at=FIRST + timedelta(minutes=1), cost_usd=Decimal("0.0000000001"), model="b/y", **values)
    make_call(project, started_at=FIRST + timedelta(minutes=2), is_priced=False, tags={"user": "a"}, status="error")
    if request.param == "rows":
        roll_up()


@pytest.mark.usefixtures("calls")
def test_a_day_is_a_line_and_cost_is_a_text(api: Any) -> None:
    assert api.get(USAGE, MARCH).json() == [
        {"time_bucket": "2026-03-01T00:00:00Z", "cost": "0.00123", "count": 1},
        {"time_bucket": "2026-03-02T00:00:00Z", "cost": "0.0000000001", "count": 2},
    ]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("granularity", "buckets"),
    [
        ("minute", ["2026-03-01T23:59:00Z", "2026-03-02T00:00:00Z", "2026-03-02T00:01:00Z"]),
        ("hour", ["2026-03-01T23:00:00Z", "2026-03-02T00:00:00Z"]),
        ("month", ["2026-03-01T00:00:00Z"]),
        ("year", ["2026-01-01T00:00:00Z"]),
    ],
)
def test_buckets_are_as_long_as_asked_for(api: Any, granularity: str, buckets: list[str]) -> None:
    lines = api.get(USAGE, {**MARCH, "granularity": granularity}).json()
    assert [line["time_bucket"] for line in lines] == buckets
    assert sum(line["count"] for line in lines) == 3


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("joined", [True, False])
def test_lists_come_repeated_or_joined_by_commas(api: Any, joined: bool) -> None:
    fields, groups = ["total_tokens", "prompt_tokens", "duration_ms"], ["user", "model", "project.name"]
    query = {
        **MARCH,
        "granularity": "month",
        "fields": ",".join(fields) if joined else fields,
        "group_by": ", ".join(groups) if joined else groups,
    }
    lines = api.get(USAGE, query).json()
    month = {"time_bucket": "2026-03-01T00:00:00Z", "project.name": "Acme"}
    used = {"total_tokens": 123, "prompt_tokens": 100, "duration_ms": 1500.5}
    assert lines == [
        {
            **month,
            "user": "a",
            "model": "openai/gpt-4.1-nano",
            "cost": "0.00123",
            "count": 2,
            **used,
            "duration_ms": 2500.5,
        },
        {**month, "user": None, "model": "b/y", "cost": "0.0000000001", "count": 1, **used},
    ]


@pytest.mark.usefixtures("calls")
def test_a_function_that_a_call_does_not_have_is_null(api: Any) -> None:
    lines = api.get(USAGE, {**MARCH, "group_by": "function,env", "granularity": "year"}).json()
    assert [(line["function"], line["env"], line["count"]) for line in lines] == [(None, "x", 1), (None, None, 2)]


def test_without_dates_it_is_this_month(api: Any, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 20, 13, tzinfo=UTC))
    for day in (datetime(2026, 10, 31, 23, 59), datetime(2026, 11, 1), datetime(2026, 11, 30, 23, 59)):
        make_call(project, started_at=day.replace(tzinfo=UTC))
    make_call(project, started_at=datetime(2026, 12, 1, tzinfo=UTC))
    buckets = [line["time_bucket"] for line in api.get(USAGE).json()]
    assert buckets == ["2026-11-01T00:00:00Z", "2026-11-30T00:00:00Z"]


@pytest.mark.usefixtures("calls")
def test_from_is_inclusive_and_to_is_exclusive(api: Any) -> None:
    window = {"from_date": "2026-03-02T00:59:30+01:00", "to_date": "2026-03-02T00:00:30Z"}
    assert [line["count"] for line in api.get(USAGE, window).json()] == [1]
    assert api.get(USAGE, {"from_date": "2026-03-02", "to_date": "2026-03-02"}).json() == []


@pytest.mark.parametrize(
    ("query", "parameter", "said"),
    [
        ({"fields": ["total_tokens", "colour"]}, "fields", "there is no field colour; there are total_tokens"),
        ({"granularity": "week"}, "granularity", "minute, hour, day, month, year"),
        ({"from_date": "yesterday"}, "from_date", "RFC 3339"),
        ({"to_date": "2026-13-01"}, "to_date", "RFC 3339"),
        ({"from_date": "2026-02-01", "to_date": "2026-01-01"}, "to_date", "before from_date"),
        ({"from_date": "1970-01-01", "granularity": "minute"}, "granularity", "more than 100,000"),
        ({"group_by": ",".join("abcdefghijk")}, "group_by", "more than 10"),
    ],
)
def test_what_is_wrong_is_named(api: Any, query: dict[str, Any], parameter: str, said: str) -> None:
    response = api.get(USAGE, query)
    assert response.status_code == 422
    problem = response.json()["detail"][0]
    assert problem["loc"] == ["query", parameter]
    assert said in problem["msg"]


@pytest.mark.usefixtures("calls")
def test_strangers_see_nothing_of_it(other_api: Any, nobody_api: Any) -> None:
    assert other_api.get(USAGE, MARCH).json() == []
    assert nobody_api.get(USAGE, MARCH).status_code == 401


def test_the_number_of_queries_is_fixed(api: Any, project: Project, django_assert_num_queries: Any) -> None:
    for number in range(10):
        make_call(project, started_at=FIRST + timedelta(days=number), tags={"user": f"{number}", "env": "x"})
    roll_up()
    api.get(USAGE)
    # The key, how far rows have come, stale hours, rows, spans.
    with django_assert_num_queries(5):
        assert len(api.get(USAGE, {**MARCH, "to_date": "2027-01-01", "group_by": "user,env,model"}).json()) == 10


@pytest.mark.usefixtures("calls")
def test_a_tag_that_bears_the_name_of_a_member_does_not_hide_it(api: Any) -> None:
    assert api.get(USAGE, {**MARCH, "group_by": "count"}).json()[0]["count"] == 1


@pytest.mark.network_threads
def test_the_vendors_client_reads_it(server: str) -> None:
    project = Project.objects.create(slug="acme", name="Acme")
    make_call(project, started_at=FIRST, cost_usd=Decimal("0.00123"), input_tokens=100, tags={"user": "a"})
    opper: Any = Opper(http_bearer=ApiKey.objects.make(project, "sdk")[1], server_url=f"{server}/v2")
    [line] = opper.analytics.get_usage(
        from_date=FIRST.replace(day=1, hour=0),
        to_date=FIRST + timedelta(days=2),
        granularity="month",
        fields=["total_tokens", "prompt_tokens"],
        group_by=["user", "model"],
    )
    assert (line.cost, line.count, line.time_bucket) == ("0.00123", 1, FIRST.replace(hour=0, minute=0, second=0))
    more = {"user": "a", "model": "openai/gpt-4.1-nano", "total_tokens": 100, "prompt_tokens": 100}
    assert line.model_extra.items() >= more.items()
