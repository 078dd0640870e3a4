"""The panel of one span: what each tab shows of it, and no more read from the database than that tab needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import QueryDict

from traces.evaluation_models import Evaluation, Feedback
from traces.models import Attempt, AttemptBody, Span, SpanBody, SpanMetric, Status
from traces.pages.attempt_view import AttemptLink, attempt_label, links_of
from traces.pages.evaluation_view import EvaluationView, Verdict, evaluations_of, newest_verdict, texts_in
from traces.pages.exchange import Exchange
from traces.pages.feedback_view import FeedbackView, feedback_of
from traces.pages.json_view import JsonView, indented, readable, view_of
from traces.pages.part import OF_ATTEMPT, OF_SPAN
from traces.pages.prompt_view import PromptBlock, PromptChoice, blocks_of, choice_of, plain_of
from traces.pages.receipt import Receipt, receipt_of
from traces.pages.timing import Segment, options_of, timing_of, tokens_per_second
from traces.pages.tokens import TokenLine, token_lines
from traces.pages.value_view import VIEWS, ValueView, value_view
from traces.pages.waterfall import ICONS

ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
MOST_LIST = 2000
LABELS = {
    "output": "Output",
    "input": "Input",
    "prompt": "Prompt",
    "raw": "Raw",
    "evaluation": "Evaluation",
    "feedback": "Feedback",
    "details": "Details",
}
# Which texts a tab reads.
BODY_OF_TAB: dict[str, tuple[str, ...]] = {
    "output": ("output", "output_schema", "error"),
    "input": ("input", "input_schema", "instructions"),
    "prompt": ("output_schema", "request"),
    "raw": (),
    "evaluation": ("input",),
    "feedback": ("output",),
    "details": ("meta", "request"),
}
EXCHANGE_OF_TAB: dict[str, tuple[str, ...]] = {
    "prompt": ("messages",),
    "raw": ("method", "url", "request_headers", "request_body", "response_headers", "response_body", "chunk_ms"),
}


@dataclass(frozen=True)
class Choice:
    """A link that changes one thing of the address: a tab, a view, an attempt."""

    label: str
    query: str
    is_current: bool
    count: int | str = ""
    name: str = ""


@dataclass
class Inspector:
    """All a template asks of the chosen span. Made by `inspect`."""

    span: Span
    tab: str
    view: str
    attempts: list[Attempt]
    attempt: Attempt | None
    body: SpanBody
    exchange: AttemptBody | None
    # What every link takes along: the list the reader came from, the critical path.
    kept: dict[str, str] = field(default_factory=dict)

    @property
    def icon(self) -> str:
        return ICONS[self.span.kind]

    @property
    def icon_css(self) -> str:
        return f"t-{self.icon}"

    @property
    def name(self) -> str:
        return readable(self.span.name) or "no name"

    @property
    def status_words(self) -> str:
        span = self.span
        if span.status in (Status.OK, Status.RECOVERED) and 1 < span.attempt_count < len(ORDINALS):
            return f"Complete, {ORDINALS[span.attempt_count]} attempt"
        return Status(span.status).label

    @property
    def tabs(self) -> list[Choice]:
        counts = self.counts
        return [
            Choice(LABELS[name], self.link(tab=name), name == self.tab, counts.get(name, ""), name)
            for name in tabs_of(self.span)
            # What is no model call is hardly ever spoken of.
            if self.span.is_model_call or name != "feedback" or counts["feedback"] or name == self.tab
        ]

    @cached_property
    def counts(self) -> dict[str, int | str]:
        """What stands beside the names of the tabs; the score as a text, since 0 is one too. One query."""
        given = Span.objects.filter(pk=self.span.pk).values(
            judge_score=Subquery(_scores(OuterRef("pk"))),
            opinion_count=Subquery(_counted(Feedback.objects)),
            metric_count=Subquery(_counted(SpanMetric.objects)),
        )[0]
        score = "" if given["judge_score"] is None else str(given["judge_score"])
        said = (given["opinion_count"] or 0) + (given["metric_count"] or 0)
        return {"raw": len(self.attempts), "evaluation": score, "feedback": said}

    @cached_property
    def evaluations(self) -> EvaluationView:
        """All evaluations, for their tab."""
        return evaluations_of(self.span, texts_in(self.body.input))

    @cached_property
    def verdict(self) -> Verdict | None:
        """The evaluation that counts, for the tab of the output; none was made of a call without a score."""
        return newest_verdict(self.span) if self.counts["evaluation"] else None

    @cached_property
    def feedback(self) -> FeedbackView:
        return feedback_of(self.span, self.body.output)

    @property
    def views(self) -> list[Choice]:
        return [Choice(label, self.link(view=name), name == self.view) for name, label in VIEWS.items()]

    @property
    def attempt_choices(self) -> list[Choice]:
        return [Choice(attempt_label(one), self.link(attempt=one.number), one == self.attempt) for one in self.attempts]

    @cached_property
    def attempt_links(self) -> list[AttemptLink]:
        """The attempts, each with the way to its raw exchange."""
        current = self.attempt if self.tab == "raw" else None
        return links_of(self.attempts, lambda one: self.link(tab="raw", attempt=one.number), current)

    def link(self, **changes: Any) -> str:
        """Return the query of this panel with something changed; what is as by default is left out."""
        query = QueryDict(mutable=True)
        query["span"] = str(self.span.id)
        tab = changes.get("tab", self.tab)
        if tab != "output":
            query["tab"] = tab
        view = changes.get("view", self.view)
        if view != "fields" and tab in ("output", "input"):
            query["view"] = view
        number = changes.get("attempt", self.attempt.number if self.attempt else None)
        if number and tab in ("prompt", "raw") and (not self.attempts or number != self.attempts[-1].number):
            query["attempt"] = str(number)
        if "raw" in changes:
            query["raw"] = changes["raw"]
        else:
            query.update(self.kept)
        return "?" + query.urlencode()

    @property
    def here(self) -> str:
        """The query of this very panel, to come back to."""
        return self.link()

    @property
    def to_evaluation(self) -> str:
        return self.link(tab="evaluation")

    @property
    def raw_links(self) -> dict[str, str]:
        number = self.attempt.number if self.attempt else None
        return {part: self.link(raw=part, attempt=number) for part in (*OF_SPAN, *OF_ATTEMPT)}

    @cached_property
    def value(self) -> ValueView | None:
        """The output or the input in the view that was chosen; None where none was given."""
        part = "input" if self.tab == "input" else "output"
        value, schema = getattr(self.body, part), getattr(self.body, f"{part}_schema")
        if value is None:
            return None
        return value_view(value, schema, view=self.view, part=part, link=self.raw_links[part])

    @property
    def is_cut_off(self) -> bool:
        """Whether the output is what had come before the call was stopped."""
        return self.span.status == Status.STOPPED and self.span.is_model_call

    @property
    def is_broken_off(self) -> bool:
        """Whether a part of an answer had come before the call failed; only the raw exchange has it."""
        last = self.attempts[-1] if self.attempts else None
        return last is not None and last.outcome == Attempt.Outcome.FAILED and last.first_token_ms is not None

    @cached_property
    def error_text(self) -> str:
        """The whole message of a failed span."""
        error = self.body.error
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            return readable(error["message"])
        return readable(error) if isinstance(error, str) and error else readable(self.span.error_message)

    @property
    def error_title(self) -> str:
        if self.span.status == Status.STOPPED:
            return "Stopped"
        return readable(self.span.error_kind.replace("_", " ").capitalize()) or "Failed"

    @cached_property
    def error_stack(self) -> str:
        error = self.body.error
        found = (
            [error[name] for name in ("stack", "traceback", "stacktrace") if error.get(name)]
            if isinstance(error, dict)
            else []
        )
        return readable(found[0] if isinstance(found[0], str) else indented(found[0])) if found else ""

    @cached_property
    def blocks(self) -> list[PromptBlock]:
        return blocks_of(self.exchange.messages, self.body.request) if self.exchange else []

    @property
    def choice(self) -> PromptChoice | None:
        """How the examples of the prompt were chosen."""
        return choice_of(self.body.request)

    @property
    def message_count(self) -> int:
        return sum(len(block.examples) * 2 or 1 for block in self.blocks)

    @property
    def plain_prompt(self) -> str:
        return plain_of(self.blocks)

    @cached_property
    def schema(self) -> JsonView | None:
        return None if self.body.output_schema is None else view_of(self.body.output_schema)

    @property
    def schema_fields(self) -> str:
        schema = self.body.output_schema
        names = schema.get("properties") if isinstance(schema, dict) else None
        return readable(", ".join(list(names)[:8])) if isinstance(names, dict) else ""

    @cached_property
    def raw(self) -> Exchange:
        """The chosen attempt with what was sent and received."""
        return Exchange(self.attempt, self.exchange)

    @property
    def problems(self) -> list[dict[str, str]]:
        return self.raw.problems

    @property
    def model_names(self) -> list[str]:
        return list(dict.fromkeys(one.requested_model for one in self.attempts))

    @cached_property
    def receipt(self) -> Receipt:
        return receipt_of(self.attempts)

    @cached_property
    def timing(self) -> list[Segment]:
        return timing_of(self.attempts)

    @property
    def tokens_per_second(self) -> float | None:
        return tokens_per_second(self.attempts)

    @cached_property
    def token_lines(self) -> list[TokenLine]:
        return token_lines(self.span, self.attempts)

    @cached_property
    def options(self) -> list[tuple[str, str]]:
        return options_of(self.body)

    @cached_property
    def meta(self) -> JsonView | None:
        return view_of(self.body.meta) if self.body.meta else None

    @property
    def tags(self) -> list[tuple[str, str]]:
        return [(readable(str(key)), readable(str(value))) for key, value in self.span.tags.items()]


def inspect(span: Span, query: QueryDict) -> Inspector:
    """Load what the tab of the address shows of a span: two queries, three with the body of an attempt."""
    attempts = list(span.attempts.all()) if span.is_model_call else []
    tab = query.get("tab", "")
    tab = tab if tab in tabs_of(span) else "output"
    view = query.get("view", "")
    attempt = _chosen(attempts, query.get("attempt", ""))
    fields = BODY_OF_TAB[tab]
    body = SpanBody.objects.filter(span=span).only(*fields).first() if fields else None
    exchange = None
    if attempt and tab in EXCHANGE_OF_TAB:
        exchange = AttemptBody.objects.filter(attempt=attempt).only(*EXCHANGE_OF_TAB[tab]).first()
    view = view if view in VIEWS else "fields"
    return Inspector(span, tab, view, attempts, attempt, body or SpanBody(span=span), exchange, kept_of(query))


def kept_of(query: QueryDict) -> dict[str, str]:
    """Return those parameters of a trace's page that its links take along."""
    kept = {}
    if "list" in query:
        kept["list"] = query.get("list", "")[:MOST_LIST]
    if query.get("cp") == "1":
        kept["cp"] = "1"
    return kept


def tabs_of(span: Span) -> tuple[str, ...]:
    exchange = ("prompt", "raw") if span.attempt_count else ()
    if span.is_model_call:
        return ("output", "input", *exchange, "evaluation", "feedback", "details")
    return ("output", "input", "feedback", "details")


def _scores(span: OuterRef) -> QuerySet[Evaluation, Any]:
    done = Evaluation.objects.filter(span=span, state=Evaluation.State.DONE, is_repeat=False)
    return done.order_by("-created_at").values("score")[:1]


def _counted(rows: Any) -> Any:
    return rows.filter(span=OuterRef("pk")).order_by().values("span").annotate(number=Count("pk")).values("number")


def _chosen(attempts: list[Attempt], number: str) -> Attempt | None:
    return next((one for one in attempts if str(one.number) == number), attempts[-1] if attempts else None)
