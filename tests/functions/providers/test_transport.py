"""Asking a server on loopback, and everything that can go wrong on the way."""

import asyncio
import gzip
import socket

import pytest

from functions.providers import HttpProvider, Provider, Providers, UnknownModel, connections, transport
from functions.providers.chat import ChatRequest, Message
from functions.providers.errors import (
    BadReply,
    BadRequest,
    Disconnected,
    ProviderError,
    RateLimited,
    TimedOut,
)
from functions.providers.openai import OpenAI
from tests.upstream import Reply, Upstream, chunk, completion, event, failure, streamed

KEY = "sk-very-secret-key"


def chat(model: str, text: str = "hello", **more) -> ChatRequest:
    return ChatRequest(model=model, messages=(Message.of_text("user", text),), **more)


@pytest.fixture
def fake(upstream: Upstream) -> Provider:
    return Providers.from_settings(
        {"fake": {"name": "fake", "kind": "openai", "base_url": upstream.url, "api_key": KEY}}
    ).resolve("fake/any")[0]


async def test_an_answer_comes_with_the_exact_exchange_and_its_times(fake: Provider, upstream: Upstream):
    exchange = await fake.ask(chat("echo", "héllo \0"), timeout_seconds=5)
    assert exchange.error is None
    assert exchange.reply is not None
    assert exchange.reply.text == "héllo \0"
    assert exchange.request_body == upstream.requests[0].body.decode()
    assert exchange.http_status == 200
    assert exchange.url == f"{upstream.url}/chat/completions"
    assert exchange.queue_ms is not None
    assert exchange.first_byte_ms is not None
    assert exchange.duration_ms is not None
    assert exchange.first_byte_ms <= exchange.duration_ms


async def test_an_answer_that_was_compressed_unasked_is_read(fake: Provider, upstream: Upstream):
    plain = completion("Jupiter")
    packed = {**plain.headers, "content-encoding": "gzip"}
    upstream.script("m", Reply(gzip.compress(plain.body), headers=packed))
    exchange = await fake.ask(chat("m"), timeout_seconds=5)
    assert exchange.reply is not None
    assert exchange.reply.text == "Jupiter"
    stream = gzip.compress(event(chunk({"content": "Jupiter"})) + event(chunk({}, "stop")) + event("[DONE]"))
    upstream.script("m", streamed(stream[:20], stream[20:], headers={"content-encoding": "gzip"}))
    async with fake.stream(chat("m"), timeout_seconds=5) as answer:
        assert [delta.text async for delta in answer] == ["Jupiter"]
        assert answer.exchange().error is None


async def test_the_key_is_sent_and_never_kept(fake: Provider, upstream: Upstream):
    upstream.script("leaky", Reply(b'{"error": {"message": "wrong key %s"}}' % KEY.encode(), 401, {"x-echo": KEY}))
    exchange = await fake.ask(chat("leaky", extra_headers={"X-Api-Key": "another-secret"}), timeout_seconds=5)
    assert upstream.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert upstream.requests[0].headers["x-api-key"] == "another-secret"
    assert exchange.request_headers["authorization"] == "Bearer …"
    assert KEY not in repr(exchange)
    assert "another-secret" not in repr(exchange)
    assert KEY not in str(exchange.error)


async def test_a_password_in_the_address_is_not_kept(upstream: Upstream):
    base_url = upstream.url.replace("//", "//someone:pass-word-9@") + "?api_key=in-the-query"
    exchange = await HttpProvider("fake", "openai", OpenAI("fake", base_url)).ask(chat("echo"), timeout_seconds=5)
    assert exchange.error is None
    assert exchange.url.endswith("/v1/chat/completions?api_key=…")
    assert "pass-word-9" not in repr(exchange)
    assert "in-the-query" not in repr(exchange)


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        ("timeout", TimedOut, "did not answer within 0.2 s"),
        ("refuse", Disconnected, "closed the connection"),
        ("html", BadReply, "a web page instead of JSON: 502 Bad Gateway"),
        ("cut", BadReply, "JSON that is cut off"),
        ("fail-429", RateLimited, "HTTP 429"),
    ],
)
async def test_each_failure_is_an_error_in_words(fake: Provider, model: str, error: type[ProviderError], words: str):
    exchange = await fake.ask(chat(model), timeout_seconds=0.2 if model == "timeout" else 5)
    assert type(exchange.error) is error
    assert exchange.error is not None
    assert words in exchange.error.message
    assert exchange.reply is None


