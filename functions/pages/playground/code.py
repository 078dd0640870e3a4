"""What a variant asked, as a call to be pasted: for the shell, for Python and for TypeScript."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pprint import pformat
from typing import Any

from functions.models import Function, PlaygroundVariant
from functions.models.function import FIELDS
from functions.pages.copy_call import CURL, LANGUAGES, NODE, PYTHON
from functions.playground import NAME

NODE_NAMES = {"input_schema": "inputSchema", "output_schema": "outputSchema"}


def code_of(
    variant: PlaygroundVariant,
    function: Function | None,
    stored: Mapping[str, Any] | None,
    *,
    language: str,
    address: str,
) -> str:
    """Return the call of a variant; of the definition only what differs from the stored one is sent along.

    `variant` comes with its run; `stored` is the newest definition of the function, None for one that was typed in.
    """
    definition = variant.definition
    sent = {name: definition[name] for name in FIELDS if definition[name] != (stored or {}).get(name)}
    sent = {name: value for name, value in sent.items() if value not in (None, "", {})}
    arguments = {"name": function.name if function is not None else NAME, **sent, "input": variant.run.input}
    answers_text = definition["output_schema"] is None
    if language == "python":
        return PYTHON.format(
            address=address,
            call="call",
            named=",\n    ".join(f"{name}={_python(value)}" for name, value in arguments.items() if name != "input"),
            input=_python(arguments["input"]),
            answer="message" if answers_text else "json_payload",
        )
    if language == "node":
        lines = "".join(f"  {NODE_NAMES.get(name, name)}: {_node(value)},\n" for name, value in arguments.items())
        return NODE.format(
            address=address, call=f"call({{\n{lines}}})", answer="message" if answers_text else "jsonPayload"
        )
    text = json.dumps(arguments, ensure_ascii=False, indent=2)
    return CURL.format(address=address, path="/v2/call", body=shlex.quote(text))


def language_of(text: str) -> str:
    """Return a language that there is, or an empty text."""
    return text if text in LANGUAGES else ""


def _python(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return pformat(value, width=96, sort_dicts=False).replace("\n", "\n    ")


def _node(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2).replace("\n", "\n  ")
