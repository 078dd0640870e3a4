"""JSON as people type it into a page and read it there: what is wrong is told with its line and column."""

from __future__ import annotations

import json as plain_json
from typing import Any

from django.utils.translation import gettext as _

from opperweb import json
from opperweb.api.body import check
from opperweb.api.errors import Invalid


class NotJson(Exception):
    """Text that is no JSON, or JSON that cannot be kept."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def json_of(text: str) -> Any:
    """Return the value of JSON text; raise NotJson."""
    try:
        value = json.loads(text)
        check(value, [])
    except plain_json.JSONDecodeError as problem:
        place = {"line": problem.lineno, "column": problem.colno, "problem": problem.msg}
        raise NotJson(_("Not JSON: line %(line)s, column %(column)s: %(problem)s.") % place) from None
    except Invalid as problem:
        raise NotJson(_("This cannot be kept: it %(problem)s.") % {"problem": problem.detail[0]["msg"]}) from None
    except RecursionError:
        raise NotJson(_("This is nested too deep.")) from None
    except ValueError as problem:
        raise NotJson(_("Not JSON: %(problem)s.") % {"problem": problem}) from None
    return value


def object_of(text: str) -> dict[str, Any]:
    """Return the object of JSON text, an empty one for no text; raise NotJson."""
    value = json_of(text) if text.strip() else {}
    if not isinstance(value, dict):
        raise NotJson(_("An object is needed, in curly brackets."))
    return value


def text_of(value: Any) -> str:
    """Return a value as indented JSON text that a page can hold."""
    text = plain_json.dumps(value, ensure_ascii=False, indent=2)
    try:
        text.encode()
    except UnicodeEncodeError:
        return plain_json.dumps(value, indent=2)
    return text
