"""What the contenders share: the session of either engine, the data's columns, the query that reads it."""

from __future__ import annotations

import importlib
import os
from typing import Any

from benchmarks.contract import Work

SCHEMA = (
    "Arrival_Time BIGINT, Creation_Time BIGINT, Device STRING, Index BIGINT, Model STRING, User STRING, gt STRING, "
    "x DOUBLE, y DOUBLE, z DOUBLE"
)
LIGHTSTREAM, SPARK = "lightstream", "spark"


def open_session(work: Work, engine: str) -> Any:
    """Return a session: of lightstream with its database in a file, or of Spark with two threads."""
    if engine == LIGHTSTREAM:
        builder = importlib.import_module("lightstream.sql").SparkSession.builder
        return builder.config("lightstream.database", work.path("results.duckdb")).getOrCreate()
    importlib.import_module("lightstream.real_spark").prepare()
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = importlib.import_module("pyspark.sql").SparkSession.builder
    for key, value in {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": work.path("spark"),
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": work.path("warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }.items():
        builder = builder.config(key, value)
    spark = builder.master("local[2]").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def read_stream(spark: Any, directory: str, files_a_trigger: int | None = None) -> Any:
    """Return the stream of the JSON files in a directory, all ten columns."""
    reader = spark.readStream.schema(SCHEMA)
    if files_a_trigger is not None:
        reader = reader.option("maxFilesPerTrigger", files_a_trigger)
    return reader.json(directory)


def start_to_table(frame: Any, work: Work, mode: str, name: str, **trigger: Any) -> Any:
    """Start a query with a checkpoint whose results are in the table `name`.

    lightstream writes to a table in its database file. Spark, which has no table that takes complete mode, writes
    to its memory sink; its checkpoint is as durable.
    """
    writer = frame.writeStream.outputMode(mode).option("checkpointLocation", work.path(f"checkpoint-{name}"))
    if trigger:
        writer = writer.trigger(**trigger)
    if type(frame).__module__.startswith("pyspark."):
        return writer.format("memory").queryName(name).start()
    return writer.toTable(name)


def files_of(directory: str) -> list[str]:
    """Return the JSON files of a directory, in order."""
    with os.scandir(directory) as entries:
        return sorted(entry.path for entry in entries if entry.name.endswith(".json"))
