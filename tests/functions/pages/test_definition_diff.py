"""How two definitions differ, part by part."""

from __future__ import annotations

from typing import Any

from functions.merging import MISSING
from functions.pages.definition.diff import PartDiff, diff_of, label_of_path, text_of_value
from functions.revising import EMPTY

TEXT = {"type": "string"}


def parts_of(before: dict[str, Any], after: dict[str, Any]) -> list[PartDiff]:
    return diff_of({**EMPTY, **before}, {**EMPTY, **after})


def lines_of(part: PartDiff) -> list[str]:
    marks = {"same": " ", "removed": "-", "added": "+"}
    return [f"{marks[piece.kind]} {piece.text}" for piece in part.pieces]


def output(**properties: Any) -> dict[str, Any]:
    return {"output_schema": {"type": "object", "properties": properties}}


def test_equal_definitions_have_no_parts() -> None:
    assert parts_of(output(answer=TEXT), output(answer=TEXT)) == []


def test_a_field_is_shown_with_its_rules_around_what_changed() -> None:
    part = parts_of(output(answer=TEXT), output(answer={**TEXT, "maxLength": 5}))[0]
    assert (part.label, part.code) == ("Output", "answer")
    assert lines_of(part) == ['  type "string"', "+ maxLength 5"]


def test_fields_that_came_and_went_and_fields_inside_of_lists_have_their_names() -> None:
    inner = {"type": "array", "items": {"type": "object", "properties": {"fact": {"type": "integer"}}}}
    parts = parts_of(output(old=TEXT, sources=inner), output(sources=inner, new=True))
    assert [(part.code, lines_of(part)) for part in parts] == [("old", ['- type "string"']), ("new", ["+ true"])]
    changed = {"type": "array", "items": {"type": "object", "properties": {"fact": {"type": "number"}}}}
    part = parts_of(output(sources=inner), output(sources=changed))[0]
    assert (part.code, lines_of(part)) == ("sources.fact", ['- type "integer"', '+ type "number"'])


def test_another_order_of_fields_is_said_in_two_lines() -> None:
    part = parts_of(output(a=TEXT, b=TEXT), output(b=TEXT, a=TEXT))[0]
    assert lines_of(part) == ["- order: a, b", "+ order: b, a"]


def test_a_schema_that_came_or_went_as_a_whole_is_shown() -> None:
    part = parts_of({}, {"input_schema": TEXT})[0]
    assert (part.label, lines_of(part)) == ("Input", ['+ type "string"'])
    assert lines_of(parts_of({"input_schema": {}}, {})[0]) == ["- {}"]


def test_models_are_lines_without_secrets() -> None:
    after = {"model": [{"name": "a/b", "options": {"temperature": 0.1}, "extra_headers": {"X-Api-Key": "s3cret-key"}}]}
    part = parts_of({"model": "a/b"}, after)[0]
    assert lines_of(part) == ["- a/b", "+ a/b  temperature 0.1, X-Api-Key: …"]


def test_settings_are_lines_of_those_that_changed() -> None:
    before, after = {"x": 1, "invocation.cache.ttl": 60}, {"x": 1, "invocation.cache.ttl": 0, "y": None}
    part = parts_of({"configuration": before}, {"configuration": after})[0]
    assert lines_of(part) == ["- invocation.cache.ttl 60", "+ invocation.cache.ttl 0", "+ y null"]


def test_half_a_surrogate_pair_in_a_schema_can_be_sent() -> None:
    for part in parts_of({}, output(answer={"const": "\ud800"})):
        for line in lines_of(part):
            line.encode()


def test_places_have_names_that_people_know() -> None:
    assert label_of_path(("output_schema", "properties", "answer", "pattern")) == "Output, answer, pattern"
    assert label_of_path(("configuration", "invocation.cache.ttl")) == "Reuse answers for"
    assert text_of_value(("output_schema",), MISSING) == "taken away"
    assert text_of_value(("model",), ["a/b", "c/d"]) == "a/b\nc/d"
