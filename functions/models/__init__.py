"""Everything of `functions` that the database keeps."""

from functions.models.completion import Completion
from functions.models.function import Function, Revision

__all__ = ["Completion", "Function", "Revision"]
