"""A file of examples, lines of JSON or CSV, read row by row: what cannot be read is told with its place.

One bad row never keeps the others from being read. Nothing here knows Django, the database, or what a column means.
"""

from __future__ import annotations

import csv
import io
import json as standard_json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opperweb import json

MOST_ROWS = 10_000
MOST_COLUMNS = 200
# The bytes of one row.
MOST_OF_A_ROW = 4_000_000
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LENGTH = 64_000
SAMPLE_ROWS = 20
BYTE_ORDER_MARK = "\ufeff"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# Excel writes which character stands between cells into a line of its own.
SAID_DELIMITER = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
# What Python makes of a byte that is not UTF-8.
BAD_BYTE = re.compile("[\udc80-\udcff]")
CSV_NAMES = (".csv", ".tsv")
JSON_NAMES = (".jsonl", ".ndjson", ".json")

# A cell may be as large as a row; the module's own limit, of the whole process, is 131,072 characters.
csv.field_size_limit(MOST_OF_A_ROW)


class Unreadable(Exception):
    """A file of which no row can be read."""


@dataclass(frozen=True)
class Row:
    """A row by its columns: texts of CSV, values of JSON. `number` is the line, in CSV the row of a spreadsheet."""

    number: int
    cells: Mapping[str, Any]


@dataclass(frozen=True)
class Refused:
    """A row that does not go in; `place` is the column or the field, empty for the row as a whole."""

    number: int
    place: str
    reason: str


@dataclass(frozen=True)
class Table:
    kind: Literal["jsonl", "csv"]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    refused: tuple[Refused, ...]

    @property
    def is_text(self) -> bool:
        """Whether all cells are texts, of which an empty one stands for nothing."""
        return self.kind == "csv"


def read(data: bytes, name: str = "") -> Table:
    """Return the rows of a file, told apart by its name or by how it begins. Raises Unreadable."""
    if data.startswith(UTF_16):
        data = _from_utf_16(data)
    data = data.removeprefix(BYTE_ORDER_MARK.encode())
    if not data.strip():
        raise Unreadable("There is nothing in it")
    return _read_json(data) if _is_json(data, name.lower()) else _read_csv(data)


def _is_json(data: bytes, name: str) -> bool:
    if name.endswith((*JSON_NAMES, *CSV_NAMES)):
        return name.endswith(JSON_NAMES)
    return data.lstrip()[:1] in (b"{", b"[")


def _from_utf_16(data: bytes) -> bytes:
    try:
        return data.decode("utf-16").encode()
    except UnicodeError as problem:
        raise Unreadable(f"It is neither UTF-8 nor UTF-16: byte {getattr(problem, 'start', 0)}") from None


# --- JSON ---------------------------------------------------------------------------------------------------------


def _read_json(data: bytes) -> Table:
    found = list(_listed(data) if data.lstrip().startswith(b"[") else _lines(data))
    rows = tuple(each for each in found if isinstance(each, Row))
    _check_count(len(found))
    columns = tuple(dict.fromkeys(name for row in rows for name in row.cells))
    if len(columns) > MOST_COLUMNS:
        raise Unreadable(f"Its objects have {len(columns):,} different keys; {MOST_COLUMNS} are the most")
    return Table("jsonl", columns, rows, tuple(each for each in found if isinstance(each, Refused)))


def _lines(data: bytes) -> Iterator[Row | Refused]:
    start = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            yield _line(number, line, start)
        start += len(line) + 1


def _line(number: int, line: bytes, start: int) -> Row | Refused:
    if len(line) > MOST_OF_A_ROW:
        return _too_large(number)
    try:
        text = line.decode()
    except UnicodeDecodeError as problem:
        return Refused(number, "", _bad_byte(line[problem.start], start + problem.start))
    try:
        return _object(number, json.loads(text))
    except standard_json.JSONDecodeError as problem:
        return Refused(number, "", f"is not JSON: {problem.msg} at character {problem.pos + 1}")
    except RecursionError:
        return Refused(number, "", "is nested too deep")
    except ValueError as problem:
        return Refused(number, "", f"is not JSON: {problem}"[:300])


def _listed(data: bytes) -> Iterator[Row | Refused]:
    """Yield the objects of a list, which is one value: where it cannot be read, nothing can."""
    try:
        values = json.loads(data.decode())
    except UnicodeDecodeError as problem:
        raise Unreadable(f"It cannot be read: {_bad_byte(data[problem.start], problem.start)}") from None
    except standard_json.JSONDecodeError as problem:
        place = f"line {problem.lineno}, column {problem.colno}"
        raise Unreadable(f"It begins as a list of JSON and is none: {problem.msg} at {place}") from None
    except (ValueError, RecursionError) as problem:
        raise Unreadable(f"It begins as a list of JSON and is none: {problem}"[:300]) from None
    yield from (_object(number, value) for number, value in enumerate(values, 1))


def _object(number: int, value: Any) -> Row | Refused:
    if isinstance(value, dict):
        return Row(number, value)
    return Refused(number, "", f"must be an object, in curly brackets (is {json.dumps(value)[:60]})")


