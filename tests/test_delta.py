"""Delta tables: read as snapshots and as streams, written by streams exactly once; deltalake looks at them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, PySparkException, StreamingQueryException
from lightstream.sources.delta.reader import open_delta
from lightstream.sql import SparkSession
from lightstream.sql import functions as F


@pytest.fixture(scope="module")
def spark() -> Any:
    session = SparkSession.builder.create()
    session.conf.set("spark.sql.session.timeZone", "America/New_York")
    yield session
    session.stop()


def table_of(*rows: tuple[Any, ...]) -> pa.Table:
    return pa.table({"k": [k for k, _ in rows], "n": pa.array([n for _, n in rows], pa.int64())})


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    """Return the rows that deltalake finds in a table."""
    found = DeltaTable(str(path)).to_pyarrow_table()
    return sorted((row["k"], row["n"]) for row in found.to_pylist())


def put(at: Path, number: int, *rows: tuple[str, int]) -> None:
    at.mkdir(exist_ok=True)
    path = at / f"{number}.json"
    path.write_text("".join(json.dumps({"k": k, "n": n}) + "\n" for k, n in rows))
    os.utime(path, (1_700_000_000 + number,) * 2)


def start(spark: Any, at: Path, mode: str = "append", **options: Any) -> Any:
    """Start a query from `at/in`, one file a batch, into the table `at/out`."""
    frame = spark.readStream.schema("k STRING, n LONG").option("maxFilesPerTrigger", 1).json(str(at / "in"))
    if mode == "complete":
        frame = frame.groupBy("k").agg(F.sum("n").alias("n"))
    writer = frame.writeStream.format("delta").outputMode(mode).options(**options)
    writer = writer.option("checkpointLocation", str(at / "checkpoint")).trigger(availableNow=True)
    return writer.start(str(at / "out"))


# ---- the sink --------------------------------------------------------------------------------------------------------


def test_a_stream_is_appended(spark: Any, tmp_path: Path) -> None:
    put(tmp_path / "in", 0, ("a", 1))
    put(tmp_path / "in", 1, ("a", 2), ("b", 3))
    query = start(spark, tmp_path)
    query.awaitTermination()
    assert rows_of(tmp_path / "out") == [("a", 1), ("a", 2), ("b", 3)]
    assert [entry["sink"]["numOutputRows"] for entry in query.recentProgress] == [1, 2]
    assert query.lastProgress["sink"]["description"] == f"DeltaSink[{tmp_path / 'out'}]"
    assert DeltaTable(str(tmp_path / "out")).transaction_version(query.id) == 1

    put(tmp_path / "in", 2, ("c", 4))
    start(spark, tmp_path).awaitTermination()
    assert rows_of(tmp_path / "out")[-1] == ("c", 4)


def test_complete_mode_replaces(spark: Any, tmp_path: Path) -> None:
    put(tmp_path / "in", 0, ("a", 1))
    put(tmp_path / "in", 1, ("a", 2), ("b", 3))
    start(spark, tmp_path, "complete").awaitTermination()
    assert rows_of(tmp_path / "out") == [("a", 3), ("b", 3)]


def test_a_batch_that_is_run_again_is_committed_once(spark: Any, tmp_path: Path) -> None:
    put(tmp_path / "in", 0, ("a", 1))
    put(tmp_path / "in", 1, ("b", 2))
    start(spark, tmp_path).awaitTermination()
    (tmp_path / "checkpoint" / "commits" / "1").unlink()
    start(spark, tmp_path).awaitTermination()
    assert rows_of(tmp_path / "out") == [("a", 1), ("b", 2)]
    assert len(DeltaTable(str(tmp_path / "out")).history()) == 2
    assert (tmp_path / "checkpoint" / "commits" / "1").exists()


def test_a_checkpoint_that_was_set_back(spark: Any, tmp_path: Path) -> None:
    put(tmp_path / "in", 0, ("a", 1))
    put(tmp_path / "in", 1, ("b", 2))
    start(spark, tmp_path).awaitTermination()
    for log in ("commits", "offsets"):
        (tmp_path / "checkpoint" / log / "1").unlink()
    with pytest.raises(StreamingQueryException, match="LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT"):
        start(spark, tmp_path).awaitTermination()
    assert rows_of(tmp_path / "out") == [("a", 1), ("b", 2)]


def test_partitions_and_types(spark: Any, tmp_path: Path) -> None:
    put(tmp_path / "in", 0, ("a", 1), ("b", 2))
    frame = spark.readStream.schema("k STRING, n LONG").json(str(tmp_path / "in"))
    frame = frame.selectExpr(
        "k", "n", "timestamp'2024-07-01 12:00:00' at", "timestamp_ntz'2024-07-01 12:00:00' ntz", "date'2024-07-01' d",
        "cast(1.5 as decimal(10, 2)) dec", "array(struct(n, map(k, timestamp'2024-07-01 12:00:00'))) nested",
        "cast(n as tinyint) small", "x'00ff' bytes", "cast(null as double) nothing",
    )  # fmt: skip
    writer = frame.writeStream.format("delta").partitionBy("k").option("path", str(tmp_path / "out"))
    writer.option("checkpointLocation", str(tmp_path / "cp")).trigger(
        availableNow=True
    ).start().awaitTermination()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["_delta_log", "k=a", "k=b"]
    read = spark.read.format("delta").load(str(tmp_path / "out"))
    assert read.schema.simpleString() == frame.schema.simpleString()
    batch = spark.read.schema("k STRING, n LONG").json(str(tmp_path / "in"))
    assert (
        read.selectExpr("cast(at as string)", "cast(ntz as string)").collect()
        == [("2024-07-01 12:00:00",) * 2] * 2
    )
    assert read.where("k = 'b'").select("n", "small").collect() == [(2, 2)]
    assert batch.count() == read.count() == 2


def test_columns_that_do_not_fit(spark: Any, tmp_path: Path) -> None:
    put(tmp_path / "in", 0, ("a", 1))
    write_deltalake(str(tmp_path / "out"), pa.table({"k": ["z"]}))
    with pytest.raises(StreamingQueryException, match="DELTA_SCHEMA_MISMATCH"):
        start(spark, tmp_path).awaitTermination()
    start(spark, tmp_path, mergeSchema=True).awaitTermination()
    assert rows_of_nullable(tmp_path / "out") == [("a", 1), ("z", None)]


def rows_of_nullable(path: Path) -> list[tuple[Any, ...]]:
    return sorted((row["k"], row["n"]) for row in DeltaTable(str(path)).to_pyarrow_table().to_pylist())


def test_what_the_sink_refuses(spark: Any, tmp_path: Path) -> None:
    put(tmp_path / "in", 0, ("a", 1))
    rows = spark.readStream.schema("k STRING, n LONG").json(str(tmp_path / "in"))

    def refused(frame: Any, mode: str = "append", **options: Any) -> str:
        writer = frame.writeStream.format("delta").outputMode(mode).options(**options)
        with pytest.raises(PySparkException) as error:
            writer.option("checkpointLocation", str(tmp_path / "cp")).start(str(tmp_path / "out"))
        return str(error.value)

    assert "does not support Update output mode" in refused(rows.groupBy("k").count(), "update")
    assert "option optimizewrite of the delta sink" in refused(rows, optimizeWrite=True)
    assert "interval" in refused(rows.selectExpr("interval '1' day as i"))
    with pytest.raises(PySparkException, match="Partition column z not found"):
        rows.writeStream.format("delta").partitionBy("z").option(
            "checkpointLocation", str(tmp_path / "cp")
        ).start(str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_directory_that_cannot_be_written(spark: Any, tmp_path: Path) -> None:
    put(tmp_path / "in", 0, ("a", 1))
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StreamingQueryException, match="LIGHTSTREAM_DELTA_WRITE_FAILED"):
        start(spark, tmp_path).awaitTermination()


# ---- the source ------------------------------------------------------------------------------------------------------


def test_a_snapshot(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    write_deltalake(path, table_of(("a", 1)))
    write_deltalake(path, table_of(("b", 2), (None, None)), mode="append")
    assert sorted(spark.read.format("delta").load(path).collect(), key=str) == [
        ("a", 1),
        ("b", 2),
        (None, None),
    ]
    assert spark.read.format("delta").option("versionAsOf", 0).load(path).collect() == [("a", 1)]
    assert spark.read.format("delta").load(f"file:{path}").where("n > 1").select("k").collect() == [("b",)]
    assert spark.read.format("delta").load(path).count() == 3
    assert len(spark.read.format("delta").load(path).inputFiles()) == 2
    assert all(uri.startswith("file:///") for uri in spark.read.format("delta").load(path).inputFiles())
    times = [entry["timestamp"] for entry in DeltaTable(path).history()]
    past = spark.read.format("delta").option("timestampAsOf", _iso(times[-1])).load(path)
    assert past.collect() == [("a", 1)]


def _iso(ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def test_times_without_a_zone_are_the_session_s(spark: Any, tmp_path: Path) -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    path = str(tmp_path / "t")
    write_deltalake(path, table_of(("a", 1)))
    made = datetime.fromtimestamp(
        DeltaTable(path).history()[0]["timestamp"] / 1000, ZoneInfo("America/New_York")
    )
    text = made.strftime("%Y-%m-%d %H:%M:%S.%f")
    assert spark.read.format("delta").option("timestampAsOf", text).load(path).count() == 1
    early = made.astimezone(ZoneInfo("America/Los_Angeles")).strftime("%Y-%m-%d %H:%M:%S")
    with pytest.raises(AnalysisException, match="DELTA_TIMESTAMP_EARLIER"):
        spark.read.format("delta").option("timestampAsOf", early).load(path)


def test_no_table(spark: Any, tmp_path: Path) -> None:
    for read in (spark.read, spark.readStream):
        with pytest.raises(AnalysisException) as error:
            read.format("delta").load(str(tmp_path))
        assert error.value.getCondition() == "DELTA_PATH_DOES_NOT_EXIST"
    write_deltalake(str(tmp_path / "t"), table_of(("a", 1)))
    with pytest.raises(AnalysisException, match="DELTA_VERSION_NOT_FOUND"):
        spark.read.format("delta").option("versionAsOf", 7).load(str(tmp_path / "t"))
    with pytest.raises(AnalysisException, match="DELTA_TIMESTAMP_EARLIER"):
        spark.read.format("delta").option("timestampAsOf", "2001-01-01").load(str(tmp_path / "t"))


class Reading:
    """A stream of a table into a list of batches."""

    def __init__(self, spark: Any, at: Path, **options: Any) -> None:
        self.spark, self.at, self.options = spark, at, options

    def once(self) -> list[list[tuple[Any, ...]]]:
        """Run what there is; return the rows by batch."""
        batches: list[list[tuple[Any, ...]]] = []
        frame = self.spark.readStream.format("delta").options(**self.options).load(str(self.at / "t"))

        def note(rows: Any, batch_id: int) -> None:
            batches.append(sorted((tuple(row) for row in rows.collect()), key=str))

        writer = frame.writeStream.foreachBatch(note).option("checkpointLocation", str(self.at / "cp"))
        writer.trigger(availableNow=True).start().awaitTermination()
        return batches


def test_a_stream_of_a_table(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    write_deltalake(path, table_of(("a", 1)))
    write_deltalake(path, table_of(("b", 2)), mode="append")
    reading = Reading(spark, tmp_path)
    assert reading.once() == [[("a", 1), ("b", 2)]]
    assert reading.once() == []
    write_deltalake(path, table_of(("c", 3)), mode="append")
    DeltaTable(path).optimize.compact()  # the same rows in other files
    write_deltalake(path, table_of(("d", 4)), mode="append")
    assert reading.once() == [[("c", 3), ("d", 4)]]
    offsets = sorted((tmp_path / "cp" / "offsets").iterdir(), key=lambda p: int(p.name))
    last = json.loads(offsets[-1].read_text().splitlines()[2])
    assert (last["sourceVersion"], last["reservoirVersion"], last["isStartingVersion"]) == (1, 4, False)
    assert last["reservoirId"] == str(DeltaTable(path).metadata().id)


def test_limits(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    for n in range(3):
        write_deltalake(path, table_of((f"k{n}", n)), mode="append")
    reading = Reading(spark, tmp_path, maxFilesPerTrigger=2)
    assert [len(batch) for batch in reading.once()] == [2, 1]
    for n in range(3, 6):
        write_deltalake(path, table_of((f"k{n}", n)), mode="append")
    assert [len(batch) for batch in reading.once()] == [2, 1]
    small = Reading(spark, tmp_path / "elsewhere", maxBytesPerTrigger=1)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "t").symlink_to(tmp_path / "t")
    assert [len(batch) for batch in small.once()] == [1] * 6


def test_limits_are_positive(spark: Any, tmp_path: Path) -> None:
    write_deltalake(str(tmp_path / "t"), table_of(("a", 1)))
    for name in ("maxFilesPerTrigger", "maxBytesPerTrigger"):
        with pytest.raises(PySparkException, match="must be a positive integer"):
            Reading(spark, tmp_path, **{name: 0}).once()


def test_where_a_stream_begins(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    for n in range(3):
        write_deltalake(path, table_of((f"k{n}", n)), mode="append")
    for options, rows in (
        ({"startingVersion": "1"}, [("k1", 1), ("k2", 2)]),
        ({"startingVersion": "latest"}, []),
        ({"startingTimestamp": _iso(DeltaTable(path).history(1)[0]["timestamp"])}, [("k2", 2)]),
    ):
        at = tmp_path / "-".join(options)
        at = at.with_name(f"{at.name}{len(rows)}")
        at.mkdir()
        (at / "t").symlink_to(tmp_path / "t")
        assert [row for batch in Reading(spark, at, **options).once() for row in batch] == rows


@pytest.mark.parametrize(
    "options",
    [{}, {"maxfilespertrigger": "1"}, {"startingversion": "latest"}, {"startingversion": "1"},
     {"startingversion": "latest", "maxfilespertrigger": "1"}],
)  # fmt: skip
def test_the_first_batch_that_is_run_again_reads_what_it_read(
    tmp_path: Path, options: dict[str, str]
) -> None:
    path = str(tmp_path / "t")

    def opened() -> Any:
        return open_delta([path], None, options, True, "UTC").open_stream(None, False, Conf())

    for number in range(3):
        write_deltalake(path, table_of(("a", number)), mode="append")
    stream = opened()
    for number in range(2):
        write_deltalake(path, table_of(("b", number)), mode="append")
    end = stream.latest_offset(None)
    files = stream.input_of(None, end)
    write_deltalake(path, table_of(("c", 1)), mode="append")
    again = opened()
    assert files and set(again.input_of(None, end)) == set(files)
    # Nothing is left out behind it either.
    read = [*files]
    while (later := again.latest_offset(end)) != end:
        read += again.input_of(end, later)
        end = later
    begins = {"latest": 3, "1": 1}.get(options.get("startingversion", ""), 0)
    assert len(read) == len(set(read)) == 6 - begins


def test_partitioned_rows(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    write_deltalake(path, table_of(("a", 1), (None, 2)), partition_by=["n"])
    reading = Reading(spark, tmp_path)
    assert reading.once() == [[("a", 1), (None, 2)]]
    write_deltalake(path, table_of(("b c/d", 3), ("e", None)), mode="append")
    assert reading.once() == [[("b c/d", 3), ("e", None)]]


def test_changed_rows(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    write_deltalake(path, table_of(("a", 1), ("b", 2)))
    reading = Reading(spark, tmp_path)
    reading.once()
    DeltaTable(path).update(updates={"n": "10"}, predicate="k = 'a'")
    with pytest.raises(StreamingQueryException, match="DELTA_SOURCE_TABLE_IGNORE_CHANGES"):
        reading.once()
    assert Reading(spark, tmp_path, skipChangeCommits=True).once() == []
    DeltaTable(path).delete()
    with pytest.raises(StreamingQueryException, match=r"DELTA_SOURCE_(IGNORE_DELETE|TABLE_IGNORE_CHANGES)"):
        Reading(spark, tmp_path).once()
    write_deltalake(path, table_of(("c", 3)), mode="append")
    assert Reading(spark, tmp_path, ignoreChanges=True).once()[-1][-1] == ("c", 3)


def test_a_table_made_anew(spark: Any, tmp_path: Path) -> None:
    import shutil

    path = tmp_path / "t"
    write_deltalake(str(path), table_of(("a", 1)))
    reading = Reading(spark, tmp_path)
    reading.once()
    shutil.rmtree(path)
    write_deltalake(str(path), table_of(("b", 2)))
    with pytest.raises(PySparkException, match="DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE"):
        reading.once()


def test_other_columns(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    write_deltalake(path, table_of(("a", 1)))
    reading = Reading(spark, tmp_path)
    reading.once()
    more = table_of(("b", 2)).append_column("more", [["x"]])
    write_deltalake(path, more, mode="append", schema_mode="merge")
    assert reading.once() == [[("b", 2, "x")]]
    assert spark.read.format("delta").load(path).columns == ["k", "n", "more"]


def test_column_mapping_is_refused(spark: Any, tmp_path: Path) -> None:
    path = tmp_path / "t"
    write_deltalake(str(path), table_of(("a", 1)))
    log = path / "_delta_log" / "00000000000000000000.json"
    log.write_text(
        log.read_text().replace('"configuration":{}', '"configuration":{"delta.columnMapping.mode":"name"}')
    )
    with pytest.raises(PySparkException, match="column mapping of the Delta table"):
        spark.read.format("delta").load(str(path))


def test_without_the_library(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "in", 0, ("a", 1))
    monkeypatch.setitem(sys.modules, "deltalake", None)
    for use in (lambda: spark.read.format("delta").load(str(tmp_path)), lambda: start(spark, tmp_path)):
        with pytest.raises(PySparkException, match=r"pip install 'lightstream\[delta\]'"):
            use()


# ---- batch writes ----------------------------------------------------------------------------------------------------


def test_rows_are_written(spark: Any, tmp_path: Path) -> None:
    frame = spark.createDataFrame([("a", 1), ("b", 2)], "k string, n long")
    path = str(tmp_path / "t")
    frame.write.format("delta").partitionBy("k").save(path)
    assert rows_of(tmp_path / "t") == [("a", 1), ("b", 2)]
    assert DeltaTable(path).metadata().partition_columns == ["k"]
    with pytest.raises(AnalysisException, match="DELTA_PATH_EXISTS"):
        frame.write.format("delta").save(path)
    frame.write.format("delta").mode("ignore").save(path)
    frame.limit(0).write.save(path, format="delta", mode="append")
    frame.where("n = 1").write.format("delta").mode("append").option("path", path).save()
    assert rows_of(tmp_path / "t") == [("a", 1), ("a", 1), ("b", 2)]
    frame.selectExpr("k", "n * 10 as n").write.format("delta").mode("overwrite").save(path)
    assert rows_of(tmp_path / "t") == [("a", 10), ("b", 20)]
    with pytest.raises(AnalysisException, match="DELTA_SCHEMA_MISMATCH"):
        frame.selectExpr("k", "n m").write.format("delta").mode("overwrite").save(path)
    frame.selectExpr("k", "n m").write.format("delta").mode("overwrite").option(
        "overwriteSchema", "true"
    ).save(path)
    assert sorted(spark.read.format("delta").load(path).collect()) == [("a", 1), ("b", 2)]
    assert spark.sql(f"select sum(m) from delta.`{path}`").collect() == [(3,)]
    assert spark.read.format("delta").option("versionAsOf", 0).load(path).count() == 2


def test_batches_are_merged_in_foreach_batch(spark: Any, tmp_path: Path) -> None:
    put(tmp_path / "in", 0, ("a", 1))
    put(tmp_path / "in", 1, ("a", 2), ("b", 3))
    path = str(tmp_path / "t")

    def upsert(rows: Any, batch_id: int) -> None:
        if not DeltaTable.is_deltatable(path):
            rows.write.format("delta").save(path)
            return
        merge = DeltaTable(path).merge(rows.toPolars(), "s.k = t.k", source_alias="s", target_alias="t")
        merge.when_matched_update_all().when_not_matched_insert_all().execute()

    frame = (
        spark.readStream.schema("k STRING, n LONG").option("maxFilesPerTrigger", 1).json(str(tmp_path / "in"))
    )
    writer = frame.writeStream.foreachBatch(upsert).option("checkpointLocation", str(tmp_path / "cp"))
    writer.trigger(availableNow=True).start().awaitTermination()
    assert rows_of(tmp_path / "t") == [("a", 2), ("b", 3)]
