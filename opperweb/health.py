"""For machines that watch this one: does it live, can it work, how much is there to do."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from functions.models import Completion
from opperweb import __version__, refusals
from opperweb.accounts.models import ApiKey
from opperweb.processes.models import Process
from traces.models import Span, Trace


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200: the process lives."""
    return JsonResponse({"status": "ok", "version": __version__})


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when database, broker and a worker answer, else 503 naming what does not."""
    checks: dict[str, Callable[[], str]] = {"database": _database, "broker": _broker, "worker": _worker}
    problems = {name: problem for name, check in checks.items() if (problem := check())}
    told = {name: problems.get(name, "ok") for name in checks}
    status = 503 if problems else 200
    return JsonResponse({"status": "ok" if not problems else "unavailable", **told}, status=status)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except Error:
        return "does not answer"
    return ""


def _broker() -> str:
    if not settings.REDIS_URL:
        return "" if settings.QUEUE_DIR.is_dir() else "its folder is missing"
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2) as client:
            client.ping()
    except (redis.RedisError, OSError):
        return "does not answer"
    return ""


def _worker() -> str:
    try:
        is_there = Process.objects.alive().filter(kind=Process.Kind.WORKER).exists()
    except Error:
        return "cannot be seen without the database"
    return "" if is_there else "none is alive"


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with Prometheus text, to loopback or to who has an API key."""
    if not (_is_local(request) or _has_key(request)):
        body = refusals.body_of_error("UnauthorizedError", "Ask from this machine or with an API key.")
        return HttpResponse(body, status=401, content_type="application/json")
    text = "".join(f"{line}\n" for line in _lines())
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _is_local(request: HttpRequest) -> bool:
    # A proxy on this machine speaks for others and says so.
    if "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _has_key(request: HttpRequest) -> bool:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and ApiKey.objects.find(secret.strip()) is not None


def _lines() -> Iterator[str]:
    yield from _metric("opperweb_info", "Always 1; the version is a label.", [(f'{{version="{__version__}"}}', 1)])
    alive = dict(Process.objects.alive().values_list("kind").annotate(Count("pk")))
    yield from _metric(
        "opperweb_processes",
        "Processes that gave a sign of life lately.",
        [(f'{{kind="{kind}"}}', alive.get(kind, 0)) for kind in Process.Kind.values],
    )
    states = (Completion.State.QUEUED, Completion.State.RUNNING)
    calls = dict(Completion.objects.filter(state__in=states).values_list("state").annotate(Count("pk")))
    yield from _metric(
        "opperweb_calls",
        "Model calls that are not done, by state.",
        [(f'{{state="{state.value}"}}', calls.get(state.value, 0)) for state in states],
    )
    yield from _metric("opperweb_queue_messages", "Messages that wait for a worker.", [("", _queue_depth())])
    # Keys are given out in order, so the last one counts them without reading the table.
    for name, model in (("spans", Span), ("traces", Trace)):
        last = model._default_manager.aggregate(last=Max("key"))["last"] or 0
        yield from _metric(f"opperweb_{name}_total", f"All {name} ever recorded.", [("", last)], kind="counter")


def _metric(name: str, help_text: str, values: list[tuple[str, int]], *, kind: str = "gauge") -> Iterator[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in values:
        yield f"{name}{labels} {value}"


def _queue_depth() -> int:
    queue = settings.CELERY_TASK_DEFAULT_QUEUE
    if not settings.REDIS_URL:
        return sum(1 for _ in settings.QUEUE_DIR.glob(f"*.{queue}.msg"))
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2) as client:
            return int(str(client.llen(prefix + queue)))
    except (redis.RedisError, OSError, ValueError):
        return 0
