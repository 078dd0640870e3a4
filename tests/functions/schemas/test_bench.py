"""The benchmark of the schemas counts what it says, and tells by its exit status whether the bars are met."""

import subprocess
import sys
from pathlib import Path

import pytest

from opperweb import json

ROOT = Path(__file__).resolve().parents[3]
GOOD = {
    "name": "good",
    "schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    "valid": [{"a": 1}],
    "invalid": [{"a": "x"}],
}
# Its label is wrong, and it has no value, so it cannot be sent either.
BAD = {
    "name": "bad",
    "schema": {"type": "object", "required": ["a"], "properties": {"a": False}},
    "valid": [{}],
    "invalid": [],
}


@pytest.mark.parametrize(("entries", "status"), [([GOOD], 0), ([GOOD, BAD], 1)])
def test_the_exit_status_tells_whether_the_bars_are_met(tmp_path, entries, status):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("\n".join(map(json.dumps, entries)))
    command = [sys.executable, str(ROOT / "bench" / "schemas.py"), "--corpus", str(corpus)]
    ended = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert ended.returncode == status, ended.stderr
    assert ("bad: not accepted" in ended.stdout) is (status == 1)
