"""What a worker can do for functions: answer a queued call; bring to order what a killed process left."""

from functions.calls import call_job, send_lost_job, stop_orphans_job

__all__ = ["call_job", "send_lost_job", "stop_orphans_job"]
