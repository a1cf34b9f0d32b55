"""Names of queries, `spark.streams`, memory tables and views by name, several sessions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("stream name")

ODD = (
    "with space",
    "dash-ed",
    "dot.ted",
    "1digit",
    "select",
    "ünï",
    "a`b",
    "UPPER",
    "a/b",
    "_x",
    "x" * 100,
    "q'q",
)


def noop(engine: Engine, name: str | None = None, **trigger: Any) -> Any:
    writer = engine.stream().writeStream.format("noop")
    writer = writer if name is None else writer.queryName(name)
    return (writer.trigger(**trigger) if trigger else writer).start()


@CASES
def a_name_and_none(engine: Engine) -> None:
    for name in ("counted", None):
        query = noop(engine, name)
        engine.tell(query.name, query.isActive)
        query.stop()
        engine.tell(query.name)


@CASES
def odd_names(engine: Engine) -> None:
    engine.put(0)
    for name in ODD:
        query = noop(engine, name, once=True)
        query.awaitTermination(60)
        engine.tell(name, query.name, query.lastProgress["name"])


@CASES
def names_that_are_none(engine: Engine) -> None:
    for name in ("", "  ", None, 5, ["a"]):
        engine.attempt(repr(name), lambda given=name: engine.stream().writeStream.queryName(given))


@CASES
def a_name_twice(engine: Engine) -> None:
    first = noop(engine, "taken")
    engine.attempt("active", lambda: noop(engine, "taken"))
    engine.attempt("other case", lambda: noop(engine, "TAKEN").stop())
    engine.tell(sorted(query.name for query in engine.spark.streams.active))
    first.stop()
    again = noop(engine, "taken")
    engine.tell(again.isActive, again.id == first.id)
    again.stop()


@CASES
def a_name_after_a_failure(engine: Engine) -> None:
    engine.put(0)
    frame = engine.stream().selectExpr("n / (n - n)")
    engine.fail(frame.writeStream.format("noop").queryName("failing").start())
    query = noop(engine, "failing")
    engine.tell(query.isActive)
    query.stop()


@CASES
def a_name_of_a_query_that_did_not_start(engine: Engine) -> None:
    sorting = engine.stream().orderBy("n").writeStream.format("noop").queryName("never")
    engine.attempt("start", sorting.start)
    query = noop(engine, "never")
    engine.tell(query.isActive)
    query.stop()


@CASES
def one_name_in_two_sessions(engine: Engine) -> None:
    first = noop(engine, "shared")
    other = engine.spark.newSession()
    frame = other.readStream.schema("n int").json(engine.path("in"))
    second = frame.writeStream.format("noop").queryName("shared").start()
    engine.tell(first.isActive, second.isActive, len(engine.spark.streams.active), len(other.streams.active))
    engine.tell(other.streams.get(first.id) is None, engine.spark.streams.get(second.id) is None)
    first.stop()
    second.stop()


@CASES
def queries_that_are_active(engine: Engine) -> None:
    streams = engine.spark.streams
    engine.tell(streams.active)
    queries = [noop(engine, name) for name in ("one", "two", None)]
    engine.tell(sorted(str(query.name) for query in streams.active), len(streams.active))
    engine.tell(all(streams.get(query.id).id == query.id for query in queries))
    queries[1].stop()
    engine.tell(sorted(str(query.name) for query in streams.active), streams.get(queries[1].id))
    for query in streams.active:
        query.stop()
    engine.tell(streams.active)


@CASES
def ids_that_nobody_has(engine: Engine) -> None:
    streams = engine.spark.streams
    engine.tell(streams.get(str(uuid.uuid4())))
    for text in ("zzz", "", "1-2-3-4-5"):
        engine.attempt(repr(text), lambda given=text: streams.get(given))


@CASES
def waiting_for_any(engine: Engine) -> None:
    engine.put(0)
    streams = engine.spark.streams
    engine.tell(streams.awaitAnyTermination(0.05))
    query = noop(engine, None, once=True)
    query.awaitTermination(60)
    engine.tell(streams.awaitAnyTermination(10), streams.awaitAnyTermination())
    streams.resetTerminated()
    engine.tell(streams.awaitAnyTermination(0.05))
    for timeout in (-1, "1"):
        engine.attempt(repr(timeout), lambda given=timeout: streams.awaitAnyTermination(given))


@CASES
def waiting_for_any_that_fails(engine: Engine) -> None:
    engine.put(0)
    streams = engine.spark.streams
    failing = engine.stream().selectExpr("n / (n - n)").writeStream.format("noop").start()
    engine.fail(failing)
    noop(engine, None, once=True).awaitTermination(60)
    for _ in range(2):
        try:
            streams.awaitAnyTermination(10)
        except Exception as error:
            engine.tell(type(error).__name__, error.getCondition())
    streams.resetTerminated()
    engine.tell(streams.awaitAnyTermination(0.05))


# ---- memory tables ----------------------------------------------------------------------------------------------


@CASES
def a_memory_table_in_each_mode(engine: Engine) -> None:
    engine.put(0, 1, 3)
    frame = engine.stream(maxFilesPerTrigger=1)
    for mode, rows in (
        ("append", frame.select("k", "n")),
        ("update", frame.groupBy("k").count()),
        ("complete", frame.groupBy("k").count()),
    ):
        query = rows.writeStream.format("memory").queryName(f"by_{mode}").outputMode(mode)
        engine.finish(query.trigger(availableNow=True).start())
        engine.tell_frame(engine.spark.table(f"by_{mode}"))
        engine.tell_frame(engine.spark.sql(f"select count(*), max(k) from by_{mode.upper()}"))


@CASES
def a_memory_table_before_the_first_batch(engine: Engine) -> None:
    query = engine.stream().writeStream.format("memory").queryName("still_empty").start()
    engine.tell_frame(engine.spark.table("still_empty"))
    engine.put(0)
    query.processAllAvailable()
    engine.tell(engine.spark.table("still_empty").count())
    query.stop()
    engine.tell(engine.spark.table("still_empty").count(), engine.spark.table("still_empty").isStreaming)


@CASES
def a_memory_table_of_a_second_query(engine: Engine) -> None:
    for position in (0, 1):
        engine.write(f"{position}.json", [{"n": position}], into=str(position))
        frame = engine.stream(str(position), schema="n int")
        query = frame.writeStream.format("memory").queryName("once_more").trigger(once=True).start()
        query.awaitTermination(60)
        engine.tell_frame(engine.spark.table("once_more"))


@CASES
def memory_tables_need_names(engine: Engine) -> None:
    engine.attempt("none", lambda: engine.stream().writeStream.format("memory").start())
    partitioned = engine.stream().writeStream.format("memory").queryName("parts").partitionBy("k")
    engine.attempt("partitions", lambda: partitioned.start().stop())
    for name in ("a b", "a.b", "1a", "select"):
        writer = engine.stream().writeStream.format("memory").queryName(name)
        engine.attempt(name, lambda given=writer: given.start().stop())


@CASES
def a_memory_table_in_a_query(engine: Engine) -> None:
    engine.put(0, 1, 3)
    writer = engine.stream().groupBy("k").agg(engine.F.sum("n").alias("s")).writeStream.format("memory")
    query = writer.queryName("sums").outputMode("complete").trigger(availableNow=True).start()
    query.awaitTermination(60)
    sql = engine.spark.sql
    engine.tell_frame(sql("select upper(k) u, s from sums where s > 1 order by s desc"))
    engine.tell_frame(engine.spark.table("sums").groupBy().agg(engine.F.sum("s")))


@CASES
def views_of_streams(engine: Engine) -> None:
    engine.put(0, 1)
    engine.stream().createOrReplaceTempView("flow")
    frame = engine.spark.table("flow")
    engine.tell(frame.isStreaming, frame.columns)
    engine.spark.sql("create or replace temporary view loud as select upper(k) as k, n from flow")
    engine.run(engine.spark.sql("select k, count(*) as c from loud group by k"), "complete")
    for view in ("flow", "loud"):
        engine.tell(engine.spark.catalog.dropTempView(view))


@CASES
def views_inside_foreach_batch(engine: Engine) -> None:
    engine.put(0)
    engine.spark.range(3).createOrReplaceTempView("outside")

    def batch(rows: Any, batch_id: int) -> None:
        rows.createOrReplaceTempView("inside")
        engine.tell_frame(rows.sparkSession.sql("select count(*) from inside cross join outside"))

    query = engine.stream().writeStream.foreachBatch(batch).trigger(once=True).start()
    query.awaitTermination(60)
    engine.attempt("afterwards", lambda: engine.spark.table("inside").count())
    engine.spark.catalog.dropTempView("outside")


# ---- sinks by name ----------------------------------------------------------------------------------------------


@CASES
def sinks_that_are_none(engine: Engine) -> None:
    writer = engine.stream().writeStream
    engine.attempt("no path", lambda: engine.stream().writeStream.format("json").start())
    engine.attempt("a batch format", lambda: engine.stream().writeStream.format("jdbc").start())
    engine.attempt("hive", lambda: engine.stream().writeStream.format("hive").start())
    engine.attempt("both layouts", lambda: writer.partitionBy("k").clusterBy("n"))
    engine.attempt(
        "foreachBatch, partitioned", lambda: engine.writer(engine.stream()).partitionBy("k").start()
    )
    twice = engine.stream().writeStream.format("json").option("path", engine.path("a"))
    engine.attempt("a path twice", lambda: twice.start(engine.path("b")))
    engine.attempt("a view", lambda: _to_view(engine))


def _to_view(engine: Engine) -> None:
    engine.spark.range(1).createOrReplaceTempView("only_a_view")
    try:
        writer = engine.stream().writeStream.option("checkpointLocation", engine.path("c"))
        writer.toTable("only_a_view")
    finally:
        engine.spark.catalog.dropTempView("only_a_view")


@CASES
def modes_in_any_case(engine: Engine) -> None:
    for mode in ("append", "Append", "APPEND", "complete", "UpDate", "", " ", "none", None, 5):
        engine.attempt(repr(mode), lambda given=mode: engine.stream().writeStream.outputMode(given))


@CASES
def a_table_of_the_catalog(engine: Engine) -> None:
    name = "parity_" + uuid.uuid4().hex[:8]
    for position in (0, 1):
        engine.put(position)
        writer = engine.stream().select("k", "n").writeStream.option("checkpointLocation", engine.path("c"))
        query = writer.trigger(availableNow=True).toTable(name)
        query.awaitTermination(60)
        table = engine.spark.table(name)
        engine.tell(query.name, query.exception(), table.columns, table.dtypes)
        engine.tell_frame(table)
    engine.tell_frame(engine.spark.sql(f"select k, sum(n) as s from {name} group by k"))
    engine.spark.sql(f"drop table {name}")


@pytest.mark.parametrize("program", list(CASES))
def test_name(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)
