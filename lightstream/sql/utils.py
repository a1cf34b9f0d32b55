"""`pyspark.sql.utils`: where older programs take the exceptions from."""

from __future__ import annotations

from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    ParseException,
    PySparkImportError,
    PySparkNotImplementedError,
    PySparkRuntimeError,
    PythonException,
    QueryExecutionException,
    StreamingQueryException,
    UnknownException,
)
from lightstream.errors import PySparkException as CapturedException

__all__ = [
    "AnalysisException",
    "CapturedException",
    "IllegalArgumentException",
    "ParseException",
    "PySparkImportError",
    "PySparkNotImplementedError",
    "PySparkRuntimeError",
    "PythonException",
    "QueryExecutionException",
    "StreamingQueryException",
    "UnknownException",
    "is_remote",
]


def is_remote() -> bool:
    """Return False: the session is in this process."""
    return False
