"""The same streaming query all at once, file by file, and stopped and started after every file: one result."""

import json
import os

import pytest

from lightstream.errors import PySparkException
from lightstream.sql import SparkSession
from lightstream.sql import functions as F

SCHEMA = "k string, n int, x double"
FILES = [
    [{"k": "a", "n": 1, "x": 0.5}, {"k": "b", "n": 2, "x": -1.25}, {"k": None, "n": 3, "x": 4.0}],
    [{"k": "a", "n": None, "x": 2.5}, {"k": "c", "n": 7, "x": 8.0}],
    [],
    [{"k": "b", "n": 5, "x": 0.25}, {"k": "b", "n": 5, "x": None}, {"k": None, "n": 1, "x": 1.0}],
    [{"k": "d", "n": 9, "x": 16.0}, {"k": "a", "n": 4, "x": 0.5}],
]
AGGREGATIONS = {
    "count": lambda df: df.groupBy("k").count(),
    "several": lambda df: df.groupBy("k").agg(F.count("n"), F.sum("n"), F.min("x"), F.max("x"), F.avg("x")),
    "arithmetic": lambda df: df.groupBy("k").agg((F.sum("n") + F.count("*")).alias("v")),
    "no keys": lambda df: df.agg(F.sum("n"), F.count("*")),
    "computed key": lambda df: df.groupBy((F.col("n") > 3).alias("big")).agg(F.max("n")),
    "two keys": lambda df: df.groupBy("k", "n").count(),
    "below a filter": lambda df: df.where("n > 1").groupBy("k").agg(F.sum("x")),
    "having": lambda df: df.groupBy("k").count().where("count > 1"),
    "distinct estimate": lambda df: df.groupBy("k").agg(F.approx_count_distinct("n")),
    "deviation": lambda df: df.groupBy("k").agg(F.stddev("x"), F.var_pop("x")),
    "sets": lambda df: df.groupBy("k").agg(F.sort_array(F.collect_set("n"))),
    "filtered aggregate": lambda df: df.groupBy("k").agg(F.expr("count(*) filter (where n > 1)")),
}


@pytest.fixture
def spark():
    session = SparkSession.builder.create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()


@pytest.fixture
def source(tmp_path):
    directory = tmp_path / "in"
    directory.mkdir()
    for position, rows in enumerate(FILES):
        path = directory / f"f{position}.json"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        os.utime(path, (1_700_000_000 + position, 1_700_000_000 + position))
    return directory


def run(spark, source, make, table, checkpoint, mode, **options):
    stream = spark.readStream.schema(SCHEMA).options(**options).json(str(source))
    writer = make(stream).writeStream.outputMode(mode).option("checkpointLocation", str(checkpoint))
    query = writer.trigger(availableNow=True).toTable(table)
    assert query.awaitTermination() is None
    return query


def sortable(found):
    return sorted(found, key=repr)


def rows_of(frame):
    # Partial sums are added in another order than all at once: the last digits of doubles differ.
    return [tuple(round(v, 9) if isinstance(v, float) else v for v in row) for row in frame.collect()]


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_complete_mode_equals_the_batch_query(spark, source, tmp_path, name):
    make = AGGREGATIONS[name]
    expected = sortable(rows_of(make(spark.read.schema(SCHEMA).json(str(source)))))
    run(spark, source, make, "at_once", tmp_path / "c1", "complete")
    run(spark, source, make, "by_file", tmp_path / "c2", "complete", maxFilesPerTrigger=1)
    hidden = tmp_path / "part"
    hidden.mkdir()
    for path in sorted(source.iterdir()):
        os.link(path, hidden / path.name)
        run(spark, hidden, make, "restarted", tmp_path / "c3", "complete")
    for table in ("at_once", "by_file", "restarted"):
        assert sortable(rows_of(spark.table(table))) == expected, table


def test_append_mode_equals_the_batch_query(spark, source, tmp_path):
    def make(df):
        return df.where("n > 1").select("k", (F.col("n") * 2).alias("m"))

    expected = sortable(rows_of(make(spark.read.schema(SCHEMA).json(str(source)))))
    run(spark, source, make, "at_once", tmp_path / "c1", "append")
    run(spark, source, make, "by_file", tmp_path / "c2", "append", maxFilesPerTrigger=1)
    hidden = tmp_path / "part"
    hidden.mkdir()
    for path in sorted(source.iterdir()):
        os.link(path, hidden / path.name)
        run(spark, hidden, make, "restarted", tmp_path / "c3", "append")
    for table in ("at_once", "by_file", "restarted"):
        assert sortable(rows_of(spark.table(table))) == expected, table


