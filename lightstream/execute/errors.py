"""DuckDB's errors as Spark's."""

from __future__ import annotations

import json

from lightstream import errors
from lightstream.errors import PySparkException
from lightstream.functions.spelling import ERROR_MARK


def translated(error: Exception) -> Exception:
    """Return Spark's error for one that came out of DuckDB; other exceptions are returned as they are."""
    if isinstance(error, PySparkException):
        return error
    import duckdb

    if not isinstance(error, duckdb.Error):
        return error
    text = str(error)
    marked = _marked(text)
    if marked is not None:
        return marked
    from lightstream.functions.errors import translate

    known = translate(text)
    if known is not None:
        return known
    return PySparkException(
        "LIGHTSTREAM_DUCKDB_ERROR",
        f"DuckDB could not run the query: {text}",
        sqlstate="XX000",
    )


def _marked(text: str) -> PySparkException | None:
    start = text.find(ERROR_MARK)
    if start < 0:
        return None
    try:
        payload, _ = json.JSONDecoder().raw_decode(text[start + len(ERROR_MARK) :])
    except ValueError:
        return None
    kind = getattr(errors, payload["kind"], PySparkException)
    found = kind(payload["condition"], payload["message"], sqlstate=payload["sqlstate"] or None)
    return found if isinstance(found, PySparkException) else None
