"""llama.cpp's server for the tests of this folder, which are left out where its packages are not installed."""

from __future__ import annotations

import importlib.util
import os
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.completions import catalogue
from opperweb import providers_setting

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("gguf", "xllamacpp")
IS_THERE = all(importlib.util.find_spec(name) is not None for name in PACKAGES)
PATIENCE_S = 60
TALLY = pytest.StashKey[dict[str, Counter[str]]]()

if not IS_THERE and not os.environ.get("REQUIRE_MODEL_SERVER"):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def model_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of its own, in a process of its own: what breaks there breaks no test."""
    if not IS_THERE:
        pytest.fail(f"{' and '.join(PACKAGES)} are not installed: ./run install test,models")
    folder = tmp_path_factory.mktemp("model")
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.models.llama_server", str(folder)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        is_heard = select.select([process.stdout], [], [], PATIENCE_S)[0]
        line = process.stdout.readline() if is_heard else ""
        if not line.startswith("listening at "):
            process.kill()
            log.seek(0)
            pytest.fail(f"llama.cpp's server did not start:\n{log.read().decode(errors='replace')[-2000:]}")
        yield line.removeprefix("listening at ").strip()
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.fixture
def program(
    model_server: str, server: str, key: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[httpx.Client]:
    """A program that calls opperweb, which has the provider `llamacpp` as the docs tell to set it up."""
    monkeypatch.setenv("OPENAI_COMPATIBLE", f"llamacpp={model_server}/v1")
    settings.PROVIDERS = providers_setting.providers()
    catalogue.forget()
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {key}"}, timeout=120) as client:
        yield client
    catalogue.forget()


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> dict[str, Counter[str]]:
    """What came of the calls, by schema; it is printed at the end."""
    return request.config.stash.setdefault(TALLY, {})


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = config.stash.get(TALLY, {})
    if not rows:
        return
    columns = ("valid", "repaired", "failed")
    terminalreporter.section("calls to llama.cpp's server")
    for name, counts in [*rows.items(), ("in all", sum(rows.values(), Counter()))]:
        told = "".join(f"{counts[column]:5} {column}" for column in columns)
        terminalreporter.write_line(f"{name:12}{told}")
