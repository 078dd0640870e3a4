"""POST /v2/call by the real SDK against the real server: the seed's first example, tags, spans, typed errors."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from opperai import Opper, errors
from pydantic import BaseModel, Field

from opperweb.accounts.models import ApiKey, Project
from traces.models import Span, Trace

pytestmark = pytest.mark.network_threads


class KBQueryInput(BaseModel):
    facts: list[str] = Field(description="Standalone facts to answer from")
    question: str = Field(description="The question to answer")


class KBQueryOutput(BaseModel):
    thoughts: str = Field(description="Elaborate step-by-step reasoning")
    answer: str = Field(description="Concise answer to the question")


INPUT = {
    "facts": [
        "Jupiter is the largest planet in the Solar System.",
        "The Great Red Spot is a giant storm on Jupiter.",
        "Saturn possesses the most extensive ring system in the Solar System.",
    ],
    "question": "Which planet hosts the Great Red Spot?",
}


@pytest.fixture
def opper(server: str) -> Opper:
    project = Project.objects.create(slug="acme", name="Acme")
    secret = ApiKey.objects.make(project, "sdk")[1]
    return Opper(http_bearer=secret, server_url=f"{server}/v2")


def call(opper: Any, **fields: Any) -> Any:
    return opper.call(
        name="mini_kb_query",
        instructions="Given the list of bullet-point facts, answer the question.",
        input_schema=KBQueryInput,
        output_schema=KBQueryOutput,
        input=INPUT,
        **fields,
    )


def test_the_seeds_first_example_answers_with_data_of_its_shape(opper: Any) -> None:
    response = call(opper, model="rehearsal/echo", tags={"user": "company_123", "env": "production"})
    assert set(response.json_payload) == {"thoughts", "answer"}
    assert response.message is None
    assert response.cached is False
    assert response.images is None
    span = Span.objects.select_related("body").get(id=response.span_id)
    assert span.tags == {"user": "company_123", "env": "production"}
    assert span.body.input == INPUT


def test_spans_of_the_sdk_build_a_trace_with_completions_inside(opper: Any) -> None:
    root = opper.spans.create(name="agent", input="hello")
    step = opper.spans.create(name="step", parent_id=root.id, type="tool")
    response = call(opper, model="rehearsal/echo", parent_span_id=step.id, tags={"env": "x"})
    opper.spans.update(span_id=step.id, output="done")
    opper.spans.update(span_id=root.id, output="bye")
    trace_id = str(Trace.objects.get().id)
    trace = opper.traces.get(trace_id=trace_id)
    assert trace.status == "success"
    assert [span.name for span in trace.spans] == ["agent", "step", "mini_kb_query"]
    completion = trace.spans[2]
    assert completion.id == response.span_id
    assert completion.parent_id == step.id
    assert completion.data.tags == ["env:x"]
    assert completion.data.total_tokens > 0
    listed = opper.traces.list(name="AGENT")
    assert (listed.meta.total_count, listed.data[0].output) == (1, "bye")
    opper.spans.delete(span_id=step.id)
    with pytest.raises(errors.NotFoundError):
        opper.spans.get(span_id=step.id)


def test_errors_are_the_sdks_own(opper: Any, server: str) -> None:
    with pytest.raises(errors.NotFoundError):
        call(opper, model="nobody/model")
    with pytest.raises(errors.NotFoundError):
        call(opper, parent_span_id=str(uuid.uuid4()))
    with pytest.raises(errors.RequestValidationError):
        opper.call(name="x", output_schema={"type": "nonsense"}, input=1)
    with pytest.raises(errors.UnauthorizedError):
        call(Opper(http_bearer="op-wrong", server_url=f"{server}/v2"))
    with pytest.raises(errors.APIError) as caught:
        call(opper, model="rehearsal/fail-429")
    assert caught.value.status_code == 429
