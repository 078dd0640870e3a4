"""How far it is: what the strip of a trial shows, and whether the rest can be cancelled."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from functions.pages.batches.progress import Progress
from functions.pages.function_page import FunctionHead


def strip_context(request: HttpRequest, head: FunctionHead, progress: Progress) -> dict[str, Any]:
    """Return what the strip needs, but for its addresses and for what it is to cost."""
    return {
        "progress": progress,
        "strip": progress.batch,
        "query": request.GET.urlencode(),
        "left_count": progress.queued,
        "may_cancel": head.may_edit and bool(progress.queued) and progress.batch.ended_at is None,
    }
