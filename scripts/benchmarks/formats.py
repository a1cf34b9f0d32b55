"""Files of other formats: (n) a filter to Parquet, file by file, (o) counts of CSV and Parquet."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from benchmarks.contract import Bar, Benchmark, Contender, Measure, Values, Work
from benchmarks.counting import counted
from benchmarks.engines import (
    LIGHTSTREAM,
    SCHEMA,
    SPARK,
    files_of,
    open_session,
    read_stream,
    start_to_table,
)
from benchmarks.filtering import COLUMNS
from benchmarks.hand import open_database, read_json
from benchmarks.usage import Stopwatch

CSV, PARQUET = "CSV", "Parquet"
_COPY = {CSV: "FORMAT csv, HEADER true", PARQUET: "FORMAT parquet, COMPRESSION snappy"}
_TYPES = {
    name: "VARCHAR" if kind == "STRING" else kind for name, kind in (c.split() for c in SCHEMA.split(", "))
}


def to_parquet(work: Work, engine: str) -> Values:
    """Filter one file a trigger into Parquet files."""
    spark = open_session(work, engine)
    with Stopwatch() as watch:
        rows = read_stream(spark, work.data, 1).where("gt like '%stairs%'")
        writer = rows.select(*COLUMNS).writeStream.format("parquet").option("path", work.path("stairs"))
        writer = writer.option("checkpointLocation", work.path("checkpoint"))
        writer.trigger(availableNow=True).start().awaitTermination()
    rows_written = spark.read.parquet(work.path("stairs")).count()
    return {
        "seconds": watch.wall_s,
        "batch_ms": 1000 * watch.wall_s / len(files_of(work.data)),
        "cpu_s": watch.cpu_s,
        "rows": rows_written,
    }


def to_parquet_by_hand(work: Work) -> Values:
    """Filter one file after the other into Parquet files, and remember each in a transaction."""
    db = open_database(work.path("results.duckdb"))
    files = files_of(work.data)
    os.mkdir(work.path("stairs"))
    with Stopwatch() as watch:
        for number, file in enumerate(files):
            scan = read_json([file], **COLUMNS)
            target = work.path("stairs", f"{number}.parquet")
            select = f"SELECT {', '.join(COLUMNS)} FROM {scan} WHERE gt LIKE '%stairs%'"
            db.execute(f"COPY ({select}) TO '{target}' (FORMAT parquet, COMPRESSION snappy)")
            db.execute("INSERT INTO files VALUES (?)", [file])
    [(rows,)] = db.execute(f"SELECT count(*) FROM read_parquet('{work.path('stairs')}/*.parquet')").fetchall()
    return {
        "seconds": watch.wall_s,
        "batch_ms": 1000 * watch.wall_s / len(files),
        "cpu_s": watch.cpu_s,
        "rows": rows,
    }


def converted(work: Work, format: str) -> str:
    """Return the directory of the same rows in another format; it is made once for all rounds."""
    import duckdb

    directory = os.path.join(os.path.dirname(os.path.dirname(work.scratch)), format)
    if os.path.exists(directory):
        return directory
    making = work.path(format)
    os.mkdir(making)
    for number, file in enumerate(files_of(work.data)):
        target = f"{making}/{number:03}.{format.lower()}"
        duckdb.execute(f"COPY (SELECT * FROM {read_json([file], **_TYPES)}) TO '{target}' ({_COPY[format]})")
    os.rename(making, directory)
    os.sync()
    return directory


def count(work: Work, engine: str, format: str) -> Values:
    """Count all files in one batch; `cold_s` has the start of the process, without the making of the files."""
    with Stopwatch() as making:
        data = converted(work, format)
    spark = open_session(work, engine)

    def run() -> Any:
        reader = spark.readStream.schema(SCHEMA).format(format.lower()).option("header", True)
        counts = reader.load(data).groupBy("gt").count()
        start_to_table(counts, work, "complete", "counts", availableNow=True).awaitTermination()
        return counted(spark)

    with Stopwatch() as first:
        rows = run()
    cold_s = time.monotonic() - work.started_s - making.wall_s
    shutil.rmtree(work.path("checkpoint-counts"))
    spark.sql("DROP TABLE IF EXISTS counts" if engine == LIGHTSTREAM else "DROP VIEW counts")
    with Stopwatch() as second:
        run()
    return {
        "seconds": first.wall_s,
        "cold_s": cold_s,
        "warm_s": second.wall_s,
        "cpu_s": first.cpu_s,
        "rows": rows,
    }


def count_by_hand(work: Work, format: str) -> Values:
    """Count all files with one statement."""
    import duckdb

    with Stopwatch() as making:
        files = sorted(entry.path for entry in os.scandir(converted(work, format)))
    named = ", ".join(f"'{file}'" for file in files)
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in _TYPES.items())
    scans = {
        CSV: f"read_csv([{named}], columns={{{columns}}}, header=true, auto_detect=false)",
        PARQUET: f"read_parquet([{named}])",
    }
    db = duckdb.connect()
    statement = f"SELECT gt, count(*) FROM {scans[format]} GROUP BY gt"
    with Stopwatch() as first:
        found = db.execute(statement).fetchall()
    cold_s = time.monotonic() - work.started_s - making.wall_s
    with Stopwatch() as second:
        db.execute(statement).fetchall()
    return {
        "seconds": first.wall_s,
        "cold_s": cold_s,
        "warm_s": second.wall_s,
        "cpu_s": first.cpu_s,
        "rows": sum(number for _, number in found),
    }


def _contenders(format: str) -> tuple[Contender, ...]:
    given = {"format": format}
    return (
        Contender(f"lightstream, {format}", count, {"engine": LIGHTSTREAM, **given}),
        Contender(f"raw DuckDB, {format}", count_by_hand, given),
        Contender(f"Spark, {format}", count, {"engine": SPARK, **given}, spark=True),
    )


def _bars(format: str) -> tuple[Bar, ...]:
    ours = f"lightstream, {format}"
    duckdb = f"raw DuckDB, {format}"
    return (
        Bar(f"{format}: within 1.3x of one raw statement plus 0.3 s", "seconds", 1.3, duckdb, plus=0.3, contender=ours),
        Bar(f"{format}: at least 8 times faster than Spark, cold", "cold_s", 1 / 8, f"Spark, {format}", contender=ours),
    )  # fmt: skip


BENCHMARKS = (
    Benchmark(
        "n",
        "filter to Parquet, one file a trigger, durable",
        (
            Contender("lightstream", to_parquet, {"engine": LIGHTSTREAM}),
            Contender("hand-written loop", to_parquet_by_hand),
            Contender("Spark", to_parquet, {"engine": SPARK}, spark=True),
        ),
        (Measure("seconds", "query"), Measure("batch_ms", "a file", "ms"), Measure("cpu_s", "CPU")),
        (Bar("at least 10 times faster than Spark", "seconds", 1 / 10, "Spark"),),
        "A quarter of the rows, four columns; both engines keep Spark's log of the directory's files.",
    ),
    Benchmark(
        "o",
        "count of CSV and of Parquet, all at once",
        (*_contenders(CSV), *_contenders(PARQUET)),
        (
            Measure("seconds", "query"),
            Measure("cold_s", "with start"),
            Measure("warm_s", "second time"),
            Measure("cpu_s", "CPU"),
        ),
        (*_bars(CSV), *_bars(PARQUET)),
        "The rows of the JSON files, as many files with a header, or of Parquet; a stream with a checkpoint as in (b).",
    ),
)
