"""Usage rows come to what the spans come to: after changes, deletions, late spans, in any zone, with any filter."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.http import QueryDict
from django.utils import timezone

from opperweb.accounts.models import ApiKey, Project
from tests.traces.factories import make_call
from traces import recording
from traces.analytics import marks, periods, rollups
from traces.analytics.conditions import call_filter
from traces.analytics.figures import Figures
from traces.analytics.hours import hour_of, next_hour, runs
from traces.analytics.ledger import Group, Ledger
from traces.analytics.rollups import roll_up
from traces.filters import TraceFilter
from traces.jobs import roll_up_job
from traces.models import Kind, Span, Status
from traces.usage_models import UsageDimension, UsageProgress, UsageRow, UsageStale

NOW = datetime(2026, 11, 20, 13, 40, tzinfo=UTC)
START = NOW - timedelta(days=5)
MODEL, FUNCTION, KEY, USER = Group("model"), Group("function"), Group("key"), Group("tag", "user")
REVISION, ERROR_KIND = Group("revision"), Group("error_kind")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time it is, which a test may set."""
    now = [NOW]
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    return now


def days(zone: str = "UTC", count: int = 6) -> list[datetime]:
    """The first moments of the last days in a zone, and of the day after."""
    today = NOW.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0)
    return [(today + timedelta(days=number)).astimezone(UTC) for number in range(1 - count, 2)]


