"""(p) What it costs to build, analyse and compile a query, before any data is read."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.contract import Bar, Benchmark, Contender, Measure, Values, Work

_COLUMNS = 100


def _filtered(session: Any, functions: Any) -> Any:
    """Build the textbook's filter query, over columns like those of the activity data."""
    return session.table("activities").where("gt is not null").where(functions.col("User") != "x").select(
        "gt", "User", functions.col("x").cast("double"), "Arrival_Time"
    )  # fmt: skip


def _wide(session: Any, functions: Any) -> Any:
    """Build a projection of 100 columns to 100 expressions."""
    col = functions.col
    items = []
    for i in range(_COLUMNS):
        number, text = col(f"n{i // 2}"), col(f"s{i // 2}")
        texts = functions.concat_ws("-", functions.upper(text), number.cast("string"))
        items.append(functions.when(number * 2 + i > 10, texts).otherwise("low").alias(f"e{i}"))
    return session.table("wide").select(*items)


def plans(work: Work) -> Values:
    """Return the median time to a statement of DuckDB's, in milliseconds, for each query."""
    from lightstream.compile.compiler import compile_plan
    from lightstream.sql import SparkSession, functions

    session = SparkSession.builder.create()
    activities = "Arrival_Time bigint, User string, gt string, x double, y double, z double"
    session.createDataFrame([], activities).createOrReplaceTempView("activities")
    wide = ", ".join(f"n{i} int, s{i} string" for i in range(_COLUMNS // 2))
    session.createDataFrame([], wide).createOrReplaceTempView("wide")

    def compiled(build: Callable[[Any, Any], Any]) -> float:
        times = []
        for _ in range(work.scaled(60, 20)):
            started_s = time.perf_counter()
            compile_plan(build(session, functions)._plan, session._state.conf)
            times.append(time.perf_counter() - started_s)
        return statistics.median(times[5:])

    return {"filter_s": compiled(_filtered), "wide_s": compiled(_wide)}


BENCHMARKS = (
    Benchmark(
        "p",
        "building and compiling queries",
        (Contender("lightstream", plans),),
        (Measure("filter_s", "the filter query", "ms"), Measure("wide_s", "100 expressions", "ms")),
        (
            Bar("the filter query under 5 ms", "filter_s", 0.005),
            Bar("100 expressions over 100 columns under 60 ms", "wide_s", 0.06),
        ),
        "From the calls of the DataFrame API to DuckDB's statement; nothing is run. Medians in one process.",
    ),
)
