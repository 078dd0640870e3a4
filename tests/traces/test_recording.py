"""Spans are written as they happen, and their trace adds up whatever the order."""

import random
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from opperweb.accounts.models import Project
from traces import recording, totals
from traces.models import Kind, Span, Status, Trace, TraceFacet

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
TOTALS = [f"{name}_count" for name in totals.COUNTED] + [
    "input_tokens", "output_tokens", "cost_usd", "model_usage", "status", "name", "started_at", "ended_at",
    "duration_ms", "score", "score_sum", "root_key", "input_preview", "output_preview", "error_preview",
]  # fmt: skip


def test_a_span_without_a_parent_begins_a_trace_and_names_it(project: Project) -> None:
    span = recording.start(project, "agent", body={"input": {"question": "How far?"}})
    trace = Trace.objects.get()
    assert (trace.name, trace.status, trace.span_count, trace.running_count) == ("agent", "running", 1, 1)
    assert trace.input_preview == "How far?"
    assert span.trace == trace


def test_a_child_joins_the_trace_of_its_parent(project: Project) -> None:
    root = recording.start(project, "agent")
    child = recording.start(project, "step", parent_id=root.id)
    assert child.trace_id == root.trace_id
    assert Trace.objects.get().span_count == 2


def test_a_parent_of_another_project_does_not_exist(project: Project, other_project: Project) -> None:
    root = recording.start(other_project, "agent")
    with pytest.raises(recording.ParentNotFound):
        recording.start(project, "step", parent_id=root.id)


def test_two_projects_keep_the_same_ids_apart(project: Project, other_project: Project) -> None:
    span_id, trace_id = uuid.uuid4(), uuid.uuid4()
    for one in (project, other_project):
        recording.start(one, "agent", span_id=span_id, trace_id=trace_id)
    assert Span.objects.filter(id=span_id).count() == 2
    assert Trace.objects.filter(id=trace_id).count() == 2


def test_the_same_span_twice_is_one(project: Project) -> None:
    span_id = uuid.uuid4()
    recording.start(project, "agent", span_id=span_id)
    recording.start(project, "agent, again", span_id=span_id)
    assert Span.objects.get().name == "agent, again"
    assert Trace.objects.get().span_count == 1


def test_an_error_inside_a_good_trace_means_it_recovered(project: Project) -> None:
    root = recording.start(project, "agent")
    child = recording.start(project, "search", parent_id=root.id)
    recording.change(child, status=Status.ERROR, error_message="timed out", ended_at=child.started_at)
    assert Trace.objects.get().status == Status.RUNNING
    recording.change(root, status=Status.OK, ended_at=root.started_at)
    trace = Trace.objects.get()
    assert (trace.status, trace.error_count, trace.error_preview) == (Status.RECOVERED, 1, "")


def test_a_trace_is_found_by_the_tags_and_models_of_its_spans(project: Project) -> None:
    root = recording.start(project, "agent", tags={"env": "production"})
    recording.start(
        project, "call", parent_id=root.id, kind=Kind.LLM, model="a/x", tags={"env": "production", "n": "1"}
    )
    facets = {(facet.facet, facet.key, facet.value) for facet in TraceFacet.objects.all()}
    assert facets == {("tag", "env", "production"), ("tag", "n", "1"), ("model", "", "a/x")}
    assert Trace.objects.get().tags == [["env", "production"], ["n", "1"]]


def test_a_tag_of_any_length_is_kept_and_findable(project: Project) -> None:
    recording.start(project, "agent", tags={"long": "x" * 5000})
    assert len(TraceFacet.objects.get().value) == 512
    assert Span.objects.get().tags == {"long": "x" * 5000}


def test_removing_the_last_span_removes_the_trace(project: Project) -> None:
    root = recording.start(project, "agent", tags={"a": "1"})
    child = recording.start(project, "step", parent_id=root.id, tags={"b": "2"})
    recording.delete(child)
    assert Trace.objects.get().tags == [["a", "1"]]
    recording.delete(root)
    assert not Trace.objects.exists()


@pytest.mark.parametrize("seed", range(5))
def test_totals_kept_step_by_step_equal_a_recount(project: Project, seed: int) -> None:
    chance = random.Random(seed)
    spans = [recording.start(project, "root", started_at=START)]
    for number in range(30):
        act = chance.choice(["start", "start", "end", "end", "delete"])
        if act == "start" or len(spans) < 2:
            parent = chance.choice(spans)
            spans.append(_started(project, parent, number, chance))
        elif act == "end":
            recording.change(chance.choice(spans), **_end(chance))
        else:
            spans.remove(doomed := chance.choice(spans[1:]))
            recording.delete(doomed)
    trace = Trace.objects.get()
    kept = {name: getattr(trace, name) for name in TOTALS}
    totals.recount(trace)
    assert kept == {name: getattr(trace, name) for name in TOTALS}


def _started(project: Project, parent: Span, number: int, chance: random.Random) -> Span:
    return recording.start(
        project,
        f"span {number}",
        parent_id=parent.id,
        started_at=START + timedelta(seconds=number),
        kind=chance.choice([Kind.LLM, Kind.TOOL, Kind.AGENT]),
        model=chance.choice(["a/x", "b/y", ""]),
    )


def _end(chance: random.Random) -> dict[str, Any]:
    return {
        "status": chance.choice([Status.OK, Status.ERROR, Status.RECOVERED, Status.STOPPED]),
        "ended_at": START + timedelta(seconds=chance.randint(40, 90)),
        "input_tokens": chance.randint(1, 500),
        "output_tokens": chance.randint(1, 500),
        "cost_usd": chance.choice([Decimal("0.0000000001"), Decimal("0.5")]),
        "is_priced": chance.choice([True, False]),
        "score": chance.choice([None, 0, 50, 100]),
        "model": chance.choice(["a/x", "b/y"]),
    }
