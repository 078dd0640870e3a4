"""The parts of pages that show a schema as a table, and as a form that can be sent without scripts."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.template.loader import render_to_string

from functions.schemas.form import form_of, value_of, with_errors
from functions.schemas.table import rows_of

TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "properties": {
        "facts": {"type": "array", "items": TEXT, "description": "Standalone <b>facts</b>"},
        "question": {**TEXT, "description": "What to ask"},
        "limit": {"type": "integer"},
        "is_short": {"type": "boolean"},
        "level": {"enum": ["easy", "hard"]},
        "when": {**TEXT, "format": "date"},
        "note": {"anyOf": [TEXT, {"type": "null"}]},
        "either": {"anyOf": [TEXT, {"type": "integer"}]},
        "paper": {"type": "object", "properties": {"_opper_media_input": TEXT, "file_name": TEXT}},
        "places": {
            "type": "array",
            "items": {"type": "object", "properties": {"page": {"type": "integer"}, "at": TEXT}},
        },
    },
    "required": ["facts", "question"],
}
VALUE = {
    "facts": ["\n  One\n", "<script>"],
    "question": '"Why" & how?',
    "limit": 3,
    "is_short": False,
    "level": "hard",
    "when": "2030-01-31",
    "note": None,
    "either": "text",
    "paper": {"_opper_media_input": "data:application/pdf;base64,AAAA", "file_name": "a.pdf"},
    "places": [{"page": 1}, {}, {"at": ""}],
    "more": [1],
}


class Browser(HTMLParser):
    """Reads the form as a browser does: what it would send, and which ids and names there are."""

    def __init__(self, text):
        super().__init__()
        self.post, self.ids, self.labels, self.described, self.buttons, self.area = {}, [], [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.labels += [given["for"]] if "for" in given else []
        self.described += given.get("aria-describedby", "").split()
        if tag == "input" and given["type"] != "file":
            self.post[given["name"]] = given["value"]
        elif tag in ("textarea", "select"):
            self.area = given["name"]
            self.post[self.area] = ""
        elif tag == "option" and "selected" in given:
            self.post[self.area] = given["value"]
        elif tag == "button":
            self.buttons.append((given["name"], given["value"]))

    def handle_endtag(self, tag):
        if tag == "textarea" and self.area is not None:
            # The first end of a line belongs to the markup.
            self.post[self.area] = self.post[self.area].removeprefix("\n").replace("\n", "\r\n")
        if tag in ("textarea", "select"):
            self.area = None

    def handle_data(self, data):
        if self.area is not None and self.lasttag == "textarea":
            self.post[self.area] += data


def drawn(form):
    return render_to_string("functions/_form_field.html", {"field": form})


def test_the_form_that_is_drawn_sends_the_value_it_was_drawn_from():
    browser = Browser(drawn(form_of(SCHEMA, VALUE)))
    assert value_of(SCHEMA, browser.post) == (VALUE, {})


def test_every_field_has_a_label_and_what_is_said_about_it_is_tied_to_it():
    form = with_errors(form_of(SCHEMA, VALUE), {"input.question": "Is wrong", "input.facts": "Too few"})
    text = drawn(form)
    browser = Browser(text)
    assert len(set(browser.ids)) == len(browser.ids)
    assert set(browser.labels) <= set(browser.ids)
    assert set(browser.described) <= set(browser.ids)
    assert "input.question~error" in browser.described
    assert text.count('aria-invalid="true"') == 1
    assert "Is wrong" in text
    assert "What to ask" not in text


def test_items_have_buttons_that_name_them():
    browser = Browser(drawn(form_of(SCHEMA, VALUE)))
    assert ("remove", "input.facts.1") in browser.buttons
    assert ("add", "input.facts") in browser.buttons
    assert ("add", "input.places") in browser.buttons


def test_what_people_and_models_write_is_text():
    text = drawn(form_of(SCHEMA, VALUE))
    assert "<script>" not in text
    assert "<b>facts" not in text
    assert " style=" not in text


@pytest.mark.parametrize("schema", [None, {"type": "integer"}, {"type": "array", "items": TEXT}, {}])
def test_a_schema_that_is_no_object_has_a_form_too(schema):
    assert "<label" in drawn(form_of(schema)) or "<fieldset" in drawn(form_of(schema))


def test_a_table_shows_types_options_patterns_and_what_it_cannot_say():
    schema = {
        "type": "object",
        "properties": {
            "level": {"enum": ["easy", "<hard>"]},
            "answer": {**TEXT, "pattern": "^<The>"},
            "odd": {"not": {"const": 1}, "if": {}},
            "sources": {"type": "array", "items": {"type": "object", "properties": {"fact": TEXT}}},
        },
    }
    text = render_to_string("functions/_schema_table.html", {"rows": rows_of(schema), "label": "Output"})
    assert "one of 2" in text
    assert "&lt;hard&gt;" in text
    assert '<code class="schema-pattern">^&lt;The&gt;</code>' in text
    assert "<details>" in text
    assert "in sources" in text
    assert 'aria-label="Output"' in text


def test_no_schema_says_so():
    assert "No schema" in render_to_string("functions/_schema_table.html", {"rows": rows_of(None)})
