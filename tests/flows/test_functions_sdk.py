"""Functions, revisions and datasets by the real SDK against the real server: the seed's "Managing tasks at scale", and
every other call that the SDK has for them. Raw JSON is looked at where the SDK hides a wrong type.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from opperai import Opper, errors
from pydantic import BaseModel, Field

from functions.models import DatasetExample, Function
from traces.models import Span

pytestmark = pytest.mark.network_threads


class KBQueryInput(BaseModel):
    facts: list[str] = Field(description="Standalone facts to answer from")
    question: str = Field(description="The question to answer")


class KBQueryOutput(BaseModel):
    thoughts: str = Field(description="Elaborate step-by-step reasoning")
    answer: str = Field(
        description="Concise answer to the question starting with 'The answer to the question is '",
        pattern=r"^The answer to the question is [A-Za-z0-9\s ]+$",
    )


INPUT = {
    "facts": [
        "Jupiter is the largest planet in the Solar System.",
        "The Great Red Spot is a giant storm on Jupiter.",
        "Saturn possesses the most extensive ring system in the Solar System.",
    ],
    "question": "What planet has the largest ring system?",
}
# The three that are near to the seed's question, and others.
NEAR = [
    ("Which planet possesses the most extensive rings?", "Saturn"),
    ("What ring system in the Solar System is the largest?", "that of Saturn"),
    ("Is Jupiter the largest planet?", "Yes it is"),
]
FAR = [
    ("How long does sourdough bread rise?", "Four hours"),
    ("Where can an invoice be downloaded?", "In the account"),
    ("Who wrote the letters to the editor?", "Nobody knows"),
    ("When does the train to Bergen leave?", "At noon"),
]


@pytest.fixture
def opper(server: str, key: str, use_upstream: Any) -> Any:
    use_upstream()
    return Opper(http_bearer=key, server_url=f"{server}/v2")


@pytest.fixture
def raw(server: str, key: str) -> Iterator[httpx.Client]:
    """The same server without an SDK between."""
    with httpx.Client(base_url=f"{server}/v2", headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


def create(opper: Any, **fields: Any) -> Any:
    task = {
        "name": "mini_kb_query2",
        "instructions": "Given the list of bullet-point facts, answer the question.",
        "input_schema": KBQueryInput.model_json_schema(),
        "output_schema": KBQueryOutput.model_json_schema(),
        "configuration": {"invocation.few_shot.count": 3},
    }
    return opper.functions.create(**task | fields)


def answer(text: str) -> dict[str, str]:
    return {"thoughts": "As the facts say.", "answer": f"The answer to the question is {text}"}


def test_tasks_are_managed_at_scale_as_the_seed_has_it(opper: Any, settings: Any, upstream: Any) -> None:
    settings.DEFAULT_MODEL = "fake/rings"
    upstream.script("rings", answer("Saturn"))
    function = create(opper)
    for question, text in [*FAR[:2], *NEAR, *FAR[2:]]:
        task_input = {"facts": ["Planets have rings."], "question": question}
        opper.datasets.create_entry(dataset_id=function.dataset_id, input=task_input, output=answer(text))

    function = opper.functions.get(function_id=function.id)
    response = opper.functions.call(
        function_id=function.id,
        input={
            "facts": [
                "Jupiter is the largest planet in the Solar System.",
                "The Great Red Spot is a giant storm on Jupiter.",
                "Saturn possesses the most extensive ring system in the Solar System.",
            ],
            "question": "What planet has the largest ring system?",
        },
    )

    assert response.json_payload == answer("Saturn")
    assert list(response.json_payload) == ["thoughts", "answer"]
    assert response.message is None
    prompt = json.dumps(upstream.requests[-1].json["messages"])
    assert "Given the list of bullet-point facts, answer the question." in prompt
    assert [question in prompt for question, _ in NEAR] == [True] * 3
    assert [question in prompt for question, _ in FAR] == [False] * 4
    assert all(text in prompt for _, text in NEAR)
    span = Span.objects.select_related("body").get(id=response.span_id)
    assert (span.name, span.body.output) == ("mini_kb_query2", answer("Saturn"))
    assert len(span.body.request["few_shot"]) >= 1
    assert {example["input"]["question"] for example in span.body.request["examples"]} == {one for one, _ in NEAR}


def test_what_was_given_comes_back(opper: Any, raw: httpx.Client) -> None:
    model = [{"name": "fake/echo", "options": {"temperature": 0.1}}, "rehearsal/echo"]
    function = create(opper, description="Answers", model=model)
    again = opper.functions.get(function_id=function.id)
    assert again.model_dump() == function.model_dump()
    assert (again.name, again.description, again.observer_enabled) == ("mini_kb_query2", "Answers", True)
    assert again.input_schema == KBQueryInput.model_json_schema()
    assert again.output_schema == KBQueryOutput.model_json_schema()
    assert again.configuration.model_dump(by_alias=True) == {
        "invocation.few_shot.count": 3,
        "invocation.structured_generation.max_attempts": 5,
        "invocation.cache.ttl": 0,
        "beta.invocation.input_validation.enabled": False,
        "beta.invocation.xml_mode.enabled": False,
    }
    sent = raw.get(f"/functions/{function.id}").json()
    assert sent["model"] == model
    assert sent["configuration"].keys() == again.configuration.model_dump(by_alias=True).keys()
    assert list(sent["output_schema"]["properties"]) == ["thoughts", "answer"]


@pytest.mark.parametrize("name", ["team/planets/mini kb", "plain", "a.b-c_d/e"])
def test_a_function_is_found_by_its_name_whatever_it_holds(opper: Any, raw: httpx.Client, name: str) -> None:
    function = create(opper, name=name)
    assert opper.functions.get_by_name(name=name).id == function.id
    assert raw.get(f"/functions/by-name/{name.replace('/', '%2F')}").json()["id"] == function.id
    with pytest.raises(errors.NotFoundError):
        opper.functions.get_by_name(name=f"{name}/x")


def test_functions_are_listed_changed_and_deleted(opper: Any, raw: httpx.Client) -> None:
    first = create(opper)
    second = create(opper, name="other", model="fake/echo")
    listed = opper.functions.list()
    assert listed.meta.total_count == 2
    assert [one.id for one in listed.data] == [second.id, first.id]
    assert [one.revision_id for one in listed.data] == [second.revision_id, first.revision_id]
    assert [one.id for one in opper.functions.list(name="kb_query", sort="name", limit=1, offset=0).data] == [first.id]
    row = raw.get("/functions").json()["data"][0]
    assert {name: type(value).__name__ for name, value in row.items()} == {
        "id": "str", "name": "str", "revision_id": "str", "description": "NoneType", "instructions": "str",
        "model": "str",
    }  # fmt: skip

    changed = opper.functions.update(
        function_id=first.id, description="d", configuration={"invocation.cache.ttl": 7, "own": 1}
    )
    assert changed.revision_id != first.revision_id
    assert (changed.description, changed.instructions) == ("d", first.instructions)
    assert changed.configuration.invocation_cache_ttl == 7
    assert changed.output_schema == first.output_schema
    emptied = opper.functions.update(function_id=first.id, output_schema=None, description=None)
    assert (emptied.output_schema, emptied.description) == (None, None)
    assert emptied.configuration.invocation_cache_ttl == 7

    assert opper.functions.delete(function_id=first.id) is None
    for gone in (
        lambda: opper.functions.get(function_id=first.id),
        lambda: opper.functions.get_by_name(name=first.name),
        lambda: opper.functions.call(function_id=first.id, input=INPUT),
        lambda: opper.functions.delete(function_id=first.id),
    ):
        with pytest.raises(errors.NotFoundError):
            gone()
    assert create(opper).id != first.id


def test_errors_are_the_sdks_own(opper: Any, server: str) -> None:
    function = create(opper)
    other = create(opper, name="other")
    with pytest.raises(errors.ConflictError) as taken:
        create(opper)
    assert taken.value.data.type == "ConflictError"
    with pytest.raises(errors.APIError) as renamed:
        opper.functions.update(function_id=other.id, name=function.name)
    assert renamed.value.status_code == 409
    with pytest.raises(errors.RequestValidationError):
        create(opper, name="x" * 300)
    with pytest.raises(errors.RequestValidationError):
        create(opper, name="y", output_schema={"type": "nonsense"})
    with pytest.raises(errors.RequestValidationError):
        opper.functions.get(function_id="nonsense")
    with pytest.raises(errors.RequestValidationError):
        opper.functions.list(limit=101)
    with pytest.raises(errors.UnauthorizedError):
        create(Opper(http_bearer="op-wrong", server_url=f"{server}/v2"))


def test_revisions_are_listed_read_and_called(opper: Any, raw: httpx.Client) -> None:
    function = create(opper, output_schema=None, model="fake/echo", instructions="First.")
    opper.functions.update(function_id=function.id, instructions="Second.")
    listed = opper.functions.revisions.list(function_id=function.id)
    assert listed.meta.total_count == 2
    assert [one.configuration["instructions"] for one in listed.data] == ["Second.", "First."]
    assert listed.data[1].id == function.revision_id
    assert len(opper.functions.revisions.list(function_id=function.id, limit=1, offset=1).data) == 1
    row = raw.get(f"/functions/{function.id}/revisions").json()["data"][0]
    assert isinstance(row["configuration"], dict)
    assert datetime.fromisoformat(row["created_at"]).utcoffset() is not None

    old = opper.functions.get_by_revision(function_id=function.id, revision_id=function.revision_id)
    assert (old.instructions, old.revision_id) == ("First.", function.revision_id)
    called = {"newest": opper.functions.call(function_id=function.id, input="x")}
    called["old"] = opper.functions.call_revision(
        function_id=function.id, revision_id=function.revision_id, input="x", tags={"env": "t"}
    )
    told = {name: Span.objects.select_related("body").get(id=one.span_id) for name, one in called.items()}
    assert {name: span.body.instructions for name, span in told.items()} == {"newest": "Second.", "old": "First."}
    assert told["old"].tags == {"env": "t"}


def test_functions_are_streamed(opper: Any) -> None:
    schema = {
        "type": "object",
        "properties": {"planet": {"type": "string"}, "moons": {"type": "integer"}, "is_large": {"type": "boolean"}},
        "required": ["planet", "moons", "is_large"],
    }
    function = create(opper, output_schema=None, input_schema=None, model="rehearsal/echo")
    response = opper.functions.stream(function_id=function.id, input="hello there", tags={"env": "t"})
    events = [event.data for event in response.result]
    span = Span.objects.select_related("body").get(id=events[0].span_id)
    assert "".join(event.delta for event in events if event.delta) == span.body.output
    # Numbers and truths would raise in the SDK, were they not texts.
    opper.functions.update(function_id=function.id, output_schema=schema)
    response = opper.functions.stream(function_id=function.id, input="hello there")
    events = [event.data for event in response.result]
    output = Span.objects.select_related("body").get(id=events[0].span_id).body.output
    joined = "".join(event.delta for event in events if event.delta)
    assert joined == f"{output['planet']}{output['moons']}{json.dumps(output['is_large'])}"
    response = opper.functions.stream_revision(
        function_id=function.id, revision_id=function.revision_id, input="hello there"
    )
    events = [event.data for event in response.result]
    assert Span.objects.get(id=events[0].span_id).revision_number == 1
    with pytest.raises(errors.NotFoundError):
        opper.functions.stream_revision(function_id=function.id, revision_id=function.id, input="x")


def test_entries_of_a_dataset(opper: Any, raw: httpx.Client) -> None:
    dataset_id = create(opper).dataset_id
    made = opper.datasets.create_entry(dataset_id=dataset_id, input=INPUT, output=answer("Saturn"), comment="c")
    assert (made.input, made.comment) == (json.dumps(INPUT, separators=(",", ":")), "c")
    entry = opper.datasets.get_entry(dataset_id=dataset_id, entry_id=made.id)
    assert entry.model_dump() == made.model_dump()
    changed = opper.datasets.entries.update(dataset_id=dataset_id, entry_id=made.id, expected=answer("Jupiter"))
    assert json.loads(changed.expected) == answer("Jupiter")
    assert (changed.input, changed.comment) == (made.input, "c")
    opper.datasets.create_entry(dataset_id=dataset_id, input="When does the train leave?", output="At noon")
    listed = opper.datasets.list_entries(dataset_id=dataset_id)
    assert (listed.meta.total_count, listed.data[0].id) == (2, made.id)
    found = opper.datasets.query_entries(dataset_id=dataset_id, query="planet with the largest ring system", limit=1)
    assert [one.id for one in found] == [made.id]
    rows = [raw.get(f"/datasets/{dataset_id}/entries").json()["data"][0]]
    rows += raw.post(f"/datasets/{dataset_id}/entries/query?query=planet").json()
    rows.append(raw.get(f"/datasets/{dataset_id}/entries/{made.id}").json())
    for row in rows:
        assert row.keys() == {"id", "input", "output", "expected", "comment"}
        assert isinstance(row["input"], str)
        assert isinstance(row["output"], str)
        assert isinstance(row["expected"], str | None)
    assert DatasetExample.objects.get(id=made.id).input == INPUT
    assert opper.datasets.delete_entry(dataset_id=dataset_id, entry_id=made.id) is None
    with pytest.raises(errors.NotFoundError):
        opper.datasets.get_entry(dataset_id=dataset_id, entry_id=made.id)
    with pytest.raises(errors.NotFoundError):
        opper.datasets.list_entries(dataset_id=str(Function.objects.get().pk))


def test_a_function_answers_by_an_alias_and_by_a_custom_model(opper: Any, upstream: Any) -> None:
    assert opper.language_models.list().meta.total_count > 0
    own = opper.language_models.register_custom(
        name="team/own", identifier="fake/own", extra={"api_base": upstream.url}, api_key="top-secret-key"
    )
    assert opper.language_models.get_custom(model_id=own.id).name == "team/own"
    opper.language_models.create_alias(name="careful", fallback_models=["fake/fail-500", "team/own"])
    upstream.script("own", "Saturn", "Jupiter")
    for model, text in (("team/own", "Saturn"), ("careful", "Jupiter")):
        function = create(opper, name=model, model=model, output_schema=None)
        assert opper.functions.call(function_id=function.id, input=INPUT).message == text
    assert opper.functions.get_by_name(name="careful").model == "careful"
