"""Avro files, written and read: types by the tables of Spark's Avro guide."""

# ruff: noqa: F811
from __future__ import annotations

import datetime as dt
import json
import sys
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pytest
from sql_api_fixtures import spark  # noqa: F401

from lightstream.errors import PySparkException

ROWS = """select id, cast(id as tinyint) small, timestamp'9999-12-31 23:59:59.123456' at, date'0001-01-01' day,
array(timestamp_ntz'2020-07-02 03:04:05.123456', null) ntz, map('a', interval '1 02' day to hour) m,
interval '1' month y,
X'01ff' b,
if(id > 0, named_struct('x', 1.50BD, 'on', date'2020-01-02'), null) s, cast(1.5 as float) f from range(3)"""


def put(path: Path, fields: list[tuple[str, Any]], *records: dict[str, Any]) -> None:
    schema = {"type": "record", "name": "r", "fields": [{"name": n, "type": kind} for n, kind in fields]}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(schema), records)


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


def condition_of(action: Any) -> str | None:
    with pytest.raises(PySparkException) as caught:
        action()
    return caught.value.getCondition()


@pytest.mark.parametrize("codec", ["uncompressed", "snappy", "deflate", "bzip2", "xz", "zstandard"])
def test_rows_come_back(spark: Any, tmp_path: Path, codec: str) -> None:
    path, frame = str(tmp_path / "out"), spark.sql(ROWS)
    frame.write.partitionBy("id").format("avro").option("compression", codec).save(path)
    assert {p.suffix for p in (tmp_path / "out" / "id=0").glob("part*")} == {".avro"}
    read = spark.read.format("avro").load(path).select(*frame.columns)
    assert read.dtypes == [(n, "int" if n in ("id", "small") else kind) for n, kind in frame.dtypes]
    as_text = [f"cast({name} as string)" for name in frame.columns if name != "b"]
    assert sorted(read.selectExpr(*as_text).collect()) == sorted(frame.selectExpr(*as_text).collect())
    assert {row.b for row in read.select("b").collect()} == {b"\x01\xff"}


def test_the_schema_that_is_written(spark: Any, tmp_path: Path) -> None:
    frame = spark.sql("select 1 a, cast(null as decimal(10,2)) d, named_struct('x', 'y') s")
    writer = frame.write.format("avro").option("recordName", "row").option("recordNamespace", "shop")
    writer.save(str(tmp_path / "out"))
    with next((tmp_path / "out").glob("part*")).open("rb") as file:
        reader = fastavro.reader(file)
        written, metadata = json.loads(reader.metadata["avro.schema"]), reader.metadata
    assert metadata["org.apache.spark.version"] == "4.3.0"
    decimal = written["fields"][1]["type"][0]
    assert (written["name"], decimal["name"], decimal["size"]) == ("shop.row", "shop.row.d.fixed", 5)
    assert [field["type"] for field in written["fields"][::2]] == [
        "int",
        {"type": "record", "name": "shop.row.s", "fields": [{"name": "x", "type": "string"}]},
    ]


def test_types_that_are_read(spark: Any, tmp_path: Path) -> None:
    number = uuid.UUID(int=7)
    at = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
    inner = {"type": "record", "name": "inner", "fields": [{"name": "x", "type": ["null", "int"]}]}
    fields: list[tuple[str, Any]] = [
        ("i", "int"), ("n", ["null", "long"]), ("wide", ["int", "long"]), ("real", ["float", "double", "null"]),
        ("e", {"type": "enum", "name": "e", "symbols": ["A", "B"]}), ("x", {"type": "fixed", "name": "x", "size": 2}),
        ("day", logical("int", "date")), ("ms", logical("long", "timestamp-millis")),
        ("us", logical("long", "timestamp-micros")), ("ntz", logical("long", "local-timestamp-millis")),
        ("d", logical("bytes", "decimal", precision=5, scale=2)), ("u", logical("string", "uuid")),
        ("l", {"type": "array", "items": ["null", inner]}), ("m", {"type": "map", "values": "inner"}),
    ]  # fmt: skip
    record = {
        "i": 1, "n": None, "wide": 2**40, "real": 0.1, "e": "B", "x": b"ab", "day": dt.date(2024, 7, 1), "ms": at,
        "us": at, "ntz": at.replace(tzinfo=None), "d": Decimal("-1.25"), "u": number, "l": [{"x": 1}, None],
        "m": {"k": {"x": None}},
    }  # fmt: skip
    put(tmp_path / "a.avro", fields, record)
    read = spark.read.format("avro").load(str(tmp_path))
    assert read.schema.simpleString() == (
        "struct<i:int,n:bigint,wide:bigint,real:double,e:string,x:binary,day:date,ms:timestamp,us:timestamp,"
        "ntz:timestamp_ntz,d:decimal(5,2),u:string,l:array<struct<x:int>>,m:map<string,struct<x:int>>>"
    )
    row = read.selectExpr("*", "cast(ms as string) shown").first()
    assert (row.wide, row.e, row.x, row.day) == (2**40, "B", b"ab", dt.date(2024, 7, 1))
    assert (row.d, row.u, row.n) == (Decimal("-1.25"), str(number), None)
    assert (row.ntz, row.l[0].x, row.l[1], row.m["k"].x) == (at.replace(tzinfo=None), 1, None, None)
    assert row.ms == row.us
    # A part of the columns, also where one names the type of another.
    assert read.select("m", "i").first().i == 1
    assert read.count() == 1


