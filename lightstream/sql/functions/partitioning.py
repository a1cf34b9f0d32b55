"""`pyspark.sql.functions.partitioning`: transforms for partitioned tables, which lightstream refuses."""

from __future__ import annotations

from typing import Any

from lightstream.errors import unsupported
from lightstream.sql.column import Column
from lightstream.sql.functions.special import bucket

__all__ = ["bucket", "days", "hours", "months", "years"]


def years(col: Any) -> Column:
    """Refused: a transform for partitioned tables."""
    raise unsupported("The partition transform years")


def months(col: Any) -> Column:
    """Refused: a transform for partitioned tables."""
    raise unsupported("The partition transform months")


def days(col: Any) -> Column:
    """Refused: a transform for partitioned tables."""
    raise unsupported("The partition transform days")


def hours(col: Any) -> Column:
    """Refused: a transform for partitioned tables."""
    raise unsupported("The partition transform hours")
