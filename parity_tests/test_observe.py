"""`observe`: what an Observation tells of a batch query, and what a stream's progress reports under a name."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("observe")


def observation(engine: Engine, name: str | None = None) -> Any:
    """Return an Observation of the engine's own."""
    module = importlib.import_module(engine.F.__name__.removesuffix(".functions"))
    return module.Observation(name) if name is not None else module.Observation()


def numbers(engine: Engine, end: int = 10) -> Any:
    """Return ids with a remainder and a text that is missing for some."""
    return engine.spark.range(end).selectExpr("id", "id % 3 as r", "if(id > 6, null, concat('x', id)) as t")


# ---- batch queries ----------------------------------------------------------------------------------------------

METRICS = {
    "counts": lambda F: (F.count("*").alias("n"), F.count("t").alias("texts"), F.count(F.lit(1)).alias("c")),
    "without names": lambda F: (F.max("id"), F.sum("id") + 1, F.count("t")),
    "several names alike": lambda F: (F.count("id").alias("x"), F.sum("id").alias("x")),
    "of several aggregates": lambda F: ((F.sum("id") / F.count("t")).alias("ratio"), F.lit(3).alias("three")),
    "structs and arrays": lambda F: (F.struct(F.min("id"), F.max("t")).alias("s"), F.collect_list("r").alias("l")),
    "types": lambda F: (
        F.max(F.col("id").cast("decimal(10,2)")).alias("d"), F.avg("id").alias("a"), F.max("t").alias("t"),
        F.max(F.expr("date'2024-02-29'")).alias("day"), F.max(F.expr("timestamp'2024-02-29 01:02:03.5'")).alias("ts"),
        F.max(F.expr("cast(null as int)")).alias("none"), F.bool_and(F.col("id") >= 0).alias("b"),
    ),
    "by SQL text": lambda F: (F.expr("count_if(r = 1) as ones"), F.expr("sum(id * 2) + max(r) as z")),
}  # fmt: skip


@pytest.mark.parametrize("name", METRICS)
def test_metrics(spark: Any, lightstream: Any, tmp_path: Any, name: str) -> None:
    def program(engine: Engine) -> None:
        for label, frame in (("rows", numbers(engine)), ("no rows", numbers(engine).where("id < 0"))):
            watcher = observation(engine, "o")
            observed = frame.observe(watcher, *METRICS[name](engine.F))
            engine.tell(label, str(observed.schema), len(observed.collect()), watcher.get)

    compare(spark, lightstream, tmp_path, program)


INVALID = {
    "column": lambda F, W: F.col("id").alias("x"),
    "column beside an aggregate": lambda F, W: (F.col("id") + F.sum("id")).alias("x"),
    "distinct": lambda F, W: F.count_distinct("id").alias("x"),
    "filter": lambda F, W: F.expr("count(id) filter (where id > 3) as x"),
    "nested": lambda F, W: F.sum(F.count("id")).alias("x"),
    "window": lambda F, W: F.sum("id").over(W.partitionBy("r")).alias("x"),
    "unknown column": lambda F, W: F.sum("nothing"),
}


@CASES
def what_cannot_be_observed(engine: Engine) -> None:
    window = importlib.import_module(engine.F.__name__.replace(".functions", ".window")).Window
    for name, metric in INVALID.items():
        for frame in (numbers(engine), engine.stream().selectExpr("n as id", "n as r", "k as t")):
            engine.attempt(name, lambda f=frame, m=metric: f.observe("x", m(engine.F, window)))


@CASES
def wrong_arguments(engine: Engine) -> None:
    frame, count = numbers(engine), engine.F.count("id")
    engine.attempt("no metrics", lambda: frame.observe("x"))
    engine.attempt("a name for a metric", lambda: frame.observe("x", "id"))
    engine.attempt("a number", lambda: frame.observe(1, count))
    engine.attempt("an empty name", lambda: observation(engine, ""))
    engine.attempt("get before observe", lambda: observation(engine).get)
    watcher = observation(engine, "once")
    frame.observe(watcher, count)
    engine.attempt("twice", lambda: frame.observe(watcher, count))
    try:
        engine.stream().observe(observation(engine), count)
    except Exception as error:
        engine.tell("in a stream", type(error).__name__)


@CASES
def names_that_are_not_unique(engine: Engine) -> None:
    frame, F = numbers(engine), engine.F
    engine.attempt("one after the other", lambda: frame.observe("n", F.count("id")).observe("n", F.sum("id")))
    same = frame.observe("n", F.count("id").alias("c"))
    engine.tell(same.union(same).count(), same.join(same, "id").count())


@CASES
def only_the_first_action_counts(engine: Engine) -> None:
    watcher = observation(engine)
    frame = numbers(engine).observe(watcher, engine.F.count("id").alias("n"))
    engine.tell(frame.where("id > 5").count(), watcher.get)
    engine.tell(frame.groupBy("r").count().count(), watcher.get, sorted(row["id"] for row in frame.collect()))


@CASES
def rows_are_observed_where_observe_stands(engine: Engine) -> None:
    F = engine.F
    before, after, right = (observation(engine, name) for name in ("before", "after", "right"))
    left = numbers(engine).observe(before, F.count("id").alias("n")).where("id > 2")
    left = left.observe(after, F.count("id").alias("n"), F.min("id").alias("least"))
    other = numbers(engine, 5).select("id").observe(right, F.sum("id").alias("s"))
    engine.tell(left.join(other, "id").count(), before.get, after.get, right.get)


