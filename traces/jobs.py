"""What a worker can do for traces: add usage up, delete what is older than it is kept."""

from traces.analytics.rollups import roll_up_job
from traces.retention import delete_old_job

__all__ = ["delete_old_job", "roll_up_job"]
