"""Differences of texts, lines and JSON: nothing is lost, moved keys are no change, and long texts take no time."""

from __future__ import annotations

import random
from difflib import SequenceMatcher

import pytest
from django.template.loader import render_to_string

from opperweb.pages import diff
from opperweb.pages.diff import FieldChange, Piece, fields, lines, words


def both(pieces):
    before = "".join(piece.text for piece in pieces if piece.kind != "added")
    return before, "".join(piece.text for piece in pieces if piece.kind != "removed")


def test_words_that_differ_stand_between_those_that_do_not():
    assert words("The answer is Jupiter.", "The answer is certainly Saturn.") == [
        Piece("same", "The answer is "),
        Piece("removed", "Jupiter"),
        Piece("added", "certainly Saturn"),
        Piece("same", "."),
    ]
    assert words("The answer to the question is Jupiter", "Jupiter") == [
        Piece("removed", "The answer to the question is "),
        Piece("same", "Jupiter"),
    ]


def test_a_changed_word_is_not_torn_apart_and_punctuation_stands_alone():
    assert words("on Jupiter, and more", "on Jupiter and more") == [
        Piece("same", "on Jupiter"),
        Piece("removed", ","),
        Piece("same", " and more"),
    ]


def test_little_words_between_two_changes_are_part_of_them():
    assert words("red of blue", "green of yellow") == [
        Piece("removed", "red of blue"),
        Piece("added", "green of yellow"),
    ]


@pytest.mark.parametrize(("before", "after"), [("", ""), ("", "a"), ("a", ""), ("a", "a")])
def test_empty_and_equal_texts_have_at_most_one_piece(before, after):
    assert both(words(before, after)) == (before, after)
    assert len(words(before, after)) == bool(before or after)


@pytest.mark.parametrize("seed", range(60))
def test_the_pieces_make_both_texts_again(seed):
    rng = random.Random(seed)
    tokens = ["a", "the", "planet", " ", " ", "\n", ". ", ",", "\r\n", "Ünï", "日本"]
    before, after = ("".join(rng.choices(tokens, k=rng.randint(0, 60))) for _ in range(2))
    assert both(words(before, after)) == (before, after)


def prose(count):
    rng = random.Random(count)
    return "".join(f"word{rng.randint(0, 500)}{rng.choice([' '] * 12 + ['. '])}" for _ in range(count))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (prose(14_000), prose(14_001)),
        (prose(1_200), prose(1_201)),
        ("a b " * 25_000, "b a c " * 17_000),
        ("a\n" * 50_000, "b\na\n" * 25_000),
        ("!" * 100_000, "!?" * 50_000),
        ("x" * 100_000, "y" * 100_000),
    ],
)
def test_a_comparison_takes_no_more_steps_than_it_may(before, after, monkeypatch):
    taken = []
    look = SequenceMatcher.find_longest_match

    def counted(self, alo=0, ahi=None, blo=0, bhi=None):
        taken.append(self.costs[ahi] - self.costs[alo])
        return look(self, alo, ahi, blo, bhi)

    monkeypatch.setattr(SequenceMatcher, "find_longest_match", counted)
    monkeypatch.setattr(diff, "MOST_STEPS", 20_000)
    monkeypatch.setattr(diff, "MOST_STEPS_A_LOOK", 20_000)
    assert both(words(before, after)) == (before, after)
    # Once for words, once for sentences and the words in them.
    assert sum(taken) <= 2 * diff.MOST_STEPS


def test_a_long_text_with_a_few_changes_is_still_told_word_by_word():
    before = prose(14_000)
    after = before.split(" ")
    for place in range(0, len(after), 700):
        after[place] = "CHANGED"
    pieces = words(before, " ".join(after))
    assert both(pieces) == (before, " ".join(after))
    assert sum(len(piece.text) for piece in pieces if piece.kind != "same") < 1_000


def test_lines_are_compared_whole():
    assert lines("a 1\nb 2\n", "a 1\nb 3\nc 4") == [
        Piece("same", "a 1"),
        Piece("removed", "b 2"),
        Piece("added", "b 3"),
        Piece("added", "c 4"),
    ]
    assert lines("", "") == []


def test_fields_are_found_by_their_paths():
    before = {"a": 1, "b": {"c": [1, 2, 3], "d": "x"}, "gone": None}
    after = {"a": 1, "b": {"c": [1, 9, 2, 3], "d": "y"}, "new": [1]}
    assert fields(before, after) == [
        FieldChange(("b", "c", 1), None, 9, "added"),
        FieldChange(("b", "d"), "x", "y", "changed"),
        FieldChange(("gone",), None, None, "removed"),
        FieldChange(("new",), None, [1], "added"),
    ]


def test_an_item_that_is_replaced_is_looked_into():
    assert fields([{"a": 1, "b": 2}], [{"a": 1, "b": 3}]) == [FieldChange((0, "b"), 2, 3, "changed")]
    assert fields([1, 2], [3]) == [FieldChange((0,), 1, 3, "changed"), FieldChange((1,), 2, None, "removed")]


def test_moved_keys_are_no_change_but_for_the_fields_of_a_schema():
    assert fields({"a": 1, "b": 2}, {"b": 2, "a": 1}) == []
    before = {
        "type": "object",
        "properties": {"a": {}, "b": {}, "properties": {"x": 1, "y": 2}},
        "required": ["a", "b"],
    }
    after = {"required": ["b", "a"], "properties": {"properties": {"y": 2, "x": 1}, "b": {}, "a": {}}, "type": "object"}
    assert fields(before, after) == [
        FieldChange(("properties",), ["a", "b", "properties"], ["properties", "b", "a"], "moved")
    ]


def test_a_number_is_not_the_truth_value_that_equals_it():
    assert [change.kind for change in fields([1, 0, None], [True, False, 7])] == ["changed"] * 3


def test_values_nested_too_deep_end_as_one_change():
    before, after = [1], [2]
    for _ in range(400):
        before, after = [before], [after]
    assert len(fields(before, after)) == 1


def test_the_parts_of_a_page_mark_what_differs_and_escape_it():
    pieces = words("say <b>no</b>", "say <i>yes</i>")
    inline = render_to_string("_diff_words.html", {"pieces": pieces})
    assert inline.count("<del>") == inline.count("</del>") == inline.count('"visually-hidden">removed:')
    assert "&lt;" in inline
    assert "<b>" not in inline
    before = render_to_string("_diff_words.html", {"pieces": pieces, "side": "before"})
    assert "<del>" in before
    assert "<ins>" not in before
    shown = render_to_string("_diff_lines.html", {"lines": lines("a\nb", "a\nc")})
    assert shown.index("<del>") < shown.index("<ins>")
    assert "added:" in shown
