"""Headers that a caller adds."""

from functions.providers.callers_headers import with_callers_headers


def test_the_callers_headers_go_over_ours():
    notes: list[str] = []
    headers = with_callers_headers({"x-api-key": "k", "a": "1"}, {"A": "2", "X-Title": "t"}, notes)
    assert headers == {"x-api-key": "k", "a": "2", "x-title": "t"}
    assert notes == []


def test_the_connection_is_not_the_callers():
    notes: list[str] = []
    assert with_callers_headers({"a": "1"}, {"Host": "evil", "Content-Length": "0", "TE": "x"}, notes) == {"a": "1"}
    assert [note.split()[2] for note in notes] == ["Host", "Content-Length", "TE"]
