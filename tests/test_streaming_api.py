"""`writeStream`, the query handle, `spark.streams` and listeners, as a PySpark program uses them."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    PySparkException,
    PySparkTypeError,
    PySparkValueError,
    StreamingQueryException,
)
from lightstream.sql import Row, SparkSession
from lightstream.sql import functions as F
from lightstream.sql.streaming import StreamingQueryListener
from lightstream.sql.streaming.listener import QueryStartedEvent
from lightstream.sql.streaming.progress import StreamingQueryProgress
from lightstream.stream.active import queries_of


@pytest.fixture
def spark() -> Iterator[SparkSession]:
    session = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    yield session
    session.stop()


class Input:
    """A directory of JSON files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(exist_ok=True)

    def put(self, name: str, *rows: dict[str, Any]) -> None:
        hidden = self.path / f".{name}"
        hidden.write_text("".join(json.dumps(row) + "\n" for row in rows))
        hidden.rename(self.path / name)


@pytest.fixture
def files(tmp_path: Path) -> Input:
    found = Input(tmp_path / "in")
    found.put("a.json", {"k": "a", "v": 1, "ts": "2025-01-01T00:05:00Z"})
    return found


@pytest.fixture
def df(spark: SparkSession, files: Input) -> Any:
    return spark.readStream.schema("k string, v int, ts timestamp").json(str(files.path))


# ---- the writer's arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "condition"),
    [
        ({}, "ONLY_ALLOW_SINGLE_TRIGGER"),
        ({"once": True, "availableNow": True}, "ONLY_ALLOW_SINGLE_TRIGGER"),
        ({"processingTime": " "}, "VALUE_NOT_NON_EMPTY_STR"),
        ({"processingTime": 5}, "VALUE_NOT_NON_EMPTY_STR"),
        ({"continuous": ""}, "VALUE_NOT_NON_EMPTY_STR"),
        ({"once": False}, "VALUE_NOT_ALLOWED"),
        ({"availableNow": False}, "VALUE_NOT_ALLOWED"),
        ({"availableNow": 1}, "VALUE_NOT_ALLOWED"),
    ],
)
def test_triggers_that_make_no_sense(df: Any, arguments: dict[str, Any], condition: str) -> None:
    with pytest.raises(PySparkValueError) as caught:
        df.writeStream.trigger(**arguments)
    assert caught.value.getCondition() == condition


def test_a_trigger_is_named_and_its_interval_is_read_at_once(df: Any) -> None:
    with pytest.raises(TypeError):
        df.writeStream.trigger("1 second")
    with pytest.raises(IllegalArgumentException, match="Unrecognized number abc"):
        df.writeStream.trigger(processingTime="abc")
    with pytest.raises(IllegalArgumentException, match="should not be negative"):
        df.writeStream.trigger(processingTime="-1 seconds")


@pytest.mark.parametrize("mode", ["", " ", None, 5])
def test_an_output_mode_is_text(df: Any, mode: Any) -> None:
    with pytest.raises(PySparkValueError, match="VALUE_NOT_NON_EMPTY_STR"):
        df.writeStream.outputMode(mode)


@pytest.mark.parametrize("mode", ["foo", " append "])
def test_an_output_mode_is_one_of_three(df: Any, mode: str) -> None:
    with pytest.raises(IllegalArgumentException) as caught:
        df.writeStream.outputMode(mode)
    assert (caught.value.getCondition(), caught.value.getSqlState()) == (
        "STREAMING_OUTPUT_MODE.INVALID",
        "42KDE",
    )


@pytest.mark.parametrize("name", ["", "  ", None, 5])
def test_a_query_name_is_text(df: Any, name: Any) -> None:
    with pytest.raises(PySparkValueError, match="VALUE_NOT_NON_EMPTY_STR"):
        df.writeStream.queryName(name)


