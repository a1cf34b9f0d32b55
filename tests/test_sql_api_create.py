"""`createDataFrame`: inference, verification and conversion, as Spark 4.3.0 has them."""

from __future__ import annotations

import array
import datetime
import time
from collections import namedtuple
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sql_api_fixtures import condition_of, spark

from lightstream.plan import types as t
from lightstream.sql import Row, SparkSession

__all__ = ["spark"]

Pair = namedtuple("Pair", "x y")


class Thing:
    def __init__(self) -> None:
        self.p = 1
        self.q = "z"


def made(spark: SparkSession, *args: Any, **kwargs: Any) -> tuple[str, list[Any]]:
    df = spark.createDataFrame(*args, **kwargs)
    return ",".join(f"{n} {k}" for n, k in df.dtypes), [tuple(row) for row in df.collect()]


@pytest.mark.parametrize(
    ("args", "schema", "rows"),
    [
        (([(1, "a"), (2, None)],), "_1 bigint,_2 string", [(1, "a"), (2, None)]),
        (([(1, "a")], ["x"]), "x bigint,_2 string", [(1, "a")]),
        (([(1, "a")], ("x", "y")), "x bigint,y string", [(1, "a")]),
        (([{"b": 1, "a": "x"}],), "a string,b bigint", [("x", 1)]),
        (([{"b": 1}, {"a": "x"}],), "b bigint,a string", [(1, None), (None, "x")]),
        (([{"b": 1, "a": "x"}], ["q"]), "q string,b bigint", [("x", 1)]),
        (([Row(b=1, a="x")],), "b bigint,a string", [(1, "x")]),
        (([Pair(1, 2.5)],), "x bigint,y double", [(1, 2.5)]),
        (([Thing()],), "p bigint,q string", [(1, "z")]),
        (([1, 2], "int"), "value int", [(1,), (2,)]),
        (([1], t.LongType()), "value bigint", [(1,)]),
        (([], "a int"), "a int", []),
        (([(1,), ("a",)],), "_1 string", [("1",), ("a",)]),
        (([([1, None, "a"],)],), "_1 array<string>", [(["1", None, "a"],)]),
        (([({"a": None, "b": "x"},)],), "_1 map<string,string>", [({"a": None, "b": "x"},)]),
        (([((1, 2),)],), "_1 struct<_1:bigint,_2:bigint>", [((1, 2),)]),
        (([Row(a=Row(b=None)), Row(a=Row(b=1))],), "a struct<b:bigint>", [((None,),), ((1,),)]),
        (([(Decimal("1.5"),)],), "_1 decimal(38,18)", [(Decimal("1.500000000000000000"),)]),
        (([(b"x", bytearray(b"y"))],), "_1 binary,_2 binary", [(b"x", b"y")]),
        (([(array.array("i", [1, 2]),)],), "_1 array<int>", [([1, 2],)]),
        (([(2**63,)],), "_1 bigint", [(None,)]),
        (([(1, "x"), {"_1": 2, "_2": "y"}],), "_1 bigint,_2 string", [(1, "x"), (2, "y")]),
        (([(1, 2)], ["a", "a"]), "a bigint,a bigint", [(1, 2)]),
        (([Row(b=1, c=2)], "a int, b int"), "a int,b int", [(1, 2)]),
        (([{"b": 1, "z": 1}], "a int, b int"), "a int,b int", [(None, 1)]),
        (([({"x": 1},)], "a struct<x:int,y:int>"), "a struct<x:int,y:int>", [((1, None),)]),
        (([(datetime.datetime(2020, 1, 1, 2),)], "a date"), "a date", [(datetime.date(2020, 1, 1),)]),
        (([(Decimal("1.555"),)], "a decimal(10,2)"), "a decimal(10,2)", [(Decimal("1.56"),)]),
        (([(datetime.timedelta(days=1, microseconds=5),)], "a interval day to second"),
         "a interval day to second", [(datetime.timedelta(days=1, microseconds=5),)]),
        (([(datetime.time(1, 2, 3),)],), "_1 time(6)", [(datetime.time(1, 2, 3),)]),
        (([(None,)], "a void"), "a void", [(None,)]),
        (([(i,) for i in range(300)],), "_1 bigint", [(i,) for i in range(300)]),
    ],
)  # fmt: skip
def test_rows(spark: SparkSession, args: tuple[Any, ...], schema: str, rows: list[Any]) -> None:
    assert made(spark, *args) == (schema, rows)


