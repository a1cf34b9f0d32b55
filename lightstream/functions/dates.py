"""Dates and times (in work by func2)."""
