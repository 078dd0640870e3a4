"""Runs of the playground: what a variant asks, what is kept of it, and that each is asked once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from functions import playground, revising
from functions.models import Completion, Draft, Function, PlaygroundRun
from functions.playground import NoSuchBasis, Variant, model_of
from opperweb.accounts.models import Project, User
from traces.models import Origin, Span, Status

ECHO = "rehearsal/echo"


@pytest.fixture
def function(project: Project) -> Function:
    return revising.create(project, "greet", {"instructions": "Greet", "model": ECHO})


def begin(
    project: Project, user: User, function: Function | None, *variants: Variant, given: Any = "hello"
) -> PlaygroundRun:
    """Keep a run of a function, or of a definition that was typed in."""
    newest = function.revisions.get() if function is not None else None
    bases = [
        playground.of_revision(function, newest.number)
        if function and newest
        else playground.typed(project, {"model": ECHO})
        for _ in variants
    ]
    chosen = [(variant, basis.changed(variant)) for variant, basis in zip(variants, bases, strict=True)]
    return playground.create(project, user, bases[0], given, chosen)


def run(begun: PlaygroundRun) -> None:
    async_to_sync(playground.answer_all)(begun.pk)


def spans_of(begun: PlaygroundRun) -> list[Span]:
    ids = begun.variants.order_by("number").values_list("span_id", flat=True)
    found = Span.objects.select_related("body", "completion").filter(id__in=[each for each in ids if each])
    spans = {span.id: span for span in found}
    return [spans[each] for each in ids if each]


# --- what a variant comes to ------------------------------------------------------------------------------------------


def test_a_variant_without_a_choice_is_the_revision_itself(function: Function) -> None:
    chosen = playground.of_revision(function, 1).changed(Variant(revision=1))
    assert not chosen.is_draft
    assert chosen.values["model"] == ECHO


def test_a_variant_that_names_what_the_revision_has_is_no_draft(function: Function) -> None:
    assert not playground.of_revision(function, 1).changed(Variant(revision=1, model=ECHO)).is_draft


@pytest.mark.parametrize(
    "variant",
    [
        Variant(revision=1, model="rehearsal/empty"),
        Variant(revision=1, options={"temperature": 0.5}),
        Variant(revision=1, settings={"invocation.few_shot.count": 0}),
    ],
)
def test_a_variant_with_another_value_is_a_draft(function: Function, variant: Variant) -> None:
    assert playground.of_revision(function, 1).changed(variant).is_draft


@pytest.mark.parametrize(
    ("stored", "name", "options", "expected"),
    [
        ("a/b", "", {}, "a/b"),
        ("a/b", "c/d", {}, "c/d"),
        (["a/b"], "a/b", {}, ["a/b"]),
        (["a/b", {"name": "c/d", "options": {"x": 1}}], "c/d", {}, {"name": "c/d", "options": {"x": 1}}),
        ("a/b", "", {"t": 1}, {"name": "a/b", "options": {"t": 1}}),
        (["a/b", "c/d"], "", {"t": 1}, [{"name": "a/b", "options": {"t": 1}}, {"name": "c/d", "options": {"t": 1}}]),
        ({"name": "a/b", "options": {"t": 1, "u": 2}}, "", {"t": None}, {"name": "a/b", "options": {"u": 2}}),
        (None, "", {}, None),
        (None, "a/b", {}, "a/b"),
    ],
)
def test_another_model_or_other_options_stand_in_the_place_of_the_definitions_own(
    stored: Any, name: str, options: dict[str, Any], expected: Any
) -> None:
    assert model_of(stored, name, options) == expected


def test_options_without_any_model_are_for_the_default_one(settings: Any) -> None:
    settings.DEFAULT_MODEL = "a/b"
    assert model_of(None, "", {"t": 1}) == {"name": "a/b", "options": {"t": 1}}


def test_a_draft_is_only_ones_own(function: Function, alice: User, bob: User) -> None:
    Draft.objects.create(function=function, author=alice, definition={"instructions": "Shout", "model": ECHO})
    assert playground.of_draft(function, alice).values["instructions"] == "Shout"
    with pytest.raises(NoSuchBasis):
        playground.of_draft(function, bob)


def test_a_choice_is_read_as_it_was_kept() -> None:
    variant = Variant(revision=3, model="a/b", options={"t": None}, settings={"k": 1})
    assert Variant.from_dict(variant.as_dict()) == variant


# --- what a run leaves ------------------------------------------------------------------------------------------------


def test_each_variant_is_a_recorded_call_that_counts_as_played(
    project: Project, alice: User, function: Function
) -> None:
    begun = begin(project, alice, function, Variant(revision=1), Variant(revision=1, options={"temperature": 0.5}))
    run(begun)
    plain, changed = spans_of(begun)
    assert {span.origin for span in (plain, changed)} == {Origin.PLAYGROUND}
    assert plain.tags == {"env": "playground"}
    assert (plain.status, plain.body.input, plain.function_name) == (Status.OK, "hello", "greet")
    assert (plain.revision_number, changed.revision_number) == (1, None)
    assert plain.completion.function == changed.completion.function == function
    assert function.revisions.count() == 1


def test_a_definition_that_was_typed_in_is_linked_to_no_function(project: Project, alice: User) -> None:
    begun = begin(project, alice, None, Variant())
    run(begun)
    (span,) = spans_of(begun)
    assert (span.name, span.status, span.revision_number) == ("playground", Status.OK, None)
    assert span.completion.function is None
    assert not Function.objects.exists()


def test_one_that_fails_takes_no_other_with_it(project: Project, alice: User, function: Function) -> None:
    begun = begin(project, alice, function, Variant(revision=1, model="nobody/x"), Variant(revision=1))
    run(begun)
    refused, good = begun.variants.order_by("number")
    assert "nobody" in refused.error
    assert refused.span_id is None
    assert good.span_id is not None
    assert Span.objects.get(id=good.span_id).status == Status.OK


def test_an_input_that_does_not_fit_is_refused_with_the_place(project: Project, alice: User) -> None:
    schema = {"type": "object", "properties": {"question": {"type": "string"}}, "required": ["question"]}
    checked = {"beta.invocation.input_validation.enabled": True}
    function = revising.create(project, "ask", {"model": ECHO, "input_schema": schema, "configuration": checked})
    begun = begin(project, alice, function, Variant(revision=1), given={})
    run(begun)
    assert "question" in begun.variants.get().error
    assert not Span.objects.exists()


def test_a_variant_is_asked_once_however_often_it_is_begun(project: Project, alice: User, function: Function) -> None:
    begun = begin(project, alice, function, Variant(revision=1))
    run(begun)
    run(begun)
    assert playground.claim(begun.variants.get().pk) is None
    assert Span.objects.count() == 1


def test_a_run_outlives_its_function_and_is_asked_without_it(project: Project, alice: User, function: Function) -> None:
    begun = begin(project, alice, function, Variant(revision=1))
    revising.delete(function)
    run(begun)
    (span,) = spans_of(begun)
    assert (span.name, span.status) == ("playground", Status.OK)
    assert Completion.objects.get().function is None


@pytest.mark.django_db(transaction=True)
async def test_a_stream_that_is_left_before_it_begins_says_so(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = asyncio.Event()

    async def waits(*_: Any, **__: Any) -> None:
        waiting.set()
        await asyncio.Event().wait()

    begun = await sync_to_async(begin)(project, alice, None, Variant())
    monkeypatch.setattr("functions.calls.stream", waits)
    variant = await begun.variants.aget()
    streaming = asyncio.create_task(playground.stream(variant.pk))
    await waiting.wait()
    streaming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await streaming
    await variant.arefresh_from_db()
    assert variant.error == playground.STOPPED
