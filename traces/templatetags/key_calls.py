"""How much each API key of a project has been used of late, for the settings' list of keys."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django import template
from django.db.models import Count
from django.utils import timezone

from opperweb.accounts.models import ApiKey
from traces.models import Kind, Span

register = template.Library()

PERIOD = timedelta(hours=24)


@register.simple_tag
def with_calls(keys: Iterable[ApiKey]) -> list[tuple[ApiKey, int]]:
    """Return the keys, each with the number of its model calls within 24 hours; one query for all of them."""
    keys = list(keys)
    projects = {key.project_id for key in keys}
    spans = Span.objects.filter(project__in=projects, kind=Kind.LLM, started_at__gte=timezone.now() - PERIOD)
    counts = dict(spans.exclude(api_key=None).order_by().values_list("api_key").annotate(Count("pk")))
    return [(key, counts.get(key.pk, 0)) for key in keys]
