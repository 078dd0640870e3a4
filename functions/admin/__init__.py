"""What whoever runs the server can see and mend of functions."""

from functions.admin import catalogue, datasets, functions

__all__ = ["catalogue", "datasets", "functions"]