def plain(project: Project, boundaries: list[datetime], group: Group | None = None) -> dict[Any, dict[str, Any]]:
    """Add the spans up as one would by hand."""
    found: dict[Any, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    for span in Span.objects.filter(project=project).select_related("api_key"):
        if span.kind not in ("llm", "embedding", "rerank"):
            continue
        period = sum(moment <= span.started_at for moment in boundaries) - 1
        if not 0 <= period < len(boundaries) - 1:
            continue
        key = {
            None: None,
            MODEL: span.model or span.requested_model or None,
            FUNCTION: span.function_name or None,
            KEY: span.api_key.name if span.api_key else None,
            USER: span.tags.get("user"),
            REVISION: None if span.revision_number is None else str(span.revision_number),
            ERROR_KIND: span.error_kind if span.status == "error" and span.revision_number is not None else None,
        }[group]
        sums = found[period, key]
        sums["calls"] += 1
        sums["errors"] += span.status == "error"
        sums["unpriced"] += not span.is_priced
        sums["attempts"] += span.attempt_count
        sums["rejected"] += span.rejected_count > 0
        sums["repaired"] += span.repair_count > 0
        sums["fallbacks"] += span.is_fallback
        sums["input_tokens"] += span.input_tokens or 0
        sums["output_tokens"] += span.output_tokens or 0
        sums["cost_usd"] += span.cost_usd or Decimal(0)
        sums["score_sum"] += span.score or 0
        sums["scored"] += span.score is not None
        sums["timed"] += span.duration_ms is not None
    return {place: dict(sums) for place, sums in found.items()}


def read(project: Project, boundaries: list[datetime], group: Group | None = None, query: str = "") -> dict[Any, Any]:
    trace_filter = TraceFilter.from_query(QueryDict(query), default_range=None)
    ledger = Ledger(project, boundaries, call_filter(trace_filter, project))
    found = ledger.figures(boundaries, [group] if group else [])
    names = (
        "calls", "errors", "unpriced", "attempts", "input_tokens", "output_tokens", "score_sum", "scored", "timed",
        "rejected", "repaired", "fallbacks",
    )  # fmt: skip
    return {
        (period, values[0] if group else None): {
            **{name: figures[name] for name in names},
            "cost_usd": figures.cost_usd,
        }
        for (period, values), figures in found.items()
    }


def make_random(project: Project, chance: random.Random, started_at: datetime, keys: list[ApiKey]) -> Span:
    return recording.start(
        project,
        "call",
        started_at=started_at,
        kind=chance.choice([Kind.LLM, Kind.LLM, Kind.EMBEDDING, Kind.TOOL]),
        api_key=chance.choice([None, *keys]),
        requested_model=chance.choice(["", "b/y"]),
        function_name=chance.choice(["", "mini_kb_query", "summary"]),
        revision_number=chance.choice([None, 1, 2, 11]),
        origin=chance.choice(["", "", "replay"]),
        tags=chance.choice([{}, {"user": "a"}, {"user": "b", "env": "x"}, {"user": "A", "n": str(chance.random())}]),
        **random_values(chance, started_at),
    )


def random_values(chance: random.Random, started_at: datetime) -> dict[str, Any]:
    return {
        "model": chance.choice(["", "a/x", "b/y"]),
        "status": chance.choice([Status.OK, Status.ERROR, Status.RECOVERED]),
        "ended_at": started_at + timedelta(milliseconds=chance.choice([3, 700, 4_000, 400_000])),
        "attempt_count": chance.randint(0, 3),
        "input_tokens": chance.choice([None, 0, 999]),
        "output_tokens": chance.choice([None, 7]),
        "cost_usd": chance.choice([None, Decimal("0.0000000001"), Decimal("0.3333333333")]),
        "is_priced": chance.choice([True, False]),
        "is_cached": chance.choice([True, False]),
        "error_kind": chance.choice(["rate_limit", "schema"]),
        "rejected_count": chance.choice([0, 0, 2]),
        "repair_count": chance.choice([0, 1]),
        "is_fallback": chance.choice([True, False]),
        "score": chance.choice([None, 0, 77]),
    }


@pytest.mark.parametrize("seed", range(4))
def test_rows_and_spans_together_equal_a_plain_recomputation(
    project: Project, clock: list[datetime], seed: int
) -> None:
    chance = random.Random(seed)
    keys = [ApiKey.objects.make(project, name)[0] for name in ("web", "nightly")]
    spans = [make_random(project, chance, _moment(chance), keys) for _ in range(120)]
    for round in range(3):
        if round:
            roll_up()
        if round == 2:
            # Late spans, changed ones, moved ones and removed ones; not yet added up.
            spans += [make_random(project, chance, _moment(chance), keys) for _ in range(10)]
            for span in chance.sample(spans, 20):
                recording.change(span, **random_values(chance, span.started_at))
            moved = chance.choice(spans)
            recording.change(moved, started_at=_moment(chance), kind=Kind.LLM)
            for span in chance.sample(spans, 10):
                recording.delete(span)
            assert UsageStale.objects.exists()
        _compare(project)
    roll_up()
    assert not UsageStale.objects.exists()
    _compare(project)


def _moment(chance: random.Random) -> datetime:
    return START + timedelta(seconds=chance.randint(0, 5 * 24 * 3600))


def _compare(project: Project) -> None:
    project.refresh_from_db()
    for boundaries in (days(), days("Asia/Kolkata"), [START, NOW], [START, START + timedelta(hours=40), NOW]):
        for group in (None, MODEL, FUNCTION, KEY, USER, REVISION, ERROR_KIND):
            assert read(project, boundaries, group) == plain(project, boundaries, group)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Chatham"])
def test_days_of_any_zone_are_added_up_and_follow_the_project(
    project: Project, clock: list[datetime], zone: str
) -> None:
    clock[0] = NOW - timedelta(hours=3)
    chance = random.Random(zone)
    for _ in range(80):
        make_random(project, chance, _moment(chance), [])
    roll_up()
    Project.objects.filter(pk=project.pk).update(time_zone=zone)
    # The days are still those of the zone before.
    _compare(project)
    clock[0] = NOW
    roll_up()
    project.refresh_from_db()
    _compare(project)
    assert read(project, days(zone), MODEL) == plain(project, days(zone), MODEL)
    starts = {next_hour(day) for day in days(zone)}
    assert set(UsageRow.objects.filter(is_day=True).values_list("hour", flat=True)) <= starts
    assert UsageRow.objects.filter(is_day=True).exists()
    # Several questions of one reading, whose boundaries cut different hours.
    some = [START + timedelta(minutes=7), *days(zone)[1:]]
    ledger = Ledger(project, [*some, NOW - timedelta(minutes=50)])
    for boundaries in (some, [some[0], some[-1]], [some[0], NOW - timedelta(minutes=50)]):
        found = ledger.figures(boundaries, [MODEL])
        calls = {(period, values[0]): figures.calls for (period, values), figures in found.items()}
        assert calls == {place: sums["calls"] for place, sums in plain(project, boundaries, MODEL).items()}


def test_closed_hours_are_read_from_rows_and_not_from_spans(project: Project, clock: list[datetime]) -> None:
    make_call(project, started_at=NOW - timedelta(days=3), cost_usd=Decimal("0.5"))
    roll_up()
    assert UsageRow.objects.filter(is_day=True).exists()
    # Behind everybody's back, so that the row is all that is left of it.
    Span.objects.all().delete()
    assert [sums["cost_usd"] for sums in read(project, days()).values()] == [Decimal("0.5")]
    assert [sums["calls"] for sums in read(project, days("Asia/Kolkata"), USER).values()] == [1]
    # What a row does not know, the spans have to answer.
    assert read(project, days(), None, "q=latency:<1h") == {}


def test_writing_to_an_open_hour_marks_nothing(project: Project, clock: list[datetime]) -> None:
    span = recording.start(project, "call", kind=Kind.LLM)
    recording.change(span, status=Status.OK, ended_at=NOW)
    recording.start(project, "call", kind=Kind.LLM, started_at=NOW - timedelta(minutes=59))
    recording.start(project, "old step", kind=Kind.TOOL, started_at=START)
    assert not UsageStale.objects.exists()
    recording.start(project, "late", kind=Kind.LLM, started_at=START)
    assert [stale.hour for stale in UsageStale.objects.all()] == [hour_of(START)]


def test_an_hour_is_added_up_only_when_nobody_takes_it_for_open_any_more(
    project: Project, clock: list[datetime]
) -> None:
    make_call(project, started_at=NOW.replace(hour=12))
    roll_up(now=NOW.replace(hour=14, minute=9))
    assert UsageProgress.objects.get().until == hour_of(NOW.replace(hour=12))
    roll_up(now=NOW.replace(hour=14, minute=10))
    assert UsageProgress.objects.get().until == hour_of(NOW.replace(hour=13))
    assert UsageRow.objects.filter(is_whole=True).get().calls == 1


@pytest.mark.parametrize("has_other_worker", [False, True])
def test_what_changes_while_rows_are_added_up_is_not_lost(
    project: Project, clock: list[datetime], monkeypatch: pytest.MonkeyPatch, has_other_worker: bool
) -> None:
    recording.start(project, "call", kind=Kind.LLM, started_at=START)
    original, meanwhile = rollups._cells_of, [True]

    def read_and_be_overtaken(*arguments: Any) -> Any:
        cells = original(*arguments)
        if meanwhile:
            meanwhile.clear()
            recording.start(project, "late", kind=Kind.LLM, started_at=START)
            if has_other_worker:
                roll_up()
        return cells

    monkeypatch.setattr(rollups, "_cells_of", read_and_be_overtaken)
    roll_up()
    _compare(project)
    roll_up()
    _compare(project)
    assert UsageRow.objects.get(is_whole=True, is_day=False).calls == 2
    assert not UsageStale.objects.exists()


def test_spans_deleted_past_recording_can_be_marked(project: Project, clock: list[datetime]) -> None:
    make_call(project, started_at=START)
    roll_up()
    marks.mark_spans(Span.objects.filter(project=project))
    Span.objects.all().delete()
    assert read(project, days()) == {}
    roll_up()
    assert read(project, days()) == {}
    assert not UsageRow.objects.exists()


def test_another_project_is_never_mixed_in(project: Project, other_project: Project, clock: list[datetime]) -> None:
    make_call(other_project, started_at=START, tags={"user": "theirs"})
    roll_up()
    make_call(other_project, started_at=NOW)
    assert read(project, days(), USER) == {}
    assert Ledger(project, days()).tag_keys == []


def test_tags_of_any_number_leave_whole_rows_few(project: Project, clock: list[datetime]) -> None:
    for number in range(30):
        tags = {"request": f"{number}", "long": "x" * 3000}
        recording.start(project, "call", kind=Kind.LLM, started_at=START, tags=tags)
    assert UsageStale.objects.count() == 30
    roll_up()
    assert UsageRow.objects.filter(is_whole=True, is_day=False).count() == 1
    assert UsageDimension.objects.filter(tags__isnull=True).count() == 1
    assert Ledger(project, days()).tag_keys == ["long", "request"]
    before = Ledger(project, days()).figures(days(), [Group("tag", "long")])
    UsageProgress.objects.update(until=0)
    # As long as where traces are filtered, be it from a row or from a span.
    assert before == Ledger(project, days()).figures(days(), [Group("tag", "long")])
    assert [len(values[0] or "") for _period, values in before] == [512]


def test_what_senders_call_their_errors_makes_no_rows_of_its_own(project: Project, clock: list[datetime]) -> None:
    for number in range(5):
        make_call(project, started_at=START, status="error", error_kind=f"E{number}")
    make_call(project, started_at=START, status="ok", error_kind="left over", revision_number=1)
    roll_up()
    assert UsageRow.objects.filter(is_whole=True, is_day=False).count() == 2
    assert not UsageDimension.objects.exclude(error_kind="").exists()


def test_the_job_is_one_that_a_worker_knows() -> None:
    assert settings.CELERY_BEAT_SCHEDULE["roll_up"]["task"] == roll_up_job.name


FILTERS = [
    ("model:x", "model", "a/x"),
    ("model:a/*", "model", "a/x"),
    ("-model:b/*,a/x", "model", None),
    ("function:mini*", "function", "mini_kb_query"),
    ("key:web", "key", "web"),
    ("-key:web -key:nightly", "key", None),
    ("tag:user=a,b", "user", "ab"),
    ("tag:user", "user", "abA"),
    ("-tag:user", "user", None),
]


@pytest.mark.parametrize(("text", "what", "kept"), FILTERS)
def test_rows_and_spans_read_a_filter_alike(
    project: Project, clock: list[datetime], text: str, what: str, kept: str | None
) -> None:
    chance = random.Random(7)
    keys = [ApiKey.objects.make(project, name)[0] for name in ("web", "nightly")]
    for _ in range(80):
        make_random(project, chance, _moment(chance), keys)
    query = QueryDict(mutable=True)
    query["q"] = text
    group = {"model": MODEL, "function": FUNCTION, "key": KEY, "user": USER}[what]
    before = read(project, [START, NOW], group, query.urlencode())
    roll_up()
    after = read(project, [START, NOW], group, query.urlencode())
    expected = {
        place: sums
        for place, sums in plain(project, [START, NOW], group).items()
        if (place[1] in kept if what == "user" and kept and place[1] else place[1] == kept)
    }
    assert before == after == expected
    assert after


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("status:error", 1),
        ("latency:>2s", 1),
        ("provider:openai", 1),
        ("cached:yes", 0),
        ("tokens:>10", 1),
        ("spans:1 jupiter", 1),
        ("error:rate_limit", 1),
        ("feedback:none", 2),
        ("feedback:bad", 0),
        ("metric:tone", 0),
        ("-has:comment", 2),
        ("name:nothing", 0),
        ("latenzy:1", 2),
    ],
)
def test_what_rows_do_not_know_is_asked_of_the_spans(
    project: Project, clock: list[datetime], text: str, calls: int
) -> None:
    values: dict[str, Any] = {"provider": "openai", "error_kind": "rate_limit", "input_tokens": 9, "output_tokens": 9}
    make_call(project, started_at=START, status=Status.ERROR, duration_ms=9000, input="Jupiter", **values)
    make_call(project, started_at=START)
    roll_up()
    query = QueryDict(mutable=True)
    query["q"] = text
    found = read(project, [START, NOW], None, query.urlencode())
    assert sum(sums["calls"] for sums in found.values()) == calls