def test_text_is_made_of_anything(spark: SparkSession) -> None:
    values = [True, 1.5, [1, "a"], {"a": 1}, (1, 2), b"x", Decimal("1.50"), 1e20, 2**70]
    expected = ["true", "1.5", "[1, 'a']", "{'a': 1}", "(1, 2)", "b'x'", "1.50", "1e+20", str(2**70)]
    assert [v for (v,) in made(spark, [(v,) for v in values], "a string")[1]] == expected


def test_without_verification_misfits_are_null(spark: SparkSession) -> None:
    rows = [(1, "2", 3.0, True, 2**40)]
    schema = "a string, b int, c int, d int, e int"
    assert made(spark, rows, schema, verifySchema=False)[1] == [("1", None, None, None, 0)]


@pytest.mark.parametrize(
    ("args", "condition"),
    [
        (([],), "PySparkValueError CANNOT_INFER_EMPTY_SCHEMA"),
        (([(None,)],), "PySparkValueError CANNOT_DETERMINE_TYPE"),
        (([([],)],), "PySparkValueError CANNOT_DETERMINE_TYPE"),
        (([(1,), (1.5,)],), "PySparkTypeError CANNOT_MERGE_TYPE"),
        (([(1,), (True,)],), "PySparkTypeError CANNOT_MERGE_TYPE"),
        (([([1, 2.5],)],), "PySparkTypeError CANNOT_INFER_TYPE_FOR_FIELD"),
        (([({1, 2},)],), "PySparkTypeError CANNOT_INFER_TYPE_FOR_FIELD"),
        (([1, 2],), "PySparkTypeError CANNOT_INFER_SCHEMA_FOR_TYPE"),
        (([None],), "PySparkTypeError CANNOT_INFER_SCHEMA_FOR_TYPE"),
        (("abc",), "PySparkTypeError CANNOT_INFER_SCHEMA_FOR_TYPE"),
        (([(1,), (1, 2)],), "IllegalArgumentException STRUCT_ARRAY_LENGTH_MISMATCH"),
        (([(1, "a")], ["x", "y", "z"]), "PySparkIndexError LENGTH_SHOULD_BE_THE_SAME"),
        (([(1,)], "a int, b int"), "PySparkValueError FIELD_STRUCT_LENGTH_MISMATCH"),
        (([((1,),)], "a struct<x:int,y:int>"), "PySparkValueError FIELD_STRUCT_LENGTH_MISMATCH_WITH_NAME"),
        (([(None,)], "a int not null"), "PySparkValueError FIELD_NOT_NULLABLE_WITH_NAME"),
        (([("x",)], "a int"), "PySparkTypeError FIELD_DATA_TYPE_UNACCEPTABLE_WITH_NAME"),
        (([(True,)], "a int"), "PySparkTypeError FIELD_DATA_TYPE_UNACCEPTABLE_WITH_NAME"),
        (([(1,)], "a double"), "PySparkTypeError FIELD_DATA_TYPE_UNACCEPTABLE_WITH_NAME"),
        (([("2020-01-01",)], "a date"), "PySparkTypeError FIELD_DATA_TYPE_UNACCEPTABLE_WITH_NAME"),
        (([1], "a int"), "PySparkTypeError FIELD_DATA_TYPE_UNACCEPTABLE"),
        (([(2**40,)], "a int"), "PySparkValueError VALUE_OUT_OF_BOUNDS"),
        (([(200,)], "a byte"), "PySparkValueError VALUE_OUT_OF_BOUNDS"),
        (([({None: 1},)], "a map<string,int>"), "PySparkValueError FIELD_NOT_NULLABLE_WITH_NAME"),
        (([(Decimal("12345.5"),)], "a decimal(4,2)"),
         "ArithmeticException NUMERIC_VALUE_OUT_OF_RANGE.WITHOUT_SUGGESTION"),
        (([(1,)], 5), "PySparkTypeError NOT_EXPECTED_TYPE"),
        (([("abc",)], "a varchar(2)"), "UnsupportedOperationException LIGHTSTREAM_UNSUPPORTED"),
    ],
)  # fmt: skip
def test_refusals(spark: SparkSession, args: tuple[Any, ...], condition: str) -> None:
    assert condition_of(lambda: spark.createDataFrame(*args)) == condition


