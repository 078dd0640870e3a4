"""POST /v2/call: what goes in, what comes out, what is kept, how it fails."""

import json
import uuid
from typing import Any

import pytest

from functions.models import Completion, Function, Revision
from tests.upstream import failure
from traces.models import Attempt, AttemptBody, Span, Status, Trace

ANSWER = {
    "type": "object",
    "properties": {"thoughts": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["thoughts", "answer"],
}
TASK = {
    "name": "mini_kb_query",
    "instructions": "Answer from the facts.",
    "input": {"facts": ["Jupiter is large."], "question": "Which planet is large?"},
    "output_schema": ANSWER,
    "model": "rehearsal/echo",
}
KEYS = {"span_id", "message", "json_payload", "cached", "images", "audio", "usage", "cost"}


def test_a_structured_answer_has_every_key_and_fits_the_schema(api: Any) -> None:
    response = api.post("/v2/call", {**TASK, "tags": {"env": "production"}})
    assert response.status_code == 200, response.content
    answer = response.json()
    assert set(answer) == KEYS
    assert answer["message"] is None
    assert set(answer["json_payload"]) == {"thoughts", "answer"}
    assert answer["cached"] is False
    span = Span.objects.select_related("body", "trace").get(id=answer["span_id"])
    assert span.body.output == answer["json_payload"]
    assert span.body.input == TASK["input"]
    assert (span.status, span.name, span.tags) == ("ok", "mini_kb_query", {"env": "production"})
    assert span.trace.status == Status.OK


def test_a_text_answer_stands_in_message(api: Any) -> None:
    answer = api.post("/v2/call", {"name": "greet", "input": "hello", "model": "rehearsal/echo"}).json()
    assert isinstance(answer["message"], str)
    assert answer["message"]
    assert answer["json_payload"] is None


def test_each_attempt_keeps_the_exact_exchange_without_secrets(api: Any, upstream: Any, use_upstream: Any) -> None:
    use_upstream()
    span_id = api.post("/v2/call", {**TASK, "model": "fake/echo"}).json()["span_id"]
    attempt = Attempt.objects.select_related("body").get(span__id=span_id)
    sent = upstream.requests[-1]
    assert attempt.body.request_body == sent.body.decode()
    assert json.loads(attempt.body.response_body)["choices"]
    assert "top-secret" not in json.dumps([attempt.body.request_headers, attempt.body.response_headers])
    assert attempt.outcome == "accepted"
    assert attempt.input_tokens
    assert attempt.output_tokens
    assert attempt.first_byte_ms is not None
    assert attempt.duration_ms is not None
    assert attempt.cost_usd is None
    assert Span.objects.get(id=span_id).is_priced is False


def test_a_wrong_answer_is_sent_back_with_what_was_wrong(api: Any, upstream: Any, use_upstream: Any) -> None:
    use_upstream()
    response = api.post("/v2/call", {**TASK, "model": "fake/flaky-schema-2"})
    assert response.status_code == 200, response.content
    span = Span.objects.get(id=response.json()["span_id"])
    attempts = list(span.attempts.all())
    assert [attempt.outcome for attempt in attempts] == ["rejected", "rejected", "accepted"]
    assert attempts[0].problems
    assert attempts[0].problems[0]["message"]
    assert attempts[1].is_repair
    assert (span.status, span.attempt_count) == (Status.RECOVERED, 3)
    messages = AttemptBody.objects.get(attempt=attempts[1]).messages
    assert "added by retry" in [message.get("note") for message in messages]


def test_a_list_of_models_is_tried_in_order(api: Any, use_upstream: Any) -> None:
    use_upstream()
    models = [{"name": "fake/fail-401"}, "rehearsal/echo"]
    answer = api.post("/v2/call", {**TASK, "model": models}).json()
    span = Span.objects.get(id=answer["span_id"])
    assert [attempt.requested_model for attempt in span.attempts.all()] == ["fake/fail-401", "rehearsal/echo"]
    assert span.model == "rehearsal/echo"
    assert span.requested_model == "fake/fail-401"


@pytest.mark.parametrize(
    ("model", "status", "type_", "kind"),
    [
        ("fake/fail-401", 502, "ProviderError", "credentials"),
        ("fake/fail-429", 429, "RateLimitError", "rate_limit"),
        ("fake/fail-500", 502, "ProviderError", "server_error"),
        ("fake/html", 502, "ProviderError", "bad_reply"),
        ("fake/cut", 502, "ProviderError", "bad_reply"),
        ("fake/bad-schema", 400, "StructuredGenerationError", "schema"),
        ("fake/timeout", 502, "ProviderError", "timeout"),
        ("gone/any", 502, "ProviderError", "connection"),
    ],
)
def test_each_failure_is_typed_and_recorded_in_full(
    api: Any, use_upstream: Any, settings: Any, model: str, status: int, type_: str, kind: str
) -> None:
    use_upstream()
    settings.PROVIDER_TIMEOUT_S = 1
    configuration = {"invocation.structured_generation.max_attempts": 2}
    response = api.post("/v2/call", {**TASK, "model": model, "configuration": configuration})
    assert response.status_code == status, response.content
    body = response.json()
    assert body["type"] == type_
    assert body["detail"]
    span = Span.objects.select_related("body", "trace").get(id=response.headers["X-Opper-Span-Id"])
    attempts = list(span.attempts.all())
    assert attempts
    assert all(attempt.error_message and attempt.outcome != "accepted" for attempt in attempts)
    assert attempts[-1].error_kind == kind
    assert (span.status, span.error_kind, span.trace.status) == (Status.ERROR, kind, Status.ERROR)
    assert span.body.input == TASK["input"]
    assert span.trace.error_preview
    assert Completion.objects.get(pk=span.pk).state == "failed"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"retry-after": "20"}, "20"),
        ({"retry-after": "20.2"}, "21"),
        ({"retry-after": "0"}, "0"),
        ({"retry-after": "", "retry-after-ms": "11500"}, "12"),
        ({"retry-after": ""}, None),
    ],
)
def test_a_rate_limit_is_passed_on_with_the_time_to_wait(
    api: Any, upstream: Any, use_upstream: Any, told: dict[str, str], seconds: str | None
) -> None:
    use_upstream()
    upstream.script("first", failure(429, **{"retry-after": "40"}))
    upstream.script("last", *[failure(429, **told)] * 2)
    response = api.post("/v2/call", {**TASK, "model": ["fake/first", "fake/last"]})
    assert (response.status_code, response.json()["type"]) == (429, "RateLimitError")
    assert response.headers.get("Retry-After") == seconds
    assert response.headers["X-Opper-Span-Id"]


