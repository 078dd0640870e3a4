"""The messages of a task: what stays the same first, the input last, and after a bad answer what was wrong with it."""

from functions.prompts.builder import NO_INPUT, messages_for, with_repair
from functions.schemas.dialects import to_dialect
from functions.schemas.problems import Problem
from functions.task import Example, Task

ANSWER = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


def messages(strategy="", **parts):
    schema = parts.get("output_schema")
    wire = to_dialect(schema, "openai") if strategy == "native" else None
    return messages_for(Task("x", **parts), strategy=strategy, wire=wire)


def test_a_plain_task_is_instructions_and_input():
    system, user = messages(instructions="Be brief.", input="Which planet?")
    assert (system.role, system.text, system.note) == ("system", "Be brief.", "instructions")
    assert (user.role, user.text, user.note) == ("user", "Which planet?", "input")


def test_input_that_is_no_text_is_json_and_no_input_is_said():
    assert messages(input={"q": "é"})[-1].text == '{"q":"é"}'
    assert messages()[-1].text == NO_INPUT
    assert messages()[0].text == "You are a helpful assistant"


def test_the_descriptions_of_the_input_are_shown():
    schema = {"type": "object", "properties": {"q": {"type": "string", "description": "The question"}}}
    assert "q?: string, // The question" in messages(input_schema=schema)[0].text


def test_the_shape_of_the_answer_is_shown_where_the_provider_does_not_show_it():
    assert "answer: string" not in messages("native", output_schema=ANSWER)[0].text
    for strategy in ("json", "text"):
        text = messages(strategy, output_schema=ANSWER)[0].text
        assert "JSON" in text
        assert "answer: string" in text


def test_rules_the_provider_does_not_enforce_are_shown_too():
    schema = {**ANSWER, "properties": {"answer": {"type": "string", "minLength": 3}}}
    assert "at least 3 characters" in messages("native", output_schema=schema)[0].text


def test_a_list_is_asked_for_inside_of_an_object_where_only_objects_are_taken():
    schema = {"type": "array", "items": {"type": "integer"}}
    examples = (Example("a", [1]),)
    asked = messages("json", output_schema=schema, examples=examples)
    assert "value: int[]" in asked[0].text
    assert asked[2].text == '{"value":[1]}'
    assert messages("text", output_schema=schema, examples=examples)[2].text == "[1]"


def test_examples_are_turns_with_the_nearest_last():
    examples = (Example("near", "A", similarity=0.9), Example("far", "B", "It is far", similarity=0.1))
    asked = messages(examples=examples, input="now")
    assert [message.text for message in asked[1:]] == [
        "far\n\n(About the answer to this example: It is far)",
        "B",
        "near",
        "A",
        "now",
    ]
    assert [message.note for message in asked[1:]] == ["example"] * 4 + ["input"]


def test_examples_take_the_form_of_the_wire():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert messages("native", output_schema=schema, examples=(Example("q", {}),))[2].text == '{"a":null}'


def test_the_beginning_does_not_depend_on_the_input():
    first, second = (messages("json", output_schema=ANSWER, input=text) for text in ("a", "b"))
    assert first[:-1] == second[:-1]


def test_what_was_wrong_is_told_deepest_first_and_at_most_eight_times():
    problems = [
        Problem(("a",), "required", "is missing"),
        Problem(("items", 3, "qty"), "minimum", "must be at least 1"),
    ]
    asked = with_repair(messages(), '{"b": 1}', problems)
    assert [message.note for message in asked[-2:]] == ["answer before", "added by retry"]
    assert asked[-2].text == '{"b": 1}'
    assert asked[-1].text == (
        "The answer does not fit: 1. items[3].qty must be at least 1. 2. a is missing."
        " Return the whole corrected JSON value and nothing else."
    )
    many = with_repair(messages(), "x", problems * 10)
    assert " 8. " in many[-1].text
    assert "12 more" in many[-1].text


def test_an_empty_answer_is_not_repeated_and_a_long_one_is_cut():
    problem = Problem((), "json", "is no JSON")
    assert len(with_repair(messages(), " ", [problem])) == 3
    assert len(with_repair(messages(), "x" * 10**6, [problem])[-2].text) < 100_000