def test_refusals_name_the_field(spark: SparkSession) -> None:
    cases = {
        "element in array field a": ([([1, "a"],)], "a array<int>"),
        "value of map field a": ([({"a": "x"},)], "a map<string,int>"),
        "field b in field a": ([Row(a=Row(b="x"))], "a struct<b:int>"),
    }
    for field, args in cases.items():
        with pytest.raises(TypeError, match=field):
            spark.createDataFrame(*args)


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_new_york")
def test_timestamps_are_in_the_machine_time_zone(spark: SparkSession) -> None:
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    utc = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    for rows in (1, 300):  # constants of the statement, or an Arrow table
        df = spark.createDataFrame([(datetime.datetime(2020, 1, 1), utc)] * rows, "a timestamp, b timestamp")
        assert df.collect()[-1] == (datetime.datetime(2020, 1, 1), datetime.datetime(2019, 12, 31, 19))
    shown = df._show_text(1, True, False).splitlines()[3]
    assert shown == "|2020-01-01 14:00:00|2020-01-01 09:00:00|"
    local = spark.createDataFrame([(datetime.datetime(2020, 1, 1), utc)], "a timestamp_ntz, b timestamp_ntz")
    assert local.collect() == [(datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 1))]


@pytest.mark.usefixtures("in_new_york")
def test_an_hour_that_comes_twice_is_told_apart(spark: SparkSession) -> None:
    first = datetime.datetime(2021, 11, 7, 5, 30, tzinfo=datetime.UTC)
    second = first + datetime.timedelta(hours=1)
    (row,) = spark.createDataFrame([(first, second)]).collect()
    assert [value.fold for value in row] == [0, 1]


# ---- frames and arrays ----------------------------------------------------------------------------------------


def test_arrow(spark: SparkSession) -> None:
    import pyarrow as pa

    table = pa.table(
        {
            "a": pa.array([1], pa.int32()),
            "z": pa.array([datetime.datetime(2020, 1, 1)], pa.timestamp("us", "UTC")),
            "d": pa.array([Decimal("1.5")]),
            "s": pa.array([{"x": 1}]),
            "l": pa.array([[1]]),
            "u": pa.array([datetime.timedelta(1)]),
            "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
            "c": pa.array(["x"]).dictionary_encode(),
        }
    )
    schema, rows = made(spark, table)
    assert schema == (
        "a int,z timestamp,d decimal(2,1),s struct<x:bigint>,l array<bigint>,u interval day to second,"
        "m map<string,bigint>,c string"
    )
    assert rows[0][2:] == (Decimal("1.5"), (1,), [1], datetime.timedelta(1), {"k": 1}, "x")
    assert made(spark, pa.table({"a": [1]}), ["q"]) == ("q bigint", [(1,)])
    assert made(spark, pa.table({"a": [1]}), "a string") == ("a string", [("1",)])
    not_null = pa.table({"a": [1]}, schema=pa.schema([pa.field("a", pa.int64(), False)]))
    assert not spark.createDataFrame(not_null).schema["a"].nullable
    for refused in (pa.array([1], pa.uint8()), pa.array([0], pa.date64())):
        call = pa.table({"a": refused})
        assert condition_of(lambda call=call: spark.createDataFrame(call)) == (
            "PySparkTypeError UNSUPPORTED_DATA_TYPE_FOR_ARROW_CONVERSION"
        )


def test_naive_arrow_timestamps_are_in_the_session_time_zone(spark: SparkSession) -> None:
    import pyarrow as pa

    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    df = spark.createDataFrame(pa.table({"t": pa.array([datetime.datetime(2020, 1, 1)], pa.timestamp("us"))}))
    assert df.toArrow()["t"].to_pylist() == [datetime.datetime(2019, 12, 31, 15, tzinfo=datetime.UTC)]


def test_polars(spark: SparkSession) -> None:
    import polars as pl

    frame = pl.DataFrame(
        {"a": [1, None], "b": ["x", "y"], "c": [[1.5], []], "u": pl.Series([1, 2], dtype=pl.UInt8)}
    )
    assert made(spark, frame) == (
        "a bigint,b string,c array<double>,u smallint",
        [(1, "x", [1.5], 1), (None, "y", [], 2)],
    )