def test_layouts_exclude_each_other(df: Any) -> None:
    for both in (
        lambda: df.writeStream.clusterBy("k").partitionBy("k"),
        lambda: df.writeStream.partitionBy("k").clusterBy("k"),
    ):
        with pytest.raises(AnalysisException, match="SPECIFY_CLUSTER_BY_WITH_PARTITIONED_BY_IS_NOT_ALLOWED"):
            both()


def test_a_path_is_given_once(df: Any, tmp_path: Path) -> None:
    with pytest.raises(AnalysisException) as caught:
        df.writeStream.format("duckdb").option("path", "a").start("b")
    assert caught.value.getCondition() == "_LEGACY_ERROR_TEMP_1188"


def test_functions_must_be_callable(df: Any) -> None:
    with pytest.raises(PySparkTypeError, match="NOT_CALLABLE"):
        df.writeStream.foreachBatch(5)
    with pytest.raises(PySparkException, match="ATTRIBUTE_NOT_CALLABLE"):
        df.writeStream.foreach(5)


def test_the_default_sink_is_that_of_the_session(df: Any, spark: SparkSession) -> None:
    with pytest.raises(PySparkException, match="'path' is not specified"):
        df.writeStream.start()
    spark.conf.set("spark.sql.sources.default", "noop")
    df.writeStream.start().stop()


def test_a_table_goes_with_no_function(df: Any, tmp_path: Path) -> None:
    writer = df.writeStream.foreachBatch(print).option("checkpointLocation", str(tmp_path / "c"))
    with pytest.raises(PySparkException, match="DATA_SOURCE_NOT_FOUND"):
        writer.toTable("t")


def test_the_last_of_format_and_function_counts(df: Any) -> None:
    called: list[int] = []
    query = df.writeStream.foreachBatch(lambda frame, i: called.append(i)).format("noop").start()
    query.processAllAvailable()
    query.stop()
    assert called == []
    assert query.lastProgress.sink.description == "NoopTable"


def test_options_are_found_in_any_case_and_none_is_none(df: Any, tmp_path: Path) -> None:
    checkpoint = tmp_path / "c"
    writer = df.writeStream.format("noop").option("CheckPointLocation", str(checkpoint)).option("x", None)
    query = writer.options(y=True, checkpointLocation=None).trigger(once=True).start()
    query.awaitTermination()
    assert (checkpoint / "commits" / "0").exists()
    assert writer._options["y"] == "true"
    assert "x" not in writer._options


def test_a_writer_can_start_again(df: Any, spark: SparkSession) -> None:
    writer = df.writeStream.format("memory").queryName("again")
    first = writer.start()
    with pytest.raises(IllegalArgumentException, match="already active"):
        writer.start()
    first.stop()
    second = writer.start()
    second.processAllAvailable()
    assert spark.table("again").count() == 1
    assert second.id != first.id


def test_start_takes_everything_at_once(df: Any, spark: SparkSession, tmp_path: Path) -> None:
    query = df.groupBy("k").count().writeStream.trigger(availableNow=True).start(
        format="memory", outputMode="complete", queryName="all", checkpointLocation=str(tmp_path / "c")
    )  # fmt: skip
    query.awaitTermination()
    assert query.name == "all"
    assert spark.table("all").collect() == [Row(k="a", count=1)]


# ---- sinks through the API ------------------------------------------------------------------------------------


def test_to_table_makes_a_table_that_a_later_run_extends(
    df: Any, spark: SparkSession, files: Input, tmp_path: Path
) -> None:
    def run() -> Any:
        writer = df.writeStream.option("checkpointLocation", str(tmp_path / "c")).trigger(availableNow=True)
        query = writer.toTable("default.t")
        query.awaitTermination()
        return query

    run()
    files.put("b.json", {"k": "b", "v": 2})
    query = run()
    assert sorted(spark.table("t").collect()) == [
        Row(k="a", v=1, ts=datetime.datetime(2025, 1, 1, 0, 5)),
        Row(k="b", v=2, ts=None),
    ]
    assert query.lastProgress.batchId == 1
    assert query.lastProgress.sink.numOutputRows == 1


