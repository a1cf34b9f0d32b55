"""What is printed: the console sink, show and printSchema of memory tables and batches, explain."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("stream text")


def console(mode: str, make: Callable[[Any, Any], Any], **options: Any) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.set("spark.sql.shuffle.partitions", "1")
        engine.put(0, 1, 3)
        frame = make(engine.stream(maxFilesPerTrigger=2), engine.F)
        writer = frame.writeStream.format("console").outputMode(mode).options(**options)
        engine.printed()
        query = writer.trigger(availableNow=True).start()
        assert query.awaitTermination(120)
        engine.tell(in_order(engine.printed(), mode, options))
        engine.tell([p["sink"]["numOutputRows"] for p in query.recentProgress])

    return program


def in_order(text: str, mode: str, options: dict[str, Any]) -> list[str]:
    """Return lines, those of a table's rows sorted where the query does not sort them."""
    found: list[str] = []
    for block in re.split(r"(?<=-\n)(?=\+)", text):
        lines = block.split("\n")
        rows = [i for i, line in enumerate(lines) if line.startswith("|")][1:]
        if mode != "complete" and rows and "numRows" not in options:
            lines[rows[0] : rows[-1] + 1] = sorted(lines[i] for i in rows)
        found += lines
    return found


CONSOLE: dict[str, tuple[str, Callable[[Any, Any], Any], dict[str, Any]]] = {
    "rows": ("append", lambda df, F: df, {}),
    "no rows": ("append", lambda df, F: df.where("n + 0 > 100"), {}),
    "wide cells": ("append", lambda df, F: df.select(F.repeat(F.lit("wide "), 10).alias("w"), "k"), {}),
    "wide cells, all of them": (
        "append", lambda df, F: df.select(F.repeat(F.lit("wide "), 10).alias("w"), "k"), {"truncate": False}
    ),
    "few rows": ("append", lambda df, F: df.select(F.lit("same").alias("s")), {"numRows": 2}),
    "no rows wanted": ("append", lambda df, F: df.select(F.lit("same").alias("s")), {"numRows": 0}),
    "nested values": (
        "append",
        lambda df, F: df.select(F.struct("k", "n").alias("s"), F.array("n", F.lit(1)), F.create_map(F.lit("n"), "n")),
        {"truncate": "false"},
    ),
    "numbers and times": (
        "append",
        lambda df, F: df.selectExpr(
            "x", "x * 1e10 as big", "cast(x as decimal(9,3))", "to_date(ts)", "n is null", "cast(k as binary)", "null"
        ),
        {},
    ),
    "wide letters": ("append", lambda df, F: df.select(F.lit("日本語").alias("字"), F.lit("é\tü\n").alias("e")), {}),
    "windows": (
        "complete",
        lambda df, F: df.groupBy(F.window("ts", "10 minutes"), "k").count().orderBy("window", "k"),
        {"truncate": "false"},
    ),
    "times within values": (
        "append",
        lambda df, F: df.select(F.array("ts"), F.struct("ts", F.create_map(F.lit(1), "ts").alias("m"))),
        {"truncate": "false"},
    ),
    "changed groups": ("update", lambda df, F: df.groupBy("k").count(), {}),
    "sorted groups": ("complete", lambda df, F: df.groupBy("k").count().orderBy("k"), {}),
    "more groups than shown": ("complete", lambda df, F: df.groupBy("k").count().orderBy("k"), {"numRows": 1}),
    "no columns": ("append", lambda df, F: df.select(), {}),
}  # fmt: skip
for name, (mode, make, options) in CONSOLE.items():
    CASES.add(f"console: {name}", console(mode, make, **options))


def memory(engine: Engine) -> Any:
    engine.put(0, 1, 3)
    frame = engine.stream().select("*", engine.F.struct("k", engine.F.array("n").alias("l")).alias("nested"))
    query = frame.writeStream.format("memory").queryName("printed").trigger(once=True).start()
    assert query.awaitTermination(60)
    return engine.spark.table("printed").orderBy("ts", "n")


@CASES
def show_of_a_memory_table(engine: Engine) -> None:
    table = memory(engine)
    engine.printed()
    for arguments in (
        {},
        {"n": 2},
        {"truncate": False},
        {"truncate": 5},
        {"n": 2, "vertical": True},
        {"n": 0},
    ):
        table.show(**arguments)
        engine.tell(arguments, engine.printed())


@CASES
def schemas(engine: Engine) -> None:
    frame = memory(engine)
    engine.printed()
    frame.printSchema()
    frame.printSchema(1)
    engine.stream().printSchema()
    engine.stream().groupBy("k").agg(engine.F.collect_list("n")).printSchema()
    engine.tell(engine.printed())
    engine.tell(str(frame), repr(engine.stream()))


@CASES
def show_in_foreach_batch(engine: Engine) -> None:
    engine.put(0, 1)
    engine.printed()
    frame = engine.stream(maxFilesPerTrigger=1).select("k", "n")
    writer = frame.writeStream.foreachBatch(lambda rows, batch_id: rows.orderBy("n").show())
    query = writer.trigger(availableNow=True).start()
    assert query.awaitTermination(60)
    engine.tell(engine.printed())


@CASES
def explaining(engine: Engine) -> None:
    engine.put(0)
    query = engine.start(engine.stream().select("k"), processingTime="1 hour")
    engine.until(lambda: query.lastProgress)
    engine.printed()
    query.explain()
    engine.tell("== Physical Plan ==" in engine.printed())
    query.stop()
    engine.stream().explain()
    engine.tell("== Physical Plan ==" in engine.printed())


@CASES
def explaining_before_the_first_batch(engine: Engine) -> None:
    query = engine.start(engine.stream().select("k"))
    engine.printed()
    query.explain()
    engine.tell(engine.printed())
    query.stop()


@pytest.mark.parametrize("program", list(CASES))
def test_text(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)
