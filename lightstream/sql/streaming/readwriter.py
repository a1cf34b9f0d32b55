"""`pyspark.sql.streaming.readwriter`: the reader and the writer of streams."""

from __future__ import annotations

from typing import Any

from lightstream.sql.lazy import lazy_names

__all__ = ["DataStreamReader", "DataStreamWriter"]  # noqa: F822

_MODULES = {
    "DataStreamReader": "lightstream.sql.streaming.reader",
    "DataStreamWriter": "lightstream.sql.streaming.writer",
}


def __getattr__(name: str) -> Any:
    return lazy_names(__name__, _MODULES, name, globals())
