"""Counting rows by activity: (a) one file a trigger, (b) all at once, (f) the memory that (a) takes."""

from __future__ import annotations

import shutil
import statistics
import time
from typing import Any

from benchmarks.contract import Bar, Benchmark, Contender, Measure, Values, Work
from benchmarks.engines import LIGHTSTREAM, SPARK, files_of, open_session, read_stream, start_to_table
from benchmarks.hand import count_into, open_database, read_json
from benchmarks.usage import Stopwatch, memory_bytes, peak_memory_bytes

MEGABYTE = 1e6


def count_stream(work: Work, spark: Any, files_a_trigger: int | None) -> Any:
    """Start the count of what is there."""
    counts = read_stream(spark, work.data, files_a_trigger).groupBy("gt").count()
    return start_to_table(counts, work, "complete", "counts", availableNow=True)


def counted(spark: Any) -> int:
    """Return the rows that the result has counted."""
    return sum(row["count"] for row in spark.table("counts").collect())


def file_by_file(work: Work, engine: str) -> Values:
    """Count one file a trigger; the session is up when the clock starts."""
    spark = open_session(work, engine)
    with Stopwatch() as watch:
        query = count_stream(work, spark, 1)
        query.awaitTermination()
    return {
        "seconds": watch.wall_s,
        "cpu_s": watch.cpu_s,
        "batch_ms": 1000 * watch.wall_s / len(files_of(work.data)),
        "rows": counted(spark),
    }


def file_by_file_by_hand(work: Work) -> Values:
    """Count one file a transaction."""
    db = open_database(work.path("results.duckdb"))
    with Stopwatch() as watch:
        step = count_into(db)
        files = files_of(work.data)
        for file in files:
            step(file)
    [(rows,)] = db.execute("SELECT sum(count) FROM counts").fetchall()
    return {
        "seconds": watch.wall_s,
        "cpu_s": watch.cpu_s,
        "batch_ms": 1000 * watch.wall_s / len(files),
        "rows": int(rows),
    }


def at_once(work: Work, engine: str) -> Values:
    """Count everything in one batch: from the start of the process, the query alone, and a second time."""
    spark = open_session(work, engine)
    with Stopwatch() as first:
        count_stream(work, spark, None).awaitTermination()
        rows = counted(spark)
    cold_s = time.monotonic() - work.started_s
    shutil.rmtree(work.path("checkpoint-counts"))
    spark.sql("DROP TABLE IF EXISTS counts" if engine == LIGHTSTREAM else "DROP VIEW counts")
    with Stopwatch() as second:
        count_stream(work, spark, None).awaitTermination()
    return {
        "seconds": first.wall_s,
        "cold_s": cold_s,
        "warm_s": second.wall_s,
        "cpu_s": first.cpu_s,
        "rows": rows,
    }


def at_once_by_hand(work: Work) -> Values:
    """Count everything with one statement."""
    import duckdb

    db = duckdb.connect()
    statement = f"SELECT gt, count(*) FROM {read_json(files_of(work.data), gt='VARCHAR')} GROUP BY gt"
    with Stopwatch() as first:
        found = db.execute(statement).fetchall()
    cold_s = time.monotonic() - work.started_s
    with Stopwatch() as second:
        db.execute(statement).fetchall()
    return {
        "seconds": first.wall_s,
        "cold_s": cold_s,
        "warm_s": second.wall_s,
        "cpu_s": first.cpu_s,
        "rows": sum(count for _, count in found),
    }


def memory(work: Work, engine: str) -> Values:
    """Count one file a trigger and look at the memory meanwhile."""
    spark = open_session(work, engine)
    total = len(files_of(work.data))
    query = count_stream(work, spark, 1)
    looks: list[tuple[int, int]] = []
    while query.isActive:
        progress = query.lastProgress
        if progress is not None:
            looks.append((progress["batchId"], memory_bytes()))
        time.sleep(0.02)
    query.awaitTermination()
    return {"peak": peak_memory_bytes() / MEGABYTE, **_early_and_late(looks, total), "rows": counted(spark)}


def _early_and_late(looks: list[tuple[int, int]], total: int) -> Values:
    """Return the medians, from the 10th file on and at the end: allocators give back what they like when they like."""
    few = max(1, total // 8)
    tenth = min(9, total - few)
    early = [size for batch, size in looks if tenth <= batch < tenth + few]
    late = [size for batch, size in looks if total - few <= batch < total]
    return {
        "tenth": statistics.median(early or late) / MEGABYTE,
        "last": statistics.median(late or early) / MEGABYTE,
    }


def memory_by_hand(work: Work) -> Values:
    """Count one file a transaction and look at the memory meanwhile."""
    db = open_database(work.path("results.duckdb"))
    step = count_into(db)
    looks = []
    files = files_of(work.data)
    for number, file in enumerate(files):
        step(file)
        looks.append((number, memory_bytes()))
    [(rows,)] = db.execute("SELECT sum(count) FROM counts").fetchall()
    return {
        "peak": peak_memory_bytes() / MEGABYTE,
        **_early_and_late(looks, len(files)),
        "rows": int(rows),
    }


BENCHMARKS = (
    Benchmark(
        "a",
        "count, one file a trigger, durable",
        (
            Contender("lightstream", file_by_file, {"engine": LIGHTSTREAM}),
            Contender("hand-written loop", file_by_file_by_hand),
            Contender("Spark", file_by_file, {"engine": SPARK}, spark=True),
        ),
        (Measure("seconds", "query"), Measure("batch_ms", "a file", "ms"), Measure("cpu_s", "CPU")),
        (
            Bar("at least 12 times faster than Spark", "seconds", 1 / 12, "Spark"),
            Bar("within 1.3x of the hand-written loop", "seconds", 1.3, "hand-written loop"),
        ),
        "`availableNow` with a checkpoint on disk; the session is up when the clock starts.",
    ),
    Benchmark(
        "b",
        "count, all at once",
        (
            Contender("lightstream", at_once, {"engine": LIGHTSTREAM}),
            Contender("raw DuckDB", at_once_by_hand),
            Contender("Spark", at_once, {"engine": SPARK}, spark=True),
        ),
        (
            Measure("seconds", "query"),
            Measure("cold_s", "with start"),
            Measure("warm_s", "second time"),
            Measure("cpu_s", "CPU"),
        ),
        (
            Bar("within 1.25x of one raw statement plus 0.3 s", "seconds", 1.25, "raw DuckDB", plus=0.3),
            Bar("at least 8 times faster than Spark, cold", "cold_s", 1 / 8, "Spark"),
        ),
        "`query`: the first one in a process, session up; `with start`: from the start of the process to the result.",
    ),
    Benchmark(
        "f",
        "memory in (a)",
        (
            Contender("lightstream", memory, {"engine": LIGHTSTREAM}),
            Contender("hand-written loop", memory_by_hand),
            Contender("Spark", memory, {"engine": SPARK}, spark=True),
        ),
        (
            Measure("peak", "peak", "MB"),
            Measure("tenth", "from the 10th file on", "MB"),
            Measure("last", "at the end", "MB"),
        ),
        (
            Bar("at most a fifth of Spark's", "peak", 1 / 5, "Spark"),
            Bar("flat from the 10th to the last file (1.1x)", "last", 1.1, "lightstream", "tenth"),
        ),
        "Resident memory of all processes, sampled every 20 ms; medians over ten files.",
        most_rounds=2,
    ),
)