def test_another_failure_than_a_rate_limit_names_no_time(api: Any, upstream: Any, use_upstream: Any) -> None:
    use_upstream()
    upstream.script("busy", failure(503, **{"retry-after": "40"}))
    response = api.post("/v2/call", {**TASK, "model": "fake/busy"})
    assert response.status_code == 502
    assert "Retry-After" not in response.headers


@pytest.mark.parametrize("given", ["https://example.com/fox.png", 5, "", ["AAAA"]])
def test_what_is_no_file_in_the_member_for_media_is_refused_before_anything_is_made(api: Any, given: Any) -> None:
    response = api.post("/v2/call", {**TASK, "input": {"pictures": [{"_opper_media_input": given}]}})
    assert response.status_code == 422, response.content
    (problem,) = response.json()["detail"]
    assert problem["loc"] == ["body", "input", "pictures", 0, "_opper_media_input"]
    assert "data URL" in problem["msg"]
    assert not Trace.objects.exists()


def test_a_call_hangs_under_its_parent(api: Any) -> None:
    parent = api.post("/v2/spans", {"name": "agent"}).json()
    answer = api.post("/v2/call", {**TASK, "parent_span_id": parent["id"]}).json()
    trace = api.get(f"/v2/traces/{parent['trace_id']}").json()
    assert [span["id"] for span in trace["spans"]] == [parent["id"], answer["span_id"]]
    data = trace["spans"][1]["data"]
    assert (data["model"], data["function"]) == ("rehearsal/echo", "mini_kb_query")
    assert trace["spans"][1]["type"] == "generation"
    assert data["generation_id"]
    assert isinstance(data["total_tokens"], int)


def test_calls_make_a_revision_for_each_new_definition_and_none_for_an_old_one(api: Any) -> None:
    for instructions in ("One.", "Two.", "One.", "Two."):
        api.post("/v2/call", {**TASK, "instructions": instructions})
    api.post("/v2/call", {"name": TASK["name"], "input": TASK["input"]})
    assert [revision.number for revision in Revision.objects.order_by("number")] == [1, 2]
    assert Function.objects.get().completions.count() == 5


def test_a_call_with_a_name_alone_uses_what_is_stored(api: Any) -> None:
    api.post("/v2/call", TASK)
    answer = api.post("/v2/call", {"name": TASK["name"], "input": TASK["input"]}).json()
    assert set(answer["json_payload"]) == {"thoughts", "answer"}


