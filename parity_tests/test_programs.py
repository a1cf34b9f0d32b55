"""Streaming programs on both engines: the rows of each batch, the progress, the schemas, the refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from known import known
from stream_cases import Engine, compare, engines, refusal_of

from lightstream.parity.answers import columns_of, rows_of


def complete_file_by_file(engine: Engine) -> None:
    engine.put(0, 1, 2, 3, 4)
    counts = engine.stream(maxFilesPerTrigger=1).groupBy("k").count()
    engine.finish(engine.start(counts, "complete", availableNow=True))


def update_file_by_file(engine: Engine) -> None:
    F = engine.F
    engine.put(0, 1, 2, 3, 4)
    groups = engine.stream(maxFilesPerTrigger=1).groupBy("k")
    measured = groups.agg(F.sum("n"), F.avg("x"), F.min("ts"), F.max("n").alias("most"), F.stddev("x"))
    engine.finish(engine.start(measured, "update", availableNow=True))


def append_file_by_file(engine: Engine) -> None:
    F = engine.F
    engine.put(0, 1, 2, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=1)
    frame = frame.withColumn("big", F.expr("n > 2")).where("big or n * 2 = 4 or n is null")
    frame = frame.select("k", "big", (F.col("x") * 2).alias("twice"), F.hour("ts"), "ts")
    engine.finish(engine.start(frame, "append", availableNow=True))


def once_takes_everything(engine: Engine) -> None:
    engine.put(0, 1, 2, 3, 4)
    counts = engine.stream(maxFilesPerTrigger=1).groupBy("k").count()
    engine.finish(engine.start(counts, "complete", once=True))


def available_now_again_from_a_checkpoint(engine: Engine) -> None:
    engine.put(0, 1)
    for arriving in ((2, 3), (4,), ()):
        counts = engine.stream(maxFilesPerTrigger=2).groupBy("k").agg(engine.F.sum("n"), engine.F.count("*"))
        engine.finish(engine.start(counts, "update", availableNow=True))
        engine.put(*arriving)


def files_that_arrive_while_it_runs(engine: Engine) -> None:
    engine.put(0)
    query = engine.start(engine.stream().groupBy("k").count(), "update", processingTime="0 seconds")
    for position in (1, 3, 4):
        query.processAllAvailable()
        engine.put(position)
    query.processAllAvailable()
    engine.tell_progress(query)
    query.stop()
    engine.tell("active", query.isActive, query.exception())


def windows_with_a_watermark(engine: Engine) -> None:
    F = engine.F
    engine.put(0, 1, 2, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=1).withWatermark("ts", "10 minutes")
    counts = frame.groupBy(F.window("ts", "5 minutes"), "k").count()
    engine.finish(engine.start(counts, "append", availableNow=True))


def memory_tables(engine: Engine) -> None:
    engine.put(0, 1, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=1)
    engine.tell(frame.isStreaming, columns_of(frame))
    for mode, changed in (
        ("append", frame.where("coalesce(n, 0) > 1")),
        ("complete", frame.groupBy("k").count()),
    ):
        writer = changed.writeStream.format("memory").queryName(f"parity_{mode}").outputMode(mode)
        query = writer.trigger(availableNow=True).start()
        engine.finish(query)
        table = engine.spark.sql(f"select * from parity_{mode}")
        engine.tell(mode, query.name, columns_of(table), rows_of(table))
        engine.tell([row[0] for row in engine.spark.sql(f"select count(*) from parity_{mode}").collect()])


def distinct_rows(engine: Engine) -> None:
    engine.put(0, 1, 2, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=2).select("k", "n").dropDuplicates(["k"])
    engine.finish(engine.start(frame.select("k"), "append", availableNow=True))


def a_table_of_numbers_joins(engine: Engine) -> None:
    engine.put(0, 1, 2, 3, 4)
    names = engine.spark.createDataFrame(
        [("a", "first"), ("b", "second"), ("b", "twice")], "k string, name string"
    )
    frame = engine.stream(maxFilesPerTrigger=2).join(names, "k", "left").groupBy("name").agg({"n": "max"})
    engine.finish(engine.start(frame, "complete", availableNow=True))


def rows_that_a_filter_keeps(engine: Engine) -> None:
    engine.set("spark.sql.json.filterPushdown.enabled", "true")  # as it is by default
    engine.put(0, 1, 2, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=1).where("k is not null").select("k", "n")
    engine.finish(engine.start(frame, "append", availableNow=True))


def aggregates_from_a_dict(engine: Engine) -> None:
    engine.put(0, 1, 3, 4)
    frame = engine.stream().groupBy("k").agg({"n": "sum", "*": "count"})
    engine.finish(engine.start(frame, "complete", availableNow=True))


PROGRAMS = (
    aggregates_from_a_dict,
    rows_that_a_filter_keeps,
    complete_file_by_file,
    update_file_by_file,
    append_file_by_file,
    once_takes_everything,
    available_now_again_from_a_checkpoint,
    files_that_arrive_while_it_runs,
    windows_with_a_watermark,
    memory_tables,
    distinct_rows,
    a_table_of_numbers_joins,
)


@pytest.mark.parametrize("program", [known(program.__name__, program) for program in PROGRAMS])
def test_program(spark: Any, lightstream: Any, tmp_path: Path, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)


# ---- refusals -------------------------------------------------------------------------------------------------------


def _start(mode: str, make: Callable[[Any, Any], Any]) -> Callable[[Engine], Any]:
    def attempt(engine: Engine) -> Any:
        query = make(engine.stream(), engine.F).writeStream.format("noop").outputMode(mode)
        query = query.option("checkpointLocation", str(engine.directory / "checkpoint")).start()
        query.stop()

    return attempt


def counts(df: Any, F: Any) -> Any:
    return df.groupBy("k").count()


REFUSALS: dict[str, Callable[[Engine], Any]] = {
    "complete without aggregation": _start("complete", lambda df, F: df.where("n > 1")),
    "append of an aggregation": _start("append", counts),
    "append of an aggregation without keys": _start("append", lambda df, F: df.agg(F.count("*"))),
    "complete of distinct rows": _start("complete", lambda df, F: df.distinct()),
    "a mode that is none": _start("some", counts),
    "limit, update": _start("update", lambda df, F: df.limit(3)),
    "limit, complete": _start("complete", lambda df, F: df.limit(3)),
    "sort, append": _start("append", lambda df, F: df.orderBy("n")),
    "sort of an aggregation, update": _start("update", lambda df, F: counts(df, F).orderBy("count")),
    "aggregation of an aggregation, update": _start(
        "update", lambda df, F: counts(df, F).groupBy("count").agg(F.count("*"))
    ),
    "aggregation of an aggregation, complete": _start(
        "complete", lambda df, F: counts(df, F).groupBy("count").agg(F.count("*"))
    ),
    "distinct aggregate": _start("update", lambda df, F: df.groupBy("k").agg(F.count_distinct("n"))),
    "offset": _start("append", lambda df, F: df.offset(2)),
    "sample": _start("append", lambda df, F: df.sample(0.5)),
    "increasing id": _start("append", lambda df, F: df.withColumn("i", F.monotonically_increasing_id())),
    "a window function": _start("append", lambda df, F: df.selectExpr("sum(n) over (partition by k)")),
    "pivot": _start("complete", lambda df, F: df.groupBy("k").pivot("n").count()),
    "collect": lambda engine: engine.stream().collect(),
    "show": lambda engine: engine.stream().show(),
    "count": lambda engine: engine.stream().count(),
    "write": lambda engine: engine.stream().write,
    "writeStream of a table": lambda engine: engine.spark.range(3).writeStream,
    "union with a table": _start(
        "append", lambda df, F: df.select("n").union(df.sparkSession.range(3).selectExpr("int(id)"))
    ),
    "no schema": lambda engine: engine.spark.readStream.json(str(engine.directory / "in")),
    "a column that is not there": lambda engine: engine.stream().select("missing"),
    "no checkpoint location": lambda engine: engine.stream().writeStream.format("parquet").start(),
    "trigger of no length": lambda engine: engine.stream().writeStream.trigger(processingTime="-1 seconds"),
    "two triggers": lambda engine: engine.stream().writeStream.trigger(once=True, availableNow=True),
    "console with a bad mode": lambda engine: engine.stream().writeStream.format("console").outputMode(""),
    "memory without a name": lambda engine: engine.stream().writeStream.format("memory").start(),
    "files per trigger: none": lambda engine: (
        engine.stream(maxFilesPerTrigger=0).writeStream.format("noop").start().awaitTermination(60)
    ),
}


@pytest.mark.parametrize(
    "attempt", [known(f"refusal: {name}", attempt) for name, attempt in REFUSALS.items()]
)
def test_refusal(spark: Any, lightstream: Any, tmp_path: Path, attempt: Callable[[Engine], Any]) -> None:
    answers = []
    for engine in engines(spark, lightstream, tmp_path):
        engine.put(0)
        with pytest.raises(Exception) as caught:
            attempt(engine)
        answers.append(refusal_of(caught.value))
    assert answers[0] == answers[1]
