"""The list of completions as people see it: one row for each model call."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from functions.models import Batch
from opperweb.accounts.models import ApiKey, Project, User
from tests.traces.factories import make_call, make_span, make_trace
from traces.evaluation_models import Feedback
from traces.models import Kind, Span, SpanMetric, Status

LIST = "/projects/acme/completions/"
FRAGMENT = {"HX-Request": "true"}


def page_text(client: Client, query: str = "", **headers: str) -> str:
    response = client.get(f"{LIST}{query}", headers=headers or None)
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u202f", " ").split())


def names(html: str) -> list[str]:
    return re.findall(r'class="row-link"[^>]*>([^<]*)<', html)


def test_a_row_says_what_was_asked_and_who_answered(alice_client: Client, project: Project) -> None:
    make_call(
        project,
        "mini_kb_query",
        function_name="mini_kb_query",
        revision_number=7,
        input={"question": "Which planet?"},
        output="Jupiter",
        requested_model="fast",
        model="mistral/mistral-small",
        attempt_count=3,
        status=Status.RECOVERED,
        duration_ms=3240,
        first_token_ms=440.0,
        input_tokens=1012,
        cached_tokens=512,
        output_tokens=148,
        cost_usd=Decimal("0.00031"),
        score=91,
    )
    html = page_text(alice_client)
    row = words(html[html.index("data-row") :])
    for said in (
        "Recovered mini_kb_query own trace Which planet? → Jupiter",
        "fast → mistral-small 3 1,012 148 $0.00031 3.24 s 0.44 s part 7",
        "91",
    ):
        assert said in row


def test_a_call_inside_a_trace_names_it(alice_client: Client, project: Project) -> None:
    trace = make_trace(project)
    root = make_span(trace, "planet_guide_agent", kind=Kind.AGENT)
    make_span(trace, "classify", parent=root, kind=Kind.LLM, model="openai/gpt-4.1-nano")
    make_span(trace, "search", parent=root, kind=Kind.TOOL)
    html = page_text(alice_client)
    assert names(html) == ["classify"]
    assert "in planet_guide_agent" in words(html)


def test_what_is_not_known_is_a_dash_and_a_cached_call_says_so(alice_client: Client, project: Project) -> None:
    make_call(project, "cached", is_cached=True, attempt_count=0, requested_model="openai/gpt-4.1-nano")
    make_call(project, "foreign", attempt_count=0)
    html = page_text(alice_client)
    cached, foreign = (html[html.index(f">{name}<") :] for name in ("cached", "foreign"))
    assert "gpt-4.1-nano → cache 0 – – – 1.00 s – hit –" in words(cached[: cached.index("</tr>")])
    assert "gpt-4.1-nano – – – – 1.00 s – – –" in words(foreign[: foreign.index("</tr>")])


def test_a_failed_call_shows_why_in_place_of_its_output(alice_client: Client, project: Project) -> None:
    make_call(project, status=Status.ERROR, error_message="No valid output <b>after</b> 3 attempts", output="half")
    html = page_text(alice_client)
    assert "No valid output &lt;b&gt;after&lt;/b&gt; 3 attempts" in html
    assert "half" not in html


def test_a_row_opens_the_trace_at_the_call(alice_client: Client, project: Project) -> None:
    span = make_call(project).spans.get()
    address = f"/projects/acme/traces/{span.trace.id}/?span={span.id}"
    assert f'href="{address}"' in page_text(alice_client)
    assert alice_client.get(f"{LIST}{span.id}/").headers["Location"] == address
    assert alice_client.get(address).status_code == 200


def test_the_address_of_no_completion_is_not_found(
    alice_client: Client, charlie_client: Client, project: Project, other_project: Project
) -> None:
    trace = make_trace(project)
    step = make_span(trace, "step")
    call = make_span(trace, "call", kind=Kind.LLM)
    assert alice_client.get(f"{LIST}{uuid4()}/").status_code == 404
    assert alice_client.get(f"{LIST}{step.id}/").status_code == 404
    assert charlie_client.get(f"/projects/umbrella/completions/{call.id}/").status_code == 404
    assert charlie_client.get(f"{LIST}{call.id}/").status_code == 404
    assert charlie_client.get(LIST).status_code == 404


def test_another_projects_calls_are_not_listed(alice_client: Client, project: Project, other_project: Project) -> None:
    make_call(other_project, "theirs")
    make_call(project, "ours")
    assert names(page_text(alice_client)) == ["ours"]


# --- filter, sort, pages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("tag:env=production", ["plain", "odd"]),
        ("tag:env", ["plain", "other", "odd"]),
        ("tag:env=PROD*", ["plain", "odd"]),
        ("tag:env=*tion", ["plain", "odd"]),
        ("-tag:env=production", ["other", "bare"]),
        ("tag:env=production tag:user=a", ["plain"]),
        ("tag:env=production,staging", ["plain", "other", "odd"]),
        ("tag:env=Production", []),
        ("tag:env=prod", []),
        ('"tag:say=x"', []),
        ('tag:say="a \\"b\\", env:x"', ["odd"]),
        ("tag:b", []),
        ("function:pla*", ["plain"]),
        ("model:fast", ["other"]),
        ("model:gpt-4.1-nano", ["plain", "odd", "bare"]),
        ("model:openai/*", ["plain", "odd", "bare"]),
        ("-model:fast", ["plain", "odd", "bare"]),
        ("key:staging", ["other"]),
        ("-key:staging", ["plain", "odd", "bare"]),
        ("provider:mistral", ["other"]),
        ("error:rate_limit", ["bare"]),
        ("status:error", ["bare"]),
        ("attempts:>1", ["other"]),
        ("cached:yes", ["odd"]),
        ("tokens:>100", ["plain"]),
        ("latency:>2s", ["other"]),
        ("ttft:>800ms", ["other"]),
        ("ttft:none", ["plain", "odd", "bare"]),
        ("neptune", ["plain"]),
        ("spans:>1", []),
    ],
)
def test_the_filter_is_asked_of_each_call(alice_client: Client, project: Project, q: str, found: list[str]) -> None:
    key, _ = ApiKey.objects.make(project, "staging")
    tags = {"env": "production", "user": "a"}
    make_call(project, "plain", tags=tags, function_name="plain", input="Neptune", input_tokens=90, output_tokens=20)
    make_call(
        project, "other", tags={"env": "staging"}, requested_model="fast", model="mistral/small", provider="mistral",
        api_key=key, attempt_count=2, duration_ms=2500, first_token_ms=900.0,
    )  # fmt: skip
    make_call(project, "odd", tags={"say": 'a "b", env:x', "env": "production"}, is_cached=True)
    make_call(project, "bare", status=Status.ERROR, error_kind="rate_limit")
    for place, span in enumerate(Span.objects.order_by("key")):
        Span.objects.filter(pk=span.pk).update(started_at=timezone.now() - timedelta(minutes=place + 1))
    assert names(page_text(alice_client, f"?q={quote(q)}&sort=-when")) == found


def test_what_people_and_programs_said_finds_calls_in_as_many_queries(
    alice_client: Client, project: Project, alice: User, django_assert_num_queries: Any
) -> None:
    def rate(name: str, score: float, tone: float) -> None:
        span = make_call(project, name).spans.get()
        Feedback.objects.create(project=project, span=span, author=alice, score=score, comment="No" if tone > 3 else "")
        SpanMetric.objects.create(span=span, dimension="tone", value=tone)

    rate("good", 1, 4)
    rate("bad", 0, 4)
    rate("flat", 0, 1)
    make_call(project, "unrated")
    assert names(page_text(alice_client, "?q=feedback:none")) == ["unrated"]
    query = f"?q={quote('feedback:bad metric:tone>3 has:comment')}"
    for _ in range(2):
        with django_assert_num_queries(6):
            assert set(names(page_text(alice_client, query))) == {"bad"}
        for _ in range(20):
            rate("bad", 0, 4)


def test_a_call_is_found_by_the_beginning_of_its_own_id(alice_client: Client, project: Project) -> None:
    span = make_call(project, "wanted").spans.get()
    Span.objects.filter(pk=span.pk).update(id="aaaa0000-0000-7000-8000-000000000001")
    make_call(project, "another")
    assert names(page_text(alice_client, "?q=id:aaaa0000")) == ["wanted"]


def test_a_whole_id_leads_straight_to_its_call(alice_client: Client, project: Project) -> None:
    span = make_call(project).spans.get()
    response = alice_client.get(f"{LIST}?q={span.id}")
    assert response.headers["Location"].endswith(f"/traces/{span.trace.id}/?span={span.id}")


def test_fields_of_a_form_become_the_one_filter(alice_client: Client, project: Project) -> None:
    make_call(project)
    response = alice_client.get(f"{LIST}?tag=env:production&status=error&name=&latency=%3E2s")
    assert response.status_code == 302
    assert response.headers["Location"] == f"{LIST}?q=tag:env=production%20status:error%20latency:%3E2s"


def test_what_cannot_be_understood_is_told_and_not_applied(alice_client: Client, project: Project) -> None:
    make_call(project, "there")
    html = page_text(alice_client, "?q=laency:>2s")
    assert "Did you mean latency?" in words(html)
    assert names(html) == ["there"]


def test_only_the_range_is_listed(alice_client: Client, project: Project) -> None:
    make_call(project, "new")
    make_call(project, "old", started_at=timezone.now() - timedelta(days=2))
    assert names(page_text(alice_client)) == ["new"]
    assert names(page_text(alice_client, "?range=7d")) == ["new", "old"]


@pytest.mark.parametrize("sort", ["cost", "latency", "tokens", "score", "when"])
def test_heads_sort_both_ways(alice_client: Client, project: Project, sort: str) -> None:
    for number in (2, 1, 3):
        make_call(
            project,
            f"call-{number}",
            cost_usd=Decimal(number),
            duration_ms=float(number),
            input_tokens=number,
            score=number,
            started_at=timezone.now() - timedelta(minutes=10 - number),
        )
    assert names(page_text(alice_client, f"?sort=-{sort}")) == ["call-3", "call-2", "call-1"]
    html = page_text(alice_client, f"?sort={sort}")
    assert names(html) == ["call-1", "call-2", "call-3"]
    assert html.count('aria-sort="ascending"') == 1


def test_pages_hold_fifty_and_lead_both_ways(alice_client: Client, project: Project) -> None:
    for number in range(60):
        make_call(project, f"call-{number:02}", started_at=timezone.now() - timedelta(minutes=1 + number))
    first = page_text(alice_client)
    assert names(first) == [f"call-{number:02}" for number in range(50)]
    [older] = re.findall(r'rel="next" href="\?([^"]+)"', first)
    second = page_text(alice_client, "?" + older.replace("&amp;", "&"))
    assert names(second) == [f"call-{number:02}" for number in range(50, 60)]
    [newer] = re.findall(r'rel="prev" href="\?([^"]+)"', second)
    assert names(page_text(alice_client, "?" + newer.replace("&amp;", "&"))) == names(first)


def test_the_list_asks_as_much_for_many_as_for_one(
    alice_client: Client, project: Project, django_assert_num_queries: Any
) -> None:
    make_call(project, tags={"env": "production"})
    alice_client.get(LIST)
    for _ in range(2):
        with django_assert_num_queries(6):
            alice_client.get(f"{LIST}?q=tag:env=production")
        for number in range(20):
            make_call(project, tags={"env": "production", "n": str(number)}, output={"text": "x" * 1000})


# --- figures ------------------------------------------------------------------------------------------------------


def test_the_figures_are_a_fragment_of_their_own(alice_client: Client, project: Project) -> None:
    make_call(project, duration_ms=100, first_token_ms=40.0, cost_usd=Decimal("0.5"), score=80)
    make_call(project, duration_ms=300, first_token_ms=60.0, attempt_count=2, status=Status.RECOVERED)
    make_call(project, duration_ms=200, is_cached=True, attempt_count=0)
    make_call(project, status=Status.ERROR, duration_ms=None)
    assert "Errors" not in words(page_text(alice_client)).partition("Input → output")[0]
    text = words(page_text(alice_client, "?part=summary", **FRAGMENT))
    assert text == (
        "Completions 4 Errors, 25.0 % 1 Took more than one attempt 1 From cache 25.0 % p50 0.20 s p95 0.30 s "
        "First token, p50 60 ms Cost $0.5000 Avg score 80"
    )
    # The same address without script is the whole page with them.
    assert "Took more than one attempt" in page_text(alice_client, "?part=summary")


# --- nothing to show ----------------------------------------------------------------------------------------------


def test_before_the_first_call_it_says_how_to_make_one(alice_client: Client, project: Project) -> None:
    make_span(make_trace(project), "step")
    text = words(page_text(alice_client))
    assert "No completions yet" in text
    assert "Send the first call" in text


def test_no_result_names_what_to_drop_and_what_that_gives(alice_client: Client, project: Project) -> None:
    make_call(project, "one", score=80)
    make_call(project, "two", score=90)
    html = page_text(alice_client, "?q=score:<50 name:one")
    text = words(html)
    assert "No completions match" in text
    assert "Drop score:&lt;50 1" in text
    assert "Drop name:one" not in text


def test_the_batches_are_counted(alice_client: Client, project: Project) -> None:
    make_call(project)
    Batch.objects.create(project=project, name="facts", total_count=3)
    html = page_text(alice_client)
    assert f'href="{LIST}batches/"' in html
    assert "Batches 1" in words(html)


def test_the_sidebar_leads_here_and_marks_it(alice_client: Client, project: Project) -> None:
    html = page_text(alice_client)
    assert re.search(rf'href="{LIST}" data-place="c" title="Completions" aria-current="page"', html)
