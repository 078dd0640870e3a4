"""Bodies that cannot be read or kept are refused with the place that is wrong, on every route alike."""

from typing import Any

import pytest

from opperweb.api.body import MAX_DEPTH, parse
from opperweb.api.errors import ApiError, Invalid

ROUTES = ["/v2/call", "/v2/spans"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"{", 400, "not JSON"),
        (b'{"name": NaN}', 400, "not JSON"),
        (b'{"name": "\xff"}', 400, "UTF-8"),
        (b'{"name": "a\\u0000b"}', 422, "NUL"),
        (b'{"name": "x", "input": {"a": ["\\ud800"]}}', 422, "surrogate"),
        (b'{"name": "x", "input": 1e999}', 422, "too large"),
        (b'{"name": "x", "input": ' + b"[" * 200 + b"]" * 200 + b"}", 422, "nested"),
        (b'{"name": "x", "input": ' + b"[" * 100_000, 422, "nested"),
        (b"[]", 422, "object"),
        (b'"text"', 422, "object"),
        (b"", 422, "required"),
    ],
)
def test_a_hostile_body_is_refused_in_the_agreed_shape(
    api: Any, path: str, body: bytes, status: int, word: str
) -> None:
    response = api.send("POST", path, body)
    assert response.status_code == status, response.content
    answer = response.json()
    assert set(answer) >= {"type", "message", "detail"}
    assert word in str(answer["detail"])


def test_the_place_of_a_bad_text_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        parse(b'{"input": {"facts": ["fine", "a\\u0000b"]}}')
    assert caught.value.detail[0]["loc"] == ["body", "input", "facts", 1]


def test_a_hundred_levels_are_fine_and_numbers_keep_their_digits() -> None:
    depth = MAX_DEPTH - 1
    assert parse(b"[" * depth + b"]" * depth)
    assert parse(b"[123456789012345678901234567890]") == [123456789012345678901234567890]


def test_a_number_too_long_to_read_is_a_400() -> None:
    with pytest.raises(ApiError) as caught:
        parse(b"[" + b"9" * 5000 + b"]")
    assert (caught.value.status, caught.value.detail) == (
        400,
        "The body is not JSON: a number in it has too many digits",
    )


def test_a_body_over_the_limit_is_a_413(api: Any, settings: Any) -> None:
    settings.MAX_BODY_MB = 1
    response = api.send("POST", "/v2/spans", b'{"name": "' + b"x" * 1_100_000 + b'"}')
    assert response.status_code == 413
    assert response.json()["type"] == "RequestTooLargeError"


@pytest.mark.parametrize("path", ["/v2/nothing", "/v2/call/", "/v1/x", "/v2", "/v2/spans/", "/api/x"])
def test_an_unknown_address_answers_404_in_the_agreed_shape(api: Any, path: str) -> None:
    response = api.post(path, {})
    assert response.status_code == 404
    assert response.json()["type"] == "NotFoundError"


@pytest.mark.parametrize(("method", "path"), [("get", "/v2/call"), ("delete", "/v2/spans"), ("post", "/v2/traces")])
def test_a_wrong_method_answers_405_in_the_agreed_shape(api: Any, method: str, path: str) -> None:
    response = getattr(api, method)(path)
    assert response.status_code == 405
    assert set(response.json()) >= {"type", "message", "detail"}


@pytest.mark.parametrize(("method", "path"), [("post", "/v2/call"), ("get", "/v2/traces"), ("post", "/v2/spans")])
def test_without_a_key_the_answer_is_401(nobody_api: Any, method: str, path: str) -> None:
    response = getattr(nobody_api, method)(path)
    assert response.status_code == 401
    assert response.json()["type"] == "UnauthorizedError"
    assert "detail" in response.json()
