"""What happened: traces, their spans, the attempts inside a model call, and apart from them the long texts.

Rows that lists read are small. Inputs, outputs, prompts and raw exchanges stand in `SpanBody` and `AttemptBody`,
one to one, and are read only where they are shown. Spans and traces carry the id their sender chose beside a key
of our own, so that two projects may keep the same trace and neither learns of the other.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from opperweb.accounts.models import ApiKey, Project
from opperweb.fields import JsonTextField
from opperweb.ids import uuid7
from traces.evaluation_models import Evaluation, Feedback  # noqa: F401
from traces.querysets import SpanQuerySet, TraceQuerySet
from traces.usage_models import UsageDimension, UsageProgress, UsageRow, UsageStale, UsageTag  # noqa: F401

PREVIEW_LENGTH = 300


class Status(models.TextChoices):
    """How a span or a trace stands. `recovered`: it is good, but something inside it failed first."""

    RUNNING = "running", "Running"
    OK = "ok", "Complete"
    RECOVERED = "recovered", "Recovered"
    ERROR = "error", "Failed"
    STOPPED = "stopped", "Stopped"


class Kind(models.TextChoices):
    """What a span is, whatever free word its sender used for it (`Span.type`)."""

    LLM = "llm", "Model call"
    EMBEDDING = "embedding", "Embedding"
    RETRIEVAL = "retrieval", "Knowledge"
    RERANK = "rerank", "Rerank"
    TOOL = "tool", "Tool"
    AGENT = "agent", "Agent"
    WORKFLOW = "workflow", "Workflow"
    MEMORY = "memory", "Memory"
    GUARDRAIL = "guardrail", "Guardrail"
    EVALUATION = "evaluation", "Evaluation"
    PROMPT = "prompt", "Prompt"
    SPAN = "span", "Step"


class Origin(models.TextChoices):
    """Why a span is there. Only what callers asked for themselves counts in the figures of a function."""

    LIVE = "", "Live"
    PLAYGROUND = "playground", "Playground"
    REPLAY = "replay", "Replay"
    TEST = "test", "Test"
    EVALUATION = "evaluation", "Evaluation"


def cost_field() -> models.DecimalField[Any, Any]:
    """US dollars with ten decimals; null where no price is known, which is not the same as 0."""
    return models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)


class Trace(models.Model):
    """One run of something, with the totals of its spans: all that a line of the list shows."""

    key = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="traces", db_index=False)
    name = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    duration_ms = models.FloatField(null=True)
    span_count = models.IntegerField(default=0)
    call_count = models.IntegerField(default=0)
    error_count = models.IntegerField(default=0)
    recovered_count = models.IntegerField(default=0)
    running_count = models.IntegerField(default=0)
    stopped_count = models.IntegerField(default=0)
    attempt_count = models.IntegerField(default=0)
    cached_count = models.IntegerField(default=0)
    # null while no span of it has told its tokens
    input_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    cost_usd = cost_field()
    unpriced_count = models.IntegerField(default=0, help_text="Model calls whose cost is not known.")
    score = models.SmallIntegerField(null=True, help_text="0 to 100: its root's, else the mean of its spans'.")
    score_sum = models.IntegerField(default=0)
    scored_count = models.IntegerField(default=0)
    model_usage = JsonTextField(default=dict, help_text="Language model → [calls, tokens], of all its model calls.")
    tags = JsonTextField(default=list, help_text="[key, value] pairs, those of all its spans.")
    input_preview = models.CharField(max_length=PREVIEW_LENGTH, blank=True)
    output_preview = models.CharField(max_length=PREVIEW_LENGTH, blank=True)
    error_preview = models.CharField(max_length=PREVIEW_LENGTH, blank=True)
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.LIVE, blank=True)
    root_key = models.BigIntegerField(null=True, help_text="Key of the span that gives name, input and output.")
    is_sample = models.BooleanField(default=False)

    objects = TraceQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "id"], name="one_trace_an_id"),)
        indexes = (
            models.Index(fields=["project", "-started_at", "-key"], name="trace_newest"),
            models.Index(fields=["project", "status", "-started_at"], name="trace_by_status"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.id}"

    @property
    def main_model(self) -> str:
        """The language model with the most tokens, or an empty string."""
        return self.language_models[0] if self.model_usage else ""

    @property
    def language_models(self) -> list[str]:
        """Those it used, the one with most tokens first."""
        return sorted(self.model_usage, key=lambda name: (-self.model_usage[name][1], -self.model_usage[name][0], name))

    @property
    def total_tokens(self) -> int | None:
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)


class Span(models.Model):
    """One step of a trace. A model call is a span with kind `llm` and attempts."""

    key = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid7, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="spans", db_index=False)
    trace = models.ForeignKey(Trace, models.CASCADE, related_name="spans", db_index=False)
    # By id and not by key: a child may come before its parent, and a parent may never come.
    parent_id = models.UUIDField(null=True)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.SPAN)
    type = models.CharField(max_length=120, blank=True, help_text="The sender's own word for what it is.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    duration_ms = models.FloatField(null=True)
    first_token_ms = models.FloatField(null=True, help_text="From the start of the accepted attempt.")
    error_kind = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=1000, blank=True)
    requested_model = models.CharField(max_length=255, blank=True)
    model = models.CharField(max_length=255, blank=True, help_text="The one that answered.")
    provider = models.CharField(max_length=80, blank=True)
    input_tokens = models.BigIntegerField(null=True)
    cached_tokens = models.BigIntegerField(null=True, help_text="Of the input.")
    cache_write_tokens = models.BigIntegerField(null=True, help_text="Of the input.")
    output_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True, help_text="Of the output.")
    cost_usd = cost_field()
    is_priced = models.BooleanField(default=True, help_text="False where a part of the cost is not known.")
    attempt_count = models.IntegerField(default=0)
    rejected_count = models.IntegerField(default=0, help_text="Attempts whose answer did not fit the schema.")
    repair_count = models.IntegerField(default=0, help_text="Attempts that were told what was wrong.")
    is_fallback = models.BooleanField(default=False, help_text="Another model answered than the first one asked.")
    is_cached = models.BooleanField(default=False)
    score = models.SmallIntegerField(null=True, help_text="0 to 100.")
    function_name = models.CharField(max_length=255, blank=True)
    revision_number = models.IntegerField(null=True)
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.LIVE, blank=True)
    tags = JsonTextField(default=dict)
    input_preview = models.CharField(max_length=PREVIEW_LENGTH, blank=True)
    output_preview = models.CharField(max_length=PREVIEW_LENGTH, blank=True)
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+", db_index=False)

    objects = SpanQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "id"], name="one_span_an_id"),)
        indexes = (
            models.Index(fields=["trace", "started_at", "key"], name="span_of_trace"),
            models.Index(fields=["project", "kind", "-started_at", "-key"], name="span_newest_of_kind"),
            models.Index(
                fields=["project", "function_name", "-started_at"],
                name="span_failed_of_function",
                condition=models.Q(status="error") & ~models.Q(function_name=""),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.id}"

    @property
    def is_model_call(self) -> bool:
        return self.kind == Kind.LLM

    @property
    def total_tokens(self) -> int | None:
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)


class SpanBody(models.Model):
    """The long texts of a span. `input` and `output` are any JSON; null in the database means none was given."""

    span = models.OneToOneField(Span, models.CASCADE, primary_key=True, related_name="body")
    input = JsonTextField(null=True)
    output = JsonTextField(null=True)
    error = JsonTextField(null=True, help_text="The whole message, with what the sender added.")
    meta = JsonTextField(null=True)
    instructions = models.TextField(blank=True)
    input_schema = JsonTextField(null=True)
    output_schema = JsonTextField(null=True)
    # What the call was made with beside its input: model as given, configuration, examples.
    request = JsonTextField(null=True)

    def __str__(self) -> str:
        return f"body of {self.span_id}"


class Attempt(models.Model):
    """One request to a language model and what came of it."""

    class Outcome(models.TextChoices):
        RUNNING = "running", "Running"
        ACCEPTED = "accepted", "Accepted"
        REJECTED = "rejected", "Schema not met"
        FAILED = "failed", "Failed"
        STOPPED = "stopped", "Stopped"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    span = models.ForeignKey(Span, models.CASCADE, related_name="attempts", db_index=False)
    number = models.IntegerField(help_text="From 1.")
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    requested_model = models.CharField(max_length=255, help_text="provider/name, as asked for.")
    model = models.CharField(max_length=255, blank=True, help_text="As the provider says it served.")
    provider = models.CharField(max_length=80)
    strategy = models.CharField(
        max_length=10, blank=True, help_text="How structure was asked for: native, tool, json, text."
    )
    is_repair = models.BooleanField(default=False, help_text="It carried the answer before and what was wrong with it.")
    error_kind = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=1000, blank=True)
    http_status = models.IntegerField(null=True)
    finish_reason = models.CharField(max_length=40, blank=True)
    request_id = models.CharField(max_length=120, blank=True, help_text="The provider's own.")
    started_at = models.DateTimeField()
    waited_ms = models.FloatField(default=0, help_text="The pause before it, after a failure.")
    queue_ms = models.FloatField(null=True, help_text="Until a place at the provider was free.")
    first_byte_ms = models.FloatField(null=True, help_text="From sending to the first byte of the answer.")
    first_token_ms = models.FloatField(null=True, help_text="Of a stream: from sending to its first word.")
    duration_ms = models.FloatField(null=True, help_text="From started_at to its end.")
    input_tokens = models.BigIntegerField(null=True)
    cached_tokens = models.BigIntegerField(null=True)
    cache_write_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True)
    more_tokens = JsonTextField(
        default=dict, help_text="Parts of the ones above with prices of their own: input_audio_tokens and the like."
    )
    cost_usd = cost_field()
    reported_cost_usd = cost_field()
    price = JsonTextField(
        null=True, help_text="The price row it was computed from, and the receipt's lines; null where none is known."
    )
    problems = JsonTextField(default=list, help_text="[{path, rule, message, value}] of an answer that did not fit.")
    notes = JsonTextField(default=list, help_text="What was left out, repaired or changed on the way, in words.")

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["span", "number"], name="one_attempt_a_number"),)

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.span_id}"


class AttemptBody(models.Model):
    """The exact exchange with a provider, secrets removed."""

    attempt = models.OneToOneField(Attempt, models.CASCADE, primary_key=True, related_name="body")
    messages = JsonTextField(
        help_text="The prompt: [{role, parts: [{type, …}], note}], before it became the vendor's form."
    )
    method = models.CharField(max_length=8, default="POST")
    url = models.TextField(blank=True)
    request_headers = JsonTextField(default=dict)
    request_body = JsonTextField(null=True, help_text="The text that was sent.")
    response_headers = JsonTextField(default=dict)
    response_body = JsonTextField(null=True, help_text="The text that came back, however broken.")
    chunk_ms = JsonTextField(null=True, help_text="Of a stream: [milliseconds since sending, bytes so far] by chunk.")

    def __str__(self) -> str:
        return f"body of {self.attempt_id}"


class TraceFacet(models.Model):
    """A thing a trace can be found by: a tag of one of its spans, a language model it used. Read newest first."""

    TAG: ClassVar[str] = "tag"
    MODEL: ClassVar[str] = "model"
    FUNCTION: ClassVar[str] = "function"

    trace = models.ForeignKey(Trace, models.CASCADE, related_name="facets", db_index=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    facet = models.CharField(max_length=10)
    key = models.CharField(max_length=120, blank=True, help_text="Of a tag.")
    value = models.CharField(max_length=512)
    started_at = models.DateTimeField(help_text="The trace's.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["trace", "facet", "key", "value"], name="one_facet_a_value"),)
        indexes = (models.Index(fields=["project", "facet", "key", "value", "-started_at"], name="facet_newest"),)

    def __str__(self) -> str:
        return f"{self.facet} {self.key}={self.value}"


class SpanMetric(models.Model):
    """A number that somebody put on a span."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    span = models.ForeignKey(Span, models.CASCADE, related_name="metrics")
    dimension = models.CharField(max_length=255)
    value = models.FloatField()
    comment = models.TextField(blank=True)
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.dimension} {self.value}"
