"""Idempotency-Key: a repeated POST returns the first answer and does nothing a second time."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from opperweb.api import idempotency
from opperweb.api.models import FirstAnswer
from traces.models import Span

TASK = {"name": "greet", "input": "hello", "model": "rehearsal/echo"}


def post(api: Any, body: dict[str, Any], key: str = "first", path: str = "/v2/call") -> Any:
    return api.post(path, body, headers={"Idempotency-Key": key})


def test_the_same_request_gets_the_same_answer_and_one_span(api: Any) -> None:
    first, again = post(api, TASK), post(api, TASK)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Span.objects.count() == 1


def test_another_key_is_another_request(api: Any) -> None:
    assert post(api, TASK).json()["span_id"] != post(api, TASK, "second").json()["span_id"]


def test_a_key_is_for_one_request_alone(api: Any) -> None:
    post(api, TASK)
    refused = post(api, {**TASK, "input": "other"})
    assert refused.status_code == 422
    assert "another request" in refused.json()["detail"][0]["msg"]
    assert post(api, {"name": "x"}, path="/v2/spans").status_code == 422


def test_a_refusal_is_returned_again(api: Any) -> None:
    task = {**TASK, "model": "nobody/x"}
    first, again = post(api, task), post(api, task)
    assert (first.status_code, again.status_code) == (404, 404)
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"


def test_after_a_failure_that_may_pass_the_key_is_free(api: Any) -> None:
    task = {**TASK, "model": "rehearsal/fail-500"}
    assert [post(api, task).status_code for _ in range(2)] == [502, 502]
    assert Span.objects.count() == 2


def test_keys_of_another_project_mean_nothing_here(api: Any, other_api: Any) -> None:
    assert post(api, TASK).json()["span_id"] != post(other_api, TASK).json()["span_id"]


@pytest.mark.parametrize("unfit", ["", " ", "k" * 256, "schl\u00fcssel"])
def test_a_key_that_cannot_be_kept_is_refused(api: Any, unfit: str) -> None:
    assert post(api, TASK, unfit).status_code == 422


def test_the_answer_of_a_dead_process_is_not_waited_for(api: Any, project: Any) -> None:
    post(api, TASK)
    FirstAnswer.objects.update(status=None, process_id=uuid.uuid4())
    assert post(api, TASK).status_code == 200
    assert Span.objects.count() == 2


def test_keys_are_forgotten_after_a_day(api: Any) -> None:
    post(api, TASK)
    FirstAnswer.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert idempotency.forget_expired() == 1


@pytest.mark.django_db(transaction=True)
async def test_a_repetition_waits_for_the_first_answer(server: Any, key: Any) -> None:
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "both"}
    task = {**TASK, "model": "rehearsal/slow-1s"}
    async with httpx.AsyncClient(base_url=server, timeout=20) as client:
        answers = await asyncio.gather(*(client.post("/v2/call", json=task, headers=headers) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.json()["span_id"] for answer in answers}) == 1
