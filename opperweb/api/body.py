"""The JSON body of a request: read within the limit, or refused with the place that is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from rest_framework.parsers import BaseParser

from opperweb import json
from opperweb.api.errors import ApiError, Invalid, TooLarge

MAX_DEPTH = 100
# What only a text with a NUL, with half a surrogate pair, or with a number beyond double precision can contain.
SUSPICIOUS = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]|[eE]\+?\d{3}")


def read_object(request: HttpRequest) -> dict[str, Any]:
    """Return the request's JSON object; an empty body is an empty object.

    Raises ApiError: 400 for what is no JSON, 413 over MAX_BODY_MB, 422 for JSON that is no object or not storable.
    """
    check_length(request.META.get("CONTENT_LENGTH"))
    try:
        data = request.body
    except RequestDataTooBig:
        raise too_large() from None
    return object_of(data)


def object_of(data: bytes) -> dict[str, Any]:
    if not data.strip():
        return {}
    value = parse(data)
    if not isinstance(value, dict):
        raise Invalid.at(["body"], "must be a JSON object", value=value, type="object_type")
    return value


def parse(data: bytes) -> Any:
    try:
        data.decode()
    except UnicodeDecodeError as problem:
        raise ApiError(f"The body is not UTF-8: byte {problem.start} cannot be read") from None
    try:
        value = json.loads(data)
    except RecursionError:
        raise too_deep() from None
    except ValueError as problem:
        # Python names its own limit and how to raise it, which no caller can.
        reason = "a number in it has too many digits" if "int_max_str_digits" in str(problem) else problem
        raise ApiError(f"The body is not JSON: {reason}") from None
    if SUSPICIOUS.search(data) or data.count(b"[") + data.count(b"{") > MAX_DEPTH or json.has_long_number(data):
        check(value, ["body"])
    return value


def check(value: Any, loc: list[str | int]) -> None:
    """Refuse what cannot be kept or sent on: NUL, half a surrogate pair, infinite numbers, more than 100 levels."""
    if len(loc) > MAX_DEPTH:
        raise too_deep()
    if isinstance(value, str):
        check_text(value, loc)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Invalid.at(loc, "is a number too large to keep")
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key, loc)
            check(item, [*loc, key])
    elif isinstance(value, list):
        for number, item in enumerate(value):
            check(item, [*loc, number])


def check_text(text: str, loc: list[str | int]) -> None:
    if "\x00" in text:
        raise Invalid.at(loc, "contains a NUL character (U+0000), which cannot be kept")
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        code = ord(text[problem.start])
        raise Invalid.at(loc, f"contains half a surrogate pair (U+{code:04X}) at character {problem.start}") from None


def too_deep() -> Invalid:
    return Invalid.at(["body"], f"is nested more than {MAX_DEPTH} levels deep")


def too_large() -> TooLarge:
    return TooLarge(f"The request has more than {settings.MAX_BODY_MB} MB, the limit of MAX_BODY_MB")


def check_length(length: str | None) -> None:
    if length and length.isdigit() and int(length) > settings.MAX_BODY_MB * 1024 * 1024:
        raise too_large()


class Parser(BaseParser):
    """The same reading for DRF's views, whatever content type the caller named."""

    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        request = (parser_context or {}).get("request")
        if request is not None:
            check_length(request.META.get("CONTENT_LENGTH"))
        return object_of(stream.read())