# --- CSV ----------------------------------------------------------------------------------------------------------


def _read_csv(data: bytes) -> Table:
    text = data.decode("utf-8", "surrogateescape")
    said = SAID_DELIMITER.match(text)
    bad_bytes = _bad_bytes(text)
    if said:
        text = text[said.end() :]
    records = _records(text, said.group(1) if said else _delimiter_of(text))
    header = next((each for each in records if isinstance(each, Refused) or any(each[1])), None)
    if header is None:
        raise Unreadable("There is nothing in it")
    if isinstance(header, Refused):
        raise Unreadable(f"The row of headers cannot be read: {header.reason}")
    columns = _named(header[1])
    if any(BAD_BYTE.search(name) for name in columns):
        raise Unreadable(f"The row of headers cannot be read: {next(bad_bytes)}")
    found = list(_rows(records, columns, bad_bytes))
    _check_count(len(found))
    rows = tuple(each for each in found if isinstance(each, Row))
    return Table("csv", columns, rows, tuple(each for each in found if isinstance(each, Refused)))


Record = tuple[int, list[str]]


def _records(text: str, delimiter: str) -> Iterator[Record | Refused]:
    """Yield the number and the cells of each record, or why it cannot be told apart."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            yield Refused(number, "", _csv_words(problem, reader.line_num))


def _csv_words(problem: csv.Error, line: int) -> str:
    if "unexpected end" in str(problem):
        return "opens a quotation mark that never closes, so that the rest of the file is one cell"
    if "field larger" in str(problem):
        return f"is larger than {MOST_OF_A_ROW / 1_000_000:.0f} MB"
    return f"is not CSV: {problem} in line {line}"


def _rows(records: Iterator[Record | Refused], columns: Sequence[str], bad_bytes: Iterator[str]) -> Iterator[Any]:
    for record in records:
        if isinstance(record, Refused):
            yield record
        elif any(cell.strip() for cell in record[1]):
            yield _row(*record, columns, bad_bytes)


def _row(number: int, cells: list[str], columns: Sequence[str], bad_bytes: Iterator[str]) -> Row | Refused:
    # The bad bytes of the file come in the order of its rows: each of them is taken once.
    bad = [(at, next(bad_bytes, "")) for at, cell in enumerate(cells) for _ in BAD_BYTE.findall(cell)]
    if bad:
        at, words = bad[0]
        return Refused(number, columns[at] if at < len(columns) else "", words)
    if len(cells) < len(columns) or any(cells[len(columns) :]):
        return Refused(number, "", f"has {len(cells)} cells where the header has {len(columns)}")
    if sum(map(len, cells)) > MOST_OF_A_ROW:
        return _too_large(number)
    return Row(number, dict(zip(columns, cells, strict=False)))


def _bad_bytes(text: str) -> Iterator[str]:
    """Yield the words for each byte that is not UTF-8, with its place in the file."""
    seen = place = 0
    for found in BAD_BYTE.finditer(text):
        place += len(text[seen : found.start()].encode("utf-8", "surrogateescape"))
        seen = found.start()
        yield _bad_byte(ord(found.group()) - 0xDC00, place)


def _delimiter_of(text: str) -> str:
    """Return what stands between the cells: that by which most rows have as many cells as the header, and many.

    csv.Sniffer looks at single characters, and takes those of long texts in quotes for delimiters.
    """
    best = max(DELIMITERS, key=lambda delimiter: _evenness(text[:SAMPLE_LENGTH], delimiter))
    return best if _evenness(text[:SAMPLE_LENGTH], best)[0] else DELIMITERS[0]


def _evenness(sample: str, delimiter: str) -> tuple[float, int]:
    widths: list[int] = []
    for record in _records(sample, delimiter):
        if isinstance(record, Refused) or len(widths) == SAMPLE_ROWS:
            break
        widths += [len(record[1])] if any(record[1]) else []
    if len(sample) == SAMPLE_LENGTH and len(widths) > 1:
        # The last one may be cut off.
        widths.pop()
    if not widths or widths[0] < 2:
        return 0.0, 0
    return sum(width == widths[0] for width in widths) / len(widths), widths[0]


def _named(header: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each column: that of its header, or its place where there is none; no name twice."""
    if len(header) > MOST_COLUMNS:
        raise Unreadable(f"It has {len(header):,} columns; {MOST_COLUMNS} are the most")
    names: list[str] = []
    for place, cell in enumerate(header, 1):
        name = cell.strip() or f"column {place}"
        names.append(f"{name} ({place})" if name in names else name)
    return tuple(names)


# --- words --------------------------------------------------------------------------------------------------------


def _check_count(count: int) -> None:
    if count > MOST_ROWS:
        raise Unreadable(f"It has {count:,} rows; at most {MOST_ROWS:,} go in at once. Split the file")


def _too_large(number: int) -> Refused:
    return Refused(number, "", f"is larger than {MOST_OF_A_ROW / 1_000_000:.0f} MB")


def _bad_byte(byte: int, place: int) -> str:
    return f"is not UTF-8: byte {byte:#04x} at position {place:,} of the file"
