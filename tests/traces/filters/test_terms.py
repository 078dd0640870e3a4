"""The filter language as text."""

from __future__ import annotations

import pytest

from traces.filters.terms import BadText, Term, read_terms, write_terms


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("  jupiter  ", (Term("", ("jupiter",)),)),
        ("red spot", (Term("", ("red",)), Term("", ("spot",)))),
        ('"red spot"', (Term("", ("red spot",)),)),
        ("-jupiter", (Term("", ("jupiter",), True),)),
        ("status:error,ok", (Term("status", ("error", "ok")),)),
        ("Status:error", (Term("status", ("error",)),)),
        ("-tag:env=staging", (Term("tag", ("env=staging",), True),)),
        ('name:"two words",one', (Term("name", ("two words", "one")),)),
        ('tag:user="a b"', (Term("tag", ("user=a b",)),)),
        ("latency:1s..5s", (Term("latency", ("1s..5s",)),)),
        ("name:", (Term("name", ()),)),
        ('"never closed', (Term("", ("never closed",)),)),
        ("https://example.com/a", (Term("", ("https://example.com/a",)),)),
        (r'"a \"b\" \\ c"', (Term("", (r'a "b" \ c',)),)),
        ("a a", (Term("", ("a",)),)),
        ("- a", (Term("", ("-",)), Term("", ("a",)))),
    ],
)
def test_text_is_read_as_terms(text: str, terms: tuple[Term, ...]) -> None:
    assert read_terms(text) == terms


@pytest.mark.parametrize(
    "term",
    [
        Term("", ("plain",)),
        Term("", ("two words",), True),
        Term("", ('a "quote"',)),
        Term("", ("status:error",)),
        Term("", ("-minus",)),
        Term("", ('back\\slash "and" quote',)),
        Term("name", ("a,b", "c d", 'e"f', "g\\h", "i\\j k")),
        Term("tag", ("env=production", "x=1:2"), True),
        Term("", ("http://a/b",)),
        Term("", ("back\\slash",)),
    ],
)
def test_a_written_term_reads_back_as_itself(term: Term) -> None:
    assert read_terms(write_terms((term,))) == (term,)


@pytest.mark.parametrize(
    "text",
    ["a" * 10_000, " ".join(f"w{number}" for number in range(1000)), "a\x00b", "a\ud800", "x:" + "a," * 1000],
    ids=["10 kB", "1000 terms", "NUL", "half a pair", "1000 values"],
)
def test_hostile_text_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(BadText, match=r"The filter|A filter"):
        read_terms(text)
