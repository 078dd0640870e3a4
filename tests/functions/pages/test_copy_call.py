"""Calls to be pasted: each is read by the language that it is written in."""

from __future__ import annotations

import ast
import html
import json
import shlex
from typing import Any

import pytest
from django.test import Client

from functions import revising
from functions.examples import dataset
from functions.models import Function
from functions.pages.copy_call import sample_input
from opperweb.accounts.models import Project

PAGE = "/projects/acme/functions/it's%20%22q%22/definition/call/"
NAME = 'it\'s "q"'
SCHEMA = {
    "type": "object",
    "properties": {
        "facts": {"type": "array", "items": {"$ref": "#/$defs/Fact"}},
        "mood": {"enum": ["good", "bad"]},
        "count": {"type": "integer", "minimum": 3},
        "sure": {"type": "boolean"},
        "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
    },
    "$defs": {"Fact": {"type": "object", "properties": {"text": {"type": "string"}, "more": {"$ref": "#/$defs/Fact"}}}},
}


@pytest.fixture
def function(project: Project) -> Function:
    return revising.create(project, NAME, {"input_schema": SCHEMA, "output_schema": {"type": "object"}})


def call(client: Client, query: str) -> str:
    response = client.get(PAGE + query)
    assert response.status_code == 200
    return html.unescape(response.content.decode()).partition('id="call" tabindex="0">')[2].partition("</pre>")[0]


def test_an_input_is_made_from_the_schema(function: Function) -> None:
    value = sample_input(function, SCHEMA)
    assert value["facts"][0]["text"] == "…"
    assert (value["mood"], value["count"], value["sure"], value["day"]) == ("good", 3, True, "2026-01-31")
    assert sample_input(function, None) == "…"


def test_the_newest_example_goes_before(function: Function) -> None:
    dataset.add(function, {"input": {"facts": []}, "output": {}})
    assert sample_input(function, SCHEMA) == {"facts": []}


def test_the_shell_reads_the_call(alice_client: Client, function: Function) -> None:
    words = shlex.split(call(alice_client, ""))
    assert words[1] == "http://testserver/v2/call"
    assert json.loads(words[words.index("-d") + 1])["name"] == NAME
    words = shlex.split(call(alice_client, "?as=curl&by=id"))
    assert words[1] == f"http://testserver/v2/functions/{function.pk}/call"
    assert list(json.loads(words[words.index("-d") + 1])) == ["input"]


@pytest.mark.parametrize("by", ["name", "id"])
def test_python_reads_the_call(alice_client: Client, function: Function, by: str) -> None:
    text = call(alice_client, f"?as=python&by={by}")
    found: dict[str, Any] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("opper.call", "opper.functions.call"):
            found = {each.arg or "": ast.literal_eval(each.value) for each in node.keywords}
    expected = {"name": NAME} if by == "name" else {"function_id": str(function.pk)}
    assert found == {**expected, "input": sample_input(function, SCHEMA)}
    assert "response.json_payload" in text


def test_typescript_holds_name_or_id(alice_client: Client, function: Function) -> None:
    assert f"name: {json.dumps(NAME)}," in call(alice_client, "?as=node")
    assert f'opper.functions.call("{function.pk}", {{' in call(alice_client, "?as=node&by=id")


def test_nonsense_in_the_address_is_the_usual_call(bob_client: Client, function: Function) -> None:
    assert call(bob_client, "?as=cobol&by=luck").startswith("curl ")