async def test_a_closed_port_is_a_refused_connection():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    gone = HttpProvider("gone", "openai", OpenAI("gone", f"http://127.0.0.1:{port}/v1"))
    exchange = await gone.ask(chat("any"), timeout_seconds=5)
    assert isinstance(exchange.error, Disconnected)
    assert exchange.error.message == f"gone refused the connection (127.0.0.1:{port})"
    assert exchange.error.can_retry
    assert (exchange.http_status, exchange.response_body) == (None, None)


async def test_a_part_of_an_answer_is_kept(fake: Provider, upstream: Upstream):
    whole = completion("x" * 50_000)
    upstream.script("half", Reply(whole.body, headers=whole.headers, closes_after=20_000))
    exchange = await fake.ask(chat("half"), timeout_seconds=5)
    assert isinstance(exchange.error, Disconnected)
    assert exchange.http_status == 200
    assert exchange.response_body == whole.body[:20_000].decode()


async def test_no_redirect_is_followed(fake: Provider, upstream: Upstream):
    upstream.script("moved", Reply(status=307, headers={"location": upstream.url}))
    exchange = await fake.ask(chat("moved"), timeout_seconds=5)
    assert isinstance(exchange.error, BadReply)
    assert not exchange.error.can_retry
    assert len(upstream.requests) == 1


async def test_an_answer_that_is_too_large_is_given_up(fake: Provider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transport, "MOST_BYTES", 1000)
    exchange = await fake.ask(chat("echo", "word " * 100_000), timeout_seconds=5)
    assert isinstance(exchange.error, BadReply)


async def test_ten_megabytes_are_read(fake: Provider):
    exchange = await fake.ask(chat("echo", "x" * 10_000_000), timeout_seconds=30)
    assert exchange.reply is not None
    assert len(exchange.reply.text or "") == 10_000_000


async def test_what_cannot_be_sent_is_an_error_too(fake: Provider):
    for more in ({"extra_headers": {"x-a": "broken\r\nline"}}, {"options": {"a": {1, 2}}}):
        exchange = await fake.ask(chat("echo", **more), timeout_seconds=5)
        assert isinstance(exchange.error, BadRequest)


async def test_hostile_texts_survive_the_way(fake: Provider, upstream: Upstream):
    deep = '{"a":' * 1000 + "1" + "}" * 1000
    for text in ("\ud800 alone", "\0", "9" * 5000, deep):
        exchange = await fake.ask(chat("echo", text), timeout_seconds=5)
        assert exchange.reply is not None
        assert exchange.reply.text == text
    upstream.script("deep", Reply(deep.encode()))
    assert isinstance((await fake.ask(chat("deep"), timeout_seconds=5)).error, ProviderError)


async def test_whoever_is_stopped_is_stopped(fake: Provider, upstream: Upstream):
    asking = asyncio.create_task(fake.ask(chat("timeout"), timeout_seconds=60))
    while not upstream.requests:
        await asyncio.sleep(0.001)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_full_queue_is_waited_in(fake: Provider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transport, "MOST_AT_ONCE", 1)
    both = await asyncio.gather(*(fake.ask(chat("slow-0.1s"), timeout_seconds=5) for _ in range(2)))
    assert max(exchange.queue_ms or 0 for exchange in both) >= 50


async def test_connections_are_kept_and_closed(fake: Provider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "IDLE_SECONDS", 4)
    for _ in range(2):
        assert (await fake.ask(chat("echo"), timeout_seconds=5)).error is None
    await transport.close()
    await transport.close()


