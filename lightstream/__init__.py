"""lightstream: Spark Structured Streaming programs on one machine, on DuckDB, without a JVM."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightstream.sql.session import SparkSession

__version__ = "0.1.0"
__all__ = ["__version__", "session"]


def session(database: str | None = None) -> SparkSession:
    """Return the session whose results live in the DuckDB file `database` (in memory without one)."""
    from lightstream.sql.session import SparkSession

    builder = SparkSession.builder
    if database is not None:
        builder = builder.config("lightstream.database", database)
    return builder.getOrCreate()
