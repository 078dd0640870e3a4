"""Calls of the past are priced anew, and every sum they are part of still agrees."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from functions import repricing
from functions.completions import catalogue
from functions.models import PriceRow
from functions.repricing import preview, reprice, reprice_job
from opperweb.accounts.models import Project
from tests.traces.factories import make_attempt, make_call, make_span
from traces import totals
from traces.models import Attempt, Kind, Span, Trace

MODEL = "local/llama"
TOKENS = {"input_tokens": 1_000, "output_tokens": 100}


@pytest.fixture(autouse=True)
def _no_providers(settings: Any) -> Any:
    settings.PROVIDERS = {}
    catalogue.forget()
    yield
    catalogue.forget()


def a_call(project: Project, *, cost: str | None = None, model: str = MODEL, **values: Any) -> Span:
    trace = make_call(project, model=model, provider=model.partition("/")[0], is_priced=cost is not None, **values)
    span = trace.spans.get()
    an_attempt(span, cost=cost, requested_model=model)
    return span


def an_attempt(span: Span, *, cost: str | None = None, **values: Any) -> Attempt:
    cost_usd = None if cost is None else Decimal(cost)
    return make_attempt(span, **{**TOKENS, "requested_model": MODEL, "cost_usd": cost_usd, **values})


def a_price(project: Project, *, days_ago: float = 30, **figures: str) -> PriceRow:
    valid_from = timezone.now() - timedelta(days=days_ago)
    row = PriceRow.objects.create(
        project=project, model=MODEL, valid_from=valid_from, **{"input": "2", "output": "10", **figures}
    )
    catalogue.forget()
    return row


def window() -> dict[str, Any]:
    now = timezone.now()
    return {"since": now - timedelta(days=20), "until": now}


def assert_totals_agree(project: Project) -> None:
    for trace in Trace.objects.filter(project=project):
        kept = (trace.cost_usd, trace.unpriced_count)
        totals.recount(trace)
        assert (trace.cost_usd, trace.unpriced_count) == kept


def test_a_call_without_a_price_gets_the_one_now_known(project: Project) -> None:
    span = a_call(project)
    a_price(project)
    told = reprice(project, **window())
    assert (told.attempts, told.changed, told.before_usd, told.after_usd) == (1, 1, Decimal(0), Decimal("0.003"))
    attempt = span.attempts.get()
    assert attempt.cost_usd == Decimal("0.003")
    assert [line["cost_usd"] for line in attempt.price["lines"]] == ["0.002", "0.001"]
    span.refresh_from_db()
    assert (span.cost_usd, span.is_priced) == (Decimal("0.003"), True)
    assert (span.trace.cost_usd, span.trace.unpriced_count) == (Decimal("0.003"), 0)
    assert_totals_agree(project)


def test_failed_attempts_and_other_spans_stay_in_the_sums(project: Project) -> None:
    span = a_call(project, cost="1")
    an_attempt(span, cost="0.5", outcome="rejected", requested_model="other/model", provider="other")
    make_span(span.trace, "embed", kind=Kind.EMBEDDING, cost_usd=Decimal("0.25"))
    a_price(project)
    reprice(project, **window())
    span.refresh_from_db()
    assert span.cost_usd == Decimal("0.503")
    assert_totals_agree(project)
    assert Trace.objects.get().cost_usd == Decimal("0.753")


def test_a_preview_changes_nothing_and_comes_to_the_same(project: Project) -> None:
    for _ in range(3):
        a_call(project)
    a_price(project)
    foretold = preview(project, **window())
    assert not Attempt.objects.exclude(cost_usd=None).exists()
    assert foretold == reprice(project, **window())
    assert foretold.difference_usd == Decimal("0.009")


def test_a_preview_of_very_many_calls_says_that_it_saw_a_part(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        a_call(project)
    a_price(project)
    monkeypatch.setattr(repricing, "MOST_FORETOLD", 2)
    foretold = preview(project, **window())
    assert (foretold.attempts, foretold.is_part) == (2, True)
    assert reprice(project, **window()).attempts == 3


def test_done_twice_it_changes_nothing_the_second_time(project: Project) -> None:
    a_call(project)
    a_price(project, input="0.33333333", output="0.77777777")
    assert reprice(project, **window()).changed == 1
    assert reprice(project, **window()).changed == 0
    assert_totals_agree(project)


def test_the_price_in_force_when_the_call_was_made_counts(project: Project) -> None:
    early = a_call(project, started_at=timezone.now() - timedelta(days=10))
    late = a_call(project)
    a_price(project)
    a_price(project, days_ago=5, input="4", output="20")
    reprice(project, **window())
    assert [each.attempts.get().cost_usd for each in (early, late)] == [Decimal("0.003"), Decimal("0.006")]


def test_only_the_time_and_the_model_that_were_named_are_touched(project: Project, other_project: Project) -> None:
    a_call(project, started_at=timezone.now() - timedelta(days=21))
    a_call(project, model="local/other")
    a_call(other_project)
    a_price(project)
    assert reprice(project, **window(), model=MODEL).attempts == 0
    assert not Attempt.objects.exclude(cost_usd=None).exists()


def test_tokens_with_prices_of_their_own_are_counted_by_kind(project: Project) -> None:
    span = make_call(project, model=MODEL).spans.get()
    tokens: dict[str, Any] = {
        "cached_tokens": 400,
        "cache_write_tokens": 200,
        "more_tokens": {"cache_write_1h_tokens": 50},
    }
    an_attempt(span, **tokens)
    a_price(project, cached="0.2", cache_write="2.5", cache_write_1h="4")
    reprice(project, **window())
    # 400 fresh, 400 cached, 150 for five minutes, 50 for an hour, 100 out.
    assert span.attempts.get().cost_usd == Decimal("0.002455")


@pytest.mark.parametrize(
    "values",
    [
        {"provider": "rehearsal", "requested_model": "rehearsal/echo", "cost": "0"},
        {"input_tokens": None, "output_tokens": None},
        {"requested_model": "unknown/model", "provider": "unknown", "cost": "0.7"},
    ],
)
def test_what_has_no_price_keeps_what_it_has(project: Project, values: dict[str, Any]) -> None:
    span = make_call(project, model=MODEL).spans.get()
    before = an_attempt(span, **values).cost_usd
    a_price(project)
    assert reprice(project, **window()).changed == 0
    assert span.attempts.get().cost_usd == before


def test_a_running_call_is_left_alone(project: Project) -> None:
    a_call(project, status="running")
    a_price(project)
    assert reprice(project, **window()).attempts == 0


def test_the_job_does_it_and_a_project_that_is_gone_is_no_error(project: Project) -> None:
    a_call(project)
    a_price(project)
    times = [moment.isoformat() for moment in window().values()]
    reprice_job(project.pk, *times, "")
    assert Trace.objects.get().cost_usd == Decimal("0.003")
    reprice_job(project.pk + 1000, *times, "")
