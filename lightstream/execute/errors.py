"""DuckDB's errors as Spark's."""

from __future__ import annotations

from lightstream.errors import PySparkException


def translated(error: Exception) -> Exception:
    """Return Spark's error for one that came out of DuckDB; other exceptions are returned as they are."""
    if isinstance(error, PySparkException):
        return error
    import duckdb

    if not isinstance(error, duckdb.Error):
        return error
    text = str(error)
    from lightstream.functions.errors import translate

    known = translate(text)
    if known is not None:
        return known
    return PySparkException(
        "LIGHTSTREAM_DUCKDB_ERROR",
        f"DuckDB could not run the query: {text}",
        sqlstate="XX000",
    )
