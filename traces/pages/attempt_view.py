"""The attempts of a model call: what came of each, and in words why the next one was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from opperweb.pages.display import duration, short_model
from traces.models import Attempt
from traces.pages.json_view import readable

Outcome = Attempt.Outcome
MOST_PROBLEM = 200
STRATEGIES: dict[str, Promise] = {
    "native": _("Schema sent natively"),
    "tool": _("Schema sent as a tool"),
    "json": _("JSON mode, with the shape in the prompt"),
    "text": _("The shape in the prompt alone"),
}
# The same, as the end of a sentence.
ASKED_AS: dict[str, Promise] = {
    "native": _("asked natively"),
    "tool": _("asked as a tool"),
    "json": _("asked in JSON mode with the shape in the prompt"),
    "text": _("asked with the shape in the prompt alone"),
}
KINDS: dict[str, Promise] = {
    "rate_limit": _("rate limit"),
    "quota": _("the account is used up"),
    "overloaded": _("overloaded"),
    "server_error": _("the provider failed"),
    "timeout": _("no answer in time"),
    "connection": _("the connection failed"),
    "bad_reply": _("an answer that cannot be read"),
    "credentials": _("the key is not known"),
    "forbidden": _("the key may not do this"),
    "model_not_found": _("no such model"),
    "schema_rejected": _("the schema was refused"),
    "context_length": _("the prompt is too long"),
    "bad_request": _("the request was not taken"),
    "answer_rejected": _("the provider held the answer back"),
    "content_policy": _("declined"),
    "length": _("cut off at the token limit"),
    "empty": _("an empty answer"),
    "stopped": _("stopped"),
}


@dataclass(frozen=True)
class AttemptLink:
    """An attempt among the others. `why` says why it was made; empty for the first."""

    attempt: Attempt
    query: str
    is_current: bool
    why: str
    is_next_model: bool

    @property
    def icon(self) -> str:
        icons = {Outcome.ACCEPTED: "ok", Outcome.RUNNING: "running", Outcome.STOPPED: "stopped"}
        return icons.get(Outcome(self.attempt.outcome), "error")

    @property
    def css(self) -> str:
        return {"ok": "is-ok", "running": "is-run", "stopped": "ink-3"}.get(self.icon, "is-err")

    @property
    def model(self) -> str:
        return readable(short_model(self.attempt.requested_model))

    @property
    def words(self) -> str:
        """What came of it: accepted, and how; else what did not fit, or what went wrong."""
        attempt = self.attempt
        if attempt.outcome != Outcome.ACCEPTED:
            return what_failed(attempt)
        if attempt.is_repair:
            return gettext("Repaired, accepted")
        return gettext("Fallback, accepted") if self.is_next_model else str(Outcome.ACCEPTED.label)


def links_of(
    attempts: Sequence[Attempt], query_of: Callable[[Attempt], str], current: Attempt | None
) -> list[AttemptLink]:
    """Return the attempts in their order, each with its address and the reason for it."""
    links: list[AttemptLink] = []
    for number, attempt in enumerate(attempts):
        before = attempts[:number]
        is_next = bool(before) and before[-1].requested_model != attempt.requested_model
        links.append(AttemptLink(attempt, query_of(attempt), attempt is current, why_asked(attempt, before), is_next))
    return links


def what_failed(attempt: Attempt) -> str:
    """Schema not met: answer must match ^The; HTTP 429, rate limit."""
    if attempt.outcome == Outcome.REJECTED:
        return readable(_what_did_not_fit(attempt))
    if attempt.outcome != Outcome.FAILED:
        return str(Outcome(attempt.outcome).label)
    kind = str(KINDS.get(attempt.error_kind) or attempt.error_kind.replace("_", " ")) or str(Outcome.FAILED.label)
    if attempt.http_status is not None and attempt.http_status >= 300:
        return readable(f"HTTP {attempt.http_status}, {kind}")
    return readable(kind[:1].upper() + kind[1:])


def _what_did_not_fit(attempt: Attempt) -> str:
    problems = attempt.problems if isinstance(attempt.problems, list) else []
    told = [problem for problem in problems if isinstance(problem, dict)]
    if not told:
        return gettext("Schema not met: %s") % attempt.error_message if attempt.error_message else "Schema not met"
    where = str(told[0].get("path") or gettext("the answer"))
    what = str(told[0].get("message") or told[0].get("rule") or gettext("does not fit"))
    sentence = gettext("Schema not met: %s") % _cut(f"{where} {what}")
    more = len(told) - 1
    return sentence + (ngettext(", and %s more problem", ", and %s more problems", more) % more if more else "")


def _cut(text: str) -> str:
    return text if len(text) <= MOST_PROBLEM else text[: MOST_PROBLEM - 1] + "…"


def why_asked(attempt: Attempt, before: Sequence[Attempt]) -> str:
    """Return why an attempt was made after those before it, and how long that took; empty for the first."""
    if not before:
        return ""
    reason = _reason(attempt, before)
    if not attempt.waited_ms:
        return reason
    waited = gettext("waited %s") % duration(attempt.waited_ms)
    return _sentence(f"{waited}, {reason[:1].lower()}{reason[1:]}")


def _reason(attempt: Attempt, before: Sequence[Attempt]) -> str:
    last = before[-1]
    if last.outcome == Outcome.STOPPED:
        return gettext("Asked again after a restart")
    if attempt.requested_model != last.requested_model:
        return _why_another_model(attempt, before)
    if attempt.is_repair:
        return gettext("Asked once more with what was wrong")
    if attempt.strategy != last.strategy and attempt.strategy in ASKED_AS:
        return _sentence(gettext("the schema was refused, %s") % ASKED_AS[attempt.strategy])
    if last.outcome == Outcome.REJECTED:
        return gettext("Asked again from the beginning")
    return gettext("Asked once more")


def _why_another_model(attempt: Attempt, before: Sequence[Attempt]) -> str:
    if any(one.requested_model == attempt.requested_model for one in before):
        return gettext("The list of models begins anew")
    if before[-1].error_kind == "context_length":
        return gettext("Next, the model that can read most")
    return gettext("Next model of the list")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def attempt_label(attempt: Attempt) -> str:
    """Return the name of an attempt among the others: "Attempt 1", "3, accepted"."""
    start = "Attempt 1" if attempt.number == 1 else str(attempt.number)
    return f"{start}, accepted" if attempt.outcome == Outcome.ACCEPTED else start
