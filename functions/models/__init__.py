"""Everything of `functions` that the database keeps."""

from functions.models.answer import KeptAnswer
from functions.models.batch import Batch, BatchInput, BatchItem
from functions.models.completion import Completion
from functions.models.function import Function, Revision
from functions.models.provider import (
    Alias,
    CustomModel,
    LearnedStrategy,
    PriceRow,
    ProviderAccount,
    ProviderState,
    catalogue_changed,
)
from functions.models.webhook import Delivery, WebhookSecret

__all__ = [
    "Alias",
    "Batch",
    "BatchInput",
    "BatchItem",
    "Completion",
    "CustomModel",
    "Delivery",
    "Function",
    "KeptAnswer",
    "LearnedStrategy",
    "PriceRow",
    "ProviderAccount",
    "ProviderState",
    "Revision",
    "WebhookSecret",
    "catalogue_changed",
]
