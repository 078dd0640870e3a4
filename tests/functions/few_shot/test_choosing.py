"""A call gets the examples that are nearest to its input and that fit what it asks, and its trace says how."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from functions import revising
from functions.examples import dataset
from functions.few_shot import choosing, nearest
from functions.few_shot.uses import uses
from functions.models import DatasetExample, Function
from functions.task import Example

SET = Path(__file__).resolve().parents[3] / "bench" / "few_shot.jsonl"
TEXT = {"type": "string"}
OBJECT = {"type": "object", "properties": {"question": TEXT}, "required": ["question"]}


def inputs(choice):
    return [example.input for example in choice.examples]


def test_the_nearest_come_first_with_how_near_they_are(keep, choose):
    keep("the moons of Mars", "the rings of Saturn", "the largest moon of Saturn", "the winds of Neptune")
    choice = choose("Which moon of Saturn is the largest?", 2)
    assert inputs(choice)[0] == "the largest moon of Saturn"
    assert len(choice.examples) == 2
    first, second = (example.similarity for example in choice.examples)
    assert 1 >= first > second > 0


def test_an_example_comes_with_its_id_its_expected_answer_and_its_comment(function, choose):
    kept = dataset.add(function, {"input": "q", "output": "wrong", "expected": "right", "comment": "why"})
    [example] = choose("q").examples
    assert example == Example("q", "right", "why", similarity=1.0, id=str(kept.id))


def test_the_facts_say_how_they_were_found(keep, choose):
    keep("a", "b", "c", "d")
    facts = choose("a").facts
    assert facts.pop("duration_ms") >= 0
    assert facts == {"by": "text", "of": 4}


@pytest.mark.parametrize("value", [None, "", "?!", {}, 7.5, "comet"])
def test_where_nothing_is_near_the_newest_are_shown(keep, choose, value):
    keep("one", "two", "three")
    choice = choose(value, 2)
    assert inputs(choice) == ["three", "two"]
    assert [example.similarity for example in choice.examples] == [0, 0]


def test_with_fewer_near_ones_than_are_wanted_the_newest_fill_up(keep, choose):
    keep("red planet", "one", "two")
    assert inputs(choose("planet", 2)) == ["red planet", "two"]
    assert inputs(choose("planet", 10)) == ["red planet", "two", "one"]


def test_without_examples_there_are_none(choose):
    choice = choose("anything")
    assert (choice.examples, choice.facts["of"]) == ((), 0)


def test_what_no_longer_fits_its_function_is_not_chosen(keep, choose):
    red, blue = keep("red planet", "blue planet")
    DatasetExample.objects.filter(pk=red.pk).update(misfit="output is missing")
    assert inputs(choose("red planet")) == [blue.input]


def test_what_does_not_fit_the_schemas_of_the_call_is_not_chosen(keep, choose):
    keep("red planet", {"question": "a planet"})
    keep("red moon", output=5)
    assert inputs(choose("red planet", input_schema=OBJECT)) == [{"question": "a planet"}]
    assert inputs(choose("red planet", input_schema=TEXT, output_schema={"type": "integer"})) == ["red moon"]


def test_it_is_looked_further_when_the_nearest_do_not_fit(keep, choose):
    keep({"question": "cold comet"})
    keep(*(f"red planet number {number}" for number in range(30)))
    assert inputs(choose("red planet", input_schema=OBJECT)) == [{"question": "cold comet"}]


def test_examples_of_others_are_never_chosen(keep, choose, project, other_project):
    keep("red planet", of=Function.objects.create(project=project, name="other"))
    keep("red planet", of=Function.objects.create(project=other_project, name="planets"))
    assert choose("red planet").examples == ()


def test_a_choice_takes_few_questions(keep, choose, function, django_assert_num_queries):
    keep(*(f"red planet number {number}" for number in range(50)))
    choose("red planet")
    # The version of the examples, their keys, their words, those chosen.
    with django_assert_num_queries(4):
        choose("red planet number 7")


def test_a_use_is_counted(keep, choose):
    red, blue = keep("red planet", "blue moon")
    choose("red planet", 1)
    choose("red planet", 2)
    uses.write()
    assert [DatasetExample.objects.get(pk=row.pk).used_count for row in (red, blue)] == [2, 1]


# --- by a call --------------------------------------------------------------------------------------------------------

TASK = {"name": "planets", "input": "Which moon of Saturn is the largest?", "model": "rehearsal/echo"}


def body_of(api, sent):
    answer = api.post("/v2/call", sent)
    assert answer.status_code == 200, answer.content
    return api.get(f"/v2/spans/{answer.json()['span_id']}").json()


@pytest.fixture
def kept(project):
    function = revising.create(project, "planets", {"model": "rehearsal/echo"})
    for question, answer in (("the largest moon of Saturn", "Titan"), ("the moons of Mars", "Phobos")):
        dataset.add(function, {"input": question, "output": answer})
    return function


def spans_body(project):
    return project.spans.order_by("-started_at").first().body


def test_a_call_shows_them_to_the_model_and_its_span_remembers_them(api, kept, project):
    assert api.post("/v2/call", TASK).status_code == 200
    body = spans_body(project)
    first, second = body.request["examples"]
    assert (first["input"], first["output"]) == ("the largest moon of Saturn", "Titan")
    assert first["similarity"] > second["similarity"]
    assert uuid.UUID(first["id"]) == kept.examples.get(output="Titan").id
    assert body.request["few_shot"]["by"] == "text"


def test_examples_in_a_request_take_their_place(api, kept, project):
    assert api.post("/v2/call", {**TASK, "examples": [{"input": "a", "output": "b"}]}).status_code == 200
    body = spans_body(project)
    assert body.request["examples"] == [{"input": "a", "output": "b", "comment": None}]
    assert "few_shot" not in body.request


def test_the_prompt_tab_shows_how_near_each_is(api, kept, project, alice_client):
    assert api.post("/v2/call", TASK).status_code == 200
    span = project.spans.get()
    nearness = span.body.request["examples"][0]["similarity"]
    page = alice_client.get(f"/projects/{project.slug}/traces/{span.trace.id}/?tab=prompt").content.decode()
    assert f"{nearness:.2f}</span></summary>" in page
    assert "2 of 2 examples, nearest to this input" in page
    assert page.index("the moons of Mars") < page.index("the largest moon of Saturn")


# --- the labelled set -------------------------------------------------------------------------------------------------


def test_the_right_ones_of_the_labelled_set_are_found_by_their_words(project):
    """On the whole 0.69 of what could be among the first three is, and 0.95 of the first are right."""
    entries = [json.loads(line) for line in SET.read_text(encoding="utf-8").splitlines()]
    functions, names = {}, {}
    for entry in entries:
        if "id" in entry:
            function = functions.get(entry["task"])
            if function is None:
                function = functions[entry["task"]] = Function.objects.create(project=project, name=entry["task"])
            names[entry["id"]] = DatasetExample(function=function, input=entry["input"], output=entry["output"])
    for task, function in functions.items():
        dataset.add_all(function, [row for name, row in names.items() if name.startswith(f"{task}-")])
    name_of = {row.key: name for name, row in names.items()}
    recalls, firsts = [], []
    for entry in entries:
        if "query" in entry:
            found = [name_of[row.key] for row, _ in nearest(functions[entry["task"]], entry["query"], 3)]
            recalls.append(len(set(found) & set(entry["right"])) / 3)
            firsts.append(found[0] in entry["right"])
    assert len(recalls) >= 60
    assert len(names) >= 120
    assert sum(recalls) / len(recalls) > 0.65
    assert sum(firsts) / len(firsts) > 0.9


def test_no_more_is_tried_than_there_is_patience_for(monkeypatch, keep, choose):
    monkeypatch.setattr(choosing, "MOST_TRIED", 5)
    keep({"question": "cold comet"})
    keep(*(f"red planet number {number}" for number in range(30)))
    assert choose("red planet", input_schema=OBJECT).examples == ()