def test_to_table_refuses_a_temporary_view(df: Any, tmp_path: Path) -> None:
    df.createOrReplaceTempView("vw")
    with pytest.raises(AnalysisException) as caught:
        df.writeStream.option("checkpointLocation", str(tmp_path / "c")).toTable("vw")
    assert caught.value.getCondition() == "_LEGACY_ERROR_TEMP_1190"


def test_a_function_gets_a_batch_frame_in_a_session_of_its_own(df: Any, spark: SparkSession) -> None:
    spark.range(3).createOrReplaceTempView("outside")
    seen: dict[str, Any] = {}

    def use(frame: Any, batch_id: int) -> None:
        seen["streaming"] = frame.isStreaming
        seen["rows"] = frame.collect()
        seen["count"] = frame.groupBy("k").agg(F.sum("v")).collect()
        seen["polars"] = frame.toPolars().height
        seen["schema"] = frame.schema.simpleString()
        seen["same session"] = frame.sparkSession is spark
        frame.createOrReplaceTempView("inside")
        seen["sql"] = frame.sparkSession.sql("SELECT count(*) AS n FROM inside, outside").collect()

    df.writeStream.foreachBatch(use).trigger(availableNow=True).start().awaitTermination()
    assert seen == {
        "streaming": False,
        "rows": [Row(k="a", v=1, ts=datetime.datetime(2025, 1, 1, 0, 5))],
        "count": [Row(k="a", **{"sum(v)": 1})],
        "polars": 1,
        "schema": "struct<k:string,v:int,ts:timestamp>",
        "same session": False,
        "sql": [Row(n=3)],
    }
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        spark.table("inside")


def test_a_writer_gets_rows(df: Any) -> None:
    rows: list[Any] = []
    df.writeStream.foreach(rows.append).trigger(availableNow=True).start().awaitTermination()
    assert rows == [Row(k="a", v=1, ts=datetime.datetime(2025, 1, 1, 0, 5))]
    assert rows[0].k == "a"


# ---- the handle -----------------------------------------------------------------------------------------------


def test_the_handle_of_a_query(df: Any) -> None:
    query = df.writeStream.format("noop").queryName("q").start()
    assert query.isActive
    assert query.name == "q"
    assert uuid.UUID(query.id) != uuid.UUID(query.runId)
    query.processAllAvailable()
    assert list(query.status) == ["message", "isDataAvailable", "isTriggerActive"]
    assert query.awaitTermination(0.01) is False
    query.stop()
    assert query.status == {"message": "Stopped", "isDataAvailable": False, "isTriggerActive": False}
    assert query.awaitTermination() is None
    assert query.awaitTermination(1) is True
    assert query.exception() is None
    assert not query.isActive
    query.processAllAvailable()


@pytest.mark.parametrize("timeout", [0, -1, "a", [1]])
def test_a_timeout_is_positive(df: Any, timeout: Any) -> None:
    query = df.writeStream.format("noop").start()
    with pytest.raises(PySparkValueError) as caught:
        query.awaitTermination(timeout)
    assert caught.value.getCondition() == "VALUE_NOT_POSITIVE"


def test_the_error_of_a_query(df: Any) -> None:
    def boom(frame: Any, batch_id: int) -> None:
        raise ValueError("my text")

    query = df.writeStream.foreachBatch(boom).start()
    with pytest.raises(StreamingQueryException, match="ValueError: my text") as caught:
        query.awaitTermination()
    assert caught.value.getErrorClass() == "STREAM_FAILED"
    error = query.exception()
    assert isinstance(error, StreamingQueryException)
    assert str(error) == str(caught.value)
    assert query.lastProgress is None
    assert query.recentProgress == []
    query.stop()


