"""What brings back to order what a killed process left: calls that ran in it, and jobs whose message was lost."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from functions import batches, progress, webhooks
from functions.calls import call_job
from functions.completions import cache
from functions.evaluations import queue
from functions.few_shot import embedding
from functions.kept import keep_stop
from functions.models import Completion
from opperweb.api import idempotency
from opperweb.processes.models import Process

# A queued call whose message has not come to a worker by then is sent again.
LOST_AFTER = timedelta(seconds=15)
# A job that ends its worker each time is not begun for ever.
MOST_STARTS = 3
MOST_SENT = 1000


def stop_orphans() -> int:
    """Bring to an end what dead processes left running; return how many calls that were.

    A background call is queued again, for nobody has seen its answer; a caller who waited is gone with the process.
    """
    # One statement: a process that begins between two would be taken for dead.
    alive = Process.objects.alive().values("pk")
    orphans = Completion.objects.filter(state=Completion.State.RUNNING).exclude(process_id__in=alive)
    count = 0
    for orphan in orphans.only("span_id", "process_id", "is_background", "starts"):
        if orphan.is_background and orphan.starts < MOST_STARTS:
            again = Completion.objects.filter(pk=orphan.pk, state=orphan.State.RUNNING, process_id=orphan.process_id)
            if again.update(state=Completion.State.QUEUED, process_id=None):
                call_job.delay(orphan.pk)
        else:
            _stop(orphan.pk)
        count += 1
    return count + batches.requeue_orphans(alive) + queue.sweep(alive)


@transaction.atomic
def _stop(span_key: int) -> None:
    keep_stop(span_key, "The server was stopped while this call was running")
    progress.item_ended(span_key)
    webhooks.send_due(span_key)


@shared_task(name="functions.jobs.stop_orphans_job")  # type: ignore[untyped-decorator]
def stop_orphans_job() -> None:
    stop_orphans()


def send_lost() -> int:
    """Send what is queued again whose message should have come to a worker by now, and what is due to be posted.

    Return how many.
    """
    before = timezone.now() - LOST_AFTER
    queued = Completion.objects.filter(state=Completion.State.QUEUED, created_at__lt=before)
    lost = list(queued.order_by("created_at").values_list("pk", flat=True)[:MOST_SENT])
    for span_key in lost:
        call_job.delay(span_key)
    return len(lost) + webhooks.send_lost() + batches.send_lost(before) + embedding.send_lost()


@shared_task(name="functions.jobs.send_lost_job")  # type: ignore[untyped-decorator]
def send_lost_job() -> None:
    send_lost()


def tidy() -> int:
    """Delete the kept answers whose time is over; return how many."""
    return cache.forget_expired() + idempotency.forget_expired()


@shared_task(name="functions.jobs.tidy_job")  # type: ignore[untyped-decorator]
def tidy_job() -> None:
    tidy()
