"""Files that `df.write` makes; `parity_tests/test_file_writing.py` compares them with Spark's."""

# ruff: noqa: F811
from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import spark  # noqa: F401

from lightstream.errors import PySparkException
from lightstream.sinks.files import targets


def names(path: Path) -> list[str]:
    """Return the files below a path, without what is their own in their names."""
    found = (str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
    return sorted(re.sub("[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", name) for name in found)


def condition_of(action: Any) -> str | None:
    with pytest.raises(PySparkException) as caught:
        action()
    return caught.value.getCondition()


def test_names_and_rows(spark: Any, tmp_path: Path) -> None:
    frame = spark.sql("select id, id % 2 p, cast(id as string) s from range(4)")
    for name in ("parquet", "json", "csv"):
        path = tmp_path / name
        frame.write.format(name).save(str(path))
        extension = "snappy.parquet" if name == "parquet" else name
        assert names(path) == ["_SUCCESS", f"part-00000-UUID-c000.{extension}"]
        read = spark.read.schema("id long, p long, s string").format(name).load(str(path))
        assert sorted(map(tuple, read.collect())) == [(i, i % 2, str(i)) for i in range(4)]
    frame.select("s").write.text(str(tmp_path / "text"), lineSep="|")
    assert (next((tmp_path / "text").glob("part*"))).read_bytes() == b"0|1|2|3|"


def test_parquet_types(spark: Any, tmp_path: Path) -> None:
    import pyarrow.parquet

    path = tmp_path / "out"
    spark.sql("select timestamp'2020-01-01 00:00:00' t, 1Y b, map('a', array(1.5BD)) m").write.parquet(
        str(path)
    )
    file = pyarrow.parquet.ParquetFile(next(path.glob("part*")))
    assert "t (Timestamp(isAdjustedToUTC=true, timeUnit=microseconds" in str(file.schema)
    assert file.metadata.metadata[b"org.apache.spark.version"] == b"4.3.0"
    assert spark.read.parquet(str(path)).schema.simpleString() == (
        "struct<t:timestamp,b:tinyint,m:map<string,array<decimal(2,1)>>>"
    )


def test_partitions_come_back(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "out")
    rows = [(1, "a/b", 1.5), (2, None, 2.5), (3, "", 1.5), (4, "x" * 80, 1.5)]
    spark.createDataFrame(rows, "n int, s string, d double").write.partitionBy("s", "d").parquet(path)
    assert names(tmp_path / "out")[:2] == [
        "_SUCCESS", "s=__HIVE_DEFAULT_PARTITION__/d=1.5/part-00000-UUID.c000.snappy.parquet",
    ]  # fmt: skip
    assert sorted(map(tuple, spark.read.parquet(path).select("n", "s", "d").collect())) == [
        (1, "a/b", 1.5), (2, None, 2.5), (3, None, 1.5), (4, "x" * 80, 1.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("timestamp'2020-01-02 03:04:05.5'", datetime.datetime(2020, 1, 2, 3, 4, 5, 500_000)),
        ("date'0001-02-03'", datetime.date(1, 2, 3)),
        ("2.50BD", 2.5),
        ("true", "true"),
    ],
)
def test_types_of_partitions(spark: Any, tmp_path: Path, value: str, read: Any) -> None:
    for name in ("json", "parquet"):
        path = str(tmp_path / name)
        spark.sql(f"select 1 x, {value} p").write.partitionBy("p").format(name).save(path)
        assert [tuple(row) for row in spark.read.format(name).load(path).collect()] == [(1, read)]


def test_modes(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "out")
    write = spark.range(2).write
    write.json(path)
    assert condition_of(lambda: write.json(path)) == "PATH_ALREADY_EXISTS"
    write.json(path, mode="append")
    spark.range(9).write.mode("ignore").json(path)
    assert spark.read.json(path).count() == 4
    spark.range(3).write.mode("overwrite").json(path)
    assert spark.read.json(path).count() == 3
    assert (
        condition_of(lambda: spark.read.json(path).write.mode("overwrite").json(path))
        == "UNSUPPORTED_OVERWRITE.PATH"
    )
    assert spark.read.json(path).count() == 3
    (tmp_path / "file").touch()
    write.json(str(tmp_path / "file"), mode="overwrite")
    assert spark.read.json(str(tmp_path / "file")).count() == 2


def test_partitions_are_replaced(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "out")
    spark.sql("select id, id % 3 p from range(6)").write.partitionBy("p").json(path)
    new = spark.sql("select 9 id, 1 p").write.partitionBy("p").mode("overwrite")
    new.option("partitionOverwriteMode", "dynamic").json(path)
    assert sorted(map(tuple, spark.read.json(path).collect())) == [(0, 0), (2, 2), (3, 0), (5, 2), (9, 1)]
    new.option("partitionOverwriteMode", "static").json(path)
    assert [tuple(row) for row in spark.read.json(path).collect()] == [(9, 1)]


def test_what_fails_leaves_no_file(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out"
    spark.range(2).write.json(str(path))
    bad = spark.sql("select assert_true(id < 3), id from range(5)")
    with pytest.raises(PySparkException):
        bad.write.mode("overwrite").json(str(path))
    assert names(path) == ["_SUCCESS", "part-00000-UUID-c000.json"]

    def no_room(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(targets, "put", no_room)
    assert condition_of(lambda: spark.range(2).write.json(str(tmp_path / "full"))) == "TASK_WRITE_FAILED"
    assert names(tmp_path / "full") == []


def test_a_directory_that_cannot_be(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    write = spark.range(2).write.mode("append")
    assert condition_of(lambda: write.parquet(str(tmp_path / "file" / "below"))) == "TASK_WRITE_FAILED"
    assert condition_of(lambda: write.parquet(str(tmp_path / "file"))) == "TASK_WRITE_FAILED"


@pytest.mark.parametrize(
    ("write", "condition"),
    [
        (lambda w, p: w.partitionBy("id", "s").json(p), "ALL_PARTITION_COLUMNS_NOT_ALLOWED"),
        (lambda w, p: w.bucketBy(2, "id").json(p), "_LEGACY_ERROR_TEMP_1312"),
        (lambda w, p: w.sortBy("id").json(p), "SORT_BY_WITHOUT_BUCKETING"),
        (lambda w, p: w.format("json").save(), "_LEGACY_ERROR_TEMP_2047"),
        (lambda w, p: w.option("path", p).json(p), "_LEGACY_ERROR_TEMP_1307"),
        (lambda w, p: w.format("xml").save(p), "LIGHTSTREAM_UNSUPPORTED"),
        (lambda w, p: w.json(p, compression="lz4"), "LIGHTSTREAM_UNSUPPORTED"),
        (lambda w, p: w.option("timeZone", "Asia/Tokyo").json(p), "LIGHTSTREAM_UNSUPPORTED"),
        (lambda w, p: w.json(p, compression="foo"), "CODEC_NOT_AVAILABLE.WITH_AVAILABLE_CODECS_SUGGESTION"),
    ],
)
def test_what_is_refused(spark: Any, tmp_path: Path, write: Any, condition: str) -> None:
    writer = spark.sql("select 1 id, 'x' s").write
    assert condition_of(lambda: write(writer, str(tmp_path / "out"))) == condition
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("format", ["json", "csv", "parquet", "orc"])
def test_files_of_so_many_rows(spark: Any, tmp_path: Path, format: str) -> None:
    rows = spark.sql("select id, id % 2 p from range(7)")
    rows.write.option("maxRecordsPerFile", 3).format(format).save(str(tmp_path / "out"))
    rows.write.option("maxRecordsPerFile", 3).partitionBy("p").format(format).save(str(tmp_path / "parted"))
    rows.where("id > 9").write.option("maxRecordsPerFile", 3).format(format).save(str(tmp_path / "none"))

    def counts(directory: str) -> list[int]:
        found = sorted((tmp_path / directory).rglob("part*"))
        read = spark.read.schema("id int").format(format)
        return [read.load(str(path)).count() for path in found]

    assert (counts("out"), counts("parted"), counts("none")) == ([3, 3, 1], [3, 1, 3], [0])


def test_input_that_is_read_exactly(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in").write_text('{"a": 1.5}\n{"a": 2}\n')
    spark.read.schema("a int").json(str(tmp_path / "in")).write.json(str(tmp_path / "out"))
    assert (next((tmp_path / "out").glob("part*"))).read_bytes() == b'{}\n{"a":2}\n'
