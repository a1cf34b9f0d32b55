"""Iceberg tables, written by streams and read by batch queries."""

# ruff: noqa: F811
from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog import load_catalog
from sql_api_fixtures import spark  # noqa: F401

from lightstream.errors import PySparkException, StreamingQueryException


def properties(path: Path) -> dict[str, str]:
    return {"type": "sql", "uri": f"sqlite:///{path}/catalog.db", "warehouse": f"file://{path}/warehouse"}


def options(path: Path) -> dict[str, str]:
    return {f"catalog.{key}": value for key, value in properties(path).items()}


def read(spark: Any, path: Path, **more: Any) -> Any:
    return spark.read.format("iceberg").options(**options(path), **more).load("shop.orders")


def put(path: Path, number: int, *rows: str) -> None:
    (path / "in").mkdir(exist_ok=True)
    (path / "in" / f"{number}.json").write_text("\n".join(rows))


def run(frame: Any, path: Path, mode: str = "append", by: tuple[str, ...] = (), **more: Any) -> None:
    more.setdefault("checkpointLocation", str(path / "cp"))
    writer = frame.writeStream.format("iceberg").outputMode(mode).options(**options(path), **more)
    writer = writer.trigger(availableNow=True)
    (writer.partitionBy(*by) if by else writer).start("shop.orders").awaitTermination()


def rows_of(spark: Any, path: Path) -> Any:
    stream = spark.readStream.schema("k string, n int").option("maxFilesPerTrigger", 1)
    return stream.json(str(path / "in"))


def forget_last_commit(path: Path) -> None:
    commits = [p for p in (path / "cp" / "commits").iterdir() if p.name.isdigit()]
    max(commits, key=lambda p: int(p.name)).unlink()


def test_each_batch_is_there_once(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, 0, '{"k": "a", "n": 1}', '{"k": "b", "n": 2}')
    put(tmp_path, 1, '{"k": "x"}')
    stream = rows_of(spark, tmp_path).where("k <> 'x'")  # the second batch is empty
    run(stream, tmp_path, by=("k",))
    forget_last_commit(tmp_path)
    run(stream, tmp_path)
    put(tmp_path, 2, '{"k": "c", "n": 3}')
    run(stream, tmp_path)
    forget_last_commit(tmp_path)
    run(stream, tmp_path)
    found = read(spark, tmp_path)
    assert found.schema.simpleString() == "struct<k:string,n:int>"
    assert sorted(map(tuple, found.collect())) == [("a", 1), ("b", 2), ("c", 3)]
    assert (found.count(), found.select("n").agg({"n": "sum"}).first()[0]) == (3, 6)
    table = load_catalog("default", **properties(tmp_path)).load_table("shop.orders")
    assert [field.name for field in table.spec().fields] == ["k"]
    assert [v for name, v in table.properties.items() if name.startswith("lightstream.batch-id.")] == ["2"]
    first, second = table.snapshots()
    assert read(spark, tmp_path, **{"snapshot-id": first.snapshot_id}).count() == 2
    assert read(spark, tmp_path, **{"as-of-timestamp": second.timestamp_ms}).count() == 3
    # Another writer's commit between is kept.
    table.append(pa.table({"k": ["z"], "n": pa.array([9], pa.int32())}))
    put(tmp_path, 3, '{"k": "d", "n": 4}')
    run(stream, tmp_path)
    assert read(spark, tmp_path).count() == 5


def test_complete_mode_replaces(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, 0, '{"k": "a"}')
    counts = rows_of(spark, tmp_path).groupBy("k").count()
    run(counts, tmp_path, "complete")
    put(tmp_path, 1, '{"k": "a"}', '{"k": "b"}')
    run(counts, tmp_path, "complete")
    assert sorted(map(tuple, read(spark, tmp_path).collect())) == [("a", 2), ("b", 1)]


def test_types(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, 0, '{"k": "a", "n": 1}')
    made = """select cast(n as tinyint) b, n % 2 = 0 f, 1.5BD d, timestamp'2024-07-01 12:00:00Z' at,
      date'2024-07-01' day, timestamp_ntz'2024-07-01 12:00:00.5' ntz, array(n, null) l, map('k', 1.5D) m,
      named_struct('x', n, 'y', array('q')) s, X'01ff' x from rows"""
    rows_of(spark, tmp_path).createOrReplaceTempView("rows")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    run(spark.sql(made), tmp_path)
    found = read(spark, tmp_path)
    assert found.schema.simpleString() == (
        "struct<b:int,f:boolean,d:decimal(2,1),at:timestamp,day:date,ntz:timestamp_ntz,l:array<int>,"
        "m:map<string,double>,s:struct<x:int,y:array<string>>,x:binary>"
    )
    row = found.selectExpr("*", "cast(at as string) shown").first()
    assert (row.b, row.f, row.shown, row.day) == (1, False, "2024-07-01 08:00:00", dt.date(2024, 7, 1))
    assert (row.l, row.m, row.s.y, row.x) == ([1, None], {"k": 1.5}, ["q"], b"\x01\xff")


def test_a_checkpoint_that_was_set_back(spark: Any, tmp_path: Path) -> None:
    put(tmp_path, 0, '{"k": "a", "n": 1}')
    put(tmp_path, 1, '{"k": "b", "n": 1}')
    stream = rows_of(spark, tmp_path)
    run(stream, tmp_path)
    for name in ("offsets", "commits"):
        (tmp_path / "cp" / name / "1").unlink()
    with pytest.raises(StreamingQueryException, match="LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT"):
        run(stream, tmp_path)
    assert read(spark, tmp_path).count() == 2


def test_what_is_refused(spark: Any, tmp_path: Path, monkeypatch: Any) -> None:
    put(tmp_path, 0, '{"k": "a", "n": 1}')
    stream = rows_of(spark, tmp_path)

    def said(action: Any) -> str:
        with pytest.raises(PySparkException) as caught:
            action()
        return str(caught.value)

    assert "Update output mode" in said(lambda: run(stream.groupBy("k").count(), tmp_path, "update"))
    assert "option merge-schema" in said(lambda: run(stream, tmp_path, **{"merge-schema": "true"}))
    assert "interval" in said(lambda: run(stream.selectExpr("make_interval(n) i"), tmp_path))
    assert "TABLE_OR_VIEW_NOT_FOUND" in said(lambda: read(spark, tmp_path))
    streamed = spark.readStream.format("iceberg").options(**options(tmp_path))
    assert "as a stream" in said(lambda: streamed.load("shop.orders"))
    assert "Writing iceberg" in said(lambda: spark.range(1).write.format("iceberg").save("shop.orders"))
    monkeypatch.setenv("PYICEBERG_HOME", str(tmp_path))
    assert "catalog" in said(lambda: spark.read.format("iceberg").load("shop.orders"))
    run(stream, tmp_path)
    with pytest.raises(StreamingQueryException, match="LIGHTSTREAM_ICEBERG_WRITE_FAILED"):
        run(stream.selectExpr("k", "k n"), tmp_path, checkpointLocation=str(tmp_path / "other"))
    monkeypatch.setitem(sys.modules, "pyiceberg", None)
    assert "pip install 'lightstream[iceberg]'" in said(lambda: read(spark, tmp_path))
