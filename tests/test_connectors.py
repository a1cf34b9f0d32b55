"""Connectors written in Python: `spark.dataSource`, batches and streams in and out, filters, failures."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from lightstream.errors import PySparkException, StreamingQueryException
from lightstream.sql import Row, SparkSession
from lightstream.sql import datasource as ds
from lightstream.sql.connector import installed
from lightstream.sql.polars_datasource import polars_sink, polars_source, polars_stream
from lightstream.sql.streaming import datasource as limits
from lightstream.sql.types import IntegerType, StructType

CALLS: list[tuple[Any, ...]] = []
HELD: dict[str, Any] = {}


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    session = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    for source in (Batch, Stream, Old, Simple):
        session.dataSource.register(source)
    yield session
    session.stop()


@pytest.fixture
def spark(session: SparkSession) -> Iterator[SparkSession]:
    CALLS.clear()
    HELD.clear()
    yield session
    session.conf.unset("spark.sql.python.filterPushdown.enabled")


def called(name: str) -> list[tuple[Any, ...]]:
    return [call[1:] for call in CALLS if call[0] == name]


class Message(ds.WriterCommitMessage):
    def __init__(self, rows: int) -> None:
        self.rows = rows


class Batch(ds.DataSource):
    @classmethod
    def name(cls) -> str:
        return "my_batch"

    def schema(self) -> Any:
        CALLS.append(("schema", dict(self.options)))
        return HELD.get("schema", "a INT NOT NULL, b STRING")

    def reader(self, schema: StructType) -> Any:
        CALLS.append(("reader", schema.simpleString()))
        return HELD.get("reader", (Pushing if "push" in self.options else BatchReader)(self.options))

    def writer(self, schema: StructType, overwrite: bool) -> Any:
        CALLS.append(("writer", schema.simpleString(), overwrite, dict(self.options)))
        return HELD.get("writer", BatchWriter(self.options))

    def streamWriter(self, schema: StructType, overwrite: bool) -> Any:
        CALLS.append(("streamWriter", overwrite))
        return StreamWriter(self.options)


class BatchReader(ds.DataSourceReader):
    def __init__(self, options: Any) -> None:
        self.options = options
        self.count = 0

    def partitions(self) -> Any:
        CALLS.append(("partitions",))
        self.count += 100
        return HELD.get("partitions", [ds.InputPartition(0), ds.InputPartition(1)])

    def read(self, partition: ds.InputPartition) -> Any:
        self.count += 1
        CALLS.append(("read", repr(partition), self.count))
        rows = HELD.get("rows", [(partition.value, "x"), [partition.value, None]])
        if isinstance(rows, Exception):
            raise rows
        return iter(rows) if isinstance(rows, list) else rows


class Pushing(BatchReader):
    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.equal: Any = None

    def pushFilters(self, filters: list[ds.Filter]) -> Iterator[ds.Filter]:
        CALLS.append(("pushFilters", *map(repr, filters)))
        if "extraneous" in HELD:
            yield ds.IsNull(("z",))
        for one in filters:
            if isinstance(one, ds.EqualTo):
                self.equal = one
            else:
                yield one

    def read(self, partition: ds.InputPartition) -> Any:
        CALLS.append(("equal", self.equal and self.equal.value))
        return super().read(partition)


class BatchWriter(ds.DataSourceWriter):
    def __init__(self, options: Any) -> None:
        self.seen = 0

    def write(self, iterator: Iterator[Row]) -> Any:
        rows = list(iterator)
        self.seen += len(rows)
        CALLS.append(("write", rows, self.seen))
        if "fail_write" in HELD:
            raise ValueError("broken write")
        return HELD.get("message", Message(len(rows)))

    def commit(self, messages: Any) -> None:
        CALLS.append(("commit", [m.rows for m in messages], self.seen))
        if "fail_commit" in HELD:
            raise ValueError("broken commit")

    def abort(self, messages: Any) -> None:
        CALLS.append(("abort", [m and m.rows for m in messages]))


class ArrowWriter(ds.DataSourceArrowWriter):
    def write(self, iterator: Iterator[Any]) -> ds.WriterCommitMessage:
        CALLS.append(("write", [(batch.schema.names, batch.to_pylist()) for batch in iterator]))
        return Message(0)


class StreamWriter(ds.DataSourceStreamWriter):
    def __init__(self, options: Any) -> None:
        self.seen = 0

    def write(self, iterator: Iterator[Row]) -> ds.WriterCommitMessage:
        rows = sorted(tuple(row) for row in iterator)
        self.seen += len(rows)
        CALLS.append(("write", rows, self.seen))
        if "fail_write" in HELD:
            raise ValueError("broken write")
        return Message(len(rows))

    def commit(self, messages: Any, batchId: int) -> None:
        CALLS.append(("commit", [m.rows for m in messages], batchId, self.seen))
        if "fail_commit" in HELD:
            raise ValueError("broken commit")

    def abort(self, messages: Any, batchId: int) -> None:
        CALLS.append(("abort", [m and m.rows for m in messages], batchId))


class Stream(ds.DataSource):
    def schema(self) -> str:
        return "n INT"

    def streamReader(self, schema: StructType) -> ds.DataSourceStreamReader:
        return (Stopping if "stops" in self.options else StreamReader)(self.options)


class StreamReader(ds.DataSourceStreamReader):
    def __init__(self, options: Any) -> None:
        self.options = options

    def initialOffset(self) -> dict[str, Any]:
        return {"at": 0}

    def getDefaultReadLimit(self) -> limits.ReadLimit:
        found: limits.ReadLimit = HELD.get("limit", limits.ReadMaxRows(2))
        return found

    def latestOffset(self, start: dict[str, Any], limit: limits.ReadLimit) -> dict[str, Any]:
        CALLS.append(("latestOffset", start, limit))
        if "fail_latest" in HELD:
            raise ValueError("nobody knows")
        most = limit.max_rows if isinstance(limit, limits.ReadMaxRows) else 100
        return {"at": min(HELD.get("top", 5), start["at"] + most)}

    def reportLatestOffset(self) -> dict[str, Any]:
        return {"at": HELD.get("top", 5)}

    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> list[ds.InputPartition]:
        return [ds.InputPartition(at) for at in range(start["at"], end["at"])]

    def read(self, partition: ds.InputPartition) -> Iterator[tuple[int]]:
        if "fail_read" in HELD:
            raise ValueError("broken read")
        yield (partition.value,)

    def commit(self, end: dict[str, Any]) -> None:
        CALLS.append(("sourceCommit", end))

    def stop(self) -> None:
        CALLS.append(("stop",))


class Stopping(StreamReader, limits.SupportsTriggerAvailableNow):
    def prepareForTriggerAvailableNow(self) -> None:
        CALLS.append(("prepare",))


class Old(ds.DataSource):
    def schema(self) -> str:
        return "n INT"

    def streamReader(self, schema: StructType) -> Any:
        class Reader(StreamReader):
            def latestOffset(self) -> dict[str, Any]:  # type: ignore[override]
                return {"at": 3}

        return Reader(self.options)


class Simple(ds.DataSource):
    def schema(self) -> str:
        return "n INT"

    def simpleStreamReader(self, schema: StructType) -> ds.SimpleDataSourceStreamReader:
        return SimpleReader()


class SimpleReader(ds.SimpleDataSourceStreamReader):
    def initialOffset(self) -> dict[str, Any]:
        return {"at": 0}

    def read(self, start: dict[str, Any]) -> tuple[Iterator[tuple[int]], dict[str, Any]]:
        end = min(start["at"] + 2, HELD.get("top", 5))
        CALLS.append(("read", start["at"]))
        if "stuck" in HELD:
            return iter([(1,)]), start
        return ((n,) for n in range(start["at"], end)), {"at": end}

    def readBetweenOffsets(self, start: dict[str, Any], end: dict[str, Any]) -> Iterator[tuple[int]]:
        CALLS.append(("readBetweenOffsets", start["at"], end["at"]))
        return iter([(n,) for n in range(start["at"], end["at"])])

    def commit(self, end: dict[str, Any]) -> None:
        CALLS.append(("sourceCommit", end["at"]))


# ---- batches in -------------------------------------------------------------------------------------------------


def test_a_format_is_read_by_its_name_in_any_case(spark: SparkSession) -> None:
    frame = spark.read.format("MY_batch").option("Some", "x").load("/data")
    assert called("schema") == [({"some": "x", "path": "/data"},)]
    assert frame.schema.simpleString() == "struct<a:int,b:string>"
    assert [field.nullable for field in frame.schema] == [False, True]
    assert frame.collect() == [(0, "x"), (0, None), (1, "x"), (1, None)]
    assert frame.where("b = 'x'").select("b").count() == 2
    # What is read is planned once, and each time read by copies of the reader that have not seen the planning.
    assert called("reader") == [("struct<a:int,b:string>",)] and called("partitions") == [()]
    assert [count for _, count in called("read")] == [1, 1, 1, 1]


def test_several_paths_are_json(spark: SparkSession) -> None:
    spark.read.format("my_batch").load(["/x", "/y"])
    assert called("schema") == [({"paths": '["/x","/y"]'},)]


def test_a_given_schema_is_taken(spark: SparkSession) -> None:
    frame = spark.read.format("my_batch").schema("a int, b string").load()
    assert frame.schema["a"].nullable and not called("schema")


@pytest.mark.parametrize("partitions", [[], NotImplementedError])
def test_no_partitions_are_one(spark: SparkSession, partitions: Any) -> None:
    HELD.update(partitions=partitions if isinstance(partitions, list) else None, rows=[(1, "x")])
    if not isinstance(partitions, list):
        HELD["reader"] = _NoPartitions({})
    assert spark.read.format("my_batch").load().collect() == [(1, "x")]
    assert [text for text, _ in called("read")] == ["InputPartition(value=None)"]


class _NoPartitions(BatchReader):
    def partitions(self) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([Row(b="z", a=1)], [(1, "z")]),  # by name
        ([(1, 5), (2, True), (3, [1, 2]), (4, {"a": None})],
         [(1, "5"), (2, "true"), (3, "[1, 2]"), (4, "{'a': None}")]),
        ([(1.5, "x")], [(1, "x")]),
        ([pl.DataFrame({"b": ["x", None], "a": [1, 2]}, schema={"b": pl.String, "a": pl.Int32})],
         [(1, "x"), (2, None)]),
        ([pa.record_batch([pa.array([1], pa.int32()), ["x"]],
                          schema=pa.schema([pa.field("a", pa.int32(), False), pa.field("b", pa.string())]))],
         [(1, "x")]),
    ],
)  # fmt: skip
def test_rows_of_all_kinds(spark: SparkSession, rows: Any, expected: Any) -> None:
    HELD.update(rows=rows, partitions=[ds.InputPartition(0)])
    assert spark.read.format("my_batch").load().collect() == expected


@pytest.mark.parametrize("make", [lambda i: (i, "x"), lambda i: Row(a=i, b="x")])
def test_no_row_is_lost_between_batches(spark: SparkSession, make: Any) -> None:
    HELD.update(rows=[make(i) for i in range(25_000)], partitions=[ds.InputPartition(0)])
    found = spark.read.format("my_batch").load().selectExpr("count(*)", "sum(a)").collect()
    assert found == [(25_000, 25_000 * 24_999 // 2)]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ValueError("broken"), "ValueError: broken"),
        ([None, (1, "x")], "DATA_SOURCE_INVALID_RETURN_TYPE"),
        (None, "DATA_SOURCE_INVALID_RETURN_TYPE"),
        (([1],), "DATA_SOURCE_INVALID_RETURN_TYPE"),
        ([1], "DATA_SOURCE_INVALID_RETURN_TYPE"),
        (["ab"], "DATA_SOURCE_INVALID_RETURN_TYPE"),
        ([{"a": 1, "b": 2}], "DATA_SOURCE_INVALID_RETURN_TYPE"),
        ([(1,)], "DATA_SOURCE_RETURN_SCHEMA_MISMATCH"),
        ([Row(a=1, c="x")], "DATA_SOURCE_RETURN_SCHEMA_MISMATCH"),
        ([pa.record_batch({"a": [1], "b": ["x"]})], "DATA_SOURCE_RETURN_SCHEMA_MISMATCH"),
        ([pa.record_batch({"a": [1]})], "DATA_SOURCE_RETURN_SCHEMA_MISMATCH"),
        ([pa.record_batch({"a": [1], "c": ["x"]})], "DATA_SOURCE_RETURN_SCHEMA_MISMATCH"),
        ([("x", "y")], "ArrowInvalid"),
        ([(2**40, "y")], "ArrowInvalid"),
        ([(None, "y")], "FIELD_NOT_NULLABLE_WITH_NAME"),
    ],
)
def test_what_is_no_row_is_refused(spark: SparkSession, rows: Any, words: str) -> None:
    HELD["rows"] = rows
    if rows is None:
        HELD["rows"] = 5
    with pytest.raises(PySparkException, match=words) as failure:
        spark.read.format("my_batch").load().collect()
    assert (failure.value.getCondition(), failure.value.getSqlState()) == ("PYTHON_EXCEPTION", "38000")


@pytest.mark.parametrize(
    ("held", "condition", "words"),
    [
        ({"schema": "a"}, "PARSE_SYNTAX_ERROR", ""),
        ({"schema": IntegerType()}, "INVALID_SCHEMA.NON_STRUCT_TYPE", "int"),
        ({"schema": 5}, "INVALID_SCHEMA.NON_STRUCT_TYPE", "5"),
        ({"reader": 3}, "PYTHON_DATA_SOURCE_ERROR", "an instance of DataSourceReader"),
        ({"partitions": (1,)}, "PYTHON_DATA_SOURCE_ERROR", "'partitions' to return a list"),
        ({"partitions": [1, "x"]}, "PYTHON_DATA_SOURCE_ERROR", "'int', 'str'"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    spark: SparkSession, held: Any, condition: str, words: str
) -> None:
    HELD.update(held)
    with pytest.raises(PySparkException) as failure:
        spark.read.format("my_batch").load().collect()
    assert failure.value.getCondition() == condition and words in str(failure.value)


def test_methods_that_are_missing_are_named(spark: SparkSession) -> None:
    class Nothing(ds.DataSource):
        pass

    spark.dataSource.register(Nothing)
    attempts = {
        "schema": lambda: spark.read.format("nothing").load(),
        "reader": lambda: spark.read.format("nothing").schema("a int").load().collect(),
        "writer": lambda: spark.range(1).write.format("nothing").mode("append").save(),
    }
    for method, attempt in attempts.items():
        with pytest.raises(PySparkException, match=f"{method} is not implemented") as failure:
            attempt()
        assert failure.value.getCondition() == "PYTHON_DATA_SOURCE_ERROR"


def test_registering(spark: SparkSession) -> None:
    class Json(ds.DataSource):
        @classmethod
        def name(cls) -> str:
            return "JSON"

    class NoSource:
        @classmethod
        def name(cls) -> str:
            return "nosource"

    with pytest.raises(PySparkException) as failure:
        spark.dataSource.register(Json)
    assert failure.value.getCondition() == "DATA_SOURCE_ALREADY_EXISTS"
    spark.dataSource.register(NoSource)  # type: ignore[arg-type]
    with pytest.raises(PySparkException, match="a subclass of DataSource"):
        spark.read.format("nosource").load()
    with pytest.raises(PySparkException) as failure:
        spark.newSession().read.format("my_batch").load()
    assert failure.value.getCondition() == "DATA_SOURCE_NOT_FOUND"


def test_packages_bring_connectors(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyspark_tried.py").write_text(
        "from lightstream.sql.datasource import DataSource, DataSourceReader\n"
        "class Reader(DataSourceReader):\n    def read(self, partition):\n        yield (7,)\n"
        "class DefaultSource(DataSource):\n"
        "    @classmethod\n    def name(cls):\n        return 'tried'\n"
        "    def schema(self):\n        return 'n int'\n"
        "    def reader(self, schema):\n        return Reader()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    installed.cache_clear()
    try:
        assert spark.read.format("tried").load().collect() == [(7,)]
        spark.sql("CREATE TEMPORARY VIEW tried USING tried")
        assert spark.table("tried").collect() == [(7,)]
    finally:
        installed.cache_clear()
        sys.modules.pop("pyspark_tried", None)


# ---- filters ----------------------------------------------------------------------------------------------------


def test_a_reader_of_filters_needs_the_setting(spark: SparkSession) -> None:
    with pytest.raises(PySparkException, match="DATA_SOURCE_PUSHDOWN_DISABLED"):
        spark.read.format("my_batch").option("push", 1).load().collect()


@pytest.mark.parametrize(
    ("condition", "filters", "rows"),
    [
        ("a = 1", ["EqualTo(attribute=('a',), value=1)"], [(0, "x"), (0, None), (1, "x"), (1, None)]),
        ("a > 0 and b is not null",
         ["GreaterThan(attribute=('a',), value=0)", "IsNotNull(attribute=('b',))"], [(1, "x")]),
        ("a = 1 or b = 'x'", None, [(0, "x"), (1, "x"), (1, None)]),
        ("b like 'x%' and not (a in (1,2,3)) and a <> 5 and 3 > a",
         ["IsNotNull(attribute=('b',))", "StringStartsWith(attribute=('b',), value='x')",
          "Not(child=In(attribute=('a',), value=[1, 2, 3]))", "Not(child=EqualTo(attribute=('a',), value=5))",
          "LessThan(attribute=('a',), value=3)"], [(0, "x")]),
        ("a <=> 1 and b like '%x' and b like '%x%' and a+1 = 2",
         ["IsNotNull(attribute=('b',))", "EqualNullSafe(attribute=('a',), value=1)",
          "StringEndsWith(attribute=('b',), value='x')", "StringContains(attribute=('b',), value='x')"],
         [(1, "x")]),
    ],
)  # fmt: skip
def test_filters_go_to_the_reader(
    spark: SparkSession, condition: str, filters: list[str] | None, rows: Any
) -> None:
    spark.conf.set("spark.sql.python.filterPushdown.enabled", "true")
    frame = spark.read.format("my_batch").option("push", 1).load()
    assert frame.where(condition).collect() == rows
    assert called("pushFilters") == ([] if filters is None else [tuple(filters)])


def test_filters_go_through_projections(spark: SparkSession) -> None:
    spark.conf.set("spark.sql.python.filterPushdown.enabled", "true")
    frame = spark.read.format("my_batch").option("push", 1).load()
    assert frame.selectExpr("a AS z", "b").where("z = 1").groupBy("z").count().count() == 2
    assert called("equal") == [(1,), (1,)]
    HELD["extraneous"] = True
    with pytest.raises(PySparkException, match="DATA_SOURCE_EXTRANEOUS_FILTERS"):
        frame.where("a = 1").collect()


# ---- batches out ------------------------------------------------------------------------------------------------


def test_rows_are_written_and_committed(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(0, "x"), (1, None)], "a int, b string")
    frame.write.format("my_batch").option("K", "v").mode("append").save("/there")
    assert called("writer") == [("struct<a:int,b:string>", False, {"k": "v", "path": "/there"})]
    assert called("write") == [([(0, "x"), (1, None)], 2)]
    assert called("commit") == [([2], 0)]  # not by the copy that has written
    frame.write.format("my_batch").mode("overwrite").save()
    assert called("writer")[1][1] is True
    HELD["writer"] = ArrowWriter()
    frame.write.format("my_batch").mode("append").save()
    assert called("write")[-1] == ([(["a", "b"], [{"a": 0, "b": "x"}, {"a": 1, "b": None}])],)


@pytest.mark.parametrize("mode", ["error", "ignore"])
def test_modes_that_connectors_have_not(spark: SparkSession, mode: str) -> None:
    with pytest.raises(PySparkException) as failure:
        spark.range(1).write.format("my_batch").mode(mode).save()
    assert failure.value.getCondition() == "UNSUPPORTED_DATA_SOURCE_SAVE_MODE" and not CALLS


@pytest.mark.parametrize(
    ("held", "condition", "ends"),
    [
        ({"writer": 3}, "PYTHON_DATA_SOURCE_ERROR", []),
        ({"fail_write": True}, "PYTHON_EXCEPTION", [("abort", [None])]),
        ({"message": None}, "PYTHON_EXCEPTION", [("abort", [None])]),
        ({"fail_commit": True}, "PYTHON_DATA_SOURCE_ERROR", [("commit", [3], 0), ("abort", [3])]),
    ],
)
def test_failed_writes_are_aborted(spark: SparkSession, held: Any, condition: str, ends: Any) -> None:
    HELD.update(held)
    with pytest.raises(PySparkException) as failure:
        spark.range(3).write.format("my_batch").mode("append").save()
    assert failure.value.getCondition() == condition
    assert [call for call in CALLS if call[0] in ("commit", "abort")] == ends


# ---- streams ----------------------------------------------------------------------------------------------------


def run(spark: SparkSession, source: str, path: Path, sink: str = "my_batch", **trigger: Any) -> Any:
    frame = spark.readStream.format(source).options(**HELD.get("options", {})).load()
    writer = frame.writeStream.format(sink).option("checkpointLocation", str(path / "checkpoint"))
    query = writer.trigger(**(trigger or {"availableNow": True})).start()
    query.awaitTermination()
    return query


def offsets(path: Path) -> list[str]:
    directory = path / "checkpoint" / "offsets"
    return [(directory / name).read_text().splitlines()[2] for name in sorted(os.listdir(directory))]


def test_a_stream_with_limits(spark: SparkSession, tmp_path: Path) -> None:
    HELD["options"] = {"stops": 1}
    query = run(spark, "stream", tmp_path)
    assert offsets(tmp_path) == ['{"at": 2}', '{"at": 4}', '{"at": 5}']
    sources = [json.loads(p.json)["sources"][0] for p in query.recentProgress]
    assert [(s["startOffset"], s["endOffset"], s["latestOffset"], s["numInputRows"]) for s in sources] == [
        (None, {"at": 2}, {"at": 5}, 2),
        ({"at": 2}, {"at": 4}, {"at": 5}, 2),
        ({"at": 4}, {"at": 5}, {"at": 5}, 1),
    ]
    assert sources[0]["description"].startswith(
        "org.apache.spark.sql.execution.datasources.v2.python.PythonMicroBatchStreamWithTriggerAvailableNow@"
    )
    assert called("prepare") == [()] and called("sourceCommit") == [({"at": 2},), ({"at": 4},)]
    # Each batch by a writer of its own, committed by another one.
    assert called("write") == [([(0,), (1,)], 2), ([(2,), (3,)], 2), ([(4,)], 1)]
    assert called("commit") == [([2], 0, 0), ([2], 1, 0), ([1], 2, 0)]
    assert called("stop") == [()]
    assert [limit for _, limit in called("latestOffset")] == [limits.ReadMaxRows(2)] * 4


@pytest.mark.parametrize(("source", "expected"), [("stream", '{"at": 5}'), ("old", '{"at": 3}')])
def test_a_stream_that_cannot_stop_is_one_batch(
    spark: SparkSession, tmp_path: Path, source: str, expected: str
) -> None:
    run(spark, source, tmp_path)
    assert offsets(tmp_path) == [expected]
    assert all(limit == limits.ReadAllAvailable() for _, limit in called("latestOffset"))


def test_a_stream_goes_on(spark: SparkSession, tmp_path: Path) -> None:
    run(spark, "stream", tmp_path)
    HELD["top"] = 8
    run(spark, "stream", tmp_path)
    assert called("latestOffset")[-1][0] == {"at": 5} and called("write")[-1] == ([(5,), (6,), (7,)], 3)


def test_a_batch_is_written_again(spark: SparkSession, tmp_path: Path) -> None:
    run(spark, "stream", tmp_path)
    (tmp_path / "checkpoint" / "commits" / "0").unlink()
    CALLS.clear()
    run(spark, "stream", tmp_path)
    assert called("write") == [([(0,), (1,), (2,), (3,), (4,)], 5)] and called("commit") == [([5], 0, 0)]


def test_a_simple_stream_keeps_what_it_has_read(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.readStream.format("simple").load()
    writer = frame.writeStream.format("my_batch").option("checkpointLocation", str(tmp_path / "checkpoint"))
    query = writer.start()
    query.processAllAvailable()
    query.stop()
    assert offsets(tmp_path) == ['{"at": 2}', '{"at": 4}', '{"at": 5}']
    assert [rows for rows, _ in called("write")] == [[(0,), (1,)], [(2,), (3,)], [(4,)]]
    assert called("read")[:4] == [(0,), (2,), (4,), (5,)] and not called("readBetweenOffsets")
    assert called("sourceCommit") == [(2,), (4,)]
    (tmp_path / "checkpoint" / "commits" / "2").unlink()
    query = writer.start()
    query.processAllAvailable()
    query.stop()
    assert called("readBetweenOffsets") == [(4, 5)] and called("write")[-1] == ([(4,)], 1)


@pytest.mark.parametrize(
    ("source", "held", "condition", "ends"),
    [
        ("stream", {"fail_latest": 1}, "PYTHON_STREAMING_DATA_SOURCE_RUNTIME_ERROR", []),
        ("stream", {"limit": type("Own", (limits.ReadLimit,), {})(), "options": {"stops": 1}},
         "PYTHON_STREAMING_DATA_SOURCE_RUNTIME_ERROR", []),
        ("simple", {"stuck": 1}, "SIMPLE_STREAM_READER_OFFSET_DID_NOT_ADVANCE", []),
        ("stream", {"fail_read": 1}, "PYTHON_EXCEPTION", []),
        ("my_batch", {}, "PYTHON_DATA_SOURCE_ERROR", []),
        ("stream", {"fail_write": 1}, "PYTHON_EXCEPTION", [("abort", [None], 0)]),
        ("stream", {"fail_commit": 1}, "PYTHON_STREAMING_DATA_SOURCE_RUNTIME_ERROR",
         [("commit", [5], 0, 0), ("abort", [5], 0)]),
    ],
)  # fmt: skip
def test_failures_end_the_query(
    spark: SparkSession, tmp_path: Path, source: str, held: Any, condition: str, ends: Any
) -> None:
    HELD.update(held)
    with pytest.raises(StreamingQueryException, match=condition):
        run(spark, source, tmp_path)
    assert [call for call in CALLS if call[0] in ("commit", "abort")] == ends


def test_output_modes_of_a_sink(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.readStream.format("stream").load().groupBy("n").count()
    with pytest.raises(PySparkException, match="checkpointLocation must be specified"):
        frame.writeStream.format("my_batch").outputMode("complete").start()
    writer = frame.writeStream.format("my_batch").trigger(availableNow=True)
    writer.outputMode("complete").option("checkpointLocation", str(tmp_path / "a")).start().awaitTermination()
    assert called("streamWriter") == [(True,), (True,)] and called("write")[0][1] == 5
    with pytest.raises(StreamingQueryException, match="my_batch does not support Update mode"):
        writer.outputMode("update").option(
            "checkpointLocation", str(tmp_path / "b")
        ).start().awaitTermination()


# ---- the short form ---------------------------------------------------------------------------------------------


def test_functions_over_polars_frames(spark: SparkSession, tmp_path: Path) -> None:
    @polars_source("prices", "id bigint, price double")
    def prices(options: Any) -> pl.DataFrame:
        return pl.DataFrame({"id": [1, 2], "price": [0.5, float(options["top"])]})

    @polars_stream("ticks", "n bigint", start={"n": 0})
    def ticks(options: Any, start: Any, end: Any) -> tuple[pl.DataFrame, dict[str, int]]:
        CALLS.append(("ticks", start["n"], end))
        end = end or {"n": min(start["n"] + 2, 3)}
        return pl.DataFrame({"n": range(start["n"], end["n"])}, schema={"n": pl.Int64}), end

    @polars_sink("keep")
    def keep(options: Any, rows: pl.DataFrame, batch_id: int | None) -> None:
        CALLS.append(("keep", rows.rows(), batch_id))

    for source in (prices, ticks, keep):
        spark.dataSource.register(source)
    frame = spark.read.format("prices").option("top", 2).load()
    assert frame.collect() == [(1, 0.5), (2, 2.0)]
    frame.write.format("keep").mode("append").save()
    spark.range(0).write.format("keep").mode("append").save()
    assert called("keep") == [([(1, 0.5), (2, 2.0)], None), ([], None)]
    CALLS.clear()
    stream = spark.readStream.format("ticks").load().writeStream.format("keep")
    query = stream.option("checkpointLocation", str(tmp_path / "checkpoint")).start()
    query.processAllAvailable()
    query.stop()
    assert called("keep") == [([(0,), (1,)], 0), ([(2,)], 1)]
    (tmp_path / "checkpoint" / "commits" / "1").unlink()
    query = stream.start()
    query.processAllAvailable()
    query.stop()
    assert ("ticks", 2, {"n": 3}) in CALLS and called("keep")[-1] == ([(2,)], 1)
