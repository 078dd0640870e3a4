"""Whatever a model wrote is read as far as it can be, and judged by the caller's own schema."""

import pytest

from functions.completions.structured import read_answer
from functions.schemas.dialects import IDENTITY, to_dialect
from functions.schemas.validator import Validator

ANSWER = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["answer"],
}


def read(text, schema=ANSWER, codec=IDENTITY, is_complete=True):
    return read_answer(text, Validator(schema), codec, is_complete=is_complete)


def test_a_good_answer_has_no_problems_and_no_notes():
    reading = read('{"answer": "Jupiter"}')
    assert (reading.value, reading.problems, reading.notes) == ({"answer": "Jupiter"}, [], [])


def test_of_several_values_the_one_that_fits_is_taken():
    assert read('[1] says {"x": 1}, so {"answer": "Jupiter", "n": "3"}').value == {"answer": "Jupiter", "n": 3}


def test_each_step_is_noted():
    notes = read('```json\n{"answer": "Jupiter", "n": "3",}\n```').notes
    assert notes == ["Read from a fenced block", "Repaired: trailing comma removed", 'n: "3" read as 3']


def test_the_wire_shape_becomes_the_callers_shape():
    codec = to_dialect(ANSWER, "openai").codec
    assert read('{"answer": "Jupiter", "n": null}', codec=codec).value == {"answer": "Jupiter"}


def test_a_value_in_a_field_of_its_own_is_unpacked():
    assert read('{"value": [1, 2]}', {"type": "array"}).value == [1, 2]
    assert read('{"value": 3}', {"type": "object"}).value == {"value": 3}


def test_a_text_may_be_the_whole_reply():
    assert read("Jupiter", {"type": "string"}).value == "Jupiter"
    assert read("Jupiter", {"type": "string", "pattern": "^S"}).problems


def test_a_wrong_answer_comes_with_its_problems():
    assert {problem.where for problem in read('{"n": "many"}').problems} == {"n", "answer"}


@pytest.mark.parametrize("text", ["", "I cannot say.", "<html></html>", '{"answer": "Jup'])
def test_no_json_is_one_problem(text):
    problems = read(text).problems
    assert [problem.rule for problem in problems] == ["json"]
    assert problems[0].message.startswith("is no JSON")


def test_a_cut_answer_is_not_completed():
    assert "cut off" in read('{"answer": "Jupiter"', is_complete=False).problems[0].message


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1000 + "]" * 1000,
        '{"answer":' * 1000 + "1" + "}" * 1000,
        "[" * 100_000,
        '{"answer": ' + "9" * 10_000 + "}",
        '{"answer": "\\ud800", "n": 1e999}',
        '{"answer": "a\x00b\ud800"',
        "\ud800",
        "\x00",
        '{"answer": NaN}',
        '{"answer": "' + "x" * 10_000_000 + '"',
        '{"answer": "' + "x" * 10_000_000 + '"}',
        '{"n": ' + "1" * 400 + "}",
    ],
)
def test_hostile_text_never_raises(text):
    for codec in (IDENTITY, to_dialect(ANSWER, "openai").codec):
        read(text, codec=codec)
        read(text, schema={}, codec=codec, is_complete=False)


def test_a_recursive_union_does_not_run_for_ever():
    schema = {"anyOf": [{"type": "object", "properties": {"a": {"$ref": "#"}, f"b{n}": {}}} for n in range(6)]}
    text = '{"a":' * 4 + "1" + "}" * 4
    assert isinstance(read(text, schema, to_dialect(schema, "openai").codec).problems, list)


def test_a_number_beyond_a_double_is_named_so_that_it_can_be_put_right():
    [problem] = read('{"answer": "x", "n": 1e999}').problems
    assert (problem.rule, problem.message) == ("number", "holds 1e999, a number too large to keep")
