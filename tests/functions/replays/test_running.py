"""A replay from its inputs to its last pair: what it takes, runs, foretells, keeps and leaves alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone

from functions import batches, calls, definitions, drafts, opening, orphans, revising
from functions.examples import dataset
from functions.figures import ProjectFigures, last_hours
from functions.models import (
    Batch,
    BatchItem,
    Completion,
    DatasetExample,
    Draft,
    Function,
    PriceRow,
    Replay,
    ReplayItem,
    catalogue_changed,
)
from functions.replays import running as replays
from functions.replays.pairs import FAILED, SAME, pairs_of
from functions.trials.inputs import estimate, find, inputs_of
from functions.trials.running import NothingToRun
from opperweb.accounts.models import Project, User
from tests.functions.replaying import (
    VALUES,
    begin,
    make_draft,
    make_function,
    plan_of,
    recorded,
    revision_of,
    run,
    work_off,
)
from traces.filters import TraceFilter
from traces.models import Origin, Span, Status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def function(project: Project, use_upstream: Callable[[], None], sent: list[str]) -> Function:
    use_upstream()
    return make_function(project)


def only(text: str) -> TraceFilter:
    params = QueryDict(mutable=True)
    params["q"] = text
    return TraceFilter.from_query(params, default_range="all")


def given(plan: Any) -> list[Any]:
    return [each.value for each in inputs_of(plan, find(plan))]


# --- which inputs -----------------------------------------------------------------------------------------------------


def test_the_newest_inputs_of_the_revision_come_each_once(function: Function) -> None:
    for text in ("first", "same", "same", "other", "same"):
        recorded(function, text)
    plan = plan_of(function)
    assert given(plan) == ["same", "other", "first"]
    found = find(plan)
    assert found.repeated == 2
    assert found.oldest is not None
    assert found.newest is not None
    assert found.oldest < found.newest
    assert given(plan_of(function, count=2)) == ["same", "other"]


def test_inputs_that_differ_only_beyond_their_preview_are_two(function: Function) -> None:
    recorded(function, {"text": "x" * 400 + " one"})
    recorded(function, {"text": "x" * 400 + " two"})
    assert len(given(plan_of(function))) == 2


def test_only_live_calls_that_ended_are_taken(function: Function) -> None:
    recorded(function, "live")
    recorded(function, "failed", status=Status.ERROR, error_message="no")
    for origin in (Origin.PLAYGROUND, Origin.REPLAY, Origin.TEST, Origin.EVALUATION):
        recorded(function, f"of {origin}", origin=origin)
    recorded(function, "running", status=Status.RUNNING)
    recorded(function, "stopped", status=Status.STOPPED)
    assert given(plan_of(function)) == ["failed", "live"]


def test_inputs_come_from_the_revision_that_is_asked_for_or_from_any(function: Function, project: Project) -> None:
    first = revision_of(function)
    recorded(function, "to the first", revision=first)
    revising.save(function, {"instructions": "Answer well."})
    recorded(function, "to the second", revision=revision_of(function, 2))
    recorded(make_function(project, "another"), "to another function")
    assert given(plan_of(function, before=first)) == ["to the first"]
    assert given(plan_of(function)) == ["to the second"]
    assert given(plan_of(function, before=None)) == ["to the second", "to the first"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tag:env=production", ["live"]),
        ("-tag:env=production", ["failed", "dear"]),
        ("status:error", ["failed"]),
        ("error:schema", ["failed"]),
        ("score:<50", ["dear"]),
        ("tokens:>1000", ["dear"]),
        ("live", ["live"]),
    ],
)
def test_inputs_are_chosen_in_the_language_of_filters(function: Function, text: str, expected: list[str]) -> None:
    recorded(function, "dear", score=20, input_tokens=5000)
    recorded(function, "live", tags={"env": "production"}, score=90)
    recorded(function, "failed", status=Status.ERROR, error_kind="schema")
    assert given(plan_of(function, only=only(text))) == expected


def test_inputs_that_are_too_long_together_end_the_choice(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.trials.inputs.MOST_CHARACTERS", 100)
    recorded(function, "x" * 500)
    recorded(function, "y" * 60)
    found = find(plan_of(function))
    assert (len(found.keys), found.is_cut, found.repeated) == (1, True, 0)


def test_examples_are_taken_with_their_right_answers_unless_they_fit_no_longer(function: Function) -> None:
    dataset.add(function, {"input": "old", "output": {"answer": "1"}})
    dataset.add(function, {"input": "corrected", "output": {"answer": "2"}, "expected": {"answer": "3"}})
    dataset.add(function, {"input": "misfit", "output": "no object"})
    plan = plan_of(function, source=Replay.Source.DATASET, runs_before=True)
    assert given(plan) == ["corrected", "old"]
    assert find(plan).misfits == 1
    replay = begin(plan)
    assert [item.expected for item in replay.items.order_by("number")] == [{"answer": "3"}, {"answer": "1"}]
    assert replay.before_batch is not None


# --- what it will cost ------------------------------------------------------------------------------------------------


def price(project: Project, model: str, input_usd: int, output_usd: int) -> None:
    PriceRow.objects.create(project=project, model=model, input=input_usd, output=output_usd)
    catalogue_changed(project)
    project.refresh_from_db()


def test_the_same_model_is_foretold_to_cost_what_it_cost(function: Function) -> None:
    for number in range(4):
        recorded(function, number, cost_usd=Decimal("0.02") + number, duration_ms=2000)
    plan = plan_of(function, at_once=2)
    foretold = estimate(plan, find(plan))
    assert (foretold.calls, foretold.cost_usd, foretold.duration_ms) == (4, Decimal("6.08"), 4000)


def test_another_model_is_foretold_by_its_price_for_as_many_tokens(function: Function, project: Project) -> None:
    price(project, "fake/other", 10_000, 100_000)
    function.project = project
    recorded(function, "a", cost_usd=Decimal("0.5"), input_tokens=100, output_tokens=10)
    plan = plan_of(function, after={**VALUES, "model": "fake/other"})
    # 100 × $0.01 + 10 × $0.1
    assert estimate(plan, find(plan)).cost_usd == Decimal(2)
    both = plan_of(function, after={**VALUES, "model": "fake/other"}, runs_before=True)
    assert estimate(both, find(both)).cost_usd == Decimal("2.5")
    assert estimate(both, find(both)).calls == 2


def test_what_is_not_known_is_not_nothing(function: Function) -> None:
    recorded(function, "a", cost_usd=Decimal("0.5"))
    unknown = plan_of(function, after={**VALUES, "model": "fake/without-a-price"})
    assert estimate(unknown, find(unknown)).cost_usd is None
    nowhere = plan_of(function, after={**VALUES, "model": "nobody/nothing"})
    assert estimate(nowhere, find(nowhere)).cost_usd is None
    Span.objects.update(cost_usd=None, duration_ms=None, is_priced=False)
    same = plan_of(function)
    foretold = estimate(same, find(same))
    assert (foretold.cost_usd, foretold.duration_ms) == (None, None)
    rehearsed = plan_of(function, after={**VALUES, "model": "rehearsal/echo"})
    assert estimate(rehearsed, find(rehearsed)).cost_usd == 0


def test_an_answer_from_the_cache_says_nothing_of_costs(function: Function) -> None:
    recorded(function, "kept", cost_usd=Decimal(0), is_cached=True, duration_ms=1)
    recorded(function, "asked", cost_usd=Decimal("0.3"), duration_ms=800)
    plan = plan_of(function, at_once=1)
    foretold = estimate(plan, find(plan))
    assert (foretold.cost_usd, foretold.duration_ms) == (Decimal("0.6"), 1600)


# --- running ----------------------------------------------------------------------------------------------------------


def test_a_draft_is_run_on_what_was_asked_and_each_pair_has_both_answers(
    function: Function, upstream: Any, alice: User, sent: list[str]
) -> None:
    for number in range(3):
        recorded(function, f"question {number}", {"answer": f"old {number}"})
    draft = make_draft(function, alice, instructions="Answer in one word.", model="fake/new")
    upstream.script("new", {"answer": "new 2"}, {"answer": "old 1"}, {"answer": "new 0"})
    plan = plan_of(function, after=draft.definition, is_draft=True, at_once=1)
    replay = run(plan, alice)
    assert sent == [str(replay.after_batch_id)]
    assert replay.before_batch_id is None
    pairs = {pair.number: pair for pair in pairs_of(replay)}
    assert [(pair.input, pair.before.output, pair.after.output) for _, pair in sorted(pairs.items())] == [
        ("question 2", "old 2", "new 2"),
        ("question 1", "old 1", "old 1"),
        ("question 0", "old 0", "new 0"),
    ]
    assert pairs[1].verdict == SAME
    assert all("Answer in one word." in str(request.json) for request in upstream.requests)
    # The draft is nobody else's: no call and no revision came of it.
    assert function.revisions.count() == 1


def test_the_spans_are_marked_and_bear_the_replay(function: Function, alice: User) -> None:
    recorded(function, "a")
    draft = make_draft(function, alice, instructions="Another.")
    replay = run(plan_of(function, after=draft.definition, is_draft=True))
    span = Span.objects.get(origin=Origin.REPLAY)
    assert span.tags == {"replay": str(replay.pk)}
    assert span.function_name == "facts"
    assert span.revision_number is None
    of_revision = run(plan_of(function))
    assert Span.objects.get(tags={"replay": str(of_revision.pk)}).revision_number == 1


def test_no_live_figure_counts_a_replay(function: Function, project: Project) -> None:
    recorded(function, "a", started_at=timezone.now())
    recorded(function, "b", started_at=timezone.now())

    def counted() -> int:
        found = ProjectFigures(project, last_hours(24, timezone.now()))
        return int(found.totals["facts"].calls)

    assert counted() == 2
    replay = run(plan_of(function))
    assert replay.after_batch is not None
    assert replay.after_batch.done_count == 2
    assert counted() == 2
    # And no other replay takes its inputs from it.
    assert len(find(plan_of(function)).keys) == 2


def test_kept_answers_are_not_used_and_none_is_kept(function: Function, upstream: Any) -> None:
    revising.save(function, {"configuration": {"invocation.cache.ttl": 3600}})
    recorded(function, "a")
    for _ in range(2):
        replay = run(plan_of(function))
        assert pairs_of(replay)[0].after.is_cached is False
        # What is saved of it later has the setting all the same.
        assert replay.after_definition["configuration"] == {"invocation.cache.ttl": 3600}
    assert len(upstream.requests) == 2


def test_both_sides_are_run_where_that_is_asked_for(function: Function, upstream: Any, sent: list[str]) -> None:
    first = revision_of(function)
    revising.save(function, {"model": "fake/new"})
    recorded(function, "a", {"answer": "recorded"}, revision=first)
    upstream.script("echo", {"answer": "again"}).script("new", {"answer": "new"})
    replay = run(plan_of(function, before=first, runs_before=True))
    [pair] = pairs_of(replay)
    assert (pair.before.output, pair.after.output) == ("again", "new")
    assert len(sent) == 2


def test_a_failed_input_and_one_that_does_not_fit_count_as_failed(function: Function, upstream: Any) -> None:
    recorded(function, {"n": 1}, {"answer": "1"})
    recorded(function, {"n": "two"}, {"answer": "2"})
    revising.save(
        function,
        {"input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}, "model": "fake/fail-400"},
    )
    first = revision_of(function)
    replay = run(plan_of(function, before=first))
    [one, other] = pairs_of(replay)
    assert (one.verdict, other.verdict) == (FAILED, FAILED)
    assert {one.after.state, other.after.state} == {"failed", "refused"}
    assert all(pair.after.error for pair in (one, other))
    assert len(upstream.requests) == 1


def test_media_are_sent_as_they_were_kept(function: Function, upstream: Any) -> None:
    picture = (
        "data:image/png;base64,"
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    schema = {"type": "object", "properties": {"image": {"type": "string", "_opper_media_input": True}}}
    revising.save(function, {"input_schema": schema})
    recorded(function, {"image": picture}, {"answer": "a dot"})
    run(plan_of(function))
    [request] = upstream.requests
    assert picture in request.body.decode()


def test_an_example_of_the_very_input_stays_out_of_the_prompt(function: Function, upstream: Any) -> None:
    for word in ("red", "green", "blue", "grey"):
        dataset.add(function, {"input": f"the colour {word}", "output": {"answer": f"secret {word}"}})
    replay = run(plan_of(function, source=Replay.Source.DATASET, runs_before=True, count=1))
    item = ReplayItem.objects.get(replay=replay)
    assert item.input_preview == "the colour grey"
    for request in upstream.requests:
        prompt = request.body.decode()
        assert "secret grey" not in prompt
        # As many as the configuration says are there none the less.
        assert all(f"secret {word}" in prompt for word in ("red", "green", "blue"))
    assert DatasetExample.objects.count() == 4


def test_a_live_call_still_sees_the_example_of_its_input(function: Function, upstream: Any) -> None:
    dataset.add(function, {"input": "the colour grey", "output": {"answer": "secret grey"}})
    definitions.forget()
    asked = opening.Asked(name="facts", input="the colour grey")
    batch = batches.create(function.project, asked, ["the colour grey"])
    work_off(batch.pk)
    assert "secret grey" in upstream.requests[0].body.decode()


def test_nothing_is_begun_without_inputs_or_with_a_definition_that_makes_no_sense(function: Function) -> None:
    with pytest.raises(NothingToRun):
        begin(plan_of(function))
    recorded(function, "a")
    with pytest.raises(Exception, match="nowhere"):
        begin(plan_of(function, after={**VALUES, "model": "nowhere/at-all"}))
    assert not Replay.objects.exists()
    assert not Batch.objects.exists()


def test_inputs_that_were_deleted_meanwhile_are_left_out(function: Function) -> None:
    recorded(function, "a")
    gone = recorded(function, "b")
    plan = plan_of(function)
    found = find(plan)
    gone.trace.delete()
    replay = replays.create(plan, found, estimate(plan, found))
    assert replay.total_count == 1


def test_a_recorded_call_that_is_kept_no_longer_leaves_a_pair_with_one_side(function: Function) -> None:
    span = recorded(function, "a", {"answer": "old"})
    replay = run(plan_of(function))
    span.trace.delete()
    [pair] = pairs_of(replay)
    assert (pair.before.state, pair.verdict, pair.is_finished) == ("gone", "alone", False)
    assert pair.after.is_answered


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_cancelling_keeps_what_is_done(function: Function, sent: list[str]) -> None:
    for number in range(3):
        recorded(function, number)
    replay = begin(plan_of(function, runs_before=True))
    BatchItem.objects.filter(batch=replay.after_batch, number=0).update(state="done")
    assert replays.cancel(replay) == 5
    assert set(Batch.objects.values_list("state", flat=True)) == {"cancelled"}
    for batch_id in sent:
        work_off(batch_id)
    assert not Span.objects.filter(origin=Origin.REPLAY).exists()
    assert replays.cancel(Replay.objects.get()) == 0


def test_a_killed_worker_loses_no_pair(function: Function, sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[int] = []
    monkeypatch.setattr(calls.call_job, "delay", keys.append)
    for number in range(3):
        recorded(function, f"question {number}", {"answer": str(number)})
    replay = begin(plan_of(function))
    assert replay.after_batch_id is not None
    assert batches.claim(replay.after_batch_id)
    items = list(BatchItem.objects.order_by("number"))
    BatchItem.objects.filter(number__lt=2).update(state="running")
    ready = batches._ready(items[0].pk)
    assert ready is not None
    half = batches._begin(items[0].pk, ready)
    dead = uuid.uuid4()
    Batch.objects.update(process_id=dead)
    Completion.objects.filter(pk=half.span_key).update(process_id=dead)
    orphans.stop_orphans()
    assert keys == [half.span_key]
    calls.call_job(half.span_key)
    work_off(sent[-1])
    assert all(pair.is_finished for pair in pairs_of(replay))
    spans = Span.objects.filter(origin=Origin.REPLAY)
    assert spans.count() == 3
    assert {span.tags["replay"] for span in spans} == {str(replay.pk)}


# --- what follows -----------------------------------------------------------------------------------------------------


@pytest.fixture
def tried(function: Function, alice: User) -> Replay:
    """A replay of Alice's draft, begun."""
    revising.save(function, {"configuration": {"invocation.few_shot.count": 1, "own": 2}})
    recorded(function, "a")
    draft = make_draft(function, alice, instructions="Better.", configuration={"own": 2})
    return begin(plan_of(function, after=draft.definition, is_draft=True), alice)


