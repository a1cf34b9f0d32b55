"""A query that is changed over its checkpoint: what goes on from the state, and what is refused before data flows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, cause_of, compare, refusal_of

CASES = Cases("changed query")
Make = Callable[[Any, Any], Any]  # (frame, F)


def late(df: Any, delay: str = "10 minutes") -> Any:
    return df.withWatermark("ts", delay)


def changed(mode: str, first: Make, second: Make, other_mode: str | None = None) -> Callable[[Engine], None]:
    """A query over one file, then another one over two more, from the same checkpoint."""

    def program(engine: Engine) -> None:
        engine.put(0)
        engine.run(first(engine.stream(), engine.F), mode)
        engine.put(1, 3)
        try:
            frame = second(engine.stream(), engine.F)
            query = engine.start(frame, other_mode or mode, availableNow=True)
        except Exception as error:
            engine.tell("refused", *refusal_of(error))
            return
        try:
            query.awaitTermination(120)
        except Exception as error:
            engine.tell("failed", cause_of(error))
        engine.tell_progress(query)

    return program


counts: Make = lambda df, F: df.groupBy("k").count()  # noqa: E731
windows: Make = lambda df, F: late(df).groupBy(F.window("ts", "5 minutes")).count()  # noqa: E731
keys: Make = lambda df, F: df.dropDuplicates(["k"]).select("k")  # noqa: E731

GOES_ON: dict[str, tuple[Any, ...]] = {
    "a filter before": ("update", counts, lambda df, F: df.where("n > 2").groupBy("k").count()),
    "a filter after": ("update", counts, lambda df, F: df.groupBy("k").count().where("count > 1")),
    "columns after": (
        "update",
        counts,
        lambda df, F: df.groupBy("k").count().select((F.col("count") * 2).alias("twice"), "k"),
    ),
    "a name": ("update", counts, lambda df, F: df.groupBy("k").agg(F.count("*").alias("c"))),
    "an expression as key": ("update", counts, lambda df, F: df.groupBy(F.upper("k").alias("u")).count()),
    "the argument of an aggregate": (
        "update",
        lambda df, F: df.groupBy("k").agg(F.sum("n")),
        lambda df, F: df.groupBy("k").agg(F.sum(F.col("n") + 1)),
    ),
    "the length of windows": (
        "append",
        windows,
        lambda df, F: late(df).groupBy(F.window("ts", "10 minutes")).count(),
    ),
    "the delay": (
        "append",
        windows,
        lambda df, F: late(df, "1 minute").groupBy(F.window("ts", "5 minutes")).count(),
    ),
    "the limit": (
        "append",
        lambda df, F: df.selectExpr("n * 0 AS zero").where("zero = 0").limit(4),
        lambda df, F: df.selectExpr("n * 0 AS zero").where("zero = 0").limit(6),
    ),
    "columns beside keys": ("append", keys, lambda df, F: df.dropDuplicates(["k"]).select("k", "n")),
    "distinct for dropDuplicates": ("append", keys, lambda df, F: df.select("k").distinct()),
    "update to complete": ("update", counts, counts, "complete"),
    "complete to update": ("complete", counts, counts, "update"),
    "append to update": ("append", windows, windows, "update"),
    "update to append": ("update", windows, windows, "append"),
}
REFUSED: dict[str, tuple[Any, ...]] = {
    "another key": ("update", counts, lambda df, F: df.groupBy("n").count()),
    "one key more": ("update", counts, lambda df, F: df.groupBy("k", "n").count()),
    "no keys": ("update", counts, lambda df, F: df.agg(F.count("*"))),
    "one aggregate more": ("update", counts, lambda df, F: df.groupBy("k").agg(F.count("*"), F.sum("n"))),
    "one aggregate less": (
        "update",
        lambda df, F: df.groupBy("k").agg(F.count("*"), F.sum("x")),
        lambda df, F: df.groupBy("k").agg(F.count("*")),
    ),
    "another aggregate": (
        "update",
        lambda df, F: df.groupBy("k").agg(F.max("x")),
        lambda df, F: df.groupBy("k").agg(F.max("k")),
    ),
    "another order of aggregates": (
        "update",
        lambda df, F: df.groupBy("k").agg(F.max("x"), F.max("n")),
        lambda df, F: df.groupBy("k").agg(F.max("n"), F.max("x")),
    ),
    "windows without their key": (
        "append",
        lambda df, F: late(df).groupBy(F.window("ts", "5 minutes"), "k").count(),
        windows,
    ),
    "other keys of duplicates": ("append", keys, lambda df, F: df.dropDuplicates(["n"]).select("n")),
    "within a watermark": (
        "append",
        keys,
        lambda df, F: late(df).dropDuplicatesWithinWatermark(["k"]).select("k"),
    ),
    "an aggregation for duplicates": ("update", keys, counts),
    "duplicates for an aggregation": ("update", counts, keys),
    "an operator before": ("update", counts, lambda df, F: df.dropDuplicates(["k"]).groupBy("k").count()),
    "an operator less": ("update", lambda df, F: df.dropDuplicates(["k", "n"]).groupBy("k").count(), counts),
    "another order of operators": (
        "append",
        lambda df, F: df.dropDuplicates(["k"]).select("k").limit(9),
        lambda df, F: df.select("k").limit(9).dropDuplicates(["k"]),
    ),
    "no state any more": ("update", counts, lambda df, F: df.select("k")),
}
for _name, _case in {**GOES_ON, **REFUSED}.items():
    CASES.add(_name, changed(*_case))


@CASES
def no_new_data(engine: Engine) -> None:
    engine.put(0)
    engine.run(counts(engine.stream(), engine.F), "update")
    engine.attempt("again", lambda: engine.run(engine.stream().groupBy("n").count(), "update"))


@CASES
def a_sink(engine: Engine) -> None:
    engine.put(0)
    engine.run(counts(engine.stream(), engine.F), "update")
    engine.put(1)
    writer = (
        counts(engine.stream(), engine.F).writeStream.format("noop").outputMode("update").trigger(once=True)
    )
    engine.finish(writer.option("checkpointLocation", engine.path("checkpoint")).start())
    engine.put(3)
    engine.run(counts(engine.stream(), engine.F), "update")


@pytest.mark.parametrize("program", list(CASES))
def test_changes(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)
