"""What a worker can do for functions: answer queued calls, post results, put right what a killed process left."""

from functions.batches import batch_job
from functions.calls import call_job
from functions.evaluations.judge import judge_job, send_due_evaluations_job
from functions.few_shot.embedding import embed_job
from functions.orphans import send_lost_job, stop_orphans_job, tidy_job
from functions.repricing import reprice_job
from functions.webhooks import deliver_job

__all__ = [
    "batch_job",
    "call_job",
    "deliver_job",
    "embed_job",
    "judge_job",
    "reprice_job",
    "send_due_evaluations_job",
    "send_lost_job",
    "stop_orphans_job",
    "tidy_job",
]
