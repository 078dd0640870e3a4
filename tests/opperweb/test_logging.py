"""Lines for people and for machines."""

import json
import logging
import sys

from opperweb.logging import JsonFormatter, TextFormatter


def record(message="%s there", *arguments, exc_info=None):
    return logging.LogRecord("opperweb.x", logging.WARNING, "x.py", 1, message, arguments or ("hello",), exc_info)


def test_a_machine_reads_one_object_a_line():
    line = JsonFormatter().format(record("first\nsecond %s", "\ud800"))
    assert "\n" not in line
    assert json.loads(line)["level"] == "warning"
    assert json.loads(line)["message"].startswith("first\nsecond")


def test_a_person_reads_time_level_and_message():
    assert TextFormatter().format(record()).endswith("warning opperweb.x: hello there")


def test_an_exception_is_told_in_both():
    try:
        raise LookupError("lost")
    except LookupError:
        told = record(exc_info=sys.exc_info())
    assert "LookupError: lost" in TextFormatter().format(told)
    assert "LookupError: lost" in json.loads(JsonFormatter().format(told))["exception"]
