"""The first call can be run as it stands."""

import ast
import json

import pytest

from opperweb.pages.snippets import LANGUAGES, highlighted, snippet

ADDRESS = "http://127.0.0.1:8000"


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_snippet_holds_the_address_and_the_key(language):
    text = snippet(language, ADDRESS, "op-1234", is_whole=True)
    assert "op-1234" in text
    assert "127.0.0.1:8000" in text
    assert "{" not in text.replace("{\n", "") or language in ("python", "node", "curl", "http")


@pytest.mark.parametrize("language", LANGUAGES)
def test_colours_change_no_character(language):
    text = snippet(language, ADDRESS, "op-12…e1")
    assert "".join(part for _, part in highlighted(text, language)) == text


def test_the_python_snippet_is_python():
    ast.parse(snippet("python", ADDRESS, "op-12…e1"))


def test_the_bodies_are_json_of_the_told_length():
    head, _, body = snippet("http", ADDRESS, "op-1234").partition("\n\n")
    assert json.loads(body)["name"]
    assert f"Content-Length: {len(body.rstrip().encode())}" in head


def test_a_masked_key_is_marked_as_the_readers_own():
    assert "# your key" in snippet("python", ADDRESS, "op-12…e1")
    assert "your key" not in snippet("python", ADDRESS, "op-1234", is_whole=True)
