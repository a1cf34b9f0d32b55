"""Millions of keys in the state: (j) counts by key, (l) dropDuplicates; small batches after a large one."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence

from benchmarks.contract import Bar, Benchmark, Contender, Measure, Values, Work
from benchmarks.engines import LIGHTSTREAM, SPARK, open_session
from benchmarks.usage import Stopwatch, peak_memory_bytes

ROWS = 1000
ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
COUNT, DISTINCT = "count", "dropDuplicates"


def make_files(work: Work, keys: int, batches: int) -> str:
    """Make a file with each key once, and small ones with keys drawn from them; a tenth of their keys is new."""
    import duckdb

    directory = work.path("incoming")
    os.makedirs(directory)
    db = duckdb.connect()
    db.execute("SELECT setseed(0.5)")

    def write(number: int, select: str) -> None:
        path = f"{directory}/{number:05d}.json"
        db.execute(
            f"COPY ({select}) TO '{path}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
        )
        os.utime(path, (1_700_000_000 + number,) * 2)

    line = """'{"k":"user-' || i || '","n":' || (i % 1000) || '}'"""
    write(0, f"SELECT {line} FROM range({keys}) t(i)")
    drawn = f"CAST(floor(random() * {int(keys * 10 / 9)}) AS BIGINT)"
    for number in range(1, batches + 1):
        write(number, f"SELECT {line} FROM (SELECT {drawn} AS i FROM range({ROWS}))")
    return directory


def stream(work: Work, engine: str, job: str, keys: Sequence[int], batches: Sequence[int]) -> Values:
    """Load all keys in one batch, then run small ones; what they take is told without the first ten.

    Args:
        keys: how many, in a full and in a small run.
        batches: how many small ones, likewise.
    """
    number = work.scaled(*batches)
    incoming = make_files(work, work.scaled(*keys), number)
    spark = open_session(work, engine)
    if engine == SPARK:
        spark.conf.set("spark.sql.streaming.stateStore.providerClass", ROCKSDB)
    spark.conf.set("spark.sql.streaming.numRecentProgressUpdates", str(number + 10))
    rows = spark.readStream.schema("k STRING, n BIGINT").option("maxFilesPerTrigger", 1).json(incoming)
    frame = rows.groupBy("k").count() if job == COUNT else rows.dropDuplicates(["k"])
    writer = frame.writeStream.outputMode("update" if job == COUNT else "append").format("noop")
    with Stopwatch() as watch:
        query = (
            writer.option("checkpointLocation", work.path("checkpoint")).trigger(availableNow=True).start()
        )
        query.awaitTermination()
    times_ms = [entry["batchDuration"] for entry in query.recentProgress]
    small = times_ms[11:]
    return {
        "batch_ms": statistics.median(small),
        "most_ms": max(small),
        "mean_ms": statistics.mean(small),
        "load_s": times_ms[0] / 1000,
        "cpu_s": watch.cpu_s,
        "memory": peak_memory_bytes() / 1e6,
        "disk": _size(work.path("checkpoint")) / 1e6,
    }


def _size(directory: str) -> int:
    return sum(
        os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(directory) for name in names
    )


def _benchmark(letter: str, job: str, title: str) -> Benchmark:
    five, ten = (5_000_000, 50_000), (10_000_000, 100_000)
    batches = (1500, 30)

    def here(name: str, keys: tuple[int, int], batches: tuple[int, int]) -> Contender:
        return Contender(name, stream, {"engine": LIGHTSTREAM, "job": job, "keys": keys, "batches": batches})

    return Benchmark(
        letter,
        title,
        (
            here("lightstream", five, batches),
            here("lightstream, 10 million keys", ten, batches),
            Contender(
                "Spark, RocksDB",
                stream,
                {"engine": SPARK, "job": job, "keys": five, "batches": (40, 12)},
                spark=True,
            ),
        ),
        (
            Measure("batch_ms", "a batch", "ms"),
            Measure("mean_ms", "mean", "ms"),
            Measure("most_ms", "longest", "ms"),
            Measure("load_s", "the load"),
            Measure("memory", "memory", "MB"),
            Measure("disk", "checkpoint", "MB"),
        ),
        (
            Bar("under 25 ms a batch", "batch_ms", 25),
            Bar("at least 15 times faster than Spark", "batch_ms", 1 / 15, "Spark, RocksDB"),
            Bar(
                "with twice the keys no more than twice",
                "batch_ms",
                2,
                "lightstream",
                contender="lightstream, 10 million keys",
            ),
            Bar("no batch takes longer than a second", "most_ms", 1000),
        ),
        "Five million keys of text come in one batch; then batches of 1,000 rows, a tenth with new keys. State on "
        "disk, sink `noop`, times from the progress.",
        most_rounds=1,
    )


BENCHMARKS = (
    _benchmark("j", COUNT, "counts by key in update mode, five million keys"),
    _benchmark("l", DISTINCT, "dropDuplicates, five million keys"),
)
