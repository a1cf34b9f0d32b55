"""Tables of the database as streams: each appended row once, and nothing read of a table that was changed otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lightstream.sql import SparkSession


@pytest.fixture
def spark(tmp_path: Path) -> Iterator[Any]:
    session = SparkSession.builder.config("lightstream.database", str(tmp_path / "d.duckdb")).create()
    session.sql("CREATE TABLE t (k STRING, n INT)")
    yield session
    session.stop()


def run(spark: Any, tmp_path: Path, then: Callable[[list[int]], None] = lambda rows: None) -> list[list[int]]:
    """The values of n of each batch; `then` is called with them before the batch is done."""
    batches: list[list[int]] = []

    def batch(rows: Any, batch_id: int) -> None:
        batches.append([row.n for row in rows.collect()])
        then(batches[-1])

    writer = spark.readStream.table("t").writeStream.option("checkpointLocation", str(tmp_path / "c"))
    writer.foreachBatch(batch).trigger(availableNow=True).start().awaitTermination()
    return batches


def insert(spark: Any, *numbers: int) -> None:
    spark.sql("INSERT INTO t VALUES " + ", ".join(f"('k', {number})" for number in numbers))


def test_rows_come_once_and_in_order(spark: Any, tmp_path: Path) -> None:
    assert run(spark, tmp_path) == []
    insert(spark, 3, 1, 2)
    assert run(spark, tmp_path) == [[3, 1, 2]]
    assert run(spark, tmp_path) == []
    insert(spark, 5)
    insert(spark, 4)
    assert run(spark, tmp_path) == [[5, 4]]


def test_available_now_leaves_what_comes_later(spark: Any, tmp_path: Path) -> None:
    insert(spark, 1)
    assert run(spark, tmp_path, lambda rows: insert(spark, 2)) == [[1]]
    assert run(spark, tmp_path) == [[2]]


def test_a_batch_that_is_run_again_has_the_same_rows(spark: Any, tmp_path: Path) -> None:
    def fail(rows: list[int]) -> None:
        insert(spark, 9)
        raise RuntimeError("on purpose")

    insert(spark, 1, 2)
    with pytest.raises(Exception, match="on purpose"):
        run(spark, tmp_path, fail)
    assert run(spark, tmp_path) == [[1, 2], [9]]


def test_a_batch_that_is_run_again_needs_its_rows(spark: Any, tmp_path: Path) -> None:
    def fail(rows: list[int]) -> None:
        raise RuntimeError("on purpose")

    insert(spark, 1, 2, 3)
    with pytest.raises(Exception, match="on purpose"):
        run(spark, tmp_path, fail)
    for change in ("DELETE FROM t WHERE n = 2", "TRUNCATE t"):
        spark._state.database.cursor().execute(change)
        with pytest.raises(Exception, match="LIGHTSTREAM_TABLE_NOT_APPENDED_TO"):
            run(spark, tmp_path)


CHANGES = {
    "rows removed": "DELETE FROM t WHERE n = 2",
    "rows removed, others added": "DELETE FROM t WHERE n = 2; INSERT INTO t VALUES ('k', 4), ('k', 5)",
    "as many removed as added": "DELETE FROM t WHERE n = 3; INSERT INTO t VALUES ('k', 4)",
    "all replaced": "DELETE FROM t; INSERT INTO t VALUES ('k', 7), ('k', 8), ('k', 9), ('k', 10)",
    "all removed": "DELETE FROM t",
    "emptied": "TRUNCATE t",
    "dropped": "DROP TABLE t",
    "made anew": "DROP TABLE t; CREATE TABLE t AS SELECT 'k' AS k, i::INT AS n FROM range(10) r(i)",
    "made anew and smaller": "DROP TABLE t; CREATE TABLE t AS SELECT 'k' AS k, 1 AS n",
    "the last row changed": "UPDATE t SET n = 30 WHERE n = 3; INSERT INTO t VALUES ('k', 4)",
    "the file written anew": "DELETE FROM t WHERE n = 1; CHECKPOINT; INSERT INTO t VALUES ('k', 4); CHECKPOINT",
}


@pytest.mark.parametrize("change", list(CHANGES.values()), ids=list(CHANGES))
def test_a_table_that_was_changed_otherwise_is_not_read(spark: Any, tmp_path: Path, change: str) -> None:
    insert(spark, 1, 2, 3)
    stream = spark.readStream.table("t")
    assert run(spark, tmp_path) == [[1, 2, 3]]
    for statement in change.split("; "):
        spark._state.database.cursor().execute(statement)
    writer = stream.writeStream.option("checkpointLocation", str(tmp_path / "c")).format("noop")
    with pytest.raises(
        Exception, match=r"\[LIGHTSTREAM_TABLE_NOT_APPENDED_TO\] The table t, of which this query has read"
    ):
        writer.trigger(availableNow=True).start().awaitTermination()


def test_rows_keep_their_places_in_a_file(spark: Any, tmp_path: Path) -> None:
    insert(spark, 1)
    assert run(spark, tmp_path) == [[1]]
    spark._state.database.cursor().execute("CHECKPOINT")
    insert(spark, 2)
    spark._state.database.cursor().execute("CHECKPOINT")
    assert run(spark, tmp_path) == [[2]]


def test_two_queries_at_the_same_time(spark: Any, tmp_path: Path) -> None:
    insert(spark, *range(50))
    first = spark.readStream.table("t").where("n % 2 = 0").writeStream
    first = first.option("checkpointLocation", str(tmp_path / "1")).toTable("even")
    first.processAllAvailable()
    second = spark.readStream.table("even").groupBy().sum("n").writeStream.outputMode("complete")
    second = (
        second.option("checkpointLocation", str(tmp_path / "2")).queryName("total").format("memory").start()
    )
    for number in range(50, 100):
        insert(spark, number)
    first.processAllAvailable()
    second.processAllAvailable()
    assert spark.table("total").collect() == [(sum(range(0, 100, 2)),)]
    first.stop()
    second.stop()


def test_what_is_refused(spark: Any) -> None:
    database = spark._state.database.cursor()
    database.execute("CREATE VIEW seen AS FROM t; CREATE TABLE odd (RowId INT)")
    for name, options, found in (
        ("seen", {}, "seen is a permanent view"),
        ("odd", {}, "Its column rowid hides"),
        ("t", {"maxFilesPerTrigger": 1}, "The option maxFilesPerTrigger of a table is not supported"),
    ):
        with pytest.raises(Exception, match=found):
            spark.readStream.options(**options).table(name)
    with pytest.raises(Exception, match=r"Options of a table \(WITH"):
        spark.sql("SELECT * FROM STREAM t WITH (a = 1)")


PROGRAM = """
import sys
from lightstream.sql import SparkSession