def test_uuids_come_in_lower_case(spark: Any, tmp_path: Path) -> None:
    text = "ABCDEF01-0000-0000-0000-000000000007"
    put(tmp_path / "a.avro", [("u", logical("string", "uuid")), ("s", "string")], {"u": text, "s": text})
    assert tuple(spark.read.format("avro").load(str(tmp_path)).first()) == (text.lower(), text)


def test_columns_by_schemas(spark: Any, tmp_path: Path) -> None:
    put(tmp_path / "p=0" / "a.avro", [("a", "int"), ("b", "string")], {"a": 1, "b": "x"})
    put(tmp_path / "p=1" / "b.avro", [("b", "string"), ("c", "double")], {"b": "y", "c": 0.5})
    reader = spark.read.format("avro")
    rows = reader.schema("B string, c double, z int").load(str(tmp_path)).sort("b").collect()
    assert [tuple(row) for row in rows] == [("x", None, None, 0), ("y", 0.5, None, 1)]
    wanted = {"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}]}
    wanted["fields"].append({"name": "q", "type": "int", "default": 7})  # type: ignore[attr-defined]
    evolved = spark.read.format("avro").option("avroSchema", json.dumps(wanted))
    frame = evolved.load(str(tmp_path / "p=0"))
    assert (frame.schema.simpleString(), tuple(frame.first())) == ("struct<a:bigint,q:int>", (1, 7))
    assert (
        condition_of(lambda: evolved.load(str(tmp_path)).collect()) == "FAILED_READ_FILE.NO_HINT"
    )  # no a in b.avro
    assert condition_of(lambda: spark.read.format("avro").option("avroSchema", "{").load(str(tmp_path)))


def test_damaged_files_and_others(spark: Any, tmp_path: Path) -> None:
    put(tmp_path / "a.avro", [("a", "int")], *({"a": i} for i in range(1000)))
    (tmp_path / "b.avro").write_bytes((tmp_path / "a.avro").read_bytes()[:-20])
    (tmp_path / "c.txt").write_bytes(b"no Avro file")
    reader = spark.read.format("avro")
    assert condition_of(lambda: reader.load(str(tmp_path)).collect()) == "FAILED_READ_FILE.NO_HINT"
    reader = reader.option("ignoreExtension", False)
    assert condition_of(lambda: reader.load(str(tmp_path)).collect()) == "FAILED_READ_FILE.NO_HINT"
    assert reader.option("ignoreCorruptFiles", True).load(str(tmp_path)).count() == 1000


@pytest.mark.parametrize(
    "kind",
    [
        ["int", "string"],
        logical("int", "time-millis"),
        logical("long", "timestamp-nanos"),
        {"type": "record", "name": "t", "fields": [{"name": "t", "type": ["null", "t"]}]},
    ],
)
def test_types_that_are_not_read(spark: Any, tmp_path: Path, kind: Any) -> None:
    value = {"t": None} if isinstance(kind, dict) and kind["type"] == "record" else 1
    put(tmp_path / "a.avro", [("c", kind)], {"c": value})
    read = spark.read.format("avro")
    assert condition_of(lambda: read.load(str(tmp_path)).collect()) == "LIGHTSTREAM_UNSUPPORTED"


def test_what_is_refused(spark: Any, tmp_path: Path, monkeypatch: Any) -> None:
    frame, path = spark.sql("select 1 a, 0.1D d, timestamp'2020-01-01 00:00:00' t"), str(tmp_path / "out")

    def written(fields: dict[str, Any]) -> Any:
        schema = {
            "type": "record",
            "name": "r",
            "fields": [{"name": n, "type": k} for n, k in fields.items()],
        }
        return (
            frame.select(*fields)
            .write.mode("append")
            .format("avro")
            .option("avroSchema", json.dumps(schema))
            .save(path)
        )

    for fields in (
        {"a": "string"},
        {"d": ["float", "double"]},
        {"t": logical("long", "timestamp-millis")},
        {"a": {"type": "array", "items": "int"}},
    ):
        assert condition_of(lambda fields=fields: written(fields)) == "LIGHTSTREAM_UNSUPPORTED"
    written({"a": ["null", "int"]})
    put(tmp_path / "a.avro", [("a", "int")], {"a": 1})
    read = spark.read.format("avro")
    assert (
        condition_of(lambda: read.schema("a bigint").load(str(tmp_path)).collect())
        == "LIGHTSTREAM_UNSUPPORTED"
    )
    assert condition_of(lambda: frame.write.format("avro").option("compression", "lzo").save(path + "2"))
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(PySparkException, match=r"pip install 'lightstream\[avro\]'"):
        read.load(str(tmp_path))
    with pytest.raises(PySparkException, match=r"pip install 'lightstream\[avro\]'"):
        frame.write.format("avro").save(path + "3")


def test_a_stream_of_files(spark: Any, tmp_path: Path) -> None:
    for number in range(3):
        rows = spark.range(number, number + 2).coalesce(1)
        rows.write.mode("append").format("avro").save(str(tmp_path / "in"))
    stream = spark.readStream.format("avro").schema("id long").load(str(tmp_path / "in"))
    for _ in range(2):
        writer = stream.writeStream.format("avro").option("checkpointLocation", str(tmp_path / "cp"))
        writer.trigger(availableNow=True).start(str(tmp_path / "out")).awaitTermination()
    found = spark.sql(f"select count(*), sum(id) from avro.`{tmp_path}/out`").collect()
    assert [tuple(row) for row in found] == [(6, 9)]
