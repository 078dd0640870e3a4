"""The import of examples: good rows are kept, the others told; what is there already is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from functions import revising
from functions.examples import dataset
from functions.examples.columns import guess
from functions.examples.files import MOST_ROWS, Refused, read
from functions.examples.imports import Report, import_examples, read_examples, shape_of
from functions.models import DatasetExample, Function
from opperweb.accounts.models import Project, User

TEXT = {"type": "string"}
INPUT = {"type": "object", "properties": {"question": TEXT}, "required": ["question"]}
OUTPUT = {
    "type": "object",
    "properties": {"answer": {**TEXT, "pattern": "^The"}, "places": {"type": "array", "items": TEXT}},
    "required": ["answer"],
}


@pytest.fixture
def function(project: Project) -> Function:
    return revising.create(project, "planets", {"input_schema": INPUT, "output_schema": OUTPUT})


def imported(function: Function, data: bytes, user: User, *, takes_misfits: bool = False) -> Report:
    shape = shape_of(function.revisions.get())
    table = read(data)
    reading = read_examples(table, guess(table.columns, shape), shape, takes_misfits=takes_misfits)
    return import_examples(function, reading, created_by=user, file_name="a.jsonl")


def lines(*rows: Any) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def row(question: str, answer: str = "The answer", **more: Any) -> dict[str, Any]:
    return {"input": {"question": question}, "output": {"answer": answer}, **more}


def test_good_rows_are_kept_and_the_others_told_with_place_and_reason(function: Function, alice: User) -> None:
    good = row("one", comment="why")
    rows = [
        good,
        row("two", "wrong"),
        {"input": {}, "output": {"answer": "The"}},
        {"input": {"question": "x"}},
        {"output": {"answer": "The"}},
        row("five", expected={"answer": "no"}),
        {**row("six"), "output": {"answer": "The", "places": ["a", 5]}},
        row("seven", comment=7),
        row("eight\x00"),
        row("nine", "anything", expected={"answer": "The right one"}),
    ]
    report = imported(function, lines(*rows), alice)
    assert (report.added, report.repeated) == (2, 0)
    assert [(each.number, each.place) for each in report.refused] == [
        (2, "output.answer"),
        (3, "input.question"),
        (4, "output"),
        (5, "input"),
        (6, "expected.answer"),
        (7, "output.places[1]"),
        (8, "comment"),
        (9, "input"),
    ]
    assert report.refused[1].reason == "is missing"
    first, last = DatasetExample.objects.order_by("key")
    assert (first.input, first.output, first.comment) == (good["input"], good["output"], "why")
    assert (first.source, first.source_name, first.created_by) == ("imported", "a.jsonl", alice)
    assert (last.expected, last.misfit) == ({"answer": "The right one"}, "")


def test_rows_of_csv_become_values_of_the_schemas(function: Function, alice: User) -> None:
    data = b'question;answer;output.places;note\n"Why, then?";The;"[""a""]";\nNo;The;b;x\n'
    report = imported(function, data, alice)
    assert report.refused == (Refused(3, "output.places", 'must be a list (is "b")'),)
    assert DatasetExample.objects.get().output == {"answer": "The", "places": ["a"]}


def test_rows_that_do_not_fit_are_taken_and_marked_where_somebody_says_so(function: Function, alice: User) -> None:
    report = imported(function, lines(row("one", "wrong")), alice, takes_misfits=True)
    assert report.added == 1
    assert DatasetExample.objects.get().misfit.startswith("output.answer ")


def test_what_is_there_already_is_counted_and_left_out(function: Function, alice: User) -> None:
    dataset.add(function, {"input": {"question": "one"}, "output": {"answer": "wrong"}, "expected": {"answer": "The"}})
    rows = [row("one", "The"), row("one", "The other"), row("one", "The other"), row("two", "The", comment="x")]
    assert imported(function, lines(*rows), alice).added == 2
    assert DatasetExample.objects.count() == 3
    again = imported(function, lines(*rows), alice)
    assert (again.added, again.repeated) == (0, 4)


def test_the_same_in_another_function_is_not_there(function: Function, project: Project, alice: User) -> None:
    dataset.add(revising.create(project, "other", {}), row("one"))
    assert imported(function, lines(row("one")), alice).added == 1


def test_a_long_text_that_only_begins_alike_is_another_example(function: Function, alice: User) -> None:
    same = "x " * 1_000
    report = imported(function, lines(row(same + "a"), row(same + "b"), row(same + "a")), alice)
    assert (report.added, report.repeated) == (2, 1)


def test_an_import_of_all_rows_that_go_in_takes_few_queries(function: Function, alice: User) -> None:
    data = lines(*(row(f"question {number}") for number in range(MOST_ROWS)))
    with CaptureQueriesContext(connection) as captured:
        assert imported(function, data, alice).added == MOST_ROWS
    # Rows and their words are written hundreds at a time.
    assert len(captured) < MOST_ROWS / 20
    assert DatasetExample.objects.filter(function=function).count() == MOST_ROWS


def test_what_somebody_else_adds_during_an_import_is_there_already(
    function: Function, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_all = dataset.add_all

    def slowly(function: Function, examples: list[DatasetExample]) -> list[DatasetExample]:
        monkeypatch.setattr(dataset, "add_all", add_all)
        made = add_all(function, examples)
        dataset.add(function, row("600"))
        return made

    monkeypatch.setattr(dataset, "add_all", slowly)
    report = imported(function, lines(*(row(str(number)) for number in range(700))), alice)
    assert (report.added, report.repeated) == (699, 1)


def test_a_function_that_was_deleted_meanwhile_is_told(function: Function, alice: User) -> None:
    shape = shape_of(function.revisions.get())
    table = read(lines(row("one")))
    reading = read_examples(table, guess(table.columns, shape), shape)
    Function.objects.all().delete()
    with pytest.raises(Function.DoesNotExist):
        import_examples(function, reading, created_by=alice)
