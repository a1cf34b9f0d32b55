"""Differences from Spark that docs/parity.md lists and that no other test shows."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import condition_of, spark  # noqa: F401

from lightstream.errors import UnsupportedOperationException
from lightstream.sql import SparkSession
from lightstream.sql import functions as F


@pytest.fixture
def progress(spark: SparkSession, tmp_path: Path) -> Any:  # noqa: F811
    """The report of one batch of a counting query."""
    (tmp_path / "a.json").write_text(json.dumps({"k": "a"}))
    df = spark.readStream.schema("k string").json(str(tmp_path))
    counts = df.groupBy("k").count()
    query = counts.writeStream.format("noop").outputMode("complete").trigger(availableNow=True).start()
    query.awaitTermination()
    return query.lastProgress


def test_the_state_is_not_measured(progress: Any) -> None:
    state = progress.stateOperators[0]
    assert (state.numRowsTotal, state.numRowsUpdated) == (1, 1)
    assert (state.memoryUsedBytes, state.customMetrics) == (0, {})
    assert (state.numShufflePartitions, state.numStateStoreInstances) == (1, 1)


def test_reading_and_planning_are_part_of_add_batch(progress: Any) -> None:
    assert (progress.durationMs["getBatch"], progress.durationMs["queryPlanning"]) == (0, 0)


def test_a_compressed_document_that_was_cut_off(spark: SparkSession, tmp_path: Path) -> None:  # noqa: F811
    whole = gzip.compress(b'[{"n": 1}, {"n": 2}]')
    (tmp_path / "cut.json.gz").write_bytes(whole[:-4])
    reader = spark.read.schema("n int").option("multiLine", True)
    assert condition_of(lambda: reader.json(str(tmp_path)).collect()) == (
        "QueryExecutionException FAILED_READ_FILE.NO_HINT"
    )


def test_a_sum_of_decimals_needs_room_for_all_its_digits(spark: SparkSession) -> None:  # noqa: F811
    nines = "cast('99999999999999999999999999999999999999' as decimal(38,0))"
    rows = f"values ({nines}), ({nines}), ({nines}), (-{nines} + 1), (-{nines} + 1) as t(x)"
    error = condition_of(lambda: spark.sql(f"select sum(x) as v from {rows}").collect())
    assert error == "ArithmeticException NUMERIC_VALUE_OUT_OF_RANGE.WITHOUT_SUGGESTION"


def test_a_sum_overflows_as_a_whole(spark: SparkSession) -> None:  # noqa: F811
    rows = "values (9223372036854775807L), (1L), (-5L) as t(x)"
    assert (
        spark.sql(f"select sum(x) as v from {rows}").first()["v"] == 9223372036854775803
    )  # Spark: an overflow


def test_an_array_sorted_by_what_is_no_order(spark: SparkSession) -> None:  # noqa: F811
    order = "(a, b) -> case when a < b then 1 when a > b then -1 else 0 end"
    rows = spark.sql(f"select array_sort(array(null, 7, 3, null, 7, 3), {order}) as v").first()
    assert rows["v"] == [None, 7, None, 7, 3, 3]  # Spark: [None, 7, 3, None, 7, 3]


def test_dates_end_with_the_year_9999(spark: SparkSession) -> None:  # noqa: F811
    error = condition_of(lambda: spark.sql("select date'10000-01-01'"))
    assert error == "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"


def test_times_end_where_those_of_duckdb_do(spark: SparkSession) -> None:  # noqa: F811
    error = condition_of(lambda: spark.sql("select date_add(date'2024-12-30', 2147483647)").collect())
    assert error == "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"  # Spark: -5877586-06-20


def test_doubles_are_printed_with_the_fewest_digits(spark: SparkSession) -> None:  # noqa: F811
    assert spark.sql("select cast(2e23D as string) as v").first()["v"] == "2.0E23"


def test_a_bad_record_is_shown_as_valid_text(spark: SparkSession, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "a.json").write_bytes(b'{"a":\xff}\n')
    rows = spark.read.schema("a int, _corrupt_record string").json(str(tmp_path))
    # Spark: 7, the bytes as they are.
    assert rows.selectExpr("a", "octet_length(_corrupt_record) as n").first()["n"] == 9


def test_the_last_date_of_32_bits(spark: SparkSession, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "a.json").write_text('{"a":"5881580-07-11"}\n{"a":"5881580-07-10"}\n')
    texts = spark.read.schema("a date").json(str(tmp_path)).selectExpr("cast(a as string) as v").collect()
    assert [row["v"] for row in texts] == [None, "+5881580-07-10"]


def test_duplicates_within_the_watermark_of_windows(spark: SparkSession, tmp_path: Path) -> None:  # noqa: F811
    rows = (
        spark.readStream.schema("k string, at timestamp").json(str(tmp_path)).withWatermark("at", "1 minute")
    )
    windows = rows.select(F.window("at", "1 minute").alias("w"), "k").dropDuplicatesWithinWatermark(["k"])
    with pytest.raises(UnsupportedOperationException, match="by the time of a window"):
        windows.writeStream.format("noop").start()


def test_files_of_tables_and_batches(spark: SparkSession, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "a.json").write_text(json.dumps({"k": "a"}))
    spark.range(2).write.saveAsTable("rows_of_no_file")
    table = spark.table("rows_of_no_file")
    said: list[str] = []

    def look(frame: Any, batch_id: int) -> None:
        try:
            frame.select(F.input_file_name())
        except UnsupportedOperationException as error:
            said.append(str(error))

    stream = spark.readStream.schema("k string").json(str(tmp_path))
    stream.writeStream.foreachBatch(look).trigger(availableNow=True).start().awaitTermination()
    assert [("input_file_name() of a table or a batch" in text) for text in said] == [True]
    with pytest.raises(UnsupportedOperationException, match="of a table"):
        table.select(F.input_file_name())
    with pytest.raises(UnsupportedOperationException, match="inputFiles of a table"):
        table.inputFiles()
    spark.sql("drop table rows_of_no_file")


def test_views_do_not_change_with_variables_and_functions(spark: SparkSession) -> None:  # noqa: F811
    spark.sql("declare v int = 1")
    spark.sql("create temporary function plus(x int) returns int return x + 1")
    for query in ("select v", "select plus(1)"):
        with pytest.raises(UnsupportedOperationException, match="A view over session variables or functions"):
            spark.sql(f"create temporary view w as {query}")
    spark.sql("create temporary view w as select id as v from range(2)")
    assert [row.v for row in spark.table("w").collect()] == [0, 1]


@pytest.mark.parametrize(
    "statement",
    [
        "select twice(rand())",
        "select q.* from range(2) r, lateral numbers(r.id) q",
        "select best(id + 1) from range(2)",
        "create function f() returns int return 1",
        "create temporary function upper(x string) returns string return x",
        "create temporary function f as 'org.example.F'",
    ],
)
def test_functions_in_sql_that_are_refused(spark: SparkSession, statement: str) -> None:  # noqa: F811
    spark.sql("create or replace temporary function twice(x double) returns double return x + x")
    spark.sql("create or replace temporary function numbers(n bigint) returns table return select n")
    spark.sql(
        "create or replace temporary function best(n bigint) return (select max(id) from range(9) where id < n)"
    )
    with pytest.raises(UnsupportedOperationException):
        spark.sql(statement)


def test_distinct_values_are_estimated_by_duckdb(spark: SparkSession) -> None:  # noqa: F811
    # Spark: 1026, 869 with 0.1.
    frame = spark.range(1000)
    near, coarse = frame.agg(F.approx_count_distinct("id"), F.approx_count_distinct("id", 0.1)).collect()[0]
    assert near == coarse == 978


def test_words_for_times_are_literals(spark: SparkSession) -> None:  # noqa: F811
    assert spark.sql("select cast('epoch' as date) d").collect()[0].d.isoformat() == "1970-01-01"
    # Spark: any constant, computed ones as well.
    assert condition_of(lambda: spark.sql("select cast(lower('EPOCH') as date)").collect()) == (
        "DateTimeException CAST_INVALID_INPUT"
    )
    refused = "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"
    assert condition_of(lambda: spark.sql("select cast('today UTC' as date)").collect()) == refused


def test_columns_that_both_sides_of_a_self_join_have(spark: SparkSession) -> None:  # noqa: F811
    df = spark.createDataFrame([(1, 2), (2, 3)], "a int, b int")
    joined = df.join(df.filter("a > 1"), "a", "left").select(df.b)  # Spark: refused
    assert sorted(row.b for row in joined.collect()) == [2, 3]


def test_functions_over_rows_run_in_this_process(spark: SparkSession) -> None:  # noqa: F811
    seen: list[int] = []  # Spark: stays empty
    spark.range(2).foreach(lambda row: seen.append(row.id))
    spark.range(2).foreachPartition(lambda rows: seen.extend(row.id for row in rows))
    spark.sparkContext.parallelize([5]).foreach(seen.append)
    assert sorted(seen) == [0, 0, 1, 1, 5]


def test_what_frames_and_columns_say_of_themselves(spark: SparkSession) -> None:  # noqa: F811
    assert not spark.sql("show tables").isLocal()  # Spark: local
    frame = spark.range(2)
    assert frame.sameSemantics(frame) and not frame.select("id").sameSemantics(frame.select("id"))
    assert repr(F.expr("a + 1 as z")) == "Column<'+(a, 1) AS z'>"  # Spark: the text
