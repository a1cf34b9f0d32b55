"""The file sink and its log; `parity_tests/test_stream_file_sinks.py` compares them with Spark's."""

# ruff: noqa: F811
from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import spark  # noqa: F401

from lightstream.checkpoint import sink_log
from lightstream.checkpoint.sink_log import SinkFile, SinkLog, logged_files
from lightstream.errors import PySparkException
from lightstream.sources.paths import from_uri


class Files:
    """A query from JSON files into files."""

    def __init__(self, spark: Any, directory: Path, **settings: str) -> None:
        self.spark, self.directory, self.out = spark, directory, directory / "out"
        for key, value in settings.items():
            spark.conf.set(f"spark.sql.streaming.{key.replace('_', '.')}", value)
        (directory / "in").mkdir()

    def put(self, *numbers: int) -> None:
        for number in numbers:
            (self.directory / "in" / str(number)).write_text(json.dumps({"k": "ab"[number % 2], "n": number}))
            os.utime(self.directory / "in" / str(number), (1_700_000_000 + number,) * 2)

    def run(self, format: str = "json", *by: str, **options: str) -> None:
        stream = self.spark.readStream.schema("k string, n int").option("maxFilesPerTrigger", 1)
        writer = stream.json(str(self.directory / "in")).writeStream.format(format).options(**options)
        writer = writer.partitionBy(*by).option("checkpointLocation", str(self.directory / "checkpoint"))
        writer.trigger(availableNow=True).start(str(self.out)).awaitTermination()

    def rows(self) -> list[tuple[Any, ...]]:
        return sorted(
            (row.k, row.n) for row in self.spark.read.schema("k string, n int").json(str(self.out)).collect()
        )

    def names(self, pattern: str = "**/part-*") -> list[str]:
        return sorted(str(path.relative_to(self.out)) for path in self.out.glob(pattern))


def test_each_batch_has_its_files_and_its_entry(spark: Any, tmp_path: Path) -> None:
    files = Files(spark, tmp_path)
    files.put(0, 1)
    files.run("json", "k")
    files.put(2)
    files.run("json", "k")
    assert files.rows() == [("a", 0), ("a", 2), ("b", 1)]
    assert files.names("_spark_metadata/*") == [f"_spark_metadata/{i}" for i in range(3)]
    assert [name[:4] for name in files.names()] == ["k=a/", "k=a/", "k=b/"]
    assert not (files.out / "_temporary").exists()


