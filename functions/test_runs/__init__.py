"""A definition asked every example, and how many of its answers are right."""
