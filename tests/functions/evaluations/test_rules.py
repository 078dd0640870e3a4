import pytest

from functions.evaluations import rules

OUTPUT = {"answer": "The answer is Jupiter", "sources": [{"fact": 2, "quote": "storm"}], "id": "7", "score": 8.5}
INPUT = {"ticket": {"id": "7"}, "facts": ["a", "b"]}


@pytest.mark.parametrize(
    ("rule", "passed", "message"),
    [
        ({"kind": "contains", "path": "answer", "text": "Jupiter"}, True, ""),
        ({"kind": "contains", "path": "answer", "text": "Saturn"}, False, "“Saturn” is not in it"),
        ({"kind": "contains", "text": "storm"}, True, ""),
        ({"kind": "not_contains", "path": "answer", "text": "Jupiter"}, False, "“Jupiter” is in it"),
        ({"kind": "not_contains", "path": "nowhere", "text": "Jupiter"}, True, ""),
        ({"kind": "matches", "path": "answer", "pattern": "^The answer"}, True, ""),
        ({"kind": "matches", "path": "answer", "pattern": "^An answer"}, False, "does not match"),
        ({"kind": "length", "path": "answer", "unit": "words", "most": 3}, False, "is 4 words"),
        ({"kind": "length", "path": "answer", "unit": "words", "least": 4}, True, ""),
        ({"kind": "length", "path": "answer", "most": 100}, True, ""),
        ({"kind": "length", "path": "sources", "unit": "items", "least": 1, "most": 2}, True, ""),
        ({"kind": "length", "path": "answer", "unit": "items", "least": 1}, False, "is no list"),
        ({"kind": "length", "path": "gone", "least": 1}, False, "is not there"),
        ({"kind": "equals_input", "path": "id", "input_path": "ticket.id"}, True, ""),
        ({"kind": "equals_input", "path": "answer", "input_path": "ticket.id"}, False, "is another"),
        ({"kind": "equals_input", "path": "id", "input_path": "ticket.name"}, False, "the input has no such field"),
        ({"kind": "range", "path": "score", "least": 0, "most": 10}, True, ""),
        ({"kind": "range", "path": "score", "most": 5}, False, "is 8.5"),
        ({"kind": "range", "path": "answer", "most": 5}, False, "is no number"),
        ({"kind": "present", "path": "sources[0].quote"}, True, ""),
        ({"kind": "present", "path": "sources[1].quote"}, False, "is not there"),
    ],
)
def test_each_kind_of_check_says_why_it_failed(rule, passed, message):
    [outcome] = rules.run([rule], OUTPUT, INPUT)
    assert (outcome.passed, outcome.message) == (passed, message)


def test_a_check_that_is_off_is_not_run():
    assert rules.run([{"kind": "present", "path": "answer", "on": False}], OUTPUT, INPUT) == []


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"kind": "magic"}, "kind"),
        ({}, "kind"),
        ({"kind": "contains", "path": "answer"}, "text"),
        ({"kind": "matches", "pattern": "("}, "pattern"),
        ({"kind": "length"}, "most"),
        ({"kind": "length", "least": 5, "most": 1}, "most"),
        ({"kind": "length", "most": "3"}, "most"),
        ({"kind": "length", "most": 3, "unit": "pages"}, "unit"),
        ({"kind": "present", "path": "a..b"}, "path"),
        ({"kind": "present", "path": 7}, "path"),
        ({"kind": "equals_input", "input_path": "a["}, "input_path"),
    ],
)
def test_a_check_that_makes_no_sense_names_its_field(rule, field):
    with pytest.raises(rules.InvalidRule) as refused:
        rules.check(rule)
    assert refused.value.field == field
    # Kept all the same, it fails with the reason and takes no other with it.
    first, second = rules.run([rule, {"kind": "present", "path": "answer"}], OUTPUT, INPUT)
    assert not first.passed
    assert first.message == refused.value.message
    assert second.passed


def test_a_pattern_that_would_run_for_ever_is_told_in_time():
    [outcome] = rules.run([{"kind": "matches", "pattern": "^(a+)+$"}], "a" * 60 + "!", None)
    assert not outcome.passed


def test_a_check_is_said_in_words():
    assert rules.words_of({"kind": "length", "path": "answer", "unit": "words", "most": 30}) == (
        "answer has at most 30 words"
    )
    assert rules.words_of({"kind": "present", "name": "Has sources"}) == "Has sources"
