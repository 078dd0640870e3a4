"""What of a value is looked at, and which words of a text are one."""

from __future__ import annotations

import base64

import pytest

from functions.few_shot.text import LONGEST_TEXT, MOST_WORDS, digest_of, text_of, words_of


def test_texts_and_numbers_count_and_the_names_of_fields_do_not():
    value = {"question": "Which?", "facts": ["One", {"more": "Two"}], "number": 7, "flag": True, "nothing": None}
    assert text_of(value) == "Which?\nOne\nTwo\n7"


@pytest.mark.parametrize("value", [None, "", {}, [], {"a": None}, [[[]]], True])
def test_nothing_has_no_text(value):
    assert text_of(value) == ""
    assert digest_of("") == ""


def test_files_are_left_out():
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(500)).decode()
    value = {"url": f"data:image/png;base64,{picture}", "bare": picture, "blob": "QUJD" * 200, "words": "a cat"}
    assert text_of(value) == "a cat"


def test_a_text_has_an_end_however_long_or_deep_the_value_is():
    deep: object = "end"
    for _ in range(5_000):
        deep = [deep]
    assert text_of(deep) == ""
    assert len(text_of(["word " * 1_000] * 1_000)) <= LONGEST_TEXT
    assert len(words_of("a b " * 10_000)) <= MOST_WORDS


def test_characters_that_no_database_takes_are_replaced():
    assert text_of("a\x00b \ud800") == "a\ufffdb ?"
    assert words_of('a\x00b \ud800 \'quoted\\ "words"; --') == ["a", "b", "quot", "word"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Refunds", "refund"),
        ("batteries", "battery"),
        ("cancelling", "cancell"),
        ("Müller's CAFÉ", "muller s cafe"),
        ("STRASSE", "straße"),
        ("snake_case", "snake case"),
        ("Cucumbers", "cucumber"),
    ],
)
def test_forms_of_a_word_are_one(one, other):
    assert words_of(one) == words_of(other)


def test_names_of_digits_and_short_words_stay_as_they_are():
    assert words_of("A12s bed gas 1990s") == ["a12s", "bed", "gas", "1990s"]


def test_scripts_without_spaces_are_told_by_two_letters_at_a_time():
    assert words_of("東京駅 Tokyo駅前") == ["東京", "京駅", "tokyo", "駅前"]
    assert words_of("한국어 문장") == ["한국어", "문장"]
