"""Everything of `functions` that the database keeps."""

from functions.models.answer import KeptAnswer
from functions.models.batch import Batch, BatchInput, BatchItem
from functions.models.completion import Completion
from functions.models.dataset import DatasetExample
from functions.models.evaluation import EvaluationPolicy, ProjectEvaluation, Rubric
from functions.models.few_shot import EmbeddingState, ExampleVector, ExampleWords
from functions.models.function import Draft, Function, Revision
from functions.models.playground import PlaygroundRun, PlaygroundVariant
from functions.models.provider import (
    Alias,
    CustomModel,
    LearnedStrategy,
    PriceRow,
    ProviderAccount,
    ProviderState,
    catalogue_changed,
)
from functions.models.replay import Replay, ReplayItem
from functions.models.test_run import TestItem, TestRun
from functions.models.webhook import Delivery, WebhookSecret

__all__ = [
    "Alias",
    "Batch",
    "BatchInput",
    "BatchItem",
    "Completion",
    "CustomModel",
    "DatasetExample",
    "Delivery",
    "Draft",
    "EmbeddingState",
    "EvaluationPolicy",
    "ExampleVector",
    "ExampleWords",
    "Function",
    "KeptAnswer",
    "LearnedStrategy",
    "PlaygroundRun",
    "PlaygroundVariant",
    "PriceRow",
    "ProjectEvaluation",
    "ProviderAccount",
    "ProviderState",
    "Replay",
    "ReplayItem",
    "Revision",
    "Rubric",
    "TestItem",
    "TestRun",
    "WebhookSecret",
    "catalogue_changed",
]
