"""Many writers at once through the real server: no revision is lost, and a call uses one of them wholly."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from functions import revising
from functions.models import DatasetExample, Function
from opperweb.accounts.models import Project
from traces.models import Span

pytestmark = pytest.mark.network_threads

WRITERS, CALLS = 20, 40


def definition(number: int) -> dict[str, Any]:
    """Return a definition whose every part bears the number."""
    return {
        "instructions": f"no {number}",
        "input_schema": {"title": f"no {number}"},
        "output_schema": {"type": "object", "properties": {f"no {number}": {"type": "string"}}},
        "model": {"name": "rehearsal/echo", "options": {"seed": number}},
        "configuration": {"own.number": number, f"writer.{number}": True},
    }


@pytest.fixture
def function(server: str, key: str, project: Project) -> Function:
    return revising.create(project, "planets", definition(0))


@pytest.fixture
def at_once(server: str, key: str) -> Callable[..., list[Any]]:
    """Do all of this at the same time and return the answers."""
    Work = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]

    async def gather(work: list[Work]) -> list[httpx.Response]:
        headers = {"Authorization": f"Bearer {key}"}
        limits = httpx.Limits(max_connections=len(work), max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=server, headers=headers, timeout=60, limits=limits) as client:
            return await asyncio.gather(*(each(client) for each in work))

    return lambda work: asyncio.run(gather(work))


def saves(function: Function) -> list[Any]:
    path = f"/v2/functions/{function.pk}"
    return [lambda client, n=n: client.patch(path, json=definition(n)) for n in range(1, WRITERS + 1)]


def test_twenty_writers_at_once_make_twenty_revisions_and_undo_nothing(at_once: Any, function: Function) -> None:
    answers = at_once(saves(function))
    assert [answer.status_code for answer in answers] == [200] * WRITERS
    revisions = list(function.revisions.order_by("number"))
    assert [revision.number for revision in revisions] == list(range(1, WRITERS + 2))
    assert {answer.json()["revision_id"] for answer in answers} == {str(one.pk) for one in revisions[1:]}
    for before, after in itertools.pairwise(revisions):
        # Merged with the one before it, whoever saved that.
        assert before.configuration.items() - {("own.number", before.configuration["own.number"])} <= (
            after.configuration.items()
        )
    assert {f"writer.{number}" for number in range(WRITERS + 1)} <= revisions[-1].configuration.keys()


def test_a_call_during_saves_uses_one_revision_wholly(at_once: Any, function: Function) -> None:
    ways = (f"/v2/functions/{function.pk}/call", "/v2/call")
    calls = [
        lambda client, n=n: client.post(ways[n % 2], json={"name": "planets", "input": f"{n}"}) for n in range(CALLS)
    ]
    mixed = [work for pair in zip(calls[::2], saves(function), calls[1::2], strict=True) for work in pair]
    answers = at_once(mixed)
    assert {answer.status_code for answer in answers} == {200}
    revisions = {revision.number: revision for revision in function.revisions.all()}
    assert len(revisions) == WRITERS + 1
    spans = list(Span.objects.select_related("body", "completion"))
    assert len(spans) == CALLS
    for span in spans:
        revision, body = revisions[span.revision_number or 0], span.body
        assert span.completion.revision_id == revision.pk
        number = revision.configuration["own.number"]
        asked = (body.instructions, body.input_schema, body.output_schema, body.request["model"])
        assert asked == tuple(definition(number)[name] for name in (
            "instructions", "input_schema", "output_schema", "model"))  # fmt: skip
        assert body.request["configuration"] == revision.configuration
        assert list(body.output) == [f"no {number}"]


def test_a_function_is_made_once_however_many_ask_for_it_at_once(at_once: Any, function: Function) -> None:
    fields = {"name": "moons", "instructions": "x"}
    answers = at_once([lambda client: client.post("/v2/functions", json=fields)] * WRITERS)
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * (WRITERS - 1)]
    assert Function.objects.filter(name="moons").count() == 1


def test_entries_that_are_added_while_schemas_change_are_flagged_by_the_newest(
    at_once: Any, function: Function
) -> None:
    path = f"/v2/datasets/{function.dataset_id}"
    entries = [
        lambda client, n=n: client.post(path, json={"input": "x", "output": {f"no {n}": n}}) for n in range(WRITERS)
    ]
    answers = at_once([work for pair in zip(entries, saves(function), strict=True) for work in pair])
    assert {answer.status_code for answer in answers} == {200}
    newest = function.revisions.order_by("-number")[0].configuration["own.number"]
    for example in DatasetExample.objects.filter(function=function):
        # Any name is allowed, and only that of the newest schema has to be a text.
        assert bool(example.misfit) == (f"no {newest}" in example.output)


def test_a_function_that_is_deleted_while_it_is_used_leaves_no_failure(at_once: Any, function: Function) -> None:
    path = f"/v2/functions/{function.pk}"
    work: list[Any] = [lambda client: client.post(f"{path}/call", json={"input": "x"})] * WRITERS
    work += [lambda client: client.post(f"/v2/datasets/{function.dataset_id}", json={"input": 1, "output": 2})] * 5
    work += [*saves(function)[:5], lambda client: client.delete(path), lambda client: client.delete(path)]
    answers = at_once(work)
    assert {answer.status_code for answer in answers} <= {200, 204, 404}
    assert [answer.status_code for answer in answers[-2:]].count(204) >= 1
    assert not Function.objects.filter(pk=function.pk).exists()
    assert not DatasetExample.objects.exists()
    assert Span.objects.count() == [answer.status_code for answer in answers[:WRITERS]].count(200)
