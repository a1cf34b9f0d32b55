"""The program that is killed: one query over a directory of JSON files. Its argument is a `Job` as JSON."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))  # it is run by its path

from kills import expected

PLANS = (
    "append", "complete", "update", "keyed", "distinct", "within", "limit", "windows", "windows-update", "chained",
    "sessions", "groups", "joined", "padded",
)  # fmt: skip
SINKS = ("table", "file", "function", "delta", "parquet", "json")
SLOW_SINKS = ("iceberg",)  # where they are asked for
BY_KEY = ("update", "keyed", "windows-update", "groups")  # in update mode, which a Delta table does not take
FILES = ("parquet", "json")
STORED = ("s3",)  # what is in an object store, the checkpoint too; such queries have no state
APPENDS = ("append", "distinct", "within", "limit", "windows", "chained", "sessions", "joined", "padded")
LIMIT = "KILLS_FILE_SIZE"  # the variable that says how large a file the process may write, in bytes


@dataclass(frozen=True, slots=True)
class Job:
    """One query. All paths are absolute; `done` is the file that tells it that no more input comes, if it waits."""

    source: str
    output: str
    checkpoint: str
    plan: str
    sink: str
    limit: int = 1
    archive: str = ""
    done: str = ""
    conf: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    fold: bool = False  # the state's two levels are merged at each batch
    duckdb: tuple[str, ...] = ()  # statements for the session's database, before the query starts

    @property
    def database(self) -> str:
        """The session's own database file."""
        return os.path.join(self.output, "session.duckdb")

    @property
    def file(self) -> str:
        """The database file of the sink `file`."""
        return os.path.join(self.output, "own.duckdb")

    @property
    def delta(self) -> str:
        """The table of the sink `delta`."""
        return os.path.join(self.output, "delta")

    @property
    def iceberg(self) -> dict[str, str]:
        """The catalog of the sink `iceberg`."""
        return {
            "type": "sql",
            "uri": f"sqlite:///{self.output}/catalog.db",
            "warehouse": f"file://{self.output}/warehouse",
        }

    @property
    def files(self) -> str:
        """The directory of the sinks `parquet` and `json`, which has partitions."""
        return os.path.join(self.output, "files")

    @property
    def batches(self) -> str:
        """The directory of the sink `function`: a file a batch."""
        return os.path.join(self.output, "batches")


def main(job: Job) -> None:
    """Run the query to its end."""
    from lightstream.sql import SparkSession
    from lightstream.sql import functions as F

    builder = SparkSession.builder
    if job.sink == "table":
        builder = builder.config("lightstream.database", job.database)
    for key, value in job.conf.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    if job.fold:
        from lightstream.operators import joined, keyed

        keyed._MIN_FOLD_ROWS = joined._MIN_FOLD_ROWS = 1
    for statement in job.duckdb:
        spark._state.database.cursor().execute(statement)
    reader = spark.readStream.schema("k string, n int").option("maxFilesPerTrigger", job.limit)
    for key, value in job.options.items():
        reader = reader.option(key, value)
    if job.archive:
        reader = reader.option("cleanSource", "archive").option("sourceArchiveDir", job.archive)
    stream = reader.json(job.source)
    frame, mode = planned(job.plan, stream, F)
    writer = frame.writeStream.outputMode(mode).option("checkpointLocation", job.checkpoint)
    if job.plan == "keyed":
        writer = writer.option("keys", "k")
    if not job.done:
        writer = writer.trigger(availableNow=True)
    if job.sink == "table":
        query = writer.toTable("result")
    elif job.sink == "file":
        query = writer.format("duckdb").option("path", job.file).option("dbtable", "result").start()
    elif job.sink == "delta":
        query = writer.format("delta").start(job.delta)
    elif job.sink == "iceberg":
        options = {f"catalog.{key}": value for key, value in job.iceberg.items()}
        query = writer.format("iceberg").options(**options).start("kills.result")
    elif job.sink in ("json", "s3"):
        parts = frame.columns[: len(frame.columns) > 1]
        query = writer.format("json").partitionBy(parts).start(job.files)
    elif job.sink == "parquet":
        query = writer.format("parquet").start(job.files)
    else:
        query = writer.foreachBatch(lambda frame, batch_id: keep(job.batches, frame, batch_id)).start()
    if job.done:
        while not os.path.exists(job.done):
            query.awaitTermination(0.02)
            if not query.isActive:
                break
        query.processAllAvailable()
        query.stop()
    query.awaitTermination()


