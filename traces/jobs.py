"""What a worker can do for traces: add usage up."""

from traces.analytics.rollups import roll_up_job

__all__ = ["roll_up_job"]