def test_a_draft_is_saved_as_it_was_tried(tried: Replay, function: Function, alice: User) -> None:
    revision = replays.save(tried, alice)
    assert (revision.number, revision.instructions, revision.created_by) == (3, "Better.", alice)
    # A setting that the draft does without is gone.
    assert revision.configuration == {"own": 2}
    assert not Draft.objects.exists()
    # Twice is once.
    assert replays.save(tried, alice) == revision


def test_a_draft_that_has_gone_on_since_is_kept(tried: Replay, alice: User) -> None:
    draft = Draft.objects.get()
    draft.definition = {**draft.definition, "instructions": "Better still."}
    draft.save()
    assert replays.save(tried, alice).instructions == "Better."
    assert Draft.objects.get().definition["instructions"] == "Better still."


def test_what_somebody_saved_meanwhile_is_not_overwritten(tried: Replay, function: Function, alice: User) -> None:
    revising.save(function, {"instructions": "Somebody else's."})
    with pytest.raises(revising.Overtaken) as problem:
        replays.save(tried, alice)
    assert problem.value.newest.number == 3
    assert Draft.objects.exists()


def test_a_revision_that_did_better_is_restored(function: Function, alice: User) -> None:
    first = revision_of(function)
    revising.save(function, {"instructions": "Worse."})
    recorded(function, "a")
    replay = begin(plan_of(function, after=drafts.definition_of(first), after_revision=first))
    restored = replays.restore(replay, alice)
    assert restored is not None
    assert (restored.number, restored.instructions, restored.created_by) == (3, "Answer.", alice)


def test_a_replay_goes_with_its_function(function: Function) -> None:
    recorded(function, "a")
    begin(plan_of(function))
    revising.delete(function)
    assert not Replay.objects.exists()
    work_off(Batch.objects.get().pk)
    assert not Span.objects.filter(origin=Origin.REPLAY).exists()