at = sys.argv[1]
spark = SparkSession.builder.config("lightstream.database", at + "/d.duckdb").getOrCreate()

def run(frame, name):
    writer = frame.writeStream.option("checkpointLocation", f"{at}/{name}-checkpoint").trigger(availableNow=True)
    writer.toTable(name).awaitTermination()

run(spark.readStream.schema("n int").option("maxFilesPerTrigger", 1).json(at + "/in"), "raw")
run(spark.readStream.table("raw").where("n % 3 > 0"), "clean")
run(spark.readStream.table("clean").dropDuplicates(["n"]), "known")
"""
KILLS = (
    "after-offsets#1", "after-offsets#3", "after-compute#3", "after-sink#2", "after-sink#3", "rows-inserted#3",
    "after-sink#4", "after-state#1", "commits-named#3", "after-commit#3", "table-ready#2", "database-closing#1",
)  # fmt: skip


@pytest.mark.parametrize("point", KILLS)
def test_tables_of_tables_through_a_kill(tmp_path: Path, point: str) -> None:
    def put(*files: int) -> None:
        for file in files:
            (tmp_path / "in" / f"{file}.json").write_text(
                "".join(f'{{"n": {file * 10 + n}}}\n' for n in range(10))
            )

    def program(**environment: str) -> int:
        command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
        return subprocess.run(command, env={**os.environ, **environment}).returncode

    (tmp_path / "in").mkdir()
    put(0, 1)
    assert program() == 0
    put(2, 3)
    assert program(LIGHTSTREAM_CRASH_AT=point) == -9
    put(4)
    assert program() == 0
    with duckdb.connect(str(tmp_path / "d.duckdb")) as database:
        for table, rows in (("raw", range(50)), ("clean", [n for n in range(50) if n % 3])):
            found = [n for (n,) in database.execute(f"SELECT n FROM {table} ORDER BY n").fetchall()]
            assert found == list(rows)
        assert database.execute("SELECT count(*) FROM known").fetchall() == [(33,)]
