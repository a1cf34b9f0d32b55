"""(k) A join of two streams with a million stored rows a side: small batches that come in, match and leave."""

from __future__ import annotations

import os
import statistics
from typing import Any

from benchmarks.contract import Bar, Benchmark, Contender, Measure, Values, Work
from benchmarks.engines import LIGHTSTREAM, SPARK, open_session
from benchmarks.keys import ROCKSDB
from benchmarks.usage import Stopwatch, peak_memory_bytes

ROWS = 1000  # a batch and side, one a millisecond of event time
START_S = 1_700_000_000


def make_files(work: Work, stored: int, batches: int) -> tuple[str, str]:
    """Make two directories: in each a file with the rows that are stored first, and small ones."""
    import duckdb

    db = duckdb.connect()
    db.execute("SELECT setseed(0.5)")
    found = []
    for side in ("left", "right"):
        directory = work.path(side)
        os.makedirs(directory)
        found.append(directory)
        ends = [stored + ROWS * batch for batch in range(batches + 1)]
        for number, (begin, end) in enumerate(zip((0, *ends), ends, strict=False)):
            path = f"{directory}/{number:05d}.json"
            key = f"'user-' || CAST(floor(random() * {stored}) AS BIGINT)"
            line = f"""'{{"t":' || ({START_S} + i / 1000.0) || ',"k":"' || {key} || '","n":' || i || '}}'"""
            db.execute(
                f"COPY (SELECT {line} FROM range({begin}, {end}) t(i)) TO '{path}' "
                "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
            )
            os.utime(path, (START_S + number,) * 2)
    return found[0], found[1]


def stream(work: Work, engine: str, kind: str, batches: tuple[int, int]) -> Values:
    """Store the first rows in one batch, then run small ones; what they take is told without the first ten."""
    number = work.scaled(*batches)
    stored = work.scaled(1_000_000, 20_000)
    directories = make_files(work, stored, number)
    spark = open_session(work, engine)
    if engine == SPARK:
        spark.conf.set("spark.sql.streaming.stateStore.providerClass", ROCKSDB)
    spark.conf.set("spark.sql.streaming.numRecentProgressUpdates", str(number + 10))

    def side(directory: str, letter: str) -> Any:
        rows = spark.readStream.schema("t DOUBLE, k STRING, n BIGINT").option("maxFilesPerTrigger", 1)
        named = (f"timestamp_seconds(t) AS {letter}t", f"k AS {letter}k", f"n AS {letter}n")
        return rows.json(directory).selectExpr(*named).withWatermark(f"{letter}t", "0 seconds")

    left, right = side(directories[0], "l"), side(directories[1], "r")
    # Rows stay for as long as the first ones last: each batch stores as many as leave.
    span = f"interval {stored // 1000} seconds"
    functions = __import__(
        f"{'pyspark' if engine == SPARK else 'lightstream'}.sql.functions", fromlist=["expr"]
    )
    condition = functions.expr(f"lk = rk AND lt >= rt - {span} AND lt <= rt + {span}")
    writer = left.join(right, condition, kind).writeStream.format("noop")
    with Stopwatch() as watch:
        query = (
            writer.option("checkpointLocation", work.path("checkpoint")).trigger(availableNow=True).start()
        )
        query.awaitTermination()
    progress = [entry for entry in query.recentProgress if entry["numInputRows"]]
    small = [entry["batchDuration"] for entry in progress[11:]]
    return {
        "batch_ms": statistics.median(small),
        "mean_ms": statistics.mean(small),
        "most_ms": max(small),
        "load_s": progress[0]["batchDuration"] / 1000,
        "live": progress[-1]["stateOperators"][0]["numRowsTotal"],
        "cpu_s": watch.cpu_s,
        "memory": peak_memory_bytes() / 1e6,
    }


def _here(name: str, kind: str) -> Contender:
    return Contender(name, stream, {"engine": LIGHTSTREAM, "kind": kind, "batches": (300, 30)})


BENCHMARKS = (
    Benchmark(
        "k",
        "join of two streams, a million stored rows a side",
        (
            _here("lightstream", "inner"),
            _here("lightstream, left outer", "left"),
            Contender(
                "Spark, RocksDB",
                stream,
                {"engine": SPARK, "kind": "inner", "batches": (30, 20)},
                spark=True,
            ),
        ),
        (
            Measure("batch_ms", "a batch", "ms"),
            Measure("mean_ms", "mean", "ms"),
            Measure("most_ms", "longest", "ms"),
            Measure("load_s", "the load"),
            Measure("live", "stored rows", ""),
            Measure("memory", "memory", "MB"),
        ),
        (
            Bar("under 60 ms a batch", "batch_ms", 60),
            Bar("under 60 ms a batch, left outer", "batch_ms", 60, contender="lightstream, left outer"),
        ),
        "A million rows a side come in one batch; then batches of 1,000 a side, with keys of text drawn from a "
        "million. As many rows as come leave. State on disk, sink `noop`, times from the progress.",
        most_rounds=1,
    ),
)
