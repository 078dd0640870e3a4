"""Why there is no answer, in the API's words (contract sections 3 and 13)."""

from __future__ import annotations

from collections.abc import Sequence

from functions.completions.attempt import Attempt
from functions.task import CompletionError, Task

CONTENT_POLICY = ("content_policy", "refused")
STRUCTURED = ("schema", "json", "answer_rejected")
# With an output schema these too mean that no valid output came.
NO_OUTPUT = ("empty", "length")


def error_for(attempts: Sequence[Attempt], task: Task) -> CompletionError:
    """Return the error of a completion from its attempts; the last one decides, the detail lists them all."""
    if not attempts:
        return CompletionError(
            502, "ProviderError", "No model could be asked", "The time for this call was over", "deadline"
        )
    last = attempts[-1].record
    kind = last.error_kind
    if kind in NO_OUTPUT and task.output_schema is not None:
        status, type_, message = _answer_to("schema")
    else:
        status, type_, message = _answer_to(kind)
    failure = attempts[-1].error
    wait = failure.retry_after_seconds if failure is not None else None
    return CompletionError(status, type_, message, _detail(attempts), kind, retry_after_seconds=wait)


def _answer_to(kind: str) -> tuple[int, str, str]:
    if kind in STRUCTURED:
        return 400, "StructuredGenerationError", "The structured generation failed"
    if kind in CONTENT_POLICY:
        return 400, "ContentPolicyViolationError", "Content policy violation error"
    if kind == "context_length":
        return 400, "ContextWindowExceededError", "Context window exceeded error"
    if kind in ("bad_request", "schema_rejected"):
        return 400, "BadRequestError", "The request is invalid"
    if kind == "model_not_found":
        return 404, "NotFoundError", "The resource was not found"
    if kind in ("rate_limit", "quota"):
        return 429, "RateLimitError", "The provider's rate limit was reached"
    if kind == "length":
        return 400, "BadRequestError", "The answer was cut off at the token limit"
    return 502, "ProviderError", "The provider failed"


def _detail(attempts: Sequence[Attempt]) -> str:
    last = attempts[-1].record
    count = len(attempts)
    if last.outcome == "rejected":
        return f"No valid output after {count} attempt{'s' if count > 1 else ''}: {last.error_message}"
    told = f"{last.requested_model}: {last.error_message}"
    return told if count == 1 else f"{told} ({count} attempts)"