def test_durations_are_guessed_within_their_slot() -> None:
    figures = Figures()
    for _ in range(95):
        figures.add({"timed": 1, "slot_05": 1})
    for _ in range(5):
        figures.add({"timed": 1, "slot_12": 1})
    assert 0.95 * 20 * 1.5**5 < (figures.p95_ms or 0) < 20 * 1.5**5
    assert 20 * 1.5**4 < (figures.p50_ms or 0) < (figures.p95_ms or 0)
    assert Figures().p95_ms is None


def test_one_call_took_as_long_as_it_took() -> None:
    alone = Figures({"timed": 1, "duration_us": 10_250, "slot_00": 1})
    assert (alone.p50_ms, alone.p95_ms) == (10.25, 10.25)
    two = Figures({"timed": 2, "duration_us": 20_000, "slot_00": 2})
    assert (two.p50_ms, two.p95_ms) == (5.0, 15.0)
    bars_know_no_sum = Figures({"timed": 1, "slot_00": 1})
    assert bars_know_no_sum.p50_ms == bars_know_no_sum.p95_ms == 10


def test_a_cost_that_nobody_knows_is_not_nothing() -> None:
    assert Figures({"calls": 2, "unpriced": 2}).known_cost_usd is None
    assert Figures({"calls": 2, "unpriced": 1}).known_cost_usd == 0
    assert Figures({"calls": 1, "cost_units": 1}).cost_usd == Decimal("0.0000000001")