def test_the_order_of_a_schemas_fields_reaches_the_model(api: Any, upstream: Any, use_upstream: Any) -> None:
    use_upstream()
    properties = {"z_first": {"type": "string"}, "a_second": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": ["z_first", "a_second"]}
    api.post("/v2/call", {**TASK, "model": "fake/echo", "output_schema": schema})
    sent = upstream.requests[-1].body.decode()
    assert sent.index("z_first") < sent.index("a_second")


def test_input_is_checked_where_the_configuration_says_so(api: Any) -> None:
    schema = {"type": "object", "properties": {"question": {"type": "string"}}, "required": ["question"]}
    configuration = {"beta.invocation.input_validation.enabled": True}
    task = {**TASK, "input_schema": schema, "input": {"question": 5}, "configuration": configuration}
    response = api.post("/v2/call", task)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "input", "question"]
    assert not Span.objects.exists()
    assert api.post("/v2/call", {**task, "configuration": {}, "name": "unchecked"}).status_code == 200


CATASTROPHIC = {"type": "object", "properties": {"a": {"type": "string", "pattern": "(a+)+$"}}}


@pytest.mark.parametrize(
    ("fields", "status", "loc"),
    [
        ({"name": None}, 422, ["body", "name"]),
        ({"name": 5}, 422, ["body", "name"]),
        ({"name": " "}, 422, ["body", "name"]),
        ({"name": "x" * 300}, 422, ["body", "name"]),
        ({"instructions": 5}, 422, ["body", "instructions"]),
        ({"output_schema": "x"}, 422, ["body", "output_schema"]),
        ({"output_schema": {"type": "nonsense"}}, 422, ["body", "output_schema"]),
        ({"output_schema": {"$ref": "file:///etc/passwd"}}, 422, ["body", "output_schema"]),
        ({"output_schema": {"$ref": "http://127.0.0.1:1/x.json"}}, 422, ["body", "output_schema"]),
        ({"output_schema": {"$ref": "#/$defs/none"}}, 422, ["body", "output_schema"]),
        ({"input_schema": {"properties": {"a": {"$ref": "other.json"}}}}, 422, ["body", "input_schema"]),
        ({"output_schema": {"description": "x" * 600_000}}, 422, ["body", "output_schema"]),
        ({"model": 5}, 422, ["body", "model"]),
        ({"model": []}, 422, ["body", "model"]),
        ({"model": [{"options": {}}]}, 422, ["body", "model"]),
        ({"configuration": []}, 422, ["body", "configuration"]),
        ({"configuration": {"invocation.structured_generation.max_attempts": "many"}}, 422, ["body", "configuration"]),
        ({"examples": "x"}, 422, ["body", "examples"]),
        ({"examples": [{"input": 1}]}, 422, ["body", "examples"]),
        ({"tags": {"a": 5}}, 422, ["body", "tags"]),
        ({"tags": {str(n): "" for n in range(200)}}, 422, ["body", "tags"]),
        ({"parent_span_id": "x"}, 422, ["body", "parent_span_id"]),
        ({"parent_span_id": str(uuid.uuid4())}, 404, None),
        ({"model": "nobody/model"}, 404, None),
        ({"model": "model-without-provider"}, 404, None),
        ({"background": "yes"}, 422, ["body", "background"]),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_made(
    api: Any, fields: dict[str, Any], status: int, loc: list[str] | None
) -> None:
    response = api.post("/v2/call", {**TASK, **fields})
    assert response.status_code == status, response.content
    if loc:
        assert response.json()["detail"][0]["loc"][:2] == loc
    assert not Trace.objects.exists()
    assert not Function.objects.exists()


def test_a_catastrophic_pattern_does_not_hang(api: Any, use_upstream: Any, upstream: Any) -> None:
    use_upstream()
    upstream.script("evil", json.dumps({"a": "a" * 50_000 + "!"}))
    response = api.post("/v2/call", {**TASK, "output_schema": CATASTROPHIC, "model": "fake/evil"})
    assert response.status_code in (200, 400, 422, 502)
    assert response.json()


def test_a_body_in_utf8_with_any_character_comes_back(api: Any) -> None:
    text = "Stormen är bredare än jorden 🪐 \u202e\u2028 <script>alert(1)</script>"
    answer = api.post("/v2/call", {"name": "échø/ñ", "input": text, "model": "rehearsal/echo"}).json()
    assert Span.objects.select_related("body").get(id=answer["span_id"]).body.input == text


def test_the_span_of_a_call_reads_back_over_the_api(api: Any) -> None:
    answer = api.post("/v2/call", TASK).json()
    span = api.get(f"/v2/spans/{answer['span_id']}").json()
    assert span["output"] == answer["json_payload"]
    assert span["status"] == "success"


def test_two_projects_have_functions_of_the_same_name(api: Any, other_api: Any) -> None:
    for one in (api, other_api):
        assert one.post("/v2/call", TASK).status_code == 200
    assert Function.objects.count() == 2