@CASES
def columns_keep_their_identity(engine: Engine) -> None:
    frame = numbers(engine)
    observed = frame.observe(observation(engine), engine.F.count("id"))
    engine.tell_frame(observed.select(frame["id"], frame["t"]).orderBy("id"))


@CASES
def an_order_reads_all_rows(engine: Engine) -> None:
    watcher = observation(engine)
    frame = numbers(engine, 100).observe(watcher, engine.F.count("id").alias("n"))
    engine.tell([row["id"] for row in frame.orderBy(engine.F.desc("id")).take(2)], watcher.get)


@CASES
def a_limit_above_all_rows(engine: Engine) -> None:
    watcher = observation(engine)
    engine.tell(
        len(numbers(engine, 5).observe(watcher, engine.F.count("id").alias("n")).take(20)), watcher.get
    )


@CASES
def errors_of_metrics(engine: Engine) -> None:
    watcher = observation(engine)
    frame = numbers(engine).observe(watcher, (engine.F.sum("id") / engine.F.lit(0)).alias("x"))
    engine.tell(frame.count())
    engine.attempt("division by zero", lambda: watcher.get)


# ---- streams ----------------------------------------------------------------------------------------------------


def observed(engine: Engine, frame: Any, mode: str = "append", **options: Any) -> None:
    """Run a query and tell the metrics of each batch, from the progress and from its JSON."""
    writer = frame.writeStream.format("noop").outputMode(mode).options(**options)
    query = writer.trigger(availableNow=True).start()
    assert query.awaitTermination(120)
    for report in query.recentProgress:
        if "addBatch" in report["durationMs"]:
            metrics = {name: row.asDict() for name, row in report["observedMetrics"].items()}
            engine.tell(report["batchId"], report["numInputRows"], metrics, list(metrics))
            engine.tell(json.loads(report.json).get("observedMetrics"))


@CASES
def a_stream_before_and_after_a_filter(engine: Engine) -> None:
    F = engine.F
    engine.put(0, 1, 2, 3)
    frame = engine.stream(maxFilesPerTrigger=1).observe(
        "first", F.count("*").alias("n"), F.max("k").alias("k")
    )
    observed(engine, frame.where("n > 2").observe("a", F.count("*").alias("n"), F.sum("x").alias("s")))


@CASES
def a_stream_by_windows(engine: Engine) -> None:
    F = engine.F
    engine.put(0, 1, 3, 4)
    frame = engine.stream(maxFilesPerTrigger=1).observe(
        "rows", F.count("*").alias("n"), F.max("ts").alias("last")
    )
    counts = frame.withWatermark("ts", "5 minutes").groupBy(F.window("ts", "10 minutes")).count()
    observed(engine, counts.observe("closed", F.count("*").alias("windows"), F.sum("count").alias("rows")))


@CASES
def a_stream_in_complete_mode(engine: Engine) -> None:
    engine.put(0, 1, 3)
    counts = engine.stream(maxFilesPerTrigger=1).groupBy("k").count()
    observed(
        engine, counts.observe("counts", engine.F.count("*").alias("n"), engine.F.sum("count")), "complete"
    )


@CASES
def a_stream_of_two_sources(engine: Engine) -> None:
    engine.put(0)
    engine.write("0.json", [{"k": "z", "n": 5}], into="more")
    one = engine.stream().observe("one", engine.F.count("*").alias("n"))
    observed(engine, one.union(engine.stream("more").observe("two", engine.F.count("*").alias("n"))))


SHAPES = {
    "decimal": "sum(cast(n as decimal(5,0))) as x, max(cast(x as decimal(6,3))) as y",
    "doubles": "max(cast('NaN' as double)) as x, max(cast('-Infinity' as double)) as y, max(x) / 3 as z",
    "float": "max(cast(x as float)) as x, max(cast(x / 3 as float)) as y",
    "times": "max(ts) as x, max(cast(ts as date)) as y, max(timestamp_ntz'2020-01-01 01:02:03.5') as z",
    "struct": "struct(max(ts), 3 as three, max(k)) as x",
    "map": "map('a', count(*), 'b', null) as x, map(1, max(ts)) as y",
    "array": "sort_array(collect_list(ts)) as x, sort_array(collect_set(n)) as y",
    "binary": "max(cast('ab' as binary)) as x",
    "nulls": "max(cast(null as timestamp)) as x, first(cast(null as array<int>)) as y, max(null) as z",
    "boolean": "bool_and(n > 0) as x",
}


@pytest.mark.parametrize("name", SHAPES)
def test_values_in_reports(spark: Any, lightstream: Any, tmp_path: Any, name: str) -> None:
    def program(engine: Engine) -> None:
        engine.set("spark.sql.session.timeZone", "America/New_York")
        engine.put(0)
        metrics = engine.F.expr("named_struct('all', 1)").alias("unused")
        items = [engine.F.expr(part) for part in split(SHAPES[name])]
        observed(engine, engine.stream().observe("m", metrics, *items))

    compare(spark, lightstream, tmp_path, program)


def split(text: str) -> list[str]:
    """Return the parts between commas outside of brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


@CASES
def errors_of_metrics_end_a_stream(engine: Engine) -> None:
    engine.put(0)
    frame = engine.stream().observe("m", (engine.F.sum("n") / engine.F.lit(0)).alias("x"))
    engine.fail(frame.writeStream.format("noop").trigger(availableNow=True).start())


@pytest.mark.parametrize("program", list(CASES))
def test_observe(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)