def test_a_batch_that_failed_is_written_under_the_same_names(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(spark, tmp_path)
    files.put(0)

    def no_room(*args: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(sink_log, "create_once", no_room)
        with pytest.raises(PySparkException, match=r"TASK_WRITE_FAILED.*No space left"):
            files.run()
    (left,) = files.names()
    assert files.rows() == []
    files.run()
    assert files.names() == [left]
    assert files.rows() == [("a", 0)]
    # Run again though it is in the log: nothing happens.
    (tmp_path / "checkpoint" / "commits" / "0").unlink()
    files.run()
    assert files.names() == [left]


def test_a_log_that_is_ahead_of_the_checkpoint(spark: Any, tmp_path: Path) -> None:
    files = Files(spark, tmp_path)
    files.put(0, 1)
    files.run()
    shutil.rmtree(tmp_path / "checkpoint")
    with pytest.raises(PySparkException, match="LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT"):
        files.run()
    assert len(files.names()) == 2


@pytest.mark.parametrize("by", [(), ("k",)])
def test_a_stream_over_what_a_stream_writes(spark: Any, tmp_path: Path, by: tuple[str, ...]) -> None:
    files = Files(spark, tmp_path)
    files.put(0, 1)
    files.run("json", *by)
    (files.out / ("k=a" if by else "") / "orphan").write_text('{"k":"x","n":9}')
    seen: list[Any] = []
    follow = spark.readStream.schema("k string, n int").json(str(files.out)).writeStream
    query = follow.foreachBatch(
        lambda frame, _: seen.extend((row.k, row.n) for row in frame.collect())
    ).start()
    query.processAllAvailable()
    files.put(2, 3)
    files.run("json", *by)
    query.processAllAvailable()
    query.stop()
    assert sorted(seen) == [("a", 0), ("a", 2), ("b", 1), ("b", 3)]


def test_foreach_batch_writes_files(spark: Any, tmp_path: Path) -> None:
    files = Files(spark, tmp_path)
    files.put(0, 1)
    stream = spark.readStream.schema("k string, n int").json(str(tmp_path / "in")).writeStream
    writer = stream.foreachBatch(
        lambda frame, _: frame.write.mode("append").partitionBy("k").json(str(files.out))
    )
    writer.trigger(availableNow=True).start().awaitTermination()
    assert files.rows() == [("a", 0), ("b", 1)]


def test_odd_paths(spark: Any, tmp_path: Path) -> None:
    files = Files(spark, tmp_path)
    files.out = tmp_path / "it's {uuid} [x]*?#%20é"
    files.put(0, 1)
    files.run("json", "k")
    _, found = logged_files(str(files.out))
    assert sorted(from_uri(each.uri) for each in found) == sorted(
        str(files.out / name) for name in files.names()
    )


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_directory_that_cannot_be(spark: Any, tmp_path: Path, where: str) -> None:
    files = Files(spark, tmp_path)
    (tmp_path / "file").touch()
    files.out = tmp_path / where
    with pytest.raises(PySparkException, match="TASK_WRITE_FAILED") as caught:
        files.run()
    assert caught.value.getCondition() == "TASK_WRITE_FAILED"


# ---- the log ----------------------------------------------------------------------------------------------------


def file(number: int, mtime_ms: int = 0) -> SinkFile:
    return SinkFile(f"file:///out/{number}", number, mtime_ms)


def names(log: SinkLog) -> list[str]:
    return sorted(os.listdir(log.path), key=lambda name: int(name.split(".")[0]))


def test_entries_are_compacted_and_go(tmp_path: Path) -> None:
    log = SinkLog(str(tmp_path), compact_interval=3, cleanup_delay_ms=0, batches_to_retain=2)
    for number in range(8):
        log.add(number, [file(number)])
        assert logged_files(str(tmp_path)) == (number, [file(i) for i in range(number + 1)])
    assert names(log) == ["5.compact", "6", "7"]
    assert logged_files(str(tmp_path), after=5) == (7, [file(6), file(7)])
    kept = SinkLog(str(tmp_path), compact_interval=10)
    for number in (8, 9, 10, 11):
        kept.add(number, [])
    assert names(kept) == ["5.compact", "6", "7", "8", "9", "10", "11.compact"]
    assert len(logged_files(str(tmp_path))[1]) == 8


def test_old_files_are_forgotten(tmp_path: Path) -> None:
    log = SinkLog(str(tmp_path), compact_interval=2, retention_ms=1000)
    now_ms = 4_000_000_000_000
    log.add(0, [file(0, 5), file(1, now_ms)])
    log.add(1, [file(2, now_ms)])
    assert logged_files(str(tmp_path))[1] == [file(1, now_ms), file(2, now_ms)]


def test_an_entry_that_another_wrote(tmp_path: Path) -> None:
    log = SinkLog(str(tmp_path))
    SinkLog(str(tmp_path)).add(0, [])
    with pytest.raises(PySparkException, match="CONCURRENT_STREAM_LOG_UPDATE"):
        log.add(0, [])


@pytest.mark.parametrize("text", ["", "v2", "v1\n{}", "v1\nx"])
def test_entries_that_are_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "_spark_metadata").mkdir()
    (tmp_path / "_spark_metadata" / "0").write_text(text)
    with pytest.raises(PySparkException, match="_spark_metadata/0"):
        logged_files(str(tmp_path))


def test_a_name_without_content_counts_for_nothing(tmp_path: Path) -> None:
    SinkLog(str(tmp_path)).add(0, [file(0)])
    (tmp_path / "_spark_metadata" / "1").touch()
    log = SinkLog(str(tmp_path))
    assert log.latest_id == 0
    log.add(1, [file(1)])
    assert logged_files(str(tmp_path))[0] == 1
