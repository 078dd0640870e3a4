"""The examples that help an input most: found, counted, and told to the trace."""

from functions.few_shot.choosing import Choice, choose
from functions.few_shot.duplicates import is_near_duplicate
from functions.few_shot.search import nearest

__all__ = ["Choice", "choose", "is_near_duplicate", "nearest"]
