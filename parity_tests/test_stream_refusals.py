"""What is refused before a query starts: pairs of operators in each output mode, and streams in subqueries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("stream refusals")
SCHEMA = "k string, n int, ts timestamp"
Operator = Callable[[Any, Any, Any], Any]  # (frame, another stream, F), columns as in SCHEMA


def joined(kind: str, by_time: bool) -> Operator:
    def join(df: Any, other: Any, F: Any) -> Any:
        right = other.select(F.col("k").alias("k2"), F.col("ts").alias("ts2")).withWatermark(
            "ts2", "1 minute"
        )
        near = " and ts >= ts2 and ts <= ts2 + interval 1 minute" if by_time else ""
        return df.join(right, F.expr(f"k = k2{near}"), kind).select("k", "n", "ts")

    return join


def with_state(mode: str, timeout: str) -> Operator:
    def apply(df: Any, other: Any, F: Any) -> Any:
        return df.groupBy("k").applyInPandasWithState(
            lambda key, rows, state: iter(()), SCHEMA, "seen int", mode, timeout
        )

    return apply


OPERATORS: dict[str, Operator] = {
    "windows": lambda df, other, F: (
        df.groupBy(F.window("ts", "1 minute").alias("w"))
        .count()
        .select(F.lit("x").alias("k"), F.col("count").cast("int").alias("n"), F.window_time("w").alias("ts"))
    ),
    "groups": lambda df, other, F: df.groupBy("k").agg(F.sum("n").cast("int").alias("n"), F.max("ts").alias("ts")),
    "sessions": lambda df, other, F: (
        df.groupBy(F.session_window("ts", "1 minute").alias("w"), "k").agg(F.max("n").alias("n"))
        .select("k", "n", F.col("w.end").alias("ts"))
    ),
    "distinct counts": lambda df, other, F: (
        df.groupBy("k", "ts").agg(F.count_distinct("n").cast("int").alias("n")).select("k", "n", "ts")
    ),
    "duplicates": lambda df, other, F: df.dropDuplicates(["k"]),
    "duplicates by time": lambda df, other, F: df.dropDuplicates(["k", "ts"]),
    "duplicates within the watermark": lambda df, other, F: df.dropDuplicatesWithinWatermark(["k"]),
    "limit": lambda df, other, F: df.limit(3),
    "sort": lambda df, other, F: df.orderBy("k"),
    "inner join": joined("inner", by_time=False),
    "left join": joined("left", by_time=True),
    "full join by a key alone": joined("full", by_time=False),
    "anti join": joined("anti", by_time=True),
    "state, update": with_state("update", "NoTimeout"),
    "state, append": with_state("append", "NoTimeout"),
    "state by event time": with_state("append", "EventTimeTimeout"),
}  # fmt: skip


def _pairs_with(below: str) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        def stream() -> Any:
            return engine.stream(schema=SCHEMA)

        for above in ("", *OPERATORS):
            frame = OPERATORS[below](stream().withWatermark("ts", "1 minute"), stream(), engine.F)
            if above:
                frame = OPERATORS[above](frame, stream(), engine.F)
            for mode in ("append", "update", "complete"):
                name = f"{below}, {above or 'nothing'}, {mode}"
                writer = frame.writeStream.format("noop").outputMode(mode).trigger(processingTime="1 hour")
                writer = writer.option("checkpointLocation", engine.path(f"checkpoints/{name}"))
                engine.attempt(name, lambda started=writer: started.start().stop())

    return program


for _name in OPERATORS:
    CASES.add(f"{_name} below", _pairs_with(_name))


@CASES
def streams_in_subqueries(engine: Engine) -> None:
    engine.stream(schema=SCHEMA).createOrReplaceTempView("s")
    engine.spark.createDataFrame([("a", 1)], "k string, v int").createOrReplaceTempView("t")
    for text in (
        "select * from s where k in (select k from s)",
        "select * from t where k not in (select k from s)",
        "select * from t where exists (select 1 from s where s.k = t.k)",
        "select (select max(k) from s) from t",
        "select array(1, (select count(*) from s)) from t",
        "select count(*) from t group by k having max(k) = (select max(k) from s)",
        "select * from t order by (select max(k) from s)",
        "with c as (select * from s) select * from c where k in (select k from c)",
        "select s.k from s join t on s.k = t.k and s.k in (select k from s)",
        "select t.k, x.n from t, lateral (select n from s where t.k = s.k) x",
        "select t.k from t left join lateral (select count(*) from s) x",
        "select s.k from s, lateral (select v from t where t.k = s.k)",
        "select * from s where k in (select k from t) and n > (select min(v) from t)",
    ):
        engine.attempt(text, lambda sql=text: engine.tell(engine.spark.sql(sql).isStreaming))


@pytest.mark.parametrize("program", list(CASES))
def test_refusals(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)
