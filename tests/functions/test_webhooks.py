"""Results that are posted: signed, tried again, each try logged."""

import base64
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone

from functions import batches, calls, webhooks
from functions.models import Delivery, WebhookSecret
from opperweb import loop

TASK = {"name": "greet", "input": "hello", "model": "rehearsal/echo", "background": True}

pytestmark = pytest.mark.django_db(transaction=True)


class Receiver:
    """A server that writes down what it is posted."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.url = ""


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    heard = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(heard.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    host = f"127.0.0.1:{server.server_address[1]}"
    settings.WEBHOOK_ALLOWED_HOSTS = frozenset({host})
    heard.url = f"http://{host}/hook"
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The deliveries that were sent to the broker; a test does them itself."""
    ids: list[str] = []
    monkeypatch.setattr(webhooks.deliver_job, "delay", ids.append)
    monkeypatch.setattr(calls.call_job, "delay", lambda key: None)
    monkeypatch.setattr(batches.batch_job, "delay", lambda key: None)
    return ids


def done_call(api: Any, url: str, **more: Any) -> Delivery:
    span_id = api.post("/v2/call", {**TASK, "webhook_url": url, **more}).json()["span_id"]
    delivery = Delivery.objects.get(span__id=span_id)
    assert delivery.due_at is None
    calls.call_job(delivery.span_id)
    delivery.refresh_from_db()
    return delivery


def deliver(delivery: Delivery) -> Delivery:
    Delivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    loop.run(webhooks.deliver(delivery.pk))
    delivery.refresh_from_db()
    return delivery


def test_the_result_is_posted_and_signed(api: Any, receiver: Receiver, sent: list[str]) -> None:
    delivery = done_call(api, receiver.url, tags={"env": "test"})
    assert sent == [str(delivery.pk)]
    webhooks.deliver_job(sent[0])
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == ("done", 1)
    headers, body = receiver.requests[0]
    told = json.loads(body)
    assert told["type"] == "completion.done"
    assert told["data"]["status"] == "success"
    assert "hello" in told["data"]["message"]
    assert told["data"]["tags"] == {"env": "test"}
    secret = base64.b64decode(WebhookSecret.objects.get().secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_failed_call_is_told_too(api: Any, receiver: Receiver) -> None:
    deliver(done_call(api, receiver.url, model="rehearsal/fail-400"))
    told = json.loads(receiver.requests[0][1])
    assert (told["type"], told["data"]["status"]) == ("completion.failed", "error")
    assert told["data"]["error"]


def test_a_receiver_that_fails_is_tried_again_later_and_each_try_is_logged(api: Any, receiver: Receiver) -> None:
    delivery = done_call(api, receiver.url)
    receiver.status = 500
    delivery = deliver(delivery)
    assert (delivery.state, delivery.tries) == ("queued", 1)
    assert delivery.due_at is not None
    assert delivery.due_at > timezone.now()
    # Before it is due nobody sends it.
    loop.run(webhooks.deliver(delivery.pk))
    assert len(receiver.requests) == 1
    receiver.status = 200
    delivery = deliver(delivery)
    assert (delivery.state, [entry["status"] for entry in delivery.log]) == ("done", [500, 200])


def test_it_is_given_up_after_the_last_pause(api: Any, receiver: Receiver) -> None:
    receiver.status = 503
    delivery = done_call(api, receiver.url)
    for _ in range(len(webhooks.PAUSES) + 1):
        delivery = deliver(delivery)
    assert delivery.state == "failed"
    assert len(receiver.requests) == len(webhooks.PAUSES) + 1


def test_a_receiver_that_is_gone_is_not_asked_again(api: Any, receiver: Receiver) -> None:
    receiver.status = 410
    assert deliver(done_call(api, receiver.url)).state == "failed"


def test_what_is_due_and_was_lost_is_sent_again(api: Any, receiver: Receiver, sent: list[str]) -> None:
    delivery = done_call(api, receiver.url)
    sent.clear()
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert webhooks.send_lost() == 1
    assert sent == [str(delivery.pk)]


def test_a_redirect_is_not_followed(api: Any, receiver: Receiver) -> None:
    receiver.status = 307
    delivery = deliver(done_call(api, receiver.url))
    assert (delivery.state, delivery.log[0]["status"]) == ("queued", 307)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://10.0.0.1/", "file:///etc/passwd", "nonsense", 7])
def test_an_address_inside_is_refused_before_anything_is_done(api: Any, url: Any) -> None:
    response = api.post("/v2/call", {**TASK, "webhook_url": url})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "webhook_url"]
    assert not Delivery.objects.exists()


def test_the_end_of_a_batch_is_posted(api: Any, receiver: Receiver, sent: list[str]) -> None:
    task = {"name": "greet", "model": "rehearsal/echo", "inputs": ["a", "b"], "webhook_url": receiver.url}
    batch_id = api.post("/v2/call/batch", task).json()["batch_id"]
    assert not sent
    loop.run(batches.work_off(uuid.UUID(batch_id)))
    assert len(sent) == 1
    webhooks.deliver_job(sent[0])
    told = json.loads(receiver.requests[0][1])
    assert (told["type"], told["data"]["batch_id"], told["data"]["done"]) == ("batch.done", batch_id, 2)
