"""Results of background work, posted to an address that the caller named: signed, tried again, and each try logged.

Signed as the Standard Webhooks specification has it (standardwebhooks.com): `webhook-id`, `webhook-timestamp`, and
`webhook-signature: v1,` with the base64 of HMAC-SHA256 over "id.timestamp.body" by the project's secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from datetime import timedelta
from typing import Any

import httpx
from celery import shared_task
from django.db import transaction
from django.utils import timezone

from functions.kept import answer_of
from functions.models import Batch, Delivery, WebhookSecret
from opperweb import json, loop, outgoing
from opperweb.accounts.models import Project
from opperweb.database import db
from traces.models import Span, Status

# Between one try and the next; after the last one it is given up.
PAUSES = (5, 30, 120, 600, 1800, 7200, 21600)
MOST_LOGGED = 20
MOST_SENT = 500
NO_ANSWER = {"message": None, "json_payload": None, "images": None, "audio": None}
# A worker that takes a delivery has this long before another may.
TAKEN = timedelta(minutes=2)


def promise(source: Span | Batch, url: str) -> None:
    """Keep that the result of a call or a batch is to be posted when it is there."""
    about = {"span": source} if isinstance(source, Span) else {"batch": source}
    Delivery.objects.create(project_id=source.project_id, url=url, **about)


def send_due(span_key: int) -> None:
    """Send the result of a call that has ended; must run in the transaction that ends it."""
    _send(Delivery.objects.filter(span_id=span_key, state=Delivery.State.QUEUED, due_at=None))


def send_due_of_batch(batch: Batch) -> None:
    """Send the result of a batch that has ended."""
    _send(Delivery.objects.filter(batch=batch, state=Delivery.State.QUEUED, due_at=None))


def send_lost() -> int:
    """Send again what is due, such as the next try of one that failed; return how many."""
    due = Delivery.objects.filter(state=Delivery.State.QUEUED, due_at__lte=timezone.now())
    ids = list(due.order_by("due_at").values_list("pk", flat=True)[:MOST_SENT])
    for delivery_id in ids:
        deliver_job.delay(str(delivery_id))
    return len(ids)


def secret_of(project: Project) -> str:
    """Return what a project's deliveries are signed with, made where there is none yet."""
    secret: str = WebhookSecret.objects.get_or_create(project=project)[0].secret
    return secret


def signature_of(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


@shared_task(name="functions.jobs.deliver_job", throws=(loop.Stopped,))  # type: ignore[untyped-decorator]
def deliver_job(delivery_id: str) -> None:
    """Post a result that is due; do nothing if another has it."""
    loop.run(deliver(uuid.UUID(delivery_id)))


async def deliver(delivery_id: uuid.UUID) -> None:
    """Try once to post a result, and write down how it went."""
    taken = await db(_take, delivery_id)
    if taken is None:
        return
    delivery, secret, body = taken
    timestamp, began = int(time.time()), time.perf_counter()
    headers = {
        "content-type": "application/json",
        "webhook-id": f"msg_{delivery.pk.hex}",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature_of(secret, f"msg_{delivery.pk.hex}", timestamp, body),
    }
    status, error = None, ""
    try:
        posted = await outgoing.post(delivery.url, headers=headers, body=body)
        status = posted.status
        error = "" if 200 <= status < 300 else f"HTTP {status}: {posted.text[:200]}"
    except outgoing.AddressRefused as problem:
        error = f"The address was refused: {problem}"
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as problem:
        error = f"{type(problem).__name__}: {str(problem)[:200]}"
    duration_ms = round((time.perf_counter() - began) * 1000, 1)
    await db(_keep, delivery_id, {"status": status, "error": error, "duration_ms": duration_ms})


def _send(due: Any) -> None:
    ids = list(due.values_list("pk", flat=True))
    if ids:
        due.update(due_at=timezone.now())
        transaction.on_commit(lambda: [deliver_job.delay(str(each)) for each in ids], robust=True)


def _take(delivery_id: uuid.UUID) -> tuple[Delivery, str, bytes] | None:
    now = timezone.now()
    due = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.QUEUED, due_at__lte=now)
    if not due.update(due_at=now + TAKEN):
        return None
    delivery = Delivery.objects.select_related("project", "span__body", "batch").get(pk=delivery_id)
    about = _of_span(delivery.span) if delivery.span is not None else _of_batch(delivery.batch)
    return delivery, secret_of(delivery.project), json.dumps(about).encode()


def _keep(delivery_id: uuid.UUID, entry: dict[str, Any]) -> None:
    delivery = Delivery.objects.get(pk=delivery_id)
    delivery.tries += 1
    delivery.log = [*delivery.log, {"at": timezone.now().isoformat(), **entry}][-MOST_LOGGED:]
    if not entry["error"]:
        delivery.state = Delivery.State.DONE
    # What says that it is gone, or must not be reached, is not asked again.
    elif entry["status"] == 410 or delivery.tries > len(PAUSES):
        delivery.state = Delivery.State.FAILED
    else:
        delivery.due_at = timezone.now() + timedelta(seconds=PAUSES[delivery.tries - 1])
    delivery.save()


def _of_span(span: Span | None) -> dict[str, Any]:
    assert span is not None
    body = span.body
    is_good = span.status in (Status.OK, Status.RECOVERED)
    return {
        "type": "completion.done" if is_good else "completion.failed",
        "timestamp": timezone.now().isoformat(),
        "data": {
            "span_id": str(span.id),
            "name": span.name,
            "status": "success" if is_good else "error",
            **(answer_of(body) if is_good else NO_ANSWER),
            "error": body.error,
            "cost_usd": None if span.cost_usd is None else str(span.cost_usd),
            "tags": span.tags,
        },
    }


def _of_batch(batch: Batch | None) -> dict[str, Any]:
    assert batch is not None
    return {
        "type": f"batch.{batch.state}",
        "timestamp": timezone.now().isoformat(),
        "data": {
            "batch_id": str(batch.pk),
            "name": batch.name,
            "status": batch.state,
            "total": batch.total_count,
            "done": batch.done_count,
            "failed": batch.failed_count,
            "refused": batch.refused_count,
            "cost_usd": None if batch.cost_usd is None else str(batch.cost_usd),
        },
    }
