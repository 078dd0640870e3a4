"""What whoever runs the server can see and mend of functions."""

from functions.admin import catalogue

__all__ = ["catalogue"]
