"""The state data source: what `statestore` and `state-metadata` show of the state of a query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare, refusal_of

CASES = Cases("state data")


def late(df: Any) -> Any:
    return df.withWatermark("ts", "10 minutes")


QUERIES: dict[str, tuple[str, Callable[[Any, Any], Any], int]] = {
    "counts": ("update", lambda df, F: df.groupBy("k").count(), 1),
    "buffers": (
        "update",
        lambda df, F: df.groupBy("k", F.col("n").alias("m")).agg(
            F.avg("x").alias("mean"), F.max("ts"), F.min("k")
        ),
        1,
    ),
    "expressions as keys": (
        "update",
        lambda df, F: df.groupBy(F.upper("k"), F.col("n").alias("m")).count(),
        1,
    ),
    "more buffers": ("update", lambda df, F: df.groupBy(df.n).agg(F.sum("n"), F.count("x"), F.max("x")), 1),
    "windows": ("update", lambda df, F: late(df).groupBy(F.window("ts", "5 minutes"), "k").count(), 1),
    "duplicates": ("append", lambda df, F: df.select("k", "n").dropDuplicates(["n", "k"]), 1),
    "duplicates within": (
        "append",
        lambda df, F: late(df).select("k", "ts").dropDuplicatesWithinWatermark(["k"]),
        1,
    ),
    "limit": ("append", lambda df, F: df.select("k").limit(4), 1),
    "a chain": (
        "append",
        lambda df, F: (
            late(df)
            .groupBy(F.window("ts", "5 minutes"))
            .count()
            .groupBy(F.window("window", "1 hour"))
            .sum("count")
        ),
        2,
    ),
}


def state_of(mode: str, make: Callable[[Any, Any], Any], operators: int) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.set("spark.sql.shuffle.partitions", "1")
        engine.put(0, 1, 3)
        frame = make(engine.stream(maxFilesPerTrigger=1), engine.F)
        engine.finish(engine.start(frame, mode, availableNow=True))
        checkpoint = engine.path("checkpoint")
        for operator in range(operators):
            reader = engine.spark.read.format("statestore").option("operatorId", operator)
            engine.tell_frame(reader.load(checkpoint))
        found = engine.spark.read.format("state-metadata").load(checkpoint)
        engine.tell_frame(found.drop("minBatchId"))

    return program


for _name, _query in QUERIES.items():
    CASES.add(_name, state_of(*_query))


@CASES
def what_cannot_be(engine: Engine) -> None:
    engine.put(0)
    engine.run(engine.stream().groupBy("k").count(), "update")
    engine.run(engine.stream().select("k"), "append", checkpoint="stateless")

    def attempt(path: str | None, **options: Any) -> None:
        reader = engine.spark.read.format("statestore").options(**options)
        try:
            (reader.load() if path is None else reader.load(engine.path(path))).collect()
        except Exception as error:
            engine.tell(options, *refusal_of(error)[:2])
        else:
            engine.tell(options, "no error")

    attempt("checkpoint", operatorId=7)
    attempt("checkpoint", operatorId="x")
    attempt("checkpoint", operatorId=-1)
    attempt("checkpoint", batchId=-1)
    attempt("checkpoint", storeName="default", batchId=0)
    attempt("checkpoint", storeName="other")
    attempt("checkpoint", joinSide="left")
    attempt("checkpoint", joinSide="middle")
    attempt("checkpoint", joinSide="none")
    attempt("nowhere")
    attempt("stateless")
    attempt(None)
    metadata = engine.spark.read.format("state-metadata")
    engine.tell_frame(metadata.load(engine.path("stateless")))
    engine.attempt("no path", lambda: metadata.load().collect())
    engine.attempt("schema", lambda: engine.spark.read.schema("a int").format("statestore").load("x"))
    engine.attempt(
        "stream", lambda: engine.spark.readStream.format("statestore").load(engine.path("checkpoint"))
    )


@pytest.mark.parametrize("program", list(CASES))
def test_state_data(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)
