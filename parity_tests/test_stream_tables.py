"""Tables as streams: `readStream.table` of tables that SQL or other queries append to, and `STREAM t` in SQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("stream tables")


@contextmanager
def table(engine: Engine, columns: str = "k string, n int") -> Iterator[str]:
    """A table, dropped afterwards."""
    name = "parity_" + uuid.uuid4().hex[:8]
    engine.spark.sql(f"create table {name} ({columns}) using parquet")
    try:
        yield name
    finally:
        engine.spark.sql(f"drop table if exists {name}")


@CASES
def rows_that_are_inserted(engine: Engine) -> None:
    with table(engine) as name:
        for values in ("", "('a', 1), ('b', null)", "('c', 3)", ""):
            if values:
                engine.spark.sql(f"insert into {name} values {values}")
            engine.run(engine.spark.readStream.table(name))


@CASES
def inserts_between_two_runs(engine: Engine) -> None:
    with table(engine) as name:
        for value in range(3):
            engine.spark.sql(f"insert into {name} values ('x', {value})")
            engine.spark.sql(f"insert into {name} values ('y', {value})")
            counts = (
                engine.spark.readStream.table(name).groupBy("k").agg(engine.F.sum("n"), engine.F.count("*"))
            )
            engine.run(counts, "update")


@CASES
def columns_of_all_kinds(engine: Engine) -> None:
    columns = "n int not null, x array<struct<a:int>>, m map<string,double>, ts timestamp, d decimal(10,2), b binary"
    with table(engine, columns) as name:
        stream = engine.spark.readStream.table(name)
        engine.tell(stream.isStreaming, stream.dtypes, [field.nullable for field in stream.schema])
        engine.spark.sql(
            f"insert into {name} values (1, array(named_struct('a', 1)), map('a', 1.5), "
            "timestamp'2020-01-01 00:00:00', 1.25, X'00FF'), (2, null, null, null, null, null)"
        )
        engine.run(stream)
        engine.run(stream.select(engine.F.col("x.a"), engine.F.expr("m['a'] + n")), checkpoint="nested")


@CASES
def names_of_tables(engine: Engine) -> None:
    with table(engine) as name:
        engine.spark.sql(f"insert into {name} values ('a', 1)")
        stream = engine.spark.readStream
        engine.run(stream.table(f"default.{name}").select(f"{name}.k"), checkpoint="1")
        engine.run(stream.table(f"spark_catalog.default.`{name}`").alias("t").select("t.n"), checkpoint="2")
        engine.run(stream.schema("z string").format("json").option("other", 1).table(name), checkpoint="3")


@CASES
def what_is_no_table(engine: Engine) -> None:
    with table(engine) as name:
        engine.spark.table(name).createOrReplaceTempView("no_stream")
        try:
            for given in ("no_stream", "there_is_none", "no.such", ""):
                engine.attempt(given, lambda given=given: engine.spark.readStream.table(given))
            engine.attempt("in SQL", lambda: engine.spark.sql("select * from stream no_stream"))
            engine.attempt("in SQL, none", lambda: engine.spark.sql("select * from stream(there_is_none)"))
        finally:
            engine.spark.catalog.dropTempView("no_stream")


@CASES
def in_sql(engine: Engine) -> None:
    with table(engine) as name:
        engine.spark.sql(f"insert into {name} values ('a', 1), ('b', 2), ('a', 3)")
        sql = engine.spark.sql
        engine.run(sql(f"select k, n + 1 from stream {name}"), checkpoint="1")
        engine.run(sql(f"select x.k, count(*) c from stream({name}) as x group by k"), "complete", "2")
        # Without its progress: Spark counts the rows of the static side, too, where both are files of one table.
        joined = sql(f"select s.k, t.n from stream {name} s join {name} t on s.k = t.k")
        engine.start(joined, checkpoint="3", availableNow=True).awaitTermination(60)


@CASES
def a_view_of_a_stream_of_a_table(engine: Engine) -> None:
    with table(engine) as name:
        engine.spark.sql(f"insert into {name} values ('a', 1)")
        engine.spark.readStream.table(name).createOrReplaceTempView("a_stream")
        try:
            engine.tell(engine.spark.readStream.table("a_stream").isStreaming)
            engine.run(engine.spark.sql("select concat('view ', k) from a_stream"))
        finally:
            engine.spark.catalog.dropTempView("a_stream")


@CASES
def one_table_twice(engine: Engine) -> None:
    with table(engine) as name:
        engine.spark.sql(f"insert into {name} values ('a', 1), ('b', 2)")
        stream = engine.spark.readStream.table(name)
        engine.run(stream.union(stream), checkpoint="1")
        other = engine.spark.readStream.table(name).select(engine.F.col("k").alias("other"))
        engine.run(stream.join(other, engine.F.expr("k = other")), checkpoint="2")


@CASES
def from_files_to_a_table_to_a_table(engine: Engine) -> None:
    bronze, silver = ("parity_" + uuid.uuid4().hex[:8] for _ in range(2))
    for position in (0, 1, 3, 4):
        engine.put(position)
        read = engine.stream().writeStream.option("checkpointLocation", engine.path("1"))
        read.trigger(availableNow=True).toTable(bronze).awaitTermination(60)
        known = engine.spark.readStream.table(bronze).where("n is not null")
        writer = known.writeStream.option("checkpointLocation", engine.path("2"))
        writer.trigger(availableNow=True).toTable(silver).awaitTermination(60)
        engine.run(engine.spark.readStream.table(silver).groupBy("k").count(), "complete", "3")
    engine.tell_frame(engine.spark.table(silver))
    for name in (bronze, silver):
        engine.spark.sql(f"drop table {name}")


@CASES
def rows_that_come_while_it_runs(engine: Engine) -> None:
    with table(engine) as name:
        engine.spark.sql(f"insert into {name} values ('a', 1)")
        query = engine.start(engine.spark.readStream.table(name), processingTime="0 seconds")
        query.processAllAvailable()
        for value in (2, 3):
            engine.spark.sql(f"insert into {name} values ('a', {value})")
            query.processAllAvailable()
        query.stop()
        engine.tell_progress(query)


@CASES
def a_table_with_a_format(engine: Engine) -> None:
    engine.put(0)
    for name in ("parquet", "orc", "json"):
        target = "parity_" + uuid.uuid4().hex[:8]
        writer = engine.stream().writeStream.option("checkpointLocation", engine.path(name))
        query = writer.trigger(availableNow=True).toTable(target, format=name)
        query.awaitTermination(60)
        engine.tell_frame(engine.spark.table(target))
        engine.spark.sql(f"drop table {target}")


@pytest.mark.parametrize("program", list(CASES))
def test_tables(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)
