"""Attempts in words: what came of each, and why there was a next one."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.traces.factories import make_attempt, make_call
from traces.models import Attempt
from traces.pages.attempt_view import links_of, what_failed

PROBLEM = {"path": "answer", "rule": "pattern", "message": "must match ^The answer"}


def asked(model="openai/a", outcome="failed", **values):
    return Attempt(requested_model=model, outcome=outcome, **values)


def reasons(*attempts):
    links = links_of(attempts, lambda one: "?", None)
    return [link.why.replace("\u202f", " ") for link in links]


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (asked(outcome="rejected", problems=[PROBLEM]), "Schema not met: answer must match ^The answer"),
        (
            asked(outcome="rejected", problems=[PROBLEM] * 3),
            "Schema not met: answer must match ^The answer, and 2 more problems",
        ),
        (asked(outcome="rejected", problems=[{"message": "is no JSON"}]), "Schema not met: the answer is no JSON"),
        (asked(outcome="rejected", error_message="The answer is bad"), "Schema not met: The answer is bad"),
        (asked(outcome="rejected"), "Schema not met"),
        (asked(error_kind="rate_limit", http_status=429), "HTTP 429, rate limit"),
        (asked(error_kind="timeout"), "No answer in time"),
        (asked(error_kind="empty", http_status=200), "An empty answer"),
        (asked(error_kind="some_new_kind", http_status=418), "HTTP 418, some new kind"),
        (asked(), "Failed"),
        (asked(outcome="stopped"), "Stopped"),
    ],
)  # fmt: skip
def test_what_failed_is_told_in_words(attempt, words):
    assert what_failed(attempt) == words


def test_the_first_attempt_needs_no_reason():
    assert reasons(asked()) == [""]


@pytest.mark.parametrize(
    ("first", "then", "reason"),
    [
        (asked(http_status=429), asked(waited_ms=1200), "Waited 1.20 s, asked once more"),
        (asked(), asked(), "Asked once more"),
        (asked(outcome="rejected"), asked(is_repair=True), "Asked once more with what was wrong"),
        (asked(outcome="rejected"), asked(), "Asked again from the beginning"),
        (asked(strategy="native"), asked(strategy="tool"), "The schema was refused, asked as a tool"),
        (
            asked(strategy="tool"), asked(strategy="json"),
            "The schema was refused, asked in JSON mode with the shape in the prompt",
        ),
        (asked(), asked("mistral/b"), "Next model of the list"),
        (asked(), asked("mistral/b", waited_ms=300), "Waited 0.30 s, next model of the list"),
        (asked(error_kind="context_length"), asked("mistral/b"), "Next, the model that can read most"),
        (asked(outcome="stopped"), asked(), "Asked again after a restart"),
    ],
)  # fmt: skip
def test_the_next_attempt_says_why_it_was_made(first, then, reason):
    assert reasons(first, then) == ["", reason]


def test_a_list_that_is_used_up_begins_anew():
    assert reasons(asked("a/a"), asked("b/b"), asked("a/a"))[1:] == [
        "Next model of the list",
        "The list of models begins anew",
    ]


def test_an_answer_says_how_it_was_reached():
    attempts = [asked(), asked("b/b", outcome="accepted"), asked("b/b", outcome="accepted", is_repair=True)]
    links = links_of([*attempts, asked("b/b", outcome="accepted")], lambda one: "?", attempts[1])
    assert [link.words for link in links[1:]] == ["Fallback, accepted", "Repaired, accepted", "Accepted"]
    assert [link.is_current for link in links] == [False, True, False, False]


def test_two_fallbacks_and_a_repair_are_explained_on_the_page(alice_client, project):
    trace = make_call(project, "ladder", output={"answer": "The answer"}, status="recovered", attempt_count=0)
    span = trace.spans.get()
    make_attempt(span, requested_model="a/small", outcome="failed", error_kind="rate_limit", http_status=429)
    make_attempt(
        span, requested_model="a/small", outcome="failed", error_kind="server_error", http_status=500, waited_ms=1200
    )
    make_attempt(span, requested_model="b/middle", outcome="failed", error_kind="timeout")
    make_attempt(span, requested_model="c/large", outcome="rejected", problems=[PROBLEM], strategy="native")
    make_attempt(
        span, requested_model="c/large", is_repair=True, strategy="native", notes=["the option seed was not sent"]
    )
    told = [
        "HTTP 429, rate limit",
        "Waited 1.20\u202fs, asked once more",
        "HTTP 500, the provider failed",
        "Next model of the list",
        "No answer in time",
        "Next model of the list",
        "Schema not met: answer must match ^The answer",
        "Asked once more with what was wrong",
        "Repaired, accepted",
    ]
    for tab in ("output", "raw"):
        address = reverse("traces:detail", args=[project.slug, trace.id], query={"tab": tab})
        page = alice_client.get(address).content.decode()
        at = 0
        for words in told:
            at = page.index(words, at) + 1
    assert "Schema sent natively" in page
    assert "the option seed was not sent" in page
