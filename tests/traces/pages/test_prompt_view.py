"""A prompt as a conversation."""

from __future__ import annotations

import pytest

from traces.pages.prompt_view import MOST_SHOWN, blocks_of, plain_of


def said(role, text, note=None):
    return {"role": role, "note": note, "parts": [{"type": "text", "text": text}]}


def test_examples_are_gathered_into_pairs():
    blocks = blocks_of(
        [
            said("system", "Answer.", "instructions"),
            said("user", "Moons of Mars?", "example"),
            said("assistant", "Two", "example"),
            said("user", "Rings?", "example"),
            said("user", "Great Red Spot?", "input"),
        ]
    )
    assert [len(block.examples) for block in blocks] == [0, 2, 0]
    assert blocks[1].examples[0][1].text == "Two"
    assert blocks[1].examples[1][1] is None


def test_only_notes_that_say_something_new_are_shown():
    first, second = blocks_of([said("user", "a", "input"), said("user", "b", "added by retry")])
    assert (first.message.note, second.message.note) == ("", "added by retry")


def test_a_part_that_is_too_long_says_how_much_is_missing():
    long_text, long_value = "x" * (MOST_SHOWN + 1234), {"type": "json", "value": "y" * (MOST_SHOWN * 2)}
    [block] = blocks_of([{"role": "user", "parts": [{"type": "text", "text": long_text}, long_value]}])
    assert block.message.parts[0].text.endswith("… 1,234 more characters")
    assert len(block.message.parts[1].text) < MOST_SHOWN + 100


@pytest.mark.parametrize("messages", [None, "text", 7, [None, 1], [{}], [{"role": 1, "parts": [3]}], [{"parts": "x"}]])
def test_no_message_is_too_odd(messages):
    assert isinstance(plain_of(blocks_of(messages)), str)


def test_files_stand_beside_the_words_with_type_and_size():
    sent = {"type": "file", "media_type": "application/pdf", "file_name": "report.pdf", "bytes": 4005}
    told = {"type": "image_url", "url": "data:image/png;base64," + "A" * 8000}
    nested = {"type": "image_url", "image_url": {"url": told["url"]}}
    [block] = blocks_of([{"role": "user", "parts": [{"type": "text", "text": "What?"}, sent, told, nested]}])
    words, file, image, value = block.message.parts
    assert not words.is_file
    assert (file.form, file.text.replace("\u202f", " ")) == ("file", "report.pdf, application/pdf, 4.0 kB")
    assert (image.form, image.text.replace("\u202f", " ")) == ("image", "image/png, 6.0 kB")
    assert "image/png, 6.0" in value.text
    assert "AAAA" not in plain_of([block])


def test_the_whole_prompt_can_be_copied_as_text():
    assert plain_of(blocks_of([said("system", "Answer."), said("user", "Why?")])) == "System\nAnswer.\n\nUser\nWhy?"
