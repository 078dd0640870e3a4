"""How long the Usage page takes with 200,000 calls of 30 days: a scratch database, by model, by tag, with a filter."""

# On two busy cores with SQLite each page took 110 to 260 ms (PostgreSQL: 50 to 125 ms); where a filter leaves rows no
# say, 740 ms; in a zone whose days begin with half an hour, 500 to 1,000 ms.

# ruff: noqa: E402
import argparse
import math
import os
import random
import sys
import tempfile
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

# Never the data of whoever runs this.
FOLDER = Path(tempfile.gettempdir(), "opperweb-bench-usage")
FOLDER.mkdir(exist_ok=True)
os.environ |= {"DATA_DIR": str(FOLDER), "DJANGO_SETTINGS_MODULE": "opperweb.settings"}
os.environ.pop("DATABASE_URL", None)
os.environ.pop("REDIS_URL", None)

import django

django.setup()

from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone

from opperweb.accounts.models import ApiKey, Membership, Project, Role, User
from traces.analytics.rollups import roll_up
from traces.models import Kind, Span, Trace
from traces.usage_models import UsageProgress, UsageRow

# A function calls one model or two, a key stands for a place where it runs, some users call far more than others.
FUNCTIONS = {
    "mini_kb_query": ["openai/gpt-4o-mini", "openai/gpt-4o"],
    "summary": ["openai/gpt-4.1-nano"],
    "classify": ["openai/gpt-4.1-nano"],
    "translate": ["openai/gpt-4o-mini"],
    "extract": ["anthropic/claude-haiku-4-5", "openai/gpt-4o-mini"],
    "plan_trip": ["anthropic/claude-sonnet-4-5"],
    "draw": ["openai/gpt-image-1"],
    "rank": ["gemini/gemini-2.5-flash"],
}
PAGES = {
    "by model": "",
    "by function": "?by=function",
    "by a tag of 40 values": "?by=tag&tag=user",
    "filtered by tag, by model": "?q=tag:env=production",
    "filtered by tag, by another": "?q=tag:env=production&by=tag&tag=user",
    "p95 by model": "?measure=p95",
    "from the spans alone": "?q=latency:>5s",
}


def main() -> None:
    options = read_options()
    call_command("migrate", verbosity=0)
    project = Project.objects.filter(slug="bench").first() or fill(options.calls, options.days)
    if project.time_zone != options.zone:
        Project.objects.update(time_zone=options.zone)
        # The next hour to be added up brings the days of the new zone.
        UsageProgress.objects.update(until=F("until") - 1)
    started = time.perf_counter()
    roll_up(patience_s=3600)
    print(f"adding up: {time.perf_counter() - started:.1f} s")
    for is_whole, is_day in ((True, True), (True, False), (False, True), (False, False)):
        count = UsageRow.objects.filter(is_whole=is_whole, is_day=is_day).count()
        print(f"{count:8,} rows of {'a day' if is_day else 'an hour'}{'' if is_whole else ' by tags'}")
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get())
    for name, query in PAGES.items():
        print(f"{name:28} {milliseconds(client, f'/projects/{project.slug}/usage/{query}', options.times):6.0f} ms")


def milliseconds(client: Client, address: str, times: int) -> float:
    """Return the median."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        response = client.get(address)
        taken.append((time.perf_counter() - started) * 1000)
        if response.status_code != 200:
            sys.exit(f"{address}: {response.status_code}")
    return sorted(taken)[len(taken) // 2]


def fill(calls: int, days: int) -> Project:
    chance = random.Random(1)
    project = Project.objects.create(slug="bench", name="Bench")
    user = User.objects.create_user("bench@example.com", "not-a-secret-here")
    Membership.objects.create(user=user, project=project, role=Role.OWNER)
    keys = {env: ApiKey.objects.make(project, env)[0] for env in ("production", "staging")}
    now = timezone.now()
    names, users = [*FUNCTIONS], [f"company_{number:03}" for number in range(40)]
    weights = [1 / (number + 1) for number in range(len(users))]
    for start in range(0, calls, 2000):
        size = min(2000, calls - start)
        moments = [now - timedelta(seconds=chance.random() * days * 86400) for _ in range(size)]
        traces = Trace.objects.bulk_create([Trace(project=project, name="bench", started_at=when) for when in moments])
        spans = []
        for trace in traces:
            function = chance.choices(names, [8, 5, 4, 3, 2, 1, 1, 1])[0]
            env = "production" if chance.random() < 0.9 else "staging"
            duration_ms = math.exp(chance.gauss(7.2, 0.8))
            spans.append(
                Span(
                    project=project,
                    trace=trace,
                    name=function,
                    kind=Kind.LLM,
                    status="error" if chance.random() < 0.01 else "ok",
                    started_at=trace.started_at,
                    ended_at=trace.started_at + timedelta(milliseconds=duration_ms),
                    duration_ms=duration_ms,
                    model=chance.choice(FUNCTIONS[function]),
                    function_name=function,
                    input_tokens=chance.randint(50, 5000),
                    output_tokens=chance.randint(5, 600),
                    cost_usd=Decimal(chance.randint(1, 10**8)).scaleb(-10),
                    attempt_count=1,
                    score=chance.choice([None, chance.randint(40, 100)]),
                    tags={"env": env, "user": chance.choices(users, weights)[0]},
                    api_key=keys[env],
                )
            )
        Span.objects.bulk_create(spans)
    return project


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--zone", default="UTC", help="the project's, whose days are the bars")
    parser.add_argument("--times", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
