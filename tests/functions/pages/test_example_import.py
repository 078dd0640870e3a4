"""Import and export of examples: three steps without scripts, a report to take along, files that come back the same."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from functions import revising
from functions.examples import dataset
from functions.examples.files import MOST_ROWS
from functions.models import DatasetExample, Function
from opperweb.accounts.models import Project

LIST = "/projects/acme/functions/planets/examples/"
IMPORT = f"{LIST}import/"
TEXT = {"type": "string"}
INPUT = {"type": "object", "properties": {"question": TEXT}, "required": ["question"]}
OUTPUT = {"type": "object", "properties": {"answer": {**TEXT, "pattern": "^The"}}, "required": ["answer"]}


@pytest.fixture
def function(project: Project) -> Function:
    return revising.create(project, "planets", {"input_schema": INPUT, "output_schema": OUTPUT})


def hidden(html: str) -> dict[str, str]:
    """Return what the form of a page would send: hidden fields, and what is chosen in the lists."""
    fields = dict(re.findall(r'<input type="hidden" name="(content|name)" value="([^"]*)"', html))
    for name, options in re.findall(r'<select[^>]* name="([^"]+)">(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r"<option selected>([^<]*)", options)
        fields[name] = chosen.group(1) if chosen else ""
    return {name: unescape(value) for name, value in fields.items()}


def upload(client: Client, data: bytes, name: str = "a.csv") -> str:
    response = client.post(IMPORT, {"file": SimpleUploadedFile(name, data)})
    assert response.status_code == 200
    return str(response.content.decode())


def finish(client: Client, html: str, **changes: str) -> str:
    response = client.post(IMPORT, {**hidden(html), "do": "import", **changes})
    assert response.status_code == 200
    return str(response.content.decode())


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def exported(client: Client, name: str) -> bytes:
    response: Any = client.get(f"{LIST}{name}")
    assert response.status_code == 200
    assert f'filename="planets-{name}"' in response.headers["Content-Disposition"]
    if not response.is_async:
        return b"".join(response.streaming_content)

    async def whole() -> bytes:
        return b"".join([part async for part in response.streaming_content])

    return async_to_sync(whole)()


def test_the_first_page_says_the_limits(alice_client: Client, function: Function) -> None:
    assert "At most 10,000 rows and 32 MB at once." in words(alice_client.get(IMPORT).content.decode())


def test_a_file_is_read_shown_and_kept(alice_client: Client, function: Function, alice: Any) -> None:
    data = b'Question;Answer;id\r\n"One,\r\ntwo";The one;1\r\nbad;no;2\r\n'
    html = upload(alice_client, data, "facts.csv")
    assert hidden(html)["column.0"] == "input.question"
    assert hidden(html)["column.1"] == "output.answer"
    assert hidden(html)["column.2"] == ""
    assert "Import 1 row" in html
    assert 'output.answer must match ^The (is "no")' in words(html)
    assert not DatasetExample.objects.exists()
    report = finish(alice_client, html)
    assert "1 Imported" in words(report) or "Imported 1" in words(report)
    example = DatasetExample.objects.get()
    assert example.input == {"question": "One,\r\ntwo"}
    assert (example.source, example.source_name, example.created_by) == ("imported", "facts.csv", alice)


def test_columns_are_mapped_by_hand_and_looked_at_again(alice_client: Client, function: Function) -> None:
    html = upload(alice_client, b"a,b\nwhy?,The\n")
    assert "No row can go in" in html
    said = {**hidden(html), "column.0": "input.question", "column.1": "output.answer", "do": "look"}
    html = alice_client.post(IMPORT, said).content.decode()
    assert "Import 1 row" in html
    both = alice_client.post(IMPORT, {**said, "column.1": "input.question", "do": "import"})
    assert (both.status_code, "Two columns hold input.question" in both.content.decode()) == (422, True)
    unknown = alice_client.post(IMPORT, {**said, "column.1": "secret", "do": "import"})
    assert "output" in words(unknown.content.decode())
    assert not DatasetExample.objects.exists()
    finish(alice_client, html)
    assert DatasetExample.objects.get().output == {"answer": "The"}


def test_text_is_pasted_too(alice_client: Client, function: Function) -> None:
    line = json.dumps({"input": {"question": "é?"}, "output": {"answer": "The"}, "comment": "c"})
    html = alice_client.post(IMPORT, {"text": line + "\r\n"}).content.decode()
    finish(alice_client, html)
    assert DatasetExample.objects.get().input == {"question": "é?"}


@pytest.mark.parametrize(
    ("post", "words_of_it"),
    [
        ({}, "Choose a file, or paste its text"),
        ({"text": " "}, "Choose a file, or paste its text"),
        ({"file": SimpleUploadedFile("a.csv", b" ")}, "There is nothing in it"),
        ({"content": "nonsense"}, "did not come back whole"),
        ({"content": "YQ=="}, "did not come back whole"),
        ({"content": "YQ==", "do": "report"}, "did not come back whole"),
        ({"text": "input\n" + "x\n" * (MOST_ROWS + 1)}, "10,001 rows; at most 10,000"),
    ],
)
def test_what_cannot_be_read_is_told(
    alice_client: Client, function: Function, post: dict[str, Any], words_of_it: str
) -> None:
    response = alice_client.post(IMPORT, post)
    assert response.status_code == 422
    assert words_of_it in response.content.decode()


def test_what_is_packed_small_and_unpacks_to_more_than_goes_in_is_refused(
    alice_client: Client, function: Function, settings: Any
) -> None:
    html = upload(alice_client, b"question,answer\n" + b"x" * 2_000_000 + b",The\n")
    settings.MAX_BODY_MB = 1
    assert "did not come back whole" in alice_client.post(IMPORT, hidden(html)).content.decode()


def test_rows_that_did_not_go_in_are_told_and_taken_along(alice_client: Client, function: Function) -> None:
    lines = [json.dumps({"input": {"question": f"{n}"}, "output": {"answer": "=no"}}) for n in range(150)]
    good = json.dumps({"input": {"question": "good"}, "output": {"answer": "The"}})
    html = upload(alice_client, "\n".join([good, *lines, "{", good]).encode(), "a.jsonl")
    report = finish(alice_client, html)
    assert "and 51 more" in words(report)
    assert "<dd>1</dd>" in report
    response = alice_client.post(IMPORT, {"content": hidden(report)["content"], "do": "report"})
    assert "attachment" in response.headers["Content-Disposition"]
    head, *rows = csv.reader(io.StringIO(response.content.decode()))
    assert head == ["row", "place", "reason"]
    assert rows[0] == ["2", "output.answer", 'must match ^The (is "=no")']
    assert rows[-1][0] == "152"
    assert rows[-1][2].startswith("is not JSON")


def test_what_is_there_is_counted(alice_client: Client, function: Function) -> None:
    html = upload(alice_client, b"question,answer\nwhy?,The\n")
    finish(alice_client, html)
    assert "There already: an example with the same input" in words(finish(alice_client, html))
    assert DatasetExample.objects.count() == 1


def test_rows_that_do_not_fit_are_taken_where_it_is_ticked(alice_client: Client, function: Function) -> None:
    html = upload(alice_client, b"question,answer\nwhy?,no\n")
    finish(alice_client, html, misfits="1")
    assert DatasetExample.objects.get().misfit


def test_markup_in_a_file_is_text(alice_client: Client, function: Function) -> None:
    bad = "<script>alert(1)</script>"
    html = upload(alice_client, f"{bad},question,answer\n{bad},{bad},{bad}\n".encode(), f"{bad}.csv")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "<script>alert" not in finish(alice_client, html)


@pytest.mark.parametrize("name", ["examples.jsonl", "examples.csv"])
def test_an_import_of_an_export_makes_the_same_examples(alice_client: Client, function: Function, name: str) -> None:
    odd = ["=1+1", "-5", "'=x", 'a\r\nb;c,"d"', "\tx", "", "ä\u2028😀", "5", "null"]
    for number, text in enumerate(odd):
        more = {"expected": {"answer": f"The {text}"}} if number % 2 else {}
        values = {"input": {"question": text}, "output": {"answer": f"The {number}"}, "comment": text.strip(), **more}
        dataset.add(function, values)
    dataset.add(function, {"input": {"question": 5, "more": [1.0]}, "output": None})

    def all_of_them() -> list[str]:
        rows = DatasetExample.objects.order_by("key").values_list("input", "output", "expected", "comment")
        return [json.dumps(row) for row in rows]

    before, data = all_of_them(), exported(alice_client, name)
    # Nothing of it is there again: the values are the same.
    assert f"<dd>{len(before)}</dd>" in finish(alice_client, upload(alice_client, data, name), misfits="1")
    assert DatasetExample.objects.count() == len(before)
    DatasetExample.objects.all().delete()
    finish(alice_client, upload(alice_client, data, name), misfits="1")
    assert all_of_them() == before


def test_no_cell_of_an_export_is_a_formula(alice_client: Client, function: Function) -> None:
    dataset.add(function, {"input": {"question": "=cmd()"}, "output": {"answer": "@x"}, "comment": "+1"})
    data = exported(alice_client, "examples.csv").decode()
    assert data.startswith("\ufeffinput.question,input (json),output.answer,")
    row = list(csv.reader(io.StringIO(data)))[1]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    assert "'=cmd()" in row


def test_an_export_of_no_examples_is_a_header(alice_client: Client, function: Function) -> None:
    assert exported(alice_client, "examples.jsonl") == b""
    assert exported(alice_client, "examples.csv").count(b"\n") == 1


def test_readers_take_examples_along(bob_client: Client, function: Function) -> None:
    for number in range(45):
        dataset.add(function, {"input": {"question": f"{number}"}, "output": {"answer": "The"}})
    lines = exported(bob_client, "examples.jsonl").splitlines()
    assert [json.loads(line)["input"]["question"] for line in lines] == [str(number) for number in range(45)]
    assert bob_client.get(IMPORT).status_code == 403