def planned(plan: str, stream, F):
    """Return the query of a plan and its output mode."""
    times = stream.withColumn("t", F.timestamp_seconds("n"))
    counts = (
        times.withWatermark("t", "5 seconds")
        .groupBy(F.window("t", "20 seconds").alias("w"))
        .agg(F.count("*").alias("c"))
    )
    groups = stream.groupBy("k").agg(F.count("*").alias("c"), F.sum("n").alias("s"))
    match plan:
        case "append":
            return stream.where("n % 2 = 0").select("k", "n"), "append"
        case "distinct":
            return stream.selectExpr("n % 7 AS m").dropDuplicates(["m"]), "append"
        case "within":
            marked = times.withColumn("m", F.expr("n div 16")).withWatermark("t", "20 seconds")
            return marked.dropDuplicatesWithinWatermark(["m"]).select("m"), "append"
        case "limit":
            return stream.select("k", "n").limit(expected.LIMIT), "append"
        case "windows":
            return counts.selectExpr("CAST(w.start AS BIGINT) AS s", "c"), "append"
        case "windows-update":
            return counts.selectExpr("CAST(w.start AS BIGINT) AS s", "c"), "update"
        case "chained":
            wide = counts.groupBy(F.window("w", "40 seconds").alias("v")).agg(F.sum("c").alias("c"))
            return wide.selectExpr("CAST(v.start AS BIGINT) AS s", "c"), "append"
        case "joined" | "padded":
            # No row is at the epoch, where a watermark begins.
            marked = stream.withColumn("t", F.expr("timestamp_seconds(n + 100)")).withWatermark(
                "t", "5 seconds"
            )
            later = marked.selectExpr("k AS j", "n AS m", "t AS u")
            near = F.expr("k = j AND u > t AND u < t + INTERVAL 10 SECONDS")
            kind = "inner" if plan == "joined" else "left"
            return marked.join(later, near, kind).selectExpr("n", "m"), "append"
        case "sessions":
            gaps = F.session_window("t", "4 seconds").alias("w")
            found = times.withWatermark("t", "5 seconds").groupBy("k", gaps).agg(F.count("*").alias("c"))
            parts = ("k", "CAST(w.start AS BIGINT) AS s", "CAST(w.end AS BIGINT) AS e", "c")
            return found.selectExpr(*parts), "append"
        case "groups":
            schemas = ("k string, c long, s long", "c long, s long")
            return stream.groupBy("k").applyInPolarsWithState(
                totals, *schemas, "update", "NoTimeout"
            ), "update"
    return groups, "complete" if plan == "complete" else "update"


def totals(key: tuple, frame, state):
    """Return number and sum of a group's rows so far."""
    import polars

    count, total = state.getOption or (0, 0)
    state.update((count + len(frame), total + frame["n"].sum()))
    return polars.DataFrame({"k": [key[0]], "c": [state.get[0]], "s": [state.get[1]]})


def keep(directory: str, frame, batch_id: int) -> None:
    """Write a batch under its id; a batch that is given again must have the same rows."""
    text = json.dumps(sorted([list(row) for row in frame.collect()]))
    path = os.path.join(directory, f"{batch_id}.json")
    if os.path.exists(path):
        with open(path) as file:
            before = file.read()
        if before != text:
            raise AssertionError(f"batch {batch_id} was {before} and is given again as {text}")
    with open(f"{path}.tmp", "w") as file:
        file.write(text)
    os.replace(f"{path}.tmp", path)


if __name__ == "__main__":
    if LIMIT in os.environ:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(os.environ[LIMIT]),) * 2)
    main(Job(**json.loads(sys.argv[1])))
