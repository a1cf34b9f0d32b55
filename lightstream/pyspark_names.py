"""`pyspark` itself, and which module stands in for which of pyspark's."""

from __future__ import annotations

from typing import Any

from lightstream.sql.context import SPARK_VERSION as __version__
from lightstream.sql.context import HiveContext, SparkConf, SparkContext, SQLContext, StorageLevel
from lightstream.sql.rdd import RDD
from lightstream.sql.row import Row
from lightstream.sql.shared import Accumulator, AccumulatorParam, Broadcast
from lightstream.sql.task_context import TaskContext
from lightstream.sql.unsupported import refused_class

__all__ = [
    "RDD",
    "Accumulator",
    "AccumulatorParam",
    "Broadcast",
    "HiveContext",
    "Row",
    "SQLContext",
    "SparkConf",
    "SparkContext",
    "StorageLevel",
    "TaskContext",
    "__version__",
    "inheritable_thread_target",
    "since",
]

# For each module of pyspark that programs import, the module that stands in for it; `pyspark.sql.x` is
# `lightstream.sql.x` where nothing else is said.
MODULES: dict[str, str] = {
    "pyspark": "lightstream.pyspark_names",
    "pyspark.accumulators": "lightstream.sql.shared",
    "pyspark.broadcast": "lightstream.sql.shared",
    "pyspark.conf": "lightstream.sql.context",
    "pyspark.context": "lightstream.sql.context",
    "pyspark.core.context": "lightstream.sql.context",
    "pyspark.core.rdd": "lightstream.sql.rdd",
    "pyspark.rdd": "lightstream.sql.rdd",
    "pyspark.errors": "lightstream.errors",
    "pyspark.errors.exceptions": "lightstream.errors",
    "pyspark.errors.exceptions.base": "lightstream.errors",
    "pyspark.errors.exceptions.captured": "lightstream.errors",
    "pyspark.sql": "lightstream.sql",
    "pyspark.taskcontext": "lightstream.sql.task_context",
    "pyspark.storagelevel": "lightstream.sql.context",
    "pyspark.testing": "lightstream.sql.assertions",
    "pyspark.testing.utils": "lightstream.sql.assertions",
    "pyspark.version": "lightstream.sql.context",
}

SparkFiles = refused_class("SparkFiles")
BarrierTaskContext = refused_class("BarrierTaskContext")


def since(version: str | float) -> Any:
    """Return a decorator that changes nothing."""
    return lambda function: function


def inheritable_thread_target(f: Any = None) -> Any:
    """Return the function: threads need nothing of their session."""
    return f if callable(f) else (lambda function: function)
