"""The panel of one span: what each tab shows of it, and no more read from the database than that tab needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from django.http import QueryDict

from traces.models import Attempt, AttemptBody, Span, SpanBody, Status
from traces.pages.field_view import Field, fields_of, plain_text_of
from traces.pages.json_view import JsonView, compact, indented, readable, view_of, view_of_text
from traces.pages.prompt_view import PromptBlock, blocks_of, plain_of
from traces.pages.receipt import Receipt, receipt_of
from traces.pages.waterfall import ICONS

ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
MOST_WORDS = 10_000
VIEWS = ("fields", "json", "text")
LABELS = {"output": "Output", "input": "Input", "prompt": "Prompt", "raw": "Raw", "details": "Details"}
# Which texts a tab reads.
BODY_OF_TAB: dict[str, tuple[str, ...]] = {
    "output": ("output", "output_schema", "error"),
    "input": ("input", "input_schema", "instructions"),
    "prompt": ("output_schema",),
    "raw": (),
    "details": ("meta", "request"),
}
EXCHANGE_OF_TAB: dict[str, tuple[str, ...]] = {
    "prompt": ("messages",),
    "raw": ("method", "url", "request_headers", "request_body", "response_headers", "response_body"),
}


@dataclass(frozen=True)
class Choice:
    """A link that changes one thing of the address: a tab, a view, an attempt."""

    label: str
    query: str
    is_current: bool
    count: int = 0
    name: str = ""


@dataclass(frozen=True)
class AttemptLink:
    attempt: Attempt
    query: str
    is_current: bool
    is_next_model: bool

    @property
    def icon(self) -> str:
        icons = {Attempt.Outcome.ACCEPTED: "ok", Attempt.Outcome.RUNNING: "running", Attempt.Outcome.STOPPED: "stopped"}
        return icons.get(Attempt.Outcome(self.attempt.outcome), "error")

    @property
    def css(self) -> str:
        return {"ok": "is-ok", "running": "is-run", "stopped": "ink-3"}.get(self.icon, "is-err")

    @property
    def words(self) -> str:
        """What came of it: accepted, after a fallback or not; else the first problem or the kind of error."""
        attempt = self.attempt
        label = str(Attempt.Outcome(attempt.outcome).label)
        if attempt.outcome == Attempt.Outcome.ACCEPTED:
            return "Fallback, accepted" if self.is_next_model else label
        problem = attempt.problems[0] if isinstance(attempt.problems, list) and attempt.problems else None
        if attempt.outcome == Attempt.Outcome.REJECTED and isinstance(problem, dict):
            return readable(f"{problem.get('path') or 'the value'}: {problem.get('rule') or 'schema'} not met")
        return readable(attempt.error_kind.replace("_", " ").capitalize()) or label


@dataclass(frozen=True)
class ValueView:
    """A value in the view that was chosen; only that one is worked out."""

    form: str
    part: str
    fields: list[Field] = field(default_factory=list)
    json: JsonView | None = None
    text: str = ""


@dataclass(frozen=True)
class Segment:
    """A part of the timing bar, in per cent."""

    css: str
    label: str
    ms: float
    x: str
    width: str


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
        counts = {"raw": len(self.attempts)}
        return [
            Choice(LABELS[name], self.link(tab=name), name == self.tab, counts.get(name, 0), name)
            for name in tabs_of(self.span)
        ]

    @property
    def views(self) -> list[Choice]:
        labels = {"fields": "Fields", "json": "JSON", "text": "Text"}
        return [Choice(labels[name], self.link(view=name), name == self.view) for name in VIEWS]

    @property
    def attempt_choices(self) -> list[Choice]:
        return [
            Choice(_attempt_label(one), self.link(attempt=one.number), one == self.attempt) for one in self.attempts
        ]

    @property
    def attempt_links(self) -> list[AttemptLink]:
        """The attempts, each with the way to its raw exchange."""
        before, links = None, []
        for one in self.attempts:
            is_next = before is not None and before.requested_model != one.requested_model
            is_current = one == self.attempt and self.tab == "raw"
            links.append(AttemptLink(one, self.link(tab="raw", attempt=one.number), is_current, is_next))
            before = one
        return links

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
        return "?" + query.urlencode()

    @property
    def raw_links(self) -> dict[str, str]:
        number = self.attempt.number if self.attempt else None
        return {part: self.link(raw=part, attempt=number) for part in ("input", "output", "request", "response")}

    @cached_property
    def value(self) -> ValueView | None:
        """The output or the input in the view that was chosen; None where none was given."""
        value = self.body.output if self.tab == "output" else self.body.input
        schema = self.body.output_schema if self.tab == "output" else self.body.input_schema
        if value is None:
            return None
        if self.view == "json":
            return ValueView("json", self.tab, json=view_of(value))
        if self.view == "text":
            return ValueView("text", self.tab, text=plain_text_of(value)[:1_000_000])
        return ValueView("fields", self.tab, fields=fields_of(value, schema))

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

    @property
    def attempt_title(self) -> str:
        if self.attempt and self.attempt.outcome == Attempt.Outcome.REJECTED:
            return "Output did not meet the schema"
        kind = self.attempt.error_kind if self.attempt else ""
        return readable(kind.replace("_", " ").capitalize()) or "The request failed"

    @property
    def url_path(self) -> str:
        """The path of the request's address, as the first line of the request has it."""
        return readable(urlsplit(self.exchange.url).path) if self.exchange else ""

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
        return blocks_of(self.exchange.messages) if self.exchange else []

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
    def request_json(self) -> JsonView | None:
        return view_of_text(self.exchange.request_body) if self.exchange else None

    @cached_property
    def response_json(self) -> JsonView | None:
        return view_of_text(self.exchange.response_body, self._wrong_paths) if self.exchange else None

    @property
    def request_text(self) -> str:
        return readable(self.exchange.request_body or "") if self.exchange else ""

    @property
    def response_text(self) -> str:
        return readable(self.exchange.response_body or "") if self.exchange else ""

    @property
    def response_size(self) -> int:
        return len(self.response_text.encode())

    @property
    def _wrong_paths(self) -> frozenset[str]:
        return frozenset(str(problem.get("path", "")) for problem in self._raw_problems)

    @property
    def problems(self) -> list[dict[str, str]]:
        """What did not fit the schema. Paths and messages quote the answer, so they may hold anything."""
        return [{name: _words(problem.get(name)) for name in ("path", "message")} for problem in self._raw_problems]

    @property
    def _raw_problems(self) -> list[dict[str, Any]]:
        problems = self.attempt.problems if self.attempt else []
        return [problem for problem in problems if isinstance(problem, dict)] if isinstance(problems, list) else []

    @property
    def notes(self) -> list[str]:
        notes = self.attempt.notes if self.attempt else []
        return [_words(note) for note in notes] if isinstance(notes, list) else []

    @property
    def request_headers(self) -> list[tuple[str, str]]:
        return _headers(self.exchange.request_headers) if self.exchange else []

    @property
    def response_headers(self) -> list[tuple[str, str]]:
        return _headers(self.exchange.response_headers) if self.exchange else []

    @property
    def model_names(self) -> list[str]:
        return list(dict.fromkeys(one.requested_model for one in self.attempts))

    @cached_property
    def receipt(self) -> Receipt:
        return receipt_of(self.attempts)

    @cached_property
    def timing(self) -> list[Segment]:
        """Queue, time to the first byte and generation of the attempt that counted."""
        last = self.attempts[-1] if self.attempts else None
        if last is None or not last.duration_ms:
            return []
        queue, first = last.queue_ms or 0, last.first_byte_ms or 0
        rest = max(last.duration_ms - queue - first, 0)
        parts = [("queue", "Queue", queue), ("wait", "To first byte", first), ("call", "Generation", rest)]
        total, at, segments = max(queue + first + rest, 0.001), 0.0, []
        for css, label, ms in parts:
            if ms or css == "call":
                segments.append(Segment(css, label, ms, f"{at / total:.2%}", f"{ms / total:.2%}"))
            at += ms
        return segments

    @property
    def tokens_per_second(self) -> float | None:
        generation = self.timing[-1].ms if self.timing else 0
        output = self.attempts[-1].output_tokens if self.attempts else None
        return output / generation * 1000 if output and generation > 1 else None

    @cached_property
    def options(self) -> list[tuple[str, str]]:
        """The options of the model and the configuration the call was made with, one pair each."""
        request = self.body.request if isinstance(self.body.request, dict) else {}
        model = request.get("model")
        sources = [model.get("options") if isinstance(model, dict) else None, request.get("configuration")]
        pairs = [pair for source in sources if isinstance(source, dict) for pair in source.items()]
        return [
            (readable(str(name)), readable(value if isinstance(value, str) else indented(value)))
            for name, value in pairs
        ]

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
    return Inspector(
        span, tab, view if view in VIEWS else "fields", attempts, attempt, body or SpanBody(span=span), exchange
    )


def tabs_of(span: Span) -> tuple[str, ...]:
    if span.is_model_call and span.attempt_count:
        return ("output", "input", "prompt", "raw", "details")
    return ("output", "input", "details")


def _chosen(attempts: list[Attempt], number: str) -> Attempt | None:
    return next((one for one in attempts if str(one.number) == number), attempts[-1] if attempts else None)


def _attempt_label(attempt: Attempt) -> str:
    start = "Attempt 1" if attempt.number == 1 else str(attempt.number)
    return f"{start}, accepted" if attempt.outcome == Attempt.Outcome.ACCEPTED else start


def _headers(headers: Any) -> list[tuple[str, str]]:
    return [(_words(name), _words(value)) for name, value in headers.items()] if isinstance(headers, dict) else []


def _words(value: Any) -> str:
    """Return what a note, a problem or a header says: text that can be sent and fits on a page."""
    if value is None:
        return ""
    return readable(value[:MOST_WORDS]) if isinstance(value, str) else compact(value)[:MOST_WORDS]
