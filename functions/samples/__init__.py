"""Sample functions and traces to look at before one has any of one's own, marked as samples and removable in one go."""

from functions.samples.loading import load, remove

__all__ = ["load", "remove"]
