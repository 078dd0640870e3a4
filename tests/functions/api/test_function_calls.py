"""/v2/functions/{id}/call: the stored definition answers, of the newest revision or of one that is named."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from functions import calls, revising
from functions.definitions import FunctionNotFound
from functions.examples import dataset
from functions.models import Completion, Function, Revision
from functions.opening import Asked
from opperweb.accounts.models import Project
from opperweb.database import db
from traces.models import Span

ANSWER = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "moons": {"type": "integer"}, "is_large": {"type": "boolean"}},
    "required": ["answer", "moons", "is_large"],
}
KEYS = {"span_id", "message", "json_payload", "cached", "images", "audio", "usage", "cost"}


@pytest.fixture
def function(project: Project) -> Function:
    values = {"instructions": "First.", "output_schema": ANSWER, "model": "rehearsal/echo"}
    return revising.create(project, "planets", values)


def span_of(response: Any) -> Span:
    assert response.status_code == 200, response.content
    return Span.objects.select_related("body", "completion").get(id=response.json()["span_id"])


def test_a_function_is_called_by_its_id_with_the_input_alone(api: Any, function: Function) -> None:
    response = api.post(f"/v2/functions/{function.pk}/call", {"input": "Jupiter", "tags": {"env": "x"}})
    span = span_of(response)
    assert set(response.json()) == KEYS
    assert set(response.json()["json_payload"]) == {"answer", "moons", "is_large"}
    assert (span.name, span.function_name, span.revision_number) == ("planets", "planets", 1)
    assert (span.body.instructions, span.body.input, span.tags) == ("First.", "Jupiter", {"env": "x"})
    assert span.completion.function_id == function.pk


def test_the_newest_revision_answers_and_an_old_one_when_it_is_named(api: Any, function: Function) -> None:
    first = function.revisions.get()
    where = f"/v2/functions/{function.pk}/call"
    api.post(where, {"input": "x"})
    second = revising.save(function, {"instructions": "Second.", "output_schema": None})
    newest, old, named = (
        api.post(path, {"input": "x"}) for path in (where, f"{where}/{first.pk}", f"{where}/{second.pk}")
    )
    assert [span_of(each).body.instructions for each in (newest, old, named)] == ["Second.", "First.", "Second."]
    assert [span_of(each).body.output_schema for each in (newest, old)] == [None, ANSWER]
    assert [span_of(each).completion.revision_id for each in (newest, old, named)] == [second.pk, first.pk, second.pk]
    assert newest.json()["message"]
    assert old.json()["json_payload"]


def test_a_definition_that_is_sent_along_is_ignored(api: Any, function: Function) -> None:
    sent = {"input": "x", "name": "other", "instructions": "Mine.", "output_schema": {"type": "nonsense"}, "model": 5}
    span = span_of(api.post(f"/v2/functions/{function.pk}/call", sent))
    assert (span.name, span.body.instructions) == ("planets", "First.")
    assert Revision.objects.count() == 1
    assert Function.objects.count() == 1


def test_examples_of_the_request_stand_in_place_of_the_datasets(
    api: Any, function: Function, upstream: Any, use_upstream: Any
) -> None:
    use_upstream()
    answer = {"answer": "kept", "moons": 1, "is_large": True}
    dataset.add(function, {"input": "Mars", "output": {**answer, "answer": "wrong"}, "expected": answer})
    revising.save(function, {"model": "fake/echo"})
    where = f"/v2/functions/{function.pk}/call"
    assert api.post(where, {"input": "Mars"}).status_code == 200
    prompt = json.dumps(upstream.requests[-1].json["messages"])
    assert "kept" in prompt
    assert "wrong" not in prompt
    examples = [{"input": "Venus", "output": {**answer, "answer": "sent along"}, "comment": None}]
    assert api.post(where, {"input": "Mars", "examples": examples}).status_code == 200
    prompt = json.dumps(upstream.requests[-1].json["messages"])
    assert "sent along" in prompt
    assert "kept" not in prompt


def test_a_call_hangs_under_its_parent(api: Any, function: Function) -> None:
    parent = api.post("/v2/spans", {"name": "agent"}).json()["id"]
    where = f"/v2/functions/{function.pk}/call"
    assert str(span_of(api.post(where, {"input": "x", "parent_span_id": parent})).parent_id) == parent
    lost = api.post(where, {"input": "x", "parent_span_id": str(uuid.uuid4())})
    assert (lost.status_code, lost.json()["type"]) == (404, "NotFoundError")
    assert Span.objects.count() == 2


@pytest.mark.parametrize("tail", ["call", "call/stream"])
def test_ids_that_lead_nowhere_are_told_before_anything_is_asked(
    api: Any, project: Project, function: Function, tail: str
) -> None:
    other = revising.create(project, "other", {"instructions": "x"}).revisions.get()
    for path, status in (
        (f"{uuid.uuid4()}/{tail}", 404),
        (f"nonsense/{tail}", 422),
        (f"{function.pk}/{tail}/{uuid.uuid4()}", 404),
        (f"{function.pk}/{tail}/{other.pk}", 404),
        (f"{function.pk}/{tail}/nonsense", 422),
    ):
        response = api.post(f"/v2/functions/{path}", {"input": "x"})
        assert response.status_code == status, path
        assert {"type", "message", "detail"} <= set(response.json())
    assert api.get(f"/v2/functions/{function.pk}/{tail}").status_code == 405
    assert not Span.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "loc"),
    [
        ({"tags": {"a": 1}}, ["body", "tags", "a"]),
        ({"parent_span_id": "x"}, ["body", "parent_span_id"]),
        ({"examples": [{"input": 1}]}, ["body", "examples", 0, "output"]),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(
    api: Any, function: Function, wrong: dict[str, Any], loc: list[Any]
) -> None:
    refused = api.post(f"/v2/functions/{function.pk}/call", {"input": "x", **wrong})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == loc


def test_an_input_that_does_not_fit_is_refused_where_the_function_says_so(api: Any, function: Function) -> None:
    schema = {"type": "object", "properties": {"planet": {"type": "string"}}, "required": ["planet"]}
    revising.save(
        function, {"input_schema": schema, "configuration": {"beta.invocation.input_validation.enabled": True}}
    )
    refused = api.post(f"/v2/functions/{function.pk}/call", {"input": {"planet": 5}})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["body", "input", "planet"]
    assert api.post(f"/v2/functions/{function.pk}/call", {"input": {"planet": "Mars"}}).status_code == 200


def test_a_call_in_the_background_is_answered_later(
    api: Any, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls.call_job, "delay", lambda key: None)
    queued = api.post(f"/v2/functions/{function.pk}/call", {"input": "x", "background": True})
    assert (queued.status_code, queued.json()["status"]) == (202, "queued")
    completion = Completion.objects.select_related("span__body").get()
    assert str(completion.span.id) == queued.json()["span_id"]
    assert (completion.state, completion.span.body.instructions) == ("queued", "First.")
    refused = api.post(f"/v2/functions/{function.pk}/call/stream", {"input": "x", "background": True})
    assert refused.status_code == 400


@pytest.mark.django_db(transaction=True)
def test_the_same_request_twice_asks_once(api: Any, function: Function) -> None:
    where = f"/v2/functions/{function.pk}/call"
    first, again = (api.post(where, {"input": "x"}, headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert (again.status_code, again.json()) == (200, first.json())
    assert Span.objects.count() == 1


# --- streams ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def post(server: str, key: str) -> Callable[..., list[dict[str, Any]]]:
    def post(path: str, body: Any) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {key}"}
        response = httpx.post(f"{server}/v2/functions/{path}", json=body, headers=headers, timeout=20)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "text/event-stream"
        assert "[DONE]" not in response.text
        return [json.loads(block.removeprefix("data: ")) for block in response.text.split("\n\n") if block]

    return post


def test_every_delta_of_a_functions_stream_is_a_text(post: Any, function: Function) -> None:
    first, *rest = post(f"{function.pk}/call/stream", {"input": "Jupiter"})
    assert list(first) == ["span_id"]
    joined: dict[str, str] = {}
    for event in rest:
        assert isinstance(event["delta"], str)
        assert event["chunk_type"] == "json"
        joined[event["json_path"]] = joined.get(event["json_path"], "") + event["delta"]
    output = Span.objects.select_related("body").get(id=first["span_id"]).body.output
    assert joined == {
        "answer": output["answer"],
        "moons": str(output["moons"]),
        "is_large": json.dumps(output["is_large"]),
    }


def test_a_revision_that_is_named_is_streamed(post: Any, function: Function) -> None:
    old = function.revisions.get()
    revising.save(function, {"output_schema": None})
    first, *rest = post(f"{function.pk}/call/stream/{old.pk}", {"input": "Jupiter"})
    assert {event["chunk_type"] for event in rest} == {"json"}
    assert Span.objects.get(id=first["span_id"]).revision_number == 1
    _, *rest = post(f"{function.pk}/call/stream", {"input": "Jupiter"})
    assert {event["chunk_type"] for event in rest} == {"text"}


# --- deleted while it is called ---------------------------------------------------------------------------------------


@pytest.mark.network_threads
@pytest.mark.django_db(transaction=True)
async def test_a_call_of_a_function_that_is_deleted_meanwhile_is_kept_without_it(
    project: Project, function: Function
) -> None:
    asked = Asked(function_id=function.pk, input="x")
    begun, result = await calls.call(project, asked)
    assert result.error is None
    await db(revising.delete, function)
    # The project's version is the one from before: what is in memory still holds.
    begun, result = await calls.call(project, asked)
    assert result.error is None
    assert begun.span_id
    assert await db(Completion.objects.filter(function=None).count) == 2


@pytest.mark.django_db(transaction=True)
async def test_a_call_of_a_deleted_function_that_must_be_written_first_is_refused(
    project: Project, function: Function
) -> None:
    await calls.call(project, Asked(function_id=function.pk, input="x"))
    await db(revising.delete, function)
    with pytest.raises(FunctionNotFound):
        await calls.call_later(project, Asked(function_id=function.pk, input="x"))
