"""How long the page of a trace takes, with 2,000 spans and with 20, and a list of 10,000 traces: cold, warm, shown."""

# On two quiet cores with SQLite: 2,000 spans (500 rows of them shown) take 133 ms warm and their first row is on the
# screen after 232 ms (20 spans: 23 and 120 ms), a list of 10,000 traces after 215 ms. A good third goes into the
# template's rows, as much into reading spans.

# ruff: noqa: E402
import argparse
import atexit
import http.client
import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

# Never the data of whoever runs this.
FOLDER = Path(tempfile.mkdtemp(prefix="opperweb-bench-trace-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
os.environ |= {"DATA_DIR": str(FOLDER), "DJANGO_SETTINGS_MODULE": "opperweb.settings"}
for name in ("DATABASE_URL", "REDIS_URL"):
    os.environ.pop(name, None)

import django

django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from gateway import cpu_seconds, free_port, running
from playwright.sync_api import sync_playwright

from opperweb.accounts.models import Membership, Project, Role, User
from traces import drafts, recording
from traces.models import Attempt, AttemptBody, Span

# The figure to reach, from the first byte asked for to the first row on the screen.
FIRST_ROW_MS = 300
SMALL, A_STEP, A_BATCH = 20, 20, 500
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# The moment of the frame in which the first row of a list or a tree is painted.
WATCH = """
new MutationObserver((_, watcher) => {
  if (!document.querySelector(".tree .row, tr[data-row]")) return;
  watcher.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.firstRow = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""


@dataclass
class Page:
    """An address and how long it took. `cpu_ms` is the server's for one warm request: other work hardly raises it."""

    name: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    has_rows: bool = True
    cold_ms: float = 0.0
    warm_ms: float = 0.0
    cpu_ms: float = 0.0
    first_row_ms: float | None = None
    kilobytes: float = 0.0


def main() -> None:
    options = read_options()
    call_command("migrate", verbosity=0)
    project, user = make_project()
    started = time.perf_counter()
    small, large = (make_trace(project, count) for count in (SMALL, options.spans))
    print(f"recording {options.spans:,} spans: {time.perf_counter() - started:.1f} s")
    started = time.perf_counter()
    make_calls(project, options.traces)
    print(f"recording {options.traces:,} traces: {time.perf_counter() - started:.1f} s\n")
    traces = "/projects/bench/traces/"
    last = Span.objects.filter(trace__id=large).latest("key").id
    pages = [
        Page(f"trace of {SMALL} spans", f"{traces}{small}/"),
        Page(f"trace of {options.spans:,} spans", f"{traces}{large}/"),
        Page("  its last span chosen", f"{traces}{large}/?span={last}"),
        Page(
            "  the panel of a span alone", f"{traces}{large}/?span={last}", {"HX-Target": "inspector"}, has_rows=False
        ),
        Page(f"list of {options.traces:,} traces", traces),
        Page("  by a tag", f"{traces}?q=tag:env%3Dstaging"),
        Page("  slowest first", f"{traces}?sort=-latency"),
        Page("  its figures alone", f"{traces}?part=summary", {"HX-Request": "true"}, has_rows=False),
    ]
    cookie = session_of(user)
    for page in pages:
        measure(page, cookie, options.times)
    show(pages)


def measure(page: Page, cookie: str, times: int) -> None:
    """Ask a server that has served nothing yet, then the same one again and again, then let a browser open the page."""
    port = free_port()
    env = {"PORT": str(port), "LOG_LEVEL": "warning", "BOOTSTRAP_PASSWORD": "bench-bench-bench"}
    with running([sys.executable, "manage.py", "web"], ready=f"127.0.0.1:{port}", env=env) as pid:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        page.cold_ms, _ = ask(connection, page, cookie)
        before = cpu_seconds(pid)
        warm = [ask(connection, page, cookie) for _ in range(times)]
        page.cpu_ms = (cpu_seconds(pid) - before) / times * 1000
        page.warm_ms = statistics.median(taken for taken, _ in warm)
        page.kilobytes = warm[-1][1] / 1000
        connection.close()
        if page.has_rows:
            page.first_row_ms = first_row_ms(f"http://127.0.0.1:{port}", page.path, cookie, times)


def ask(connection: http.client.HTTPConnection, page: Page, cookie: str) -> tuple[float, int]:
    """Return the milliseconds to the last byte of the answer, and its bytes."""
    started = time.perf_counter()
    connection.request("GET", page.path, headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}", **page.headers})
    response = connection.getresponse()
    body = response.read()
    taken = (time.perf_counter() - started) * 1000
    if response.status != 200:
        sys.exit(f"{page.path}: {response.status}")
    return taken, len(body)


def first_row_ms(address: str, path: str, cookie: str, times: int) -> float | None:
    """Return the median time until a browser has painted the first row; None where there is no browser."""
    browser_path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if browser_path is None:
        return None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": address}])
        page = context.new_page()
        page.add_init_script(WATCH)
        taken = []
        # The first time brings style sheets and scripts, which the browser keeps.
        for _ in range(times + 1):
            page.goto(path)
            page.wait_for_function("window.firstRow")
            taken.append(float(page.evaluate("window.firstRow")))
        browser.close()
    return statistics.median(taken[1:])


def show(pages: list[Page]) -> None:
    print(f"{'':28} {'cold':>8} {'warm':>8} {'CPU':>8} {'first row':>10} {'size':>9}")
    for page in pages:
        row = "–" if page.first_row_ms is None else f"{page.first_row_ms:.0f} ms"
        print(
            f"{page.name:28} {page.cold_ms:5.0f} ms {page.warm_ms:5.0f} ms {page.cpu_ms:5.0f} ms {row:>10} "
            f"{page.kilobytes:6.0f} kB"
        )
    small, large = pages[:2]
    cold, warm, cpu = large.cold_ms / small.cold_ms, large.warm_ms / small.warm_ms, large.cpu_ms / small.cpu_ms
    print(f"\n{large.name} / {small.name}: cold {cold:.1f}, warm {warm:.1f}, CPU {cpu:.1f}")
    shown = [page for page in pages if page.first_row_ms is not None]
    late = [page.name.strip() for page in shown if (page.first_row_ms or 0) >= FIRST_ROW_MS]
    if not shown:
        print("first row: not measured, there is no Chromium on this machine")
    else:
        told = f"all but {', '.join(late)}" if late else "all"
        print(f"first row within {FIRST_ROW_MS} ms: {told}")


# --- what is measured -------------------------------------------------------------------------------------------------


def make_project() -> tuple[Project, User]:
    project = Project.objects.create(slug="bench", name="Bench")
    user = User.objects.create_user("bench@example.com", "not-a-secret-here")
    Membership.objects.create(user=user, project=project, role=Role.OWNER)
    return project, user


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def make_trace(project: Project, count: int) -> Any:
    """Record an agent with steps of tools and model calls, one span after the other, and return the trace's id."""
    began = timezone.now() - timedelta(hours=1)
    with transaction.atomic():
        root = record(project, "agent", "agent", began, count * 50)
        parent = root
        for number in range(1, count):
            at = began + timedelta(milliseconds=number * 50)
            if number % A_STEP == 1:
                parent = record(project, f"step {number // A_STEP + 1}", "workflow", at, A_STEP * 50, root)
            elif number % 2:
                record(project, "look_up", "tool", at, 40, parent)
            else:
                add_attempt(record(project, "mini_kb_query", "llm", at, 45, parent))
    return root.trace.id


def record(project: Project, name: str, kind: str, at: datetime, duration_ms: int, parent: Span | None = None) -> Span:
    is_call = kind == "llm"
    call = {
        "model": "openai/gpt-4.1-nano", "function_name": name, "input_tokens": 900, "output_tokens": 80,
        "cost_usd": Decimal("0.00012"), "attempt_count": 1,
    }  # fmt: skip
    return recording.start(
        project,
        name,
        parent_id=parent.id if parent else None,
        started_at=at,
        ended_at=at + timedelta(milliseconds=duration_ms),
        status="ok",
        kind=kind,
        body={"input": {"question": "Which planet? " * 40}, "output": {"answer": "Jupiter. " * 40}},
        **(call if is_call else {}),
    )


def add_attempt(span: Span) -> None:
    attempt = Attempt.objects.create(
        span=span, number=1, outcome="accepted", requested_model=span.model, provider="openai", strategy="native",
        started_at=span.started_at, duration_ms=span.duration_ms, first_byte_ms=20, queue_ms=0,
    )  # fmt: skip
    text = "Which planet? " * 200
    AttemptBody.objects.create(
        attempt=attempt,
        messages=[{"role": "user", "parts": [{"type": "text", "text": text}]}],
        request_body=f'{{"messages": "{text}"}}',
        response_body='{"choices": []}',
    )


def make_calls(project: Project, count: int) -> None:
    """Record traces of one call each over the last day, as calls write them."""
    now = timezone.now()
    for first in range(0, count, A_BATCH):
        made = []
        for number in range(first, min(first + A_BATCH, count)):
            at = now - timedelta(seconds=number * 86_000 / count)
            made.append(
                drafts.draft(
                    project,
                    "mini_kb_query",
                    body={"input": {"question": f"Which planet is number {number}?"}, "output": {"answer": "Jupiter"}},
                    started_at=at,
                    ended_at=at + timedelta(milliseconds=300 + number % 977),
                    status="error" if number % 50 == 0 else "ok",
                    kind="llm",
                    model="openai/gpt-4.1-nano",
                    function_name="mini_kb_query",
                    tags={"env": "production" if number % 10 else "staging", "user": f"company_{number % 40:03}"},
                    input_tokens=900,
                    output_tokens=80,
                    cost_usd=Decimal("0.00012"),
                    attempt_count=1,
                )
            )
        with transaction.atomic():
            drafts.insert(made)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=2_000)
    parser.add_argument("--traces", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=9, help="warm requests, of which the median is told")
    return parser.parse_args()


if __name__ == "__main__":
    main()
