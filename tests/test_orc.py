"""ORC files, written and read; `parity_tests/orc_cases.py` and its kin compare with Spark."""

# ruff: noqa: F811
from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import orc
from sql_api_fixtures import spark  # noqa: F401

from lightstream.errors import PySparkException

ROWS = """select id, array(timestamp_ntz'2020-07-02 03:04:05.123456') ntz, timestamp'2020-07-02 03:04:05.123456Z' at,
map('a', interval '1 02' day to hour) m, interval '1-2' year to month y,
if(id > 0, named_struct('x', 1.50BD, 'on', date'2020-01-02'), null) s
from range(3)"""


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_rows_come_back(spark: Any, tmp_path: Path, monkeypatch: Any, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    path, frame = str(tmp_path / "out"), spark.sql(ROWS)
    frame.write.partitionBy("id").orc(path, compression="snappy")
    assert [p.name.split("c000")[1] for p in (tmp_path / "out" / "id=0").glob("part*")] == [".snappy.orc"]
    read = spark.read.orc(path).select(*frame.columns)
    assert read.dtypes == [("id", "int"), *frame.dtypes[1:]]
    as_text = [f"cast({name} as string)" for name in frame.columns]
    assert sorted(read.selectExpr(*as_text).collect()) == sorted(frame.selectExpr(*as_text).collect())
    # ORC has local times, Spark those of the machine.
    file = next((tmp_path / "out" / "id=0").glob("part*"))
    hour = {"UTC": 3, "America/New_York": 23}[zone]
    assert orc.ORCFile(file).read().column("at").cast(pa.timestamp("us"))[0].as_py().hour == hour


def test_a_stream_of_files(spark: Any, tmp_path: Path) -> None:
    for number in range(3):
        spark.range(number, number + 2).coalesce(1).write.mode("append").orc(str(tmp_path / "in"))
    stream = spark.readStream.schema("id long").orc(str(tmp_path / "in"), pathGlobFilter="*.orc")
    for _ in range(2):
        writer = stream.writeStream.format("orc").option("checkpointLocation", str(tmp_path / "cp"))
        writer.trigger(availableNow=True).start(str(tmp_path / "out")).awaitTermination()
    found = spark.sql(f"select count(*), sum(id) from orc.`{tmp_path}/out`").collect()
    assert [tuple(row) for row in found] == [(6, 9)]


@pytest.mark.parametrize(
    ("value", "zone"),
    [
        ("timestamp'9999-12-31 00:00:00'", "UTC"),
        ("timestamp'1969-12-31 00:00:00.5'", "UTC"),
        ("date'1582-10-14'", "UTC"),
        ("array(timestamp'2020-11-01 05:30:00Z')", "America/New_York"),
    ],
)
def test_values_that_are_not_written(
    spark: Any, tmp_path: Path, monkeypatch: Any, value: str, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    with pytest.raises(PySparkException, match="is not supported") as caught:
        spark.sql(f"select {value} c").write.orc(str(tmp_path / "out"))
    assert caught.value.getCondition() == "LIGHTSTREAM_UNSUPPORTED"
    assert list(tmp_path.rglob("part*")) == []
    assert spark.range(1).count() == 1  # the connection is free


_LOCAL = pa.timestamp("us")


@pytest.mark.parametrize(
    ("values", "zone", "schema"),
    [
        (pa.array([dt.datetime(9999, 12, 31)], _LOCAL), "UTC", None),
        (pa.array([dt.datetime(1969, 12, 31, 20, 0, 0, 1)], _LOCAL), "UTC", None),
        (pa.array([dt.datetime(2020, 11, 1, 1, 30)], _LOCAL), "America/New_York", None),
        (pa.array([dt.datetime(2020, 3, 8, 2, 30)], _LOCAL), "America/New_York", None),
        (pa.array([dt.date(1582, 10, 14)], pa.date32()), "UTC", None),
        (pa.array(["1"]), "UTC", "c int"),
        (pa.array([1], pa.int64()), "UTC", "c int"),
        (pa.array([[1]]), "UTC", "c bigint"),
    ],
)
def test_what_is_not_read(
    spark: Any, tmp_path: Path, monkeypatch: Any, values: Any, zone: str, schema: str | None
) -> None:
    monkeypatch.setenv("TZ", zone)
    orc.write_table(pa.table({"c": values}), str(tmp_path / "a.orc"))
    reader = spark.read if schema is None else spark.read.schema(schema)
    with pytest.raises(PySparkException) as caught:
        reader.orc(str(tmp_path)).collect()
    assert caught.value.getCondition() == "LIGHTSTREAM_UNSUPPORTED"


def test_files_that_are_damaged_or_gone(spark: Any, tmp_path: Path) -> None:
    orc.write_table(pa.table({"c": [1]}), str(tmp_path / "a"))
    (tmp_path / "b").write_bytes(b"no ORC file")
    frame = spark.read.schema("c long").orc(str(tmp_path))
    with pytest.raises(PySparkException) as caught:
        frame.collect()
    assert caught.value.getCondition() == "FAILED_READ_FILE.NO_HINT"
    assert spark.read.option("ignoreCorruptFiles", True).orc(str(tmp_path)).count() == 1
    (tmp_path / "b").unlink()
    with pytest.raises(PySparkException) as caught:
        frame.collect()
    assert caught.value.getCondition() == "FAILED_READ_FILE.FILE_NOT_EXIST"


def test_refusals(spark: Any, tmp_path: Path) -> None:
    for codec in ("lzo", "brotli"):
        with pytest.raises(PySparkException, match=f"compressed by {codec}"):
            spark.range(1).write.orc(str(tmp_path), mode="append", compression=codec)
