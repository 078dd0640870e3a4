"""A query string ⇄ a filter ⇄ the traces it lets through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from django.utils import timezone

from opperweb.accounts.models import Project, User
from tests.traces.factories import make_call, make_span, make_trace
from traces.analytics.conditions import span_conditions
from traces.evaluation_models import Feedback
from traces.filters import TraceFilter
from traces.models import Kind, Span, SpanMetric, Status, Trace


def filter_of(q: str = "", **params: str) -> TraceFilter:
    return TraceFilter.from_query(QueryDict(urlencode({**({"q": q} if q else {}), **params})))


def names(trace_filter: TraceFilter) -> set[str]:
    return set(trace_filter.apply(Trace.objects.all()).values_list("name", flat=True))


@pytest.fixture
def three_traces(project: Project) -> None:
    make_call(
        project,
        "fast",
        duration_ms=100,
        first_token_ms=90.0,
        model="openai/gpt-4.1-nano",
        provider="openai",
        function_name="mini_kb_query",
        input="Which planet?",
        output="Jupiter",
        input_tokens=100,
        output_tokens=20,
        cost_usd=Decimal("0.001"),
        score=90,
        tags={"env": "production", "user": "company_1"},
    )
    make_call(
        project,
        "slow",
        duration_ms=4_000,
        model="mistral/small",
        provider="mistral",
        status=Status.ERROR,
        error_kind="rate_limit",
        error_message="429 from the provider",
        attempt_count=3,
        score=40,
        tags={"env": "staging"},
    )
    cached = make_trace(project, started_at=timezone.now() - timedelta(minutes=2))
    root = make_span(cached, "agent_run", kind=Kind.AGENT, duration_ms=20_000, input="100% of_it")
    make_span(
        cached, "call", parent=root, kind=Kind.LLM, is_cached=True, cost_usd=Decimal("0.5"), tags={"env": "production"}
    )


ALL = {"fast", "slow", "agent_run"}


@pytest.mark.usefixtures("three_traces")
@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("", ALL),
        ("tag:env=production", {"fast", "agent_run"}),
        ("tag:env:production", {"fast", "agent_run"}),
        ("tag:env=production tag:user=company_1", {"fast"}),
        ("tag:env=production tag:env=staging", ALL),
        ("tag:env=production,staging", ALL),
        ("tag:user", {"fast"}),
        ("tag:user=company_*", {"fast"}),
        ("-tag:env=production", {"slow"}),
        ("-tag:user", {"slow", "agent_run"}),
        ("status:error", {"slow"}),
        ("status:failed", {"slow"}),
        ("-status:error", {"fast", "agent_run"}),
        ("status:ok,error", ALL),
        ("name:fast", {"fast"}),
        ("name:*a*", {"fast", "agent_run"}),
        ("name:a%", set()),
        ("function:mini_*", {"fast"}),
        ("model:openai/gpt-4.1-nano", {"fast"}),
        ("model:gpt-4.1-nano", {"fast"}),
        ("model:openai/*,mistral/*", {"fast", "slow"}),
        ("provider:mistral", {"slow"}),
        ("error:rate_limit", {"slow"}),
        ("latency:>2s", {"slow", "agent_run"}),
        ("latency:<800ms", {"fast"}),
        ("latency:1s..5s", {"slow"}),
        ("ttft:<800ms", {"fast"}),
        ("ttft:none", {"slow", "agent_run"}),
        ("score:<50", {"slow"}),
        ("score:none", {"agent_run"}),
        ("-score:none", {"fast", "slow"}),
        ("cost:>0.01", {"agent_run"}),
        ("cost:<=$0.001", {"fast"}),
        ("cost:none", {"slow"}),
        ("tokens:>=120", {"fast"}),
        ("tokens:none", {"slow", "agent_run"}),
        ("tokens.in:100", {"fast"}),
        ("tokens.out:>19", {"fast"}),
        ("spans:>1", {"agent_run"}),
        ("attempts:>1", {"slow"}),
        ("cached:yes", {"agent_run"}),
        ("cached:no", {"fast", "slow"}),
        ("jupiter", {"fast"}),
        ('"which planet"', {"fast"}),
        ("which jupiter", {"fast"}),
        ("-jupiter", {"slow", "agent_run"}),
        ("429", {"slow"}),
        ("100%", {"agent_run"}),
        ("of_it", {"agent_run"}),
        ("nowhere", set()),
    ],
)
def test_the_language_finds_its_traces(q: str, found: set[str]) -> None:
    trace_filter = filter_of(q)
    assert trace_filter.problems == ()
    assert names(trace_filter) == found


@pytest.fixture
def said_of_traces(project: Project, alice: User, bob: User) -> None:
    """What people and programs say of four calls: of `praised` both, of `disputed` both and one with words."""

    def rate(span: Span, author: User, score: float | None, comment: str = "") -> None:
        Feedback.objects.create(project=project, span=span, author=author, score=score, comment=comment)

    spans = {name: make_call(project, name).spans.get() for name in ("praised", "disputed", "noted", "silent")}
    rate(spans["praised"], alice, 1.0)
    rate(spans["praised"], bob, 0.5)
    rate(spans["disputed"], alice, 0.9)
    rate(spans["disputed"], bob, 0.49, "It is Saturn")
    rate(spans["noted"], alice, None, "Look at this")
    measured = (
        ("praised", "tone", 4),
        ("disputed", "tone", 2.5),
        ("disputed", "tone of voice", -1),
        ("noted", "ms", 3),
    )
    for name, dimension, value in measured:
        SpanMetric.objects.create(span=spans[name], dimension=dimension, value=value)


@pytest.mark.usefixtures("said_of_traces")
@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("feedback:good", {"praised", "disputed"}),
        ("feedback:Bad", {"disputed"}),
        ("-feedback:bad", {"praised", "noted", "silent"}),
        ("feedback:none", {"noted", "silent"}),
        ("-feedback:none", {"praised", "disputed"}),
        ("feedback:bad,none", {"disputed", "noted", "silent"}),
        ("has:comment", {"disputed", "noted"}),
        ("-has:comment", {"praised", "silent"}),
        ("metric:tone", {"praised", "disputed"}),
        ("-metric:tone", {"noted", "silent"}),
        ("metric:tone>3", {"praised"}),
        ("metric:tone>=2.5", {"praised", "disputed"}),
        ("metric:tone<3", {"disputed"}),
        ("metric:tone=4", {"praised"}),
        ("metric:tone=2..3", {"disputed"}),
        ("metric:tone=-2..0", set()),
        ('metric:"tone of voice<0"', {"disputed"}),
        ("metric:tone*<0", {"disputed"}),
        ("metric:TON*", {"praised", "disputed"}),
        ("metric:ms", {"noted"}),
        ("metric:tone metric:ms", set()),
        ("metric:tone>3 metric:tone<3", {"praised", "disputed"}),
        ("metric:tone feedback:bad has:comment", {"disputed"}),
    ],
)
def test_what_was_said_of_a_call_finds_its_trace_and_itself(project: Project, q: str, found: set[str]) -> None:
    trace_filter = filter_of(q)
    assert trace_filter.problems == ()
    assert names(trace_filter) == found
    calls = Span.objects.filter(*span_conditions(trace_filter, project))
    assert sorted(calls.values_list("name", flat=True)) == sorted(found)


def test_a_trace_with_feedback_on_any_of_its_spans_has_feedback(project: Project, alice: User) -> None:
    trace = make_trace(project)
    root = make_span(trace, "agent_run", kind=Kind.AGENT)
    call = make_span(trace, "call", parent=root, kind=Kind.LLM)
    Feedback.objects.create(project=project, span=call, author=alice, score=0)
    assert names(filter_of("feedback:bad")) == {"agent_run"}
    assert names(filter_of("feedback:none")) == set()
    calls = Span.objects.filter(*span_conditions(filter_of("feedback:bad"), project))
    assert [span.name for span in calls] == ["call"]


@pytest.mark.usefixtures("three_traces")
def test_a_removed_tag_widens_the_list() -> None:
    narrow = filter_of("tag:env=production tag:user=company_1")
    assert names(narrow) == {"fast"}
    assert names(narrow.without(narrow.terms[1])) == {"fast", "agent_run"}


@pytest.mark.parametrize(
    ("q", "message"),
    [
        ("latenzy:>2s", "Did you mean latency?"),
        ("zzzzzz:1", "Unknown filter"),
        ("latency:soon", "no such number"),
        ("latency:>", "Try latency"),
        ("score:12e9", "no such number"),
        ("tokens:99999999999999999999999", "no such number"),
        ("cost:nan", "no such number"),
        ("status:gone", "Status is one of"),
        ("id:xyz", "An id"),
        ("cached:maybe", "yes or no"),
        ("feedback:so-so", "good, bad, none"),
        ("metric:>3", "metric:tone>3"),
        ("metric:tone>", "no such number"),
        ("metric:tone>warm", "no such number"),
        ("metric:tone=none", "no such number"),
        ("metric:tone>1e999", "no such number"),
        ("metric:a*b*c*d*e*f*g>1", "At most"),
        ("has:image", "has:comment"),
        ("tag:=x", "tag:key=value"),
        ("name:", "needs a value"),
        ("name:" + "*a" * 40, "At most"),
        ("a" * 10_000, "more than"),
    ],
)
def test_what_is_not_understood_is_named_and_not_applied(project: Project, q: str, message: str) -> None:
    make_call(project, "kept")
    trace_filter = filter_of(q)
    assert message in trace_filter.problems[0].message
    assert names(trace_filter) == {"kept"}


@pytest.mark.parametrize(
    "params",
    [
        {"range": "forever"},
        {"from": "yesterday"},
        {"to": "9999-99-99"},
        {"from": "0001-01-01T00:00:00+23:59"},
        {"to": "9999-12-31"},
        {"sort": "password"},
        {"q": "a\x00b"},
        {"q": "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")},
    ],
)
def test_hostile_parameters_never_raise(project: Project, params: dict[str, str]) -> None:
    trace_filter = filter_of(**params)
    list(trace_filter.apply(Trace.objects.filter(project=project)))


@pytest.mark.usefixtures("three_traces")
def test_keys_may_stand_as_parameters_of_their_own() -> None:
    trace_filter = TraceFilter.from_query(QueryDict("tag=env:production&latency=%3E2s&name=&status="))
    assert not trace_filter.is_canonical
    assert trace_filter.text == "tag:env=production latency:>2s"
    assert names(trace_filter) == {"agent_run"}


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("", ""),
        ("range=24h&sort=-when", ""),
        ("range=7d", "range=7d"),
        ("q=status:error&q=jupiter", "q=status:error%20jupiter"),
        ("tag=env:production", "q=tag:env=production"),
        ("sort=-cost", "sort=-cost"),
        ("from=2026-01-31", "from=2026-01-31T00:00:00Z"),
    ],
)
def test_a_filter_has_one_writing_without_defaults(query: str, canonical: str) -> None:
    assert TraceFilter.from_query(QueryDict(query)).as_query() == canonical


def test_a_written_filter_reads_back_as_itself() -> None:
    trace_filter = filter_of('tag:user="a b" -status:error "red spot" latency:>2s', range="7d", sort="cost")
    assert TraceFilter.from_query(QueryDict(trace_filter.as_query())) == trace_filter


def test_only_the_time_chosen_is_shown(project: Project) -> None:
    make_call(project, "today", started_at=timezone.now() - timedelta(hours=2))
    make_call(project, "last week", started_at=timezone.now() - timedelta(days=5))
    assert names(filter_of()) == {"today"}
    assert names(filter_of(range="1h")) == set()
    assert names(filter_of(range="7d")) == {"today", "last week"}
    assert names(TraceFilter.from_query(QueryDict(""), default_range=None)) == {"today", "last week"}


def test_a_day_as_the_end_counts_to_its_last_second(project: Project) -> None:
    make_call(project, "evening", started_at=datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
    assert names(filter_of(**{"from": "2026-01-31", "to": "2026-01-31"})) == {"evening"}
    assert names(filter_of(to="2026-01-30")) == set()


def test_an_id_is_found_whole_by_its_beginning_and_by_a_span(project: Project) -> None:
    trace = make_call(project, "wanted")
    make_call(project, "other", started_at=timezone.now())
    span = trace.spans.get()
    assert names(filter_of(str(trace.id))) == {"wanted"}
    assert names(filter_of(f"id:{span.id}")) == {"wanted"}
    assert "wanted" in names(filter_of(f"id:{str(trace.id)[:13]}"))
    assert filter_of(str(trace.id)).single_id == trace.id
    assert filter_of(f"{trace.id} status:ok").single_id is None


def test_a_chip_says_what_a_term_asks_for() -> None:
    trace_filter = filter_of("tag:env=production latency:>2s -status:error,ok latenzy:1")
    said = [f"{chip.subject} {chip.operator} {chip.shown}" for chip in trace_filter.chips]
    assert said == ["tag:env is production", "latency > 2\u202fs", "status is not error or ok", "latenzy : 1"]
    assert trace_filter.chips[0].without == "q=latency:>2s%20-status:error,ok%20latenzy:1"
    assert trace_filter.chips[3].problem


def test_a_chip_names_the_metric_and_what_people_said() -> None:
    trace_filter = filter_of("metric:tone>3 -metric:ms metric:len=1..2.5 feedback:bad,none -has:comment")
    said = [f"{chip.subject} {chip.operator} {chip.shown}" for chip in trace_filter.chips]
    assert said == [
        "metric:tone > 3",
        "metric:ms is not set",
        "metric:len is 1 to 2.5",
        "feedback is bad or none",
        "comment is not there",
    ]
    assert TraceFilter.from_query(QueryDict(trace_filter.as_query())) == trace_filter


def test_tags_that_the_filter_fixes_are_known() -> None:
    assert filter_of("tag:env=production tag:user=* -tag:a=b tag:c=1,2").fixed_tags == {("env", "production")}
