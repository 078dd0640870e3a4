"""A call of a function, ready to be pasted: for the shell, for Python and for TypeScript, by its name or by its id."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pprint import pformat
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from functions.models import DatasetExample, Function
from functions.pages.function_page import FunctionHead, function_page
from functions.schemas.field_places import items_of, kinds_of, place_of, properties_of

LANGUAGES = {"curl": "curl", "python": "Python", "node": "TypeScript"}
WAYS = ("name", "id")
MOST_DEPTH = 6
# A longer example would hide the call around it.
MOST_CHARACTERS = 4_000
SAMPLES = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "email": "name@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

CURL = """\
curl {address}{path} \\
  -H "Authorization: Bearer $OPPER_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d {body}
"""
PYTHON = """\
# pip install opperai
import os

from opperai import Opper

opper = Opper(server_url="{address}/v2", http_bearer=os.environ["OPPER_API_KEY"])

response = opper.{call}(
    {named},
    input={input},
)
print(response.{answer})
"""
NODE = """\
// npm install opperai
import {{ Opper }} from "opperai";

const opper = new Opper({{
  serverURL: "{address}/v2",
  httpBearer: process.env.OPPER_API_KEY,
}});

const response = await opper.{call};
console.log(response.{answer});
"""


@require_safe
@function_page
def copy_call(request: HttpRequest, head: FunctionHead) -> HttpResponse:
    language = request.GET.get("as", "")
    language = language if language in LANGUAGES else "curl"
    way = "id" if request.GET.get("by") == "id" else "name"
    text = snippet(head, language, way, sample_input(head.function, head.newest.input_schema if head.newest else None))
    context = {
        "language": language,
        "languages": LANGUAGES.items(),
        "way": way,
        "call": text,
    }
    return render(request, "functions/copy_call.html", head.context("") | context)


def snippet(head: FunctionHead, language: str, way: str, value: Any) -> str:
    """Return a call of the function with this input; the key is left to the reader's environment."""
    function, is_by_id = head.function, way == "id"
    answers_text = head.newest is None or head.newest.output_schema is None
    if language == "curl":
        body = {"input": value} if is_by_id else {"name": function.name, "input": value}
        path = f"/v2/functions/{function.pk}/call" if is_by_id else "/v2/call"
        text = json.dumps(body, ensure_ascii=False, indent=2)
        return CURL.format(address=head.address, path=path, body=shlex.quote(text))
    if language == "python":
        named = f'function_id="{function.pk}"' if is_by_id else f"name={_quoted(function.name)}"
        return PYTHON.format(
            address=head.address,
            call="functions.call" if is_by_id else "call",
            named=named,
            input=_indented(pformat(value, width=96, sort_dicts=False), 4),
            answer="message" if answers_text else "json_payload",
        )
    text = _indented(json.dumps(value, ensure_ascii=False, indent=2), 2)
    by_id = f'functions.call("{function.pk}", {{\n  input: {text},\n}})'
    by_name = f"call({{\n  name: {_quoted(function.name)},\n  input: {text},\n}})"
    return NODE.format(
        address=head.address,
        call=by_id if is_by_id else by_name,
        answer="message" if answers_text else "jsonPayload",
    )


def sample_input(function: Function, schema: Mapping[str, Any] | None) -> Any:
    """Return the newest example's input where there is a short one, else one made from the schema."""
    example = DatasetExample.objects.filter(function=function, misfit="").order_by("-created_at", "-key").first()
    if example is not None and len(json.dumps(example.input)) <= MOST_CHARACTERS:
        return example.input
    return "…" if schema is None else _sample(schema, schema, 0)


def _sample(root: Mapping[str, Any], part: Any, depth: int) -> Any:
    place = place_of(root, part)
    rules = place.seen
    for keyword in ("default", "const"):
        if rules.get(keyword) is not None:
            return rules[keyword]
    for keyword in ("enum", "examples"):
        if isinstance(rules.get(keyword), list) and rules[keyword]:
            return rules[keyword][0]
    kind = (kinds_of(place) or ["string"])[0]
    if kind == "object":
        fields = properties_of(place) or {}
        return {name: _sample(root, inner, depth + 1) for name, inner in fields.items()} if depth < MOST_DEPTH else {}
    if kind == "array":
        items = items_of(place)
        return [] if items is None or depth >= MOST_DEPTH else [_sample(root, items, depth + 1)]
    if kind in ("integer", "number"):
        least = rules.get("minimum")
        return least if isinstance(least, int | float) else 1
    return {"boolean": True, "null": None}.get(kind, SAMPLES.get(str(rules.get("format")), "…"))


def _quoted(text: str) -> str:
    """Return a text as Python and TypeScript write it alike."""
    return json.dumps(text, ensure_ascii=False)


def _indented(text: str, margin: int) -> str:
    return text.replace("\n", "\n" + " " * margin)