@pytest.mark.parametrize(
    ("step", "zone", "first", "begun"),
    [
        ("day", "Europe/Berlin", "2026-10-24T12:00", ["10-24T22:00", "10-25T23:00", "10-26T23:00"]),
        ("day", "Europe/Berlin", "2026-03-27T23:00", ["03-28T23:00", "03-29T22:00", "03-30T22:00"]),
        ("month", "Pacific/Auckland", "2026-11-15T00:00", ["11-30T11:00", "12-31T11:00", "01-31T11:00"]),
        ("hour", "Asia/Kolkata", "2026-11-15T00:00", ["11-15T00:30", "11-15T01:30", "11-15T02:30"]),
        ("year", "UTC", "2026-11-15T00:00", ["01-01T00:00", "01-01T00:00", "01-01T00:00"]),
    ],
)
def test_steps_begin_when_the_clock_of_the_zone_says_so(step: str, zone: str, first: str, begun: list[str]) -> None:
    start = datetime.fromisoformat(f"{first}+00:00")
    moments = periods.boundaries(start, start + timedelta(days=1500), step, ZoneInfo(zone))
    assert [f"{moment:%m-%dT%H:%M}" for moment in moments[1:4]] == begun
    assert moments == sorted(set(moments))


def test_hours_and_their_runs() -> None:
    assert hour_of(NOW) == next_hour(NOW) - 1
    assert hour_of(NOW.replace(minute=0)) == next_hour(NOW.replace(minute=0))
    assert runs([1, 2, 3, 7]) == [range(1, 4), range(7, 8)]
