"""/v2/spans/{id}/feedback and save_examples."""

from typing import Any

import pytest

from functions.models import DatasetExample, EvaluationPolicy, Function
from traces.evaluation_models import Feedback

TASK = {"name": "kb", "instructions": "Answer.", "input": {"question": "Which?"}, "model": "rehearsal/echo"}


@pytest.fixture
def span_id(api: Any) -> str:
    span_id: str = api.post("/v2/call", TASK).json()["span_id"]
    return span_id


def test_feedback_is_kept_and_shown_with_the_span(api: Any, span_id: str) -> None:
    response = api.post(f"/v2/spans/{span_id}/feedback", {"score": 0.25, "comment": "Too long"})
    assert response.status_code == 200, response.content
    assert response.json() == {"span_id": span_id, "score": 0.25, "example_saved": False, "comment": "Too long"}
    assert api.get(f"/v2/spans/{span_id}").json()["feedback"] == {"score": 0.25, "comment": "Too long"}
    # Behind one key there may be many people.
    api.post(f"/v2/spans/{span_id}/feedback", {"score": 1})
    assert Feedback.objects.count() == 2
    assert api.get(f"/v2/spans/{span_id}").json()["feedback"] == {"score": 1, "comment": None}


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"score": 1.5}, "score"),
        ({"score": -0.1}, "score"),
        ({"score": "1"}, "score"),
        ({"score": True}, "score"),
        ({}, "score"),
        ({"score": None}, "score"),
        ({"score": 1, "comment": 7}, "comment"),
        ({"score": 1, "save_to_dataset": "yes"}, "save_to_dataset"),
    ],
)
def test_what_is_wrong_is_named(api: Any, span_id: str, body: dict[str, Any], loc: str) -> None:
    response = api.post(f"/v2/spans/{span_id}/feedback", body)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", loc]
    assert not Feedback.objects.exists()


def test_save_to_dataset_forces_forbids_or_leaves_it_to_the_rule(api: Any, span_id: str) -> None:
    path = f"/v2/spans/{span_id}/feedback"
    assert api.post(path, {"score": 1}).json()["example_saved"] is False
    EvaluationPolicy.objects.create(function=Function.objects.get(), examples_from_good=True)
    assert api.post(path, {"score": 1, "save_to_dataset": False}).json()["example_saved"] is False
    assert api.post(path, {"score": 0}).json()["example_saved"] is False
    assert not DatasetExample.objects.exists()
    assert api.post(path, {"score": 1, "save_to_dataset": None}).json()["example_saved"] is True
    assert api.post(path, {"score": 0, "save_to_dataset": True}).json()["example_saved"] is True
    # The same completion is one example.
    assert DatasetExample.objects.count() == 1


def test_save_examples_puts_input_and_output_into_the_functions_dataset(api: Any, span_id: str) -> None:
    response = api.post(f"/v2/spans/{span_id}/save_examples")
    assert response.status_code == 201, response.content
    saved, function = response.json(), Function.objects.get()
    assert saved["dataset_id"] == str(function.dataset_id)
    entry = api.get(f"/v2/datasets/{saved['dataset_id']}/entries/{saved['dataset_entry_id']}").json()
    assert entry["input"] == saved["input"] == '{"question":"Which?"}'
    assert entry["output"] == saved["output"]
    assert (saved["expected"], saved["comment"]) == (None, None)
    assert DatasetExample.objects.get().source == "trace"


def test_a_span_without_a_function_or_without_an_output_is_no_example(
    api: Any, use_upstream: Any, span_id: str
) -> None:
    use_upstream()
    own = api.post("/v2/spans", {"name": "step", "input": "a", "output": "b"}).json()["id"]
    assert api.post(f"/v2/spans/{own}/save_examples").status_code == 404
    failed = api.post("/v2/call", {**TASK, "model": "fake/fail-401"}).headers["X-Opper-Span-Id"]
    assert api.post(f"/v2/spans/{failed}/save_examples").status_code == 400
    # An opinion counts all the same.
    said = api.post(f"/v2/spans/{own}/feedback", {"score": 1, "save_to_dataset": True})
    assert (said.status_code, said.json()["example_saved"]) == (200, False)
    Function.objects.all().delete()
    assert api.post(f"/v2/spans/{span_id}/save_examples").status_code == 404


def test_a_stranger_finds_nothing(other_api: Any, span_id: str) -> None:
    assert other_api.post(f"/v2/spans/{span_id}/feedback", {"score": 1}).status_code == 404
    assert other_api.post(f"/v2/spans/{span_id}/save_examples").status_code == 404
    assert not Feedback.objects.exists()
    assert not DatasetExample.objects.exists()
