"""Two changes of one definition, brought together."""

from __future__ import annotations

from typing import Any

from functions.merging import merge
from functions.revising import EMPTY


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


TEXT = {"type": "string"}
BEFORE = {
    **EMPTY,
    "instructions": "Answer.",
    "output_schema": schema(thoughts=TEXT, answer=TEXT),
    "model": ["a/b", "c/d"],
    "configuration": {"invocation.cache.ttl": 60, "invocation.few_shot.count": 3},
}


def test_what_only_one_side_changed_is_taken() -> None:
    mine = {**BEFORE, "instructions": "Answer briefly."}
    theirs = {**BEFORE, "model": "a/b", "configuration": {"invocation.cache.ttl": 60}}
    found = merge(BEFORE, mine, theirs)
    assert found.definition == {**mine, "model": "a/b", "configuration": {"invocation.cache.ttl": 60}}
    assert found.conflicts == ()
    assert {part.path: part.side for part in found.parts} == {
        ("instructions",): "mine",
        ("model",): "theirs",
        ("configuration", "invocation.few_shot.count"): "theirs",
    }


def test_a_schema_is_merged_by_its_properties_and_keywords() -> None:
    mine = {**BEFORE, "output_schema": schema(thoughts=TEXT, answer={**TEXT, "description": "In one word"})}
    theirs = {**BEFORE, "output_schema": schema(thoughts=TEXT, answer={**TEXT, "maxLength": 20}, sources=TEXT)}
    found = merge(BEFORE, mine, theirs)
    assert found.conflicts == ()
    answer = {**TEXT, "maxLength": 20, "description": "In one word"}
    assert found.definition["output_schema"] == schema(thoughts=TEXT, answer=answer, sources=TEXT)


def test_a_field_that_one_side_removed_goes_and_the_names_that_are_required_follow_both() -> None:
    mine = {**BEFORE, "output_schema": schema(answer=TEXT)}
    theirs = {**BEFORE, "output_schema": schema(thoughts=TEXT, answer=TEXT, sources=TEXT)}
    merged = merge(BEFORE, mine, theirs).definition["output_schema"]
    assert list(merged["properties"]) == ["answer", "sources"]
    assert merged["required"] == ["answer", "sources"]


def test_the_order_in_which_one_side_put_the_fields_is_kept() -> None:
    mine = {**BEFORE, "output_schema": schema(answer=TEXT, thoughts=TEXT)}
    theirs = {**BEFORE, "output_schema": schema(thoughts=TEXT, sources=TEXT, answer=TEXT)}
    for one, other in ((mine, theirs), (theirs, mine)):
        merged = merge(BEFORE, one, other).definition["output_schema"]["properties"]
        assert [name for name in merged if name != "sources"] == ["answer", "thoughts"]
        assert "sources" in merged


def test_what_both_changed_is_open_until_a_side_is_chosen() -> None:
    mine, theirs = {**BEFORE, "instructions": "Mine."}, {**BEFORE, "instructions": "Theirs."}
    found = merge(BEFORE, mine, theirs)
    assert [part.path for part in found.open] == [("instructions",)]
    part = found.open[0]
    assert merge(BEFORE, mine, theirs, {part.id: "theirs"}).definition["instructions"] == "Theirs."
    chosen = merge(BEFORE, mine, theirs, {part.id: "mine"})
    assert (chosen.definition["instructions"], chosen.open) == ("Mine.", ())


def test_a_choice_does_not_count_for_another_change_of_the_same_part() -> None:
    mine, theirs = {**BEFORE, "instructions": "Mine."}, {**BEFORE, "instructions": "Theirs."}
    old = merge(BEFORE, mine, theirs).conflicts[0].id
    found = merge(BEFORE, mine, {**theirs, "instructions": "Theirs, again."}, {old: "mine"})
    assert len(found.open) == 1


def test_a_field_that_one_removed_and_the_other_changed_is_asked_for() -> None:
    mine = {**BEFORE, "output_schema": schema(thoughts=TEXT)}
    theirs = {**BEFORE, "output_schema": schema(thoughts=TEXT, answer={**TEXT, "maxLength": 20})}
    found = merge(BEFORE, mine, theirs)
    assert [part.path for part in found.open] == [("output_schema", "properties", "answer")]
    taken = merge(BEFORE, mine, theirs, {found.open[0].id: "theirs"}).definition["output_schema"]
    assert taken["properties"]["answer"] == {**TEXT, "maxLength": 20}


def test_equal_changes_of_both_are_one() -> None:
    both = {**BEFORE, "instructions": "The same."}
    assert merge(BEFORE, both, dict(both)).parts == ()


def test_values_of_options_are_not_looked_into() -> None:
    before = {**BEFORE, "output_schema": schema(answer={"default": {"a": 1, "b": 2}})}
    mine = {**BEFORE, "output_schema": schema(answer={"default": {"a": 2, "b": 2}})}
    theirs = {**BEFORE, "output_schema": schema(answer={"default": {"a": 1, "b": 3}})}
    assert len(merge(before, mine, theirs).open) == 1