async def test_scripts_are_answered_in_turn(fake: Provider, upstream: Upstream):
    upstream.script("m", "one", {"two": 2}, 503, failure(429, "slow down", **{"retry-after": "7"}))
    texts = [(await fake.ask(chat("m"), timeout_seconds=5)).reply for _ in range(2)]
    assert [reply.text for reply in texts if reply] == ["one", '{"two":2}']
    assert (await fake.ask(chat("m"), timeout_seconds=5)).http_status == 503
    limited = (await fake.ask(chat("m"), timeout_seconds=5)).error
    assert limited is not None
    assert limited.retry_after_seconds == 7


# --- names ----------------------------------------------------------------------------------------------------------


def test_a_name_leads_to_a_provider_and_the_rest_goes_there_as_it_is(upstream: Upstream):
    one = {"kind": "openai", "base_url": upstream.url, "api_key": ""}
    providers = Providers.from_settings({"fake": {**one, "name": "fake"}, "old": {**one, "kind": "telegraph"}})
    provider, model = providers.resolve("fake/org/model:1")
    assert (provider.name, provider.kind, model) == ("fake", "openai", "org/model:1")
    assert providers.resolve("rehearsal/echo")[0].kind == "rehearsal"
    assert providers.names() == ["fake", "rehearsal"]
    for name in ("fake", "nobody/x", "fake/", "rehearsal/nothing", "old/x", "/x"):
        with pytest.raises(UnknownModel) as caught:
            providers.resolve(name)
        assert caught.value.name == name
        assert caught.value.message


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
def test_each_kind_of_account_speaks_its_dialect(kind: str):
    setting = {"name": "one", "kind": kind, "base_url": "https://llm.example.org", "api_key": "k"}
    provider, _ = Providers.from_settings({"one": setting}).resolve("one/m")
    assert (provider.kind, provider.dialect) == (kind, kind)
    assert provider.strategies("m")


# --- where no provider's server is ------------------------------------------------------------------------------------


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def resolve(_host: object, port: int, *_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.parametrize("addresses", [("169.254.169.254",), ("127.0.0.1", "169.254.169.254"), ("::ffff:a9fe:a9fe",)])
async def test_a_name_that_leads_to_a_clouds_secrets_is_not_asked(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
):
    resolving(monkeypatch, *addresses)
    url = f"http://metadata.example:{upstream.url.rpartition(':')[2]}"
    fake = Providers.from_settings({"fake": {"name": "fake", "kind": "openai", "base_url": url, "api_key": KEY}})
    exchange = await fake.resolve("fake/any")[0].ask(chat("echo"), timeout_seconds=5)
    assert isinstance(exchange.error, BadRequest)
    assert not exchange.error.can_retry
    assert f"fake leads to {addresses[-1]}, a link-local address" in exchange.error.message
    assert not upstream.requests


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "[fe80::1]"])
async def test_such_an_address_itself_is_not_asked_either(host: str):
    settings = {"fake": {"name": "fake", "kind": "openai", "base_url": f"http://{host}/v1", "api_key": KEY}}
    exchange = await Providers.from_settings(settings).resolve("fake/any")[0].ask(chat("echo"), timeout_seconds=5)
    assert isinstance(exchange.error, BadRequest)
    assert "a link-local address" in exchange.error.message


async def test_a_name_of_this_machine_is_asked_at_the_address_that_answers(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
):
    # Nothing listens at the first.
    resolving(monkeypatch, "127.0.0.9", "127.0.0.1")
    url = upstream.url.replace("127.0.0.1", "ollama.example")
    fake = Providers.from_settings({"fake": {"name": "fake", "kind": "openai", "base_url": url, "api_key": KEY}})
    exchange = await fake.resolve("fake/any")[0].ask(chat("echo"), timeout_seconds=5)
    assert exchange.error is None
    assert upstream.requests[-1].headers["host"].startswith("ollama.example:")
