"""The examples of a function: kept and changed, and brought from files and back into them."""
