"""Many calls at once through the real server: each answered, each recorded, and the totals of each trace are right."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpx
import pytest

from functions.models import Completion
from traces import totals
from traces.models import Attempt, Span, Trace

pytestmark = pytest.mark.network_threads

CALLS, STREAMS = 200, 40
TOTALS = (
    *(f"{name}_count" for name in totals.COUNTED), "score_sum", "input_tokens", "output_tokens", "cost_usd",
    "model_usage", "root_key", "name", "status", "started_at", "ended_at", "duration_ms", "output_preview",
)  # fmt: skip

Ask = Callable[[httpx.AsyncClient, int], Awaitable[Any]]


@pytest.fixture
def at_once(server: str, key: str, use_upstream: Any) -> Callable[[Ask, int], list[Any]]:
    """Ask so many times at the same time and return the answers."""
    use_upstream()

    async def gather(ask: Ask, count: int) -> list[Any]:
        limits = httpx.Limits(max_connections=count * 2, max_keepalive_connections=0)
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=server, headers=headers, timeout=60, limits=limits) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(count)))

    return lambda ask, count: asyncio.run(gather(ask, count))


def totals_of(trace: Trace) -> dict[str, Any]:
    return {name: getattr(trace, name) for name in TOTALS}


def check_totals(traces: Iterable[Trace]) -> None:
    """Compare the totals that were kept while things happened with a plain recount."""
    for trace in traces:
        kept = totals_of(trace)
        totals.recount(trace)
        assert totals_of(trace) == kept


def test_two_hundred_calls_at_once_are_all_answered_and_recorded(at_once: Any, upstream: Any) -> None:
    async def ask(client: httpx.AsyncClient, number: int) -> Any:
        task = {"name": "slow", "input": f"input {number}.", "model": "fake/slow-1s", "tags": {"n": str(number)}}
        return await client.post("/v2/call", json=task)

    answers = at_once(ask, CALLS)
    assert [answer.status_code for answer in answers] == [200] * CALLS
    assert [answer.json()["message"] for answer in answers] == [f"input {number}." for number in range(CALLS)]
    assert len(upstream.requests) == CALLS
    spans = {str(span.id): span for span in Span.objects.select_related("body")}
    assert len(spans) == CALLS
    for number, answer in enumerate(answers):
        span = spans[answer.json()["span_id"]]
        assert (span.status, span.body.output, span.tags) == ("ok", f"input {number}.", {"n": str(number)})
    assert Attempt.objects.filter(outcome="accepted").count() == Attempt.objects.count() == CALLS
    assert Completion.objects.filter(state="done").count() == CALLS
    traces = list(Trace.objects.all())
    assert len(traces) == CALLS
    check_totals(traces)


@pytest.mark.parametrize("fails", [False, True], ids=["good", "bad"])
def test_spans_hung_under_calls_that_are_running_are_counted_beside_their_ends(at_once: Any, fails: bool) -> None:
    async def ask(client: httpx.AsyncClient, number: int) -> Any:
        models = ["fake/fail-500", "fake/slow-1s"] if fails else ["fake/slow-1s"]
        task = {"name": "slow", "input": f"input {number}.", "model": models}
        children: list[asyncio.Task[Any]] = []
        text = ""
        async with client.stream("POST", "/v2/call/stream", json=task) as response:
            async for line in response.aiter_lines():
                told = json.loads(line.removeprefix("data: ")) if line else {}
                if "span_id" in told:
                    children += [asyncio.create_task(hang(client, told["span_id"], name)) for name in ("a", "b")]
                elif told:
                    # At the end of the call as well, where both are written at the same time.
                    children.append(asyncio.create_task(hang(client, str((await children[0])["id"]), "c")))
                    text += told["delta"]
        await asyncio.gather(*children)
        return text

    async def hang(client: httpx.AsyncClient, parent_id: str, name: str) -> Any:
        response = await client.post("/v2/spans", json={"name": name, "parent_id": parent_id, "input": "x"})
        assert response.status_code == 200
        span = response.json()
        done = await client.patch(f"/v2/spans/{span['id']}", json={"output": "y"})
        assert done.status_code == 200
        return span

    assert at_once(ask, STREAMS) == [f"input {number}." for number in range(STREAMS)]
    traces = list(Trace.objects.all())
    assert len(traces) == STREAMS
    assert {trace.span_count for trace in traces} == {5}
    assert {trace.running_count for trace in traces} == {0}
    assert {trace.status for trace in traces} == {"recovered" if fails else "ok"}
    check_totals(traces)
    outputs = Span.objects.filter(name="slow").values_list("body__output", flat=True)
    assert set(outputs) == {f"input {number}." for number in range(STREAMS)}
