"""Spark's built-in functions: one entry a function, one file a family."""