def test_progress_is_a_dict_with_attributes(df: Any) -> None:
    query = df.writeStream.format("noop").trigger(availableNow=True).start()
    query.awaitTermination()
    progress = query.lastProgress
    assert isinstance(progress, StreamingQueryProgress)
    assert isinstance(progress, dict)
    assert list(progress) == [
        "id", "runId", "name", "timestamp", "batchId", "batchDuration", "durationMs", "eventTime", "stateOperators",
        "sources", "sink", "numInputRows", "inputRowsPerSecond", "processedRowsPerSecond", "observedMetrics",
    ]  # fmt: skip
    assert progress["id"] == query.id
    assert progress.id == uuid.UUID(query.id)
    assert progress["batchId"] == progress.batchId == 0
    assert progress.eventTime == {}
    (source,) = progress.sources
    assert (source.startOffset, source.endOffset, source.latestOffset) == ("null", '{"logOffset": 0}', "null")
    assert json.loads(progress.json)["sources"][0]["endOffset"] == {"logOffset": 0}
    assert list(json.loads(progress.json))[6:9] == [
        "numInputRows",
        "inputRowsPerSecond",
        "processedRowsPerSecond",
    ]
    assert json.loads(progress.prettyJson) == json.loads(progress.json)
    assert str(progress) == progress.prettyJson
    assert progress.processedRowsPerSecond == round(progress.processedRowsPerSecond, 1)
    assert "eventTime" not in json.loads(progress.json)


def test_explain_prints(df: Any, capsys: pytest.CaptureFixture[str]) -> None:
    query = df.writeStream.format("noop").trigger(availableNow=True).start()
    query.awaitTermination()
    query.explain()
    assert capsys.readouterr().out.startswith("== Physical Plan ==\n")


# ---- spark.streams --------------------------------------------------------------------------------------------


def test_streams_knows_the_active_queries(df: Any, spark: SparkSession) -> None:
    one = df.writeStream.format("noop").queryName("one").start()
    two = df.writeStream.format("noop").queryName("two").start()
    assert [query.name for query in spark.streams.active] == ["one", "two"]
    assert spark.streams.get(two.id).name == "two"
    one.stop()
    assert spark.streams.get(one.id) is None
    assert spark.streams.get(str(uuid.uuid4())) is None
    with pytest.raises(IllegalArgumentException, match="Invalid UUID string: zzz"):
        spark.streams.get("zzz")


def test_waiting_for_any(df: Any, spark: SparkSession) -> None:
    assert spark.streams.awaitAnyTermination(0) is False
    assert spark.streams.awaitAnyTermination(0.01) is False
    df.writeStream.format("noop").trigger(availableNow=True).start().awaitTermination()
    assert spark.streams.awaitAnyTermination(1) is True
    assert spark.streams.awaitAnyTermination() is None
    spark.streams.resetTerminated()
    assert spark.streams.awaitAnyTermination(0.01) is False
    for timeout in (-1, "a"):
        with pytest.raises(PySparkValueError, match="VALUE_NOT_POSITIVE"):
            spark.streams.awaitAnyTermination(timeout)


def test_stopping_the_session_stops_its_queries(df: Any, spark: SparkSession) -> None:
    query = df.writeStream.format("noop").start()
    spark.stop()
    assert not query.isActive
    assert query.exception() is None
    with pytest.raises(PySparkException, match="LIGHTSTREAM_SESSION_STOPPED"):
        df.writeStream.format("noop").start()


# ---- listeners ------------------------------------------------------------------------------------------------


class Heard(StreamingQueryListener):
    def __init__(self) -> None:
        self.events: list[Any] = []

    def onQueryStarted(self, event: QueryStartedEvent) -> None:
        self.events.append(event)

    def onQueryProgress(self, event: Any) -> None:
        self.events.append(event)

    def onQueryTerminated(self, event: Any) -> None:
        self.events.append(event)


