"""What a refusal says of each wrong field: where it is, why, and what was given for it."""

from typing import Any

import pytest

from opperweb.api.errors import value_at


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), {"facts": ["one", {"2": "two"}]}),
        (("facts", 0), "one"),
        (("facts", "0"), "one"),
        (("facts", 1, 2), "two"),
        (("facts", 2), None),
        (("facts", "first"), None),
        (("facts", 0, "deeper"), None),
        (("nothing", "here"), None),
    ],
)
def test_a_path_leads_to_what_stands_there_or_to_nothing(path: tuple[str | int, ...], found: Any) -> None:
    assert value_at({"facts": ["one", {"2": "two"}]}, path) == found


@pytest.mark.parametrize(
    ("body", "loc", "given"),
    [
        ({"name": 5}, ["name"], 5),
        ({}, ["name"], None),
        ({"name": "x" * 300}, ["name"], "x" * 200 + "…"),
        ({"name": "x", "tags": ["a"]}, ["tags"], "<list>"),
        ({"name": "x", "tags": {"user": 7}}, ["tags", "user"], 7),
        ({"name": "x", "examples": [{"input": 1, "output": 2}, "no"]}, ["examples", 1], "no"),
        ({"name": "x", "output_schema": {"type": "nope"}}, ["output_schema", "type"], "nope"),
        ({"name": "x", "model": ["rehearsal/echo", 5]}, ["model", 1], 5),
        (
            {"name": "x", "configuration": {"invocation.cache.ttl": -5}},
            ["configuration", "invocation.cache.ttl"],
            -5,
        ),
    ],
)
def test_what_was_given_for_a_wrong_field_is_repeated(
    api: Any, body: dict[str, Any], loc: list[str | int], given: Any
) -> None:
    response = api.post("/v2/call", body)
    assert response.status_code == 422
    (problem,) = response.json()["detail"]
    assert (problem["loc"], problem["input"]) == (["body", *loc], given)


def test_an_object_is_named_as_json_names_it(api: Any) -> None:
    (problem,) = api.post("/v2/call", {"name": "x", "examples": [5]}).json()["detail"]
    assert problem["msg"] == "must be an object"