def test_update_mode_gives_the_touched_groups_of_each_batch(spark, source, tmp_path):
    batches = []
    stream = spark.readStream.schema(SCHEMA).option("maxFilesPerTrigger", 1).json(str(source))
    query = (
        stream.groupBy("k").agg(F.count("*"), F.sum("n"))
        .writeStream.outputMode("update")
        .foreachBatch(lambda df, batch_id: batches.append(sortable(rows_of(df))))
        .trigger(availableNow=True)
        .start()
    )  # fmt: skip
    query.awaitTermination()
    assert batches == [
        sortable([("a", 1, 1), ("b", 1, 2), (None, 1, 3)]),
        sortable([("a", 2, 1), ("c", 1, 7)]),
        [],
        sortable([("b", 3, 12), (None, 2, 4)]),
        sortable([("d", 1, 9), ("a", 3, 5)]),
    ]
    numbers = [(p.numInputRows, p.stateOperators[0].numRowsTotal, p.stateOperators[0].numRowsUpdated)
               for p in query.recentProgress]  # fmt: skip
    assert numbers == [(3, 3, 3), (2, 4, 2), (0, 4, 0), (3, 4, 2), (2, 5, 2)]


def test_first_and_last_follow_the_batches(spark, source, tmp_path):
    def make(df):
        values = F.first("n"), F.last("n"), F.first("x", True), F.last("x", True), F.collect_list("n")
        return df.groupBy("k").agg(*values)

    run(spark, source, make, "firsts", tmp_path / "c", "complete", maxFilesPerTrigger=1)
    assert sortable(rows_of(spark.table("firsts"))) == sortable(
        [
            ("a", 1, 4, 0.5, 0.5, [1, 4]),
            ("b", 2, 5, -1.25, 0.25, [2, 5, 5]),
            ("c", 7, 7, 8.0, 8.0, [7]),
            ("d", 9, 9, 16.0, 16.0, [9]),
            (None, 3, 1, 4.0, 1.0, [3, 1]),
        ]
    )


def test_two_sources_and_one_read_twice(spark, source, tmp_path):
    stream = spark.readStream.schema(SCHEMA).json(str(source))
    query = run(spark, source, lambda df: df.union(df), "twice", tmp_path / "c1", "append")
    assert spark.table("twice").count() == 20
    assert query.lastProgress.numInputRows == 20 and len(query.lastProgress.sources) == 1
    other = spark.readStream.schema(SCHEMA).json(str(source))
    query = run(spark, source, lambda df: stream.union(other), "both", tmp_path / "c2", "append")
    assert spark.table("both").count() == 20
    assert [s.numInputRows for s in query.lastProgress.sources] == [10, 10]


def test_rows_of_tables_are_no_input(spark, source, tmp_path):
    table = spark.createDataFrame([("a", 1), ("b", 2)], "k string, v int")
    joins = {
        "files": lambda df: df.join(spark.read.schema(SCHEMA).json(str(source)).select("k"), "k"),
        "rows": lambda df: df.join(table, "k", "left"),
        "range": lambda df: df.crossJoin(spark.range(7)),
        "counted": lambda df: df.join(table.groupBy("k").count(), "k"),
    }
    for name, make in joins.items():
        query = run(spark, source, make, f"joined_{name}", tmp_path / name, "append")
        assert query.lastProgress.numInputRows == 10, name


def test_a_changed_query_over_a_checkpoint_is_refused(spark, source, tmp_path):
    run(spark, source, AGGREGATIONS["count"], "t1", tmp_path / "c", "complete")
    with pytest.raises(PySparkException) as caught:
        run(spark, source, lambda df: df.groupBy("n").count(), "t2", tmp_path / "c", "complete")
    assert "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE" in str(caught.value)
    with pytest.raises(PySparkException) as caught:
        run(spark, source, AGGREGATIONS["several"], "t3", tmp_path / "c", "complete")
    assert "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE" in str(caught.value)


def test_refusals_name_the_operator(spark, source):
    stream = spark.readStream.schema(SCHEMA).json(str(source))

    def start(frame, mode):
        return frame.writeStream.format("noop").outputMode(mode).start()

    for frame, mode, text in [
        (stream, "complete", "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION"),
        (stream.groupBy("k").count(), "append", "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION"),
        (stream.orderBy("k"), "append", "Sorting is not supported on streaming"),
        (stream.groupBy("k").count().orderBy("k"), "update", "Sorting is not supported on streaming"),
        (stream.groupBy("k").count().limit(3), "update", "Limits are not supported"),
        (
            stream.groupBy("k").agg(F.countDistinct("n")),
            "complete",
            "Distinct aggregations are not supported",
        ),
        (stream.join(stream, "k", "left"), "append", "Stream-stream LeftOuter join between two streaming"),
        (stream.join(stream, "k", "leftanti"), "append", "LeftAnti joins with a streaming"),
        (stream.limit(3), "update", "Limits are not supported"),
        (stream.join(stream.groupBy("k").count(), "k"), "append", "STREAMING_OUTPUT_MODE"),
        (
            stream.union(spark.read.schema(SCHEMA).json(str(source))),
            "append",
            "Union between streaming and batch",
        ),
    ]:
        with pytest.raises(PySparkException) as caught:
            start(frame, mode)
        assert text in str(caught.value)
    assert spark.streams.active == []


def test_sort_and_limit_above_an_aggregation_in_complete_mode(spark, source, tmp_path):
    def make(df):
        return df.groupBy("k").agg(F.sum("n").alias("s")).orderBy(F.desc("s")).limit(2)

    run(spark, source, make, "top", tmp_path / "c", "complete", maxFilesPerTrigger=1)
    assert [tuple(row) for row in spark.table("top").orderBy(F.desc("s")).collect()] == [("b", 12), ("d", 9)]
