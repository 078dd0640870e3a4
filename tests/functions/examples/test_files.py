"""Files of examples: rows told apart, and what is wrong with a row told with its place while the others go on."""

from __future__ import annotations

import json

import pytest

from functions.examples.files import MOST_OF_A_ROW, MOST_ROWS, Refused, Table, Unreadable, read


def cells(table: Table) -> list[dict[str, object]]:
    return [dict(row.cells) for row in table.rows]


def test_lines_of_json_are_numbered_as_an_editor_numbers_them() -> None:
    table = read(b'\xef\xbb\xbf{"input": 1}\r\n\r\n{"input": 2, "note": "x"}\r\n')
    assert (table.kind, table.columns) == ("jsonl", ("input", "note"))
    assert [(row.number, dict(row.cells)) for row in table.rows] == [(1, {"input": 1}), (3, {"input": 2, "note": "x"})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"input": }', "is not JSON: Expecting value at character 11"),
        (b"[1, 2]", "must be an object, in curly brackets (is [1,2])"),
        (b'{"input": "caf\xe9"}', "is not UTF-8: byte 0xe9 at position 29 of the file"),
        (b'{"input": NaN}', "is not JSON: NaN is not JSON"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "is nested too deep"),
        (b'{"input": "' + b"x" * MOST_OF_A_ROW + b'"}', "is larger than 4 MB"),
    ],
)
def test_a_bad_line_is_told_with_its_place_and_the_others_go_on(line: bytes, reason: str) -> None:
    table = read(b'{"input": "a"}\n' + line + b'\n{"input": "b"}')
    assert [row.number for row in table.rows] == [1, 3]
    assert table.refused == (Refused(2, "", reason),)


def test_a_list_of_objects_is_read_too_and_a_broken_one_says_where() -> None:
    assert cells(read(b'\n[{"input": 1},\n {"input": 2}]', "a.json")) == [{"input": 1}, {"input": 2}]
    with pytest.raises(Unreadable, match="at line 2, column 2"):
        read(b'[{"input": 1},\n x]')


def test_csv_keeps_newlines_and_quotes_in_its_cells() -> None:
    table = read(b'question,answer\r\n"one\r\ntwo, ""three""",x\r\n\r\nlast,\r\n')
    assert table.columns == ("question", "answer")
    assert cells(table) == [{"question": 'one\r\ntwo, "three"', "answer": "x"}, {"question": "last", "answer": ""}]
    # A spreadsheet counts the header, and an empty row.
    assert [row.number for row in table.rows] == [2, 4]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_what_stands_between_cells_is_found_even_where_texts_are_full_of_commas(delimiter: str) -> None:
    text = "Well, yes, no, it is so" if delimiter != "," else "Well; yes; no| it\tis so"
    lines = [delimiter.join(("question", "answer", "note"))] + [delimiter.join((text, "yes", ""))] * 4
    table = read("\n".join(lines).encode())
    assert cells(table)[0] == {"question": text, "answer": "yes", "note": ""}
    assert not table.refused


def test_one_column_is_no_reason_to_look_for_another_delimiter() -> None:
    assert cells(read(b"input\nno; yes\nyes; no\n")) == [{"input": "no; yes"}, {"input": "yes; no"}]


def test_the_delimiter_that_excel_names_is_believed() -> None:
    assert cells(read(b"sep=;\r\na;b\r\n1,5;2\r\n")) == [{"a": "1,5", "b": "2"}]


def test_utf_16_of_a_spreadsheet_is_read() -> None:
    assert cells(read("input\toutput\nä\tö\n".encode("utf-16"))) == [{"input": "ä", "output": "ö"}]


def test_rows_of_csv_that_are_wrong_are_told_with_their_place() -> None:
    data = b"input,output\na,b\nonly\na,b,c\na,b,,\n\xc3\xa4x,caf\xe9\nlast,one\n"
    table = read(data, "a.csv")
    assert [row.number for row in table.rows] == [2, 5, 7]
    assert table.refused == (
        Refused(3, "", "has 1 cells where the header has 2"),
        Refused(4, "", "has 3 cells where the header has 2"),
        Refused(6, "output", f"is not UTF-8: byte 0xe9 at position {data.index(0xE9)} of the file"),
    )


def test_a_quotation_mark_that_never_closes_is_told() -> None:
    table = read(b'input,output\na,b\n"open,c\nd,e\n')
    assert cells(table) == [{"input": "a", "output": "b"}]
    (refused,) = table.refused
    assert (refused.number, "never closes" in refused.reason) == (3, True)


def test_columns_without_a_name_or_with_one_twice_are_told_apart() -> None:
    assert read(b"a,,a\n1,2,3\n").columns == ("a", "column 2", "a (3)")


def test_a_cell_of_a_megabyte_is_read() -> None:
    table = read(b"input,output\n" + b"x" * 1_000_000 + b",y\n")
    assert len(table.rows[0].cells["input"]) == 1_000_000


def test_more_rows_than_go_in_at_once_are_not_read_in_part() -> None:
    lines = [json.dumps({"input": number}) for number in range(MOST_ROWS + 1)]
    assert len(read("\n".join(lines[:-1]).encode()).rows) == MOST_ROWS
    with pytest.raises(Unreadable, match="10,001 rows; at most 10,000"):
        read("\n".join(lines).encode())
    with pytest.raises(Unreadable, match="10,001 rows"):
        read(("input\n" + "x\n" * (MOST_ROWS + 1)).encode())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "nothing in it"),
        (b" \r\n ", "nothing in it"),
        (b"\xef\xbb\xbf", "nothing in it"),
        (b"caf\xe9,b\n1,2", "header.*byte 0xe9 at position 3"),
        (b'a,"b', "header.*never closes"),
        (",".join(map(str, range(201))).encode(), "201 columns; 200"),
        (b"\xff\xfea", "neither UTF-8 nor UTF-16"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(data, "a.csv")
