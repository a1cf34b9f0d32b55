"""`pyspark.sql.streaming`: reading and writing streams, and the queries that run."""

from __future__ import annotations

from typing import Any

from lightstream.sql.lazy import lazy_names

_HERE = "lightstream.sql.streaming"
_MODULES = {
    "DataStreamReader": f"{_HERE}.reader",
    "DataStreamWriter": f"{_HERE}.writer",
    "StatefulProcessor": f"{_HERE}.stateful_processor",
    "StatefulProcessorHandle": f"{_HERE}.stateful_processor",
    "StreamingQuery": f"{_HERE}.query",
    "StreamingQueryException": "lightstream.errors",
    "StreamingQueryListener": f"{_HERE}.listener",
    "StreamingQueryManager": f"{_HERE}.manager",
    "TwsTester": f"{_HERE}.tws_tester",
}

__all__ = [
    "DataStreamReader",
    "DataStreamWriter",
    "StatefulProcessor",
    "StatefulProcessorHandle",
    "StreamingQuery",
    "StreamingQueryException",
    "StreamingQueryListener",
    "StreamingQueryManager",
    "TwsTester",
]


def __getattr__(name: str) -> Any:
    return lazy_names(__name__, _MODULES, name, globals())