def test_numpy(spark: SparkSession) -> None:
    np = pytest.importorskip("numpy")
    assert made(spark, np.array([[1.5, 2]], dtype="float32")) == ("_1 float,_2 float", [(1.5, 2.0)])
    assert made(spark, np.array([1, 2], dtype="int8")) == ("value tinyint", [(1,), (2,)])
    assert made(spark, np.array([[1, 2]]), "a int, b int") == ("a int,b int", [(1, 2)])
    assert condition_of(lambda: spark.createDataFrame(np.array([[[1]]]))) == (
        "PySparkValueError INVALID_NDARRAY_DIMENSION"
    )


def test_pandas(spark: SparkSession) -> None:
    pd = pytest.importorskip("pandas")
    np = pytest.importorskip("numpy")
    frame = pd.DataFrame(
        {
            "i8": np.array([1, 2], "int8"), "f": [1.5, None], "s": ["x", None], "t": pd.to_datetime(["2020-01-01"] * 2),
            "td": [pd.Timedelta("1s")] * 2, "l": [[1, 2], [3]], "c": pd.Categorical(["x", "y"]),
        }
    )  # fmt: skip
    schema, rows = made(spark, frame)
    assert schema == (
        "i8 tinyint,f double,s string,t timestamp,td interval day to second,l array<bigint>,c string"
    )
    assert rows[1][1:3] == (None, None)
    assert rows[0][4:] == (datetime.timedelta(seconds=1), [1, 2], "x")
    one = pd.DataFrame({"a": [1.0, None]})
    assert made(spark, one, "a int") == ("a int", [(1,), (None,)])
    assert made(spark, pd.DataFrame({"a": [1], "b": [2]}), ["q"]) == ("q bigint", [(1,)])
    # What Arrow cannot convert goes row by row.
    assert made(spark, pd.DataFrame({"a": [1, "x"]})) == ("a string", [("1",), ("x",)])
    assert made(spark, pd.DataFrame({"a": np.array([1], "uint32")})) == ("a bigint", [(1,)])
    assert condition_of(lambda: spark.createDataFrame(pd.DataFrame({"a": [1.5]}), "a int")) == (
        "PySparkTypeError FIELD_DATA_TYPE_UNACCEPTABLE_WITH_NAME"
    )
    assert condition_of(lambda: spark.createDataFrame(pd.DataFrame({"a": []}))) == (
        "PySparkValueError CANNOT_INFER_EMPTY_SCHEMA"
    )


def test_frames_come_back(spark: SparkSession) -> None:
    pd = pytest.importorskip("pandas")
    df = spark.createDataFrame(
        [(1, "x", True, datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), [1], {"k": 1}), (None,) * 6],
        "i int, s string, b boolean, t timestamp, l array<int>, m map<string,int>",
    )
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    frame = df.toPandas()
    assert frame["t"][0] == pd.Timestamp("2020-01-01 09:00:00")
    assert [str(kind) for kind in frame.dtypes] == [
        "float64",
        "str",
        "object",
        "datetime64[us]",
        "object",
        "object",
    ]
    assert frame["m"][0] == {"k": 1}
    arrow = df.toArrow()
    assert arrow.column_names == df.columns
    assert str(arrow.schema.field("l").type) == "list<element: int32>"
    assert df.toPolars()["i"].to_list() == [1, None]
    assert spark.createDataFrame(df.toArrow()).schema == df.schema


def test_nested_timestamps_come_back_as_local_times(spark: SparkSession) -> None:
    pytest.importorskip("pandas")
    moment = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    rows = [({"x": [moment, None]}, {"k": moment}), (None, None)]
    df = spark.createDataFrame(rows, "s struct<x:array<timestamp>>, m map<string,timestamp>")
    frame = df.toPandas()
    local = datetime.datetime(2020, 1, 1, 9)
    assert list(frame["s"][0]["x"])[:1] == [local]
    assert frame["m"][0] == {"k": local}
    assert frame["s"][1] is None
    assert df.collect()[1] == (None, None)


def test_two_columns_of_one_name_come_back(spark: SparkSession) -> None:
    pytest.importorskip("pandas")
    df = spark.createDataFrame([(1, 2)], ["a", "a"])
    assert list(df.toPandas().columns) == ["a", "a"]
    assert df.toArrow().column_names == ["a", "a"]
