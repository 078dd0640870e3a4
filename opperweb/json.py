"""JSON that keeps what a caller or a model sent: big integers, lone surrogates, NUL characters, the order of keys."""

import json
import re
from typing import Any

import orjson

LONG_NUMBER = re.compile(r"\d{19}", re.ASCII)
LONG_NUMBER_BYTES = re.compile(rb"\d{19}")


def dumps(value: Any) -> str:
    """Return `value` as compact JSON text that any database column can hold.

    Control characters and lone surrogates leave escaped, so neither reaches a text column raw.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # orjson refuses integers over 64 bits, lone surrogates and keys that are no strings.
        return json.dumps(value, separators=(",", ":"))


def loads(text: str | bytes) -> Any:
    """Return the value of JSON text; raise ValueError where it is none, RecursionError where it is too deep."""
    if not has_long_number(text):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass
    return json.loads(text, parse_constant=_refuse_constant)


def has_long_number(text: str | bytes) -> bool:
    """Tell whether a number might exceed 64 bits: orjson reads such integers as floats and loses digits."""
    return bool(LONG_NUMBER.search(text) if isinstance(text, str) else LONG_NUMBER_BYTES.search(text))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