def test_a_listener_hears_of_queries(df: Any, spark: SparkSession) -> None:
    listener = Heard()
    spark.streams.addListener(listener)
    assert listener.spark is spark
    query = df.writeStream.format("noop").queryName("q").trigger(availableNow=True).start()
    (started,) = [event for event in listener.events if isinstance(event, QueryStartedEvent)]
    assert (str(started.id), str(started.runId), started.name, started.jobTags) == (
        query.id,
        query.runId,
        "q",
        set(),
    )
    query.awaitTermination()
    queries_of(spark._state).bus.close(10)
    progress, terminated = listener.events[1].progress, listener.events[2]
    assert (progress.batchId, progress.numInputRows, progress.sources[0].endOffset) == (
        0,
        1,
        '{"logOffset": 0}',
    )
    assert json.loads(progress.json)["processedRowsPerSecond"] == round(progress.processedRowsPerSecond, 1)
    assert json.loads(progress.sources[0].json) == json.loads(progress.json)["sources"][0]
    assert (terminated.exception, terminated.errorClassOnException) == (None, None)
    spark.streams.removeListener(listener)
    df.writeStream.format("noop").trigger(availableNow=True).start().awaitTermination()
    assert len(listener.events) == 3


def test_a_listener_is_a_listener(spark: SparkSession) -> None:
    with pytest.raises(PySparkTypeError, match="NOT_EXPECTED_TYPE"):
        spark.streams.addListener(5)  # type: ignore[arg-type]
    spark.streams.removeListener(Heard())


def test_events_can_be_read_from_json() -> None:
    event = QueryStartedEvent.fromJson(
        {
            "id": str(uuid.UUID(int=1)),
            "runId": str(uuid.UUID(int=2)),
            "name": None,
            "timestamp": "t",
            "jobTags": ["x"],
        }
    )
    assert (event.id, event.runId, event.jobTags) == (uuid.UUID(int=1), uuid.UUID(int=2), {"x"})


# ---- the signatures of pyspark --------------------------------------------------------------------------------

WHERE_TO = "format=None, outputMode=None, partitionBy=None, queryName=None, **options"
SIGNATURES = {
    "DataStreamWriter.start": f"(self, path=None, {WHERE_TO})",
    "DataStreamWriter.toTable": f"(self, tableName, {WHERE_TO})",
    "DataStreamWriter.trigger": (
        "(self, *, processingTime=None, once=None, continuous=None, availableNow=None, realTime=None)"
    ),
    "DataStreamWriter.option": "(self, key, value)",
    "DataStreamWriter.options": "(self, **options)",
    "DataStreamWriter.partitionBy": "(self, *cols)",
    "DataStreamWriter.clusterBy": "(self, *cols)",
    "DataStreamWriter.outputMode": "(self, outputMode)",
    "DataStreamWriter.queryName": "(self, queryName)",
    "DataStreamWriter.format": "(self, source)",
    "DataStreamWriter.foreach": "(self, f)",
    "DataStreamWriter.foreachBatch": "(self, func)",
    "StreamingQuery.awaitTermination": "(self, timeout=None)",
    "StreamingQuery.explain": "(self, extended=False)",
    "StreamingQueryManager.get": "(self, id)",
    "StreamingQueryManager.awaitAnyTermination": "(self, timeout=None)",
    "StreamingQueryManager.addListener": "(self, listener)",
    "StreamingQueryManager.removeListener": "(self, listener)",
}


@pytest.mark.parametrize(("name", "signature"), SIGNATURES.items())
def test_signatures_are_those_of_pyspark(name: str, signature: str) -> None:
    import inspect

    from lightstream.sql import streaming

    owner, method = name.split(".")
    found = inspect.signature(getattr(getattr(streaming, owner), method))
    plain = found.replace(
        parameters=[p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()],
        return_annotation=inspect.Signature.empty,
    )
    assert str(plain) == signature
