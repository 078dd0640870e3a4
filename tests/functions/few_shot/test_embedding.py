"""Vectors of examples are made in the background, and a call goes by them, or by words and says why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from functions import revising
from functions.completions import catalogue
from functions.examples import dataset
from functions.few_shot import embedding
from functions.models import EmbeddingState, ExampleVector, ExampleWords, PriceRow
from functions.models.provider import catalogue_changed
from functions.providers.rehearsal import Rehearsal
from functions.providers.rehearsed_embeddings import rehearsed
from functions.task import InvalidConfiguration

KEY = "invocation.few_shot.embedding_model"
EMBED = "rehearsal/embed"


def configured(project, model=EMBED, name="planets"):
    return revising.create(project, name, {"configuration": {KEY: model}})


@pytest.fixture
def function(project):
    """One that names an embedding model."""
    return configured(project)


def embed(function):
    async_to_sync(embedding.embed)(function.pk)


def state_of(function):
    return EmbeddingState.objects.get(pk=function.pk)


def due(function):
    EmbeddingState.objects.filter(pk=function.pk).update(due_at=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def asked(monkeypatch):
    """The texts that vectors were asked of."""
    texts = []

    async def embed(self, model, some, *, timeout_seconds):
        texts.append(list(some))
        return rehearsed(some)

    monkeypatch.setattr(Rehearsal, "embed", embed)
    return texts


# --- of examples ------------------------------------------------------------------------------------------------------


def test_a_new_example_is_work_and_its_vector_is_made_by_a_job(function, keep, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        [example] = keep("red planet")
    assert len(callbacks) >= 1
    assert state_of(function).due_at is not None
    assert not ExampleVector.objects.exists()
    embed(function)
    vector = ExampleVector.objects.get()
    assert (vector.example_id, vector.model, len(bytes(vector.vector))) == (example.key, EMBED, 384 * 4)
    assert vector.digest == ExampleWords.objects.get().digest
    assert (state_of(function).due_at, state_of(function).error) == (None, "")


def test_without_a_model_there_is_no_work(project, keep):
    plain = revising.create(project, "plain", {})
    keep("red planet", of=plain)
    assert not EmbeddingState.objects.filter(function=plain).exists()


def test_many_are_made_a_hundred_at_a_time(function, keep, asked):
    keep(*(f"number {number}" for number in range(230)), "", None)
    embed(function)
    assert [len(texts) for texts in asked] == [100, 100, 30]
    assert ExampleVector.objects.count() == 230


def test_a_job_that_comes_twice_does_nothing_the_second_time(function, keep, asked):
    keep("red planet")
    embed(function)
    embed(function)
    assert len(asked) == 1


def test_only_what_has_changed_is_made_anew(function, keep, asked):
    one, two, _ = keep("red planet", "red moon", "red sun")
    embed(function)
    dataset.change(one, {"output": "other"})
    dataset.change(two, {"input": "blue moon"})
    embed(function)
    assert asked[1:] == [["blue moon"]]


def test_another_model_makes_all_of_them_anew(function, keep, asked):
    keep("red planet", "red moon")
    embed(function)
    revising.save(function, {"configuration": {KEY: "rehearsal/embed "}})
    embedding.embed_later(function)
    embed(function)
    assert len(asked) == 1
    ExampleVector.objects.update(model="openai/old")
    embedding.embed_later(function)
    embed(function)
    assert [len(texts) for texts in asked] == [2, 2]
    assert set(ExampleVector.objects.values_list("model", flat=True)) == {EMBED}


def test_what_was_changed_while_the_provider_was_at_it_gets_no_vector_of_before(function, keep, monkeypatch):
    one, two = keep("red planet", "red moon")
    embedding_of = Rehearsal.embed

    async def slow(self, model, texts, *, timeout_seconds):
        if "red planet" in texts:
            await embedding.db(dataset.change, one, {"input": "blue sun"})
            await embedding.db(dataset.delete, function, [two.id])
        return await embedding_of(self, model, texts, timeout_seconds=timeout_seconds)

    monkeypatch.setattr(Rehearsal, "embed", slow)
    embed(function)
    embed(function)
    vector = ExampleVector.objects.get()
    assert (vector.example_id, vector.digest) == (one.key, ExampleWords.objects.get().digest)


def test_a_failure_can_be_read_and_is_tried_again_later_and_later(project, keep):
    function = configured(project, "rehearsal/fail-500", "failing")
    keep("red planet", of=function)
    EmbeddingState.objects.exclude(function=function).delete()
    embed(function)
    state = state_of(function)
    assert "HTTP 500" in state.error
    assert state.due_at > timezone.now()
    assert embedding.send_lost() == 0
    pauses = []
    for _ in embedding.PAUSES:
        pauses.append(state_of(function).due_at - timezone.now())
        due(function)
        embed(function)
    assert pauses == sorted(pauses)
    assert state_of(function).due_at is None
    assert state_of(function).tries == len(embedding.PAUSES) + 1


def test_a_model_that_leads_nowhere_is_an_error_to_read(project, keep):
    function = configured(project, name="lost")
    # Its provider was there when it was saved.
    function.revisions.update(configuration={KEY: "nobody/embed"})
    keep("red planet", of=function)
    embed(function)
    assert "no provider nobody is configured" in state_of(function).error
    assert state_of(function).due_at is None


@pytest.mark.parametrize(
    ("model", "words"), [("nobody/embed", "no provider nobody"), ("anthropic/any", "anthropic makes no embeddings")]
)
def test_a_model_that_can_make_none_is_refused_when_it_is_saved(project, settings, model, words):
    settings.PROVIDERS = {
        "anthropic": {"name": "anthropic", "kind": "anthropic", "base_url": "http://127.0.0.1:9", "api_key": "x"}
    }
    catalogue.forget()
    with pytest.raises(InvalidConfiguration, match=words):
        configured(project, model)


def test_a_new_model_is_taken_up_with_the_revision_that_names_it(function, keep, asked):
    keep("red planet")
    embed(function)
    revising.save(function, {"configuration": {KEY: "rehearsal/fail-500"}})
    state = state_of(function)
    assert (state.model, state.due_at is not None) == ("rehearsal/fail-500", True)


def test_a_job_that_was_lost_is_sent_again(function, keep, monkeypatch):
    sent = []
    monkeypatch.setattr(embedding.embed_job, "delay", sent.append)
    keep("red planet")
    assert embedding.send_lost() == 1
    assert sent[-1] == str(function.pk)
    # A worker that was killed at it has held on to it for a while.
    EmbeddingState.objects.update(due_at=timezone.now() + embedding.TAKEN)
    assert embedding.send_lost() == 0
    due(function)
    assert embedding.send_lost() == 1


def test_nothing_is_left_of_a_deleted_function(function, keep):
    keep("red planet")
    embed(function)
    revising.delete(function)
    assert not ExampleVector.objects.exists()
    assert not EmbeddingState.objects.exists()
    async_to_sync(embedding.embed)(function.pk)


# --- of an input ------------------------------------------------------------------------------------------------------


def test_a_call_goes_by_vectors(function, keep, choose, asked):
    keep("the rings of Saturn", "the moons of Mars", "cold soup")
    embed(function)
    choice = choose("moon of Mars", 2, of=function, model=EMBED)
    assert choice.examples[0].input == "the moons of Mars"
    assert choice.examples[0].similarity > choice.examples[1].similarity >= 0
    assert (choice.facts["by"], choice.facts["model"], choice.facts["tokens"]) == ("embedding", EMBED, 3)
    assert asked[-1] == ["moon of Mars"]


def test_an_input_that_was_asked_before_costs_nothing(function, keep, choose, asked):
    keep("the moons of Mars")
    embed(function)
    for _ in range(2):
        facts = choose("moon", of=function, model=EMBED).facts
    assert len(asked) == 2
    assert (facts["by"], facts["tokens"]) == ("embedding", 0)


def test_what_the_vector_of_an_input_cost_is_said_where_its_price_is_known(function, keep, choose, project):
    PriceRow.objects.create(project=project, model=EMBED, input=2, output=0, valid_from="2020-01-01T00:00:00Z")
    catalogue_changed(project)
    catalogue.forget()
    keep("the moons of Mars")
    embed(function)
    assert choose("moon of Mars", of=function, model=EMBED).facts["cost_usd"] == "0.000006"


def test_examples_without_a_vector_are_not_chosen_by_vectors(function, keep, choose):
    keep("red planet")
    embed(function)
    keep("red moon")
    assert [example.input for example in choose("red moon", of=function, model=EMBED).examples] == ["red planet"]
    embed(function)
    assert len(choose("red moon", of=function, model=EMBED).examples) == 2


def test_what_no_longer_fits_is_not_chosen_by_vectors_either(function, keep, choose):
    keep("red planet", "red moon")
    embed(function)
    revising.save(function, {"input_schema": {"type": "string", "pattern": "planet"}})
    choice = choose("red moon", of=function, model=EMBED)
    assert [example.input for example in choice.examples] == ["red planet"]


def test_without_any_vector_it_goes_by_words_says_so_and_asks_for_them(function, keep, choose):
    keep("red planet", "red moon")
    EmbeddingState.objects.all().delete()
    choice = choose("red moon", of=function, model=EMBED)
    assert choice.examples[0].input == "red moon"
    assert choice.facts["by"] == "text"
    assert choice.facts["note"] == f"{EMBED} was not used: no example has a vector of {EMBED} yet"
    assert state_of(function).due_at is not None


def test_a_failing_provider_is_left_alone_for_a_while(function, keep, choose, monkeypatch):
    keep("red planet", "red moon")
    embed(function)
    ExampleVector.objects.update(model="rehearsal/fail-500")
    revising.save(function, {"configuration": {KEY: "rehearsal/fail-500"}})
    calls = []
    failing = Rehearsal.embed

    async def counted(self, model, texts, *, timeout_seconds):
        calls.append(timeout_seconds)
        return await failing(self, model, texts, timeout_seconds=timeout_seconds)

    monkeypatch.setattr(Rehearsal, "embed", counted)
    for _ in range(2):
        choice = choose("red moon", of=function, model="rehearsal/fail-500")
        assert choice.examples[0].input == "red moon"
        assert "HTTP 500" in choice.facts["note"]
    assert calls == [embedding.TIMEOUT_SECONDS_OF_A_CALL]


def test_vectors_of_another_length_are_not_compared(function, keep, choose):
    keep("red planet", "red moon")
    embed(function)
    ExampleVector.objects.update(vector=b"\0\0\0\0")
    choice = choose("red moon", of=function, model=EMBED)
    assert choice.examples[0].input == "red moon"
    assert "those kept have 1" in choice.facts["note"]
