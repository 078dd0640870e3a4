"""Answers kept for a while: the same question asks no model, and two at once ask once."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from functions import calls, opening
from functions.completions import cache
from functions.models import KeptAnswer
from opperweb.accounts.models import ApiKey, Project
from traces import totals
from traces.models import Span

TTL = {"invocation.cache.ttl": 60}
TASK = {"name": "greet", "input": {"b": 1, "a": [2]}, "model": "fake/echo", "configuration": TTL}


@pytest.fixture(autouse=True)
def _upstream(use_upstream: Any) -> None:
    use_upstream()


def test_an_equal_call_asks_nobody_and_has_a_span_of_its_own(api: Any, upstream: Any) -> None:
    first = api.post("/v2/call", TASK).json()
    again = api.post("/v2/call", {**TASK, "input": {"a": [2], "b": 1}}).json()
    assert len(upstream.requests) == 1
    assert (first["cached"], again["cached"]) == (False, True)
    assert again["message"] == first["message"]
    assert again["span_id"] != first["span_id"]
    assert again["cost"] == {"generation": 0.0, "platform": 0.0, "total": 0.0}
    span = Span.objects.select_related("body", "trace").get(id=again["span_id"])
    assert (span.is_cached, span.attempt_count, span.cost_usd, span.model) == (True, 0, 0, "fake/echo")
    assert span.body.output == first["message"]
    before = (span.trace.model_usage, span.trace.cost_usd)
    totals.recount(span.trace)
    assert (span.trace.model_usage, span.trace.cost_usd) == before == ({"fake/echo": [1, 0]}, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"input": {"b": 1, "a": [3]}},
        {"name": "other"},
        {"instructions": "Otherwise."},
        {"model": {"name": "fake/echo", "options": {"temperature": 1}}},
        {"examples": [{"input": "a", "output": "b"}]},
        {"output_schema": {"type": "string"}},
        {"configuration": {"invocation.cache.ttl": 0}},
    ],
)
def test_another_question_is_asked(api: Any, upstream: Any, change: dict[str, Any]) -> None:
    api.post("/v2/call", TASK)
    assert api.post("/v2/call", {**TASK, **change}).json()["cached"] is False
    assert len(upstream.requests) >= 2


def test_another_project_gets_no_answer_of_ours(api: Any, other_api: Any, upstream: Any) -> None:
    api.post("/v2/call", TASK)
    assert other_api.post("/v2/call", TASK).json()["cached"] is False


def test_an_answer_is_forgotten_when_its_time_is_over(api: Any, upstream: Any) -> None:
    api.post("/v2/call", TASK)
    KeptAnswer.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert api.post("/v2/call", TASK).json()["cached"] is False
    KeptAnswer.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert cache.forget_expired() == 1


def test_a_failure_is_not_kept(api: Any, upstream: Any) -> None:
    task = {**TASK, "model": "fake/fail-401"}
    assert api.post("/v2/call", task).status_code == 502
    assert not KeptAnswer.objects.exists()


def test_a_cached_answer_can_be_streamed(server: str, key: str) -> None:
    task = {**TASK, "model": "rehearsal/echo"}
    headers = {"Authorization": f"Bearer {key}"}
    message = httpx.post(f"{server}/v2/call", json=task, headers=headers).json()["message"]
    text = httpx.post(f"{server}/v2/call/stream", json=task, headers=headers).text
    assert text.count("data: ") == 2
    assert message in text.replace('\\"', '"')


@pytest.mark.django_db(transaction=True)
async def test_two_equal_calls_at_the_same_time_ask_once(project: Project, upstream: Any) -> None:
    key = await asyncio.to_thread(lambda: ApiKey.objects.make(project, "tests")[0])
    asked = opening.Asked("greet", "hello", {"model": "fake/slow-1s", "configuration": TTL})
    results = await asyncio.gather(*(calls.call(key.project, asked, api_key=key) for _ in range(4)))
    assert len(upstream.requests) == 1
    assert sorted(result.cached for _, result in results) == [False, True, True, True]
    assert len({result.message for _, result in results}) == 1


@pytest.mark.django_db(transaction=True)
async def test_who_waits_asks_when_the_other_fails(project: Project, upstream: Any) -> None:
    key = await asyncio.to_thread(lambda: ApiKey.objects.make(project, "tests")[0])
    upstream.script("moody", 401, "hello to you")
    asked = opening.Asked("greet", "hello", {"model": "fake/moody", "configuration": TTL})
    results = await asyncio.gather(*(calls.call(key.project, asked, api_key=key) for _ in range(2)))
    assert sorted(bool(result.error) for _, result in results) == [False, True]
    assert len(upstream.requests) == 2
