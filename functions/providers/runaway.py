"""A model that has lost its way inside JSON and writes white space without an end."""

from __future__ import annotations

import re

MOST_IN_A_ROW = 200
LONG_RUN = re.compile(rf"\s{{{MOST_IN_A_ROW + 1}}}")
JSON_SPACE = " \t\n\r"
MESSAGE = f"the model lost its way: more than {MOST_IN_A_ROW} white-space characters in a row inside JSON"


class WhiteSpace:
    """Watches a text that comes in pieces. Inside of a string white space is content and does not count."""

    def __init__(self, *, is_json: bool) -> None:
        # None until the first character tells.
        self.is_json = True if is_json else None
        self.has_run_away = False
        self._is_in_string = False
        self._is_escaped = False
        self._run = 0

    def add(self, piece: str) -> bool:
        """Take the next piece; tell whether there was too much white space so far."""
        if self.is_json is None and (start := piece.lstrip()):
            self.is_json = start[0] in "{["
        if not self.is_json or self.has_run_away:
            return self.has_run_away
        for character in piece:
            if self._is_in_string:
                self._step_in_string(character)
            elif character in JSON_SPACE:
                self._run += 1
                if self._run > MOST_IN_A_ROW:
                    self.has_run_away = True
                    return True
            else:
                self._run = 0
                self._is_in_string = character == '"'
        return False

    def _step_in_string(self, character: str) -> None:
        if self._is_escaped:
            self._is_escaped = False
        elif character == "\\":
            self._is_escaped = True
        elif character == '"':
            self._is_in_string = False


def has_run_away(text: str) -> bool:
    """Tell whether a whole text is JSON that ran away; white space before and after it does no harm."""
    text = text.strip() if text.rstrip()[-1:] in ("}", "]") else text.lstrip()
    return bool(LONG_RUN.search(text)) and WhiteSpace(is_json=False).add(text)
