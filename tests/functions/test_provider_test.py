"""The Test button of a provider: what is asked, and what is said of the answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from functions import offers, provider_test
from functions.models import ProviderState
from functions.offers import Configured
from functions.providers import transport
from functions.providers.transport import RawAnswer
from opperweb.accounts.models import Project

SECRET = "sk-very-secret-4f2a"


def a_provider(kind: str = "openai", base_url: str = "http://127.0.0.1:9/v1", **values: Any) -> Configured:
    return Configured(**{"name": "mine", "kind": kind, "base_url": base_url, "api_key": SECRET, **values})


@pytest.fixture
def answering() -> Iterator[str]:
    """A server that lists two models to whoever knows the secret."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("authorization") == f"Bearer {SECRET}" and self.path == "/v1/models"
            body = b'{"data": [{"id": "big"}, {"id": "small"}]}' if known else b'{"error": {"message": "who?"}}'
            self.send_response(200 if known else 401)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the next question be answered by this."""

    def use(answer: RawAnswer) -> list[Any]:
        asked: list[Any] = []

        async def send(wire: Any, **_: Any) -> RawAnswer:
            asked.append(wire)
            return answer

        monkeypatch.setattr(transport, "send", send)
        return asked

    return use


def test_a_good_test_is_kept_with_its_time_and_the_models(project: Project, answering: str) -> None:
    trial = provider_test.try_out(project, a_provider(base_url=answering))
    assert (trial.error, trial.models) == ("", ("big", "small"))
    state = ProviderState.objects.get(project=project, name="mine")
    assert (state.model_count, state.test_error, state.worked_at) == (2, "", state.tested_at)
    assert state.test_ms == trial.duration_ms is not None
    assert offers.listed_by(["mine"], project) == {"mine": ("big", "small")}


def test_a_refused_key_is_said_and_when_it_last_worked_stays(project: Project, answering: str) -> None:
    provider_test.try_out(project, a_provider(base_url=answering))
    worked_at = ProviderState.objects.get().worked_at
    trial = provider_test.try_out(project, a_provider(base_url=answering, api_key="another"))
    assert trial.error == "401, key refused"
    state = ProviderState.objects.get()
    assert (state.test_error, state.worked_at, state.model_count) == ("401, key refused", worked_at, 2)


def test_nobody_there_is_said_in_words(project: Project) -> None:
    trial = provider_test.try_out(project, a_provider())
    assert trial.error == "Refused the connection (127.0.0.1:9)"


@pytest.mark.parametrize(
    ("kind", "base_url", "url", "header"),
    [
        ("openai", "http://localhost:11434/v1", "http://localhost:11434/v1/models", "authorization"),
        ("anthropic", "https://a.example", "https://a.example/v1/models?limit=1000", "x-api-key"),
        ("anthropic", "https://a.example/v1", "https://a.example/v1/models?limit=1000", "x-api-key"),
        ("gemini", "https://g.example", "https://g.example/v1beta/models?pageSize=1000", "x-goog-api-key"),
    ],
)
def test_each_dialect_is_asked_in_its_own_way(kind: str, base_url: str, url: str, header: str) -> None:
    wire = provider_test.request_for(a_provider(kind, base_url))
    assert (wire.method, wire.url) == ("GET", url)
    assert SECRET in wire.headers[header]


def test_without_a_secret_none_is_sent() -> None:
    assert provider_test.request_for(a_provider(api_key="")).headers == {}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, "<html>", "404, no list of models at this address"),
        (400, '{"error": {"message": "API key not valid."}}', "400, key refused: API key not valid."),
        (503, f'{{"error": {{"message": "not now, {SECRET}"}}}}', "503, the provider failed: not now, …"),
        (200, "<html>", "It answers, but not with a list of models. Check the base address."),
        (200, '"yes"', "It answers, but not with a list of models. Check the base address."),
    ],
)
async def test_what_went_wrong_is_said_without_the_secret(answers: Any, status: int, body: str, words: str) -> None:
    answers(RawAnswer(status=status, body=body.encode(), duration_ms=5))
    assert (await provider_test.ask(a_provider())).error == words


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"models": [{"name": "models/gemini-2.5-flash"}]}', ["gemini-2.5-flash"]),
        ('[{"id": "a"}, {"id": 5}, null]', ["a"]),
        ('{"data": []}', []),
        ('{"object": "list", "data": null}', []),
        ("{}", None),
        ('{"data": "x"}', None),
        ('{"data": [1, 2]}', None),
        ("7", None),
    ],
)
def test_lists_of_every_dialect_are_read(text: str, names: Any) -> None:
    assert provider_test.models_in(text) == names
