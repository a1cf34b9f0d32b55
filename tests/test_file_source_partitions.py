"""Partition columns: types and values as Spark 4.3.0 inferred and cast them."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal

import pytest

from lightstream.errors import AnalysisException, SparkRuntimeException
from lightstream.plan import types as t
from lightstream.sources.partitions import (
    infer_partition_types,
    infer_type,
    parse_directory,
    partition_columns,
    partition_value,
    partition_values,
    unescape,
)

UTC = datetime.UTC

INFERRED = {
    "int": ["1", "2147483647", "-2147483648", "01", "007", "+1", "-1", "-0", "2020", "20200101", "\uff11", "\u0661",
            "00000000000000000000000001"],
    "bigint": ["2147483648", "-2147483649", "9223372036854775807"],
    "decimal(19,0)": ["9223372036854775808"],
    "decimal(38,0)": ["12345678901234567890123456789012345678", "1e37"],
    "decimal(35,0)": ["123456789012345678901234567890e5"],
    "decimal(6,0)": ["1e5"],
    "decimal(1,0)": ["1.", "0e0"],
    "decimal(3,0)": ["+.5e+3", "1e2"],
    "decimal(11,0)": ["1.0E10"],
    "double": ["1.5", "1.50", "1E-3", "NaN", "+NaN", "-NaN", "Infinity", "-Infinity", "1.5f", "1d", "0x1p3", " 1",
               "1 ", "1e400", "1e-400", ".5", "100000000000.5", "0.1234567890123456789", "1e3d", "5d", "5f", "1.5D",
               "123456789012345678901234567890123456789", "0xAp0", "0x1.8p1d", "+1.5", "1e5f", "1e38", "1.0",
               "100.00", "-1.0", "0.0", "12345678901.0", "00000000000000000000000001.0", "12345678901234567890.5"],
    "date": ["2020-01-01", "0001-01-01", "9999-12-31"],
    "timestamp": ["2020-01-01 00:00:00", "2020-01-01%2010%3A00%3A00", "2020-01-01 10:00:00.1"],
    "time(6)": ["12:00:00", "12:00:00.5", "23:59:59.999999"],
    "void": ["__HIVE_DEFAULT_PARTITION__"],
    "string": ["inf", "1L", "0x10", "2020-1-1", "2020-01", "2020-01-01T00:00:00Z", "2020-01-01 10",
               "2020-01-01 10:00:00.123456789", "2020-01-01 10:00:00.12", "2020-01-01 24:00:00", "true", "TRUE",
               "a%20b", "%zz", "1_000", ".", "1,000", "2020-13-01", "2020-02-30", "0000-00-00", "10000-01-01",
               "epoch", "now", "a=b", "null", "1dd", "D", "12345L", "12:00", "24:00:00", "12:00:00.1234567",
               "1:2:3", "2020-01-01\t", "nan", "1e", "e5", " ", "\u00a01", "1\u2003", "2020-01-01T10:00:00",
               "12:60:00", "2020-01-01  10:00:00", "2020-01-01 10:00:60", "2020-01-01 "],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in INFERRED.items() for text in texts]
)
def test_inferred_types(name: str, text: str) -> None:
    assert infer_type(text).simpleString() == name


def test_without_inference_all_is_text() -> None:
    assert infer_type("1", infer=False) == t.StringType()
    assert infer_type("__HIVE_DEFAULT_PARTITION__", infer=False) == t.NullType()


def test_the_session_s_timestamp_type() -> None:
    assert infer_type("2020-01-01 00:00:00", timestamp_type=t.TimestampNTZType()) == t.TimestampNTZType()


def types_of(*directories: str, bases: tuple[str, ...] = ("/t",)) -> dict[str, str]:
    parsed = {
        path: parse_directory(path, bases) for path in (f"/t/{name}".rstrip("/.") for name in directories)
    }
    return {name: data_type.simpleString() for name, data_type in infer_partition_types(parsed)}


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (["1", "2147483648"], "bigint"),
        (["1", "1.5"], "double"),
        (["1", "x"], "string"),
        (["2020-01-01", "2020-01-01 10:00:00"], "timestamp"),
        (["2020-01-01", "1"], "string"),
        (["1", "__HIVE_DEFAULT_PARTITION__"], "int"),
        (["9223372036854775808", "1"], "decimal(19,0)"),
        (["9223372036854775808", "2147483648"], "decimal(20,0)"),
        (["9223372036854775808", "1.5"], "string"),
        (["2147483648", "1.5"], "string"),
        (["2020-01-01 10:00:00", "1"], "string"),
        (["2020-01-01 10:00:00", "1.5"], "string"),
        (["1", "01"], "int"),
        (["2020-01-01", "x"], "string"),
        (["x", "__HIVE_DEFAULT_PARTITION__"], "string"),
        (["9223372036854775808", "x"], "string"),
    ],
)
def test_types_that_fit_all_values(texts: list[str], name: str) -> None:
    assert types_of(*(f"k={text}" for text in texts)) == {"k": name}
    assert types_of(*(f"k={text}" for text in reversed(texts))) == {"k": name}


@pytest.mark.parametrize(
    ("directories", "types"),
    [
        (["k=1/x"], {"k": "int"}),
        (["k=1", "k=1/x"], {"k": "int"}),
        (["x/k=1"], {"k": "int"}),
        ([".", "k=1"], {"k": "int"}),
        (["k=1/x/j=2"], {"j": "int"}),
        (["x"], {}),
        (["x", "."], {}),
        (["_k=1"], {"_k": "int"}),
        (["a%20b=1"], {"a b": "int"}),
        (["k%3D=1"], {"k=": "int"}),
        (["k=a=b"], {"k": "string"}),
        (["k=1/j=x", "k=2/j=y"], {"k": "int", "j": "string"}),
        (["k=1/_temporary/j=1", "k=2"], {"k": "int"}),
    ],
)
def test_columns_of_directories(directories: list[str], types: dict[str, str]) -> None:
    assert types_of(*directories) == types


@pytest.mark.parametrize(
    ("directories", "condition"),
    [
        (["k=1", "j=2"], "CONFLICTING_PARTITION_COLUMN_NAMES"),
        (["k=1/j=1", "k=2"], "CONFLICTING_PARTITION_COLUMN_NAMES"),
        (["k=1/j=1", "k=1/h=1"], "CONFLICTING_PARTITION_COLUMN_NAMES"),
        (["k=1/j=1", "j=1/k=1"], "CONFLICTING_PARTITION_COLUMN_NAMES"),
        (["x/k=1", "k=1"], "CONFLICTING_DIRECTORY_STRUCTURES"),
        (["x", "k=1"], "CONFLICTING_DIRECTORY_STRUCTURES"),
        (["x/k=1", "y/k=1"], "CONFLICTING_DIRECTORY_STRUCTURES"),
        (["=1"], "EMPTY_PARTITION_COLUMN_NAME"),
        (["k="], "EMPTY_PARTITION_COLUMN_VALUE"),
    ],
)
def test_directories_that_contradict_each_other(directories: list[str], condition: str) -> None:
    with pytest.raises(SparkRuntimeException) as caught:
        types_of(*directories)
    assert (caught.value.getCondition(), caught.value.getSqlState()) == (condition, "KD009")


@pytest.mark.parametrize("directory", ["k=1/k=2", "k=1/K=2"])
def test_a_column_named_twice(directory: str) -> None:
    with pytest.raises(AnalysisException, match="COLUMN_ALREADY_EXISTS") as caught:
        types_of(directory)
    assert caught.value.getSqlState() == "42711"


def test_names_that_differ_in_case_are_one_column() -> None:
    assert [name.lower() for name in types_of("k=1", "K=2")] == ["k"]


def test_the_conflict_names_the_directories() -> None:
    with pytest.raises(SparkRuntimeException, match=r"(?s)#0: j.*#1: k.*file:/t/j=2.*file:/t/k=1"):
        types_of("k=1", "j=2")


def test_values_are_decoded() -> None:
    parsed = parse_directory("/t/k=a%20b/j=__HIVE_DEFAULT_PARTITION__", ["/t"])
    assert partition_values(parsed) == {"k": "a%20b", "j": None}
    assert partition_value("a%20b", t.StringType(), "k") == "a b"
    assert [unescape(text) for text in ("%41", "%zz", "%4", "%C3%A9", "é%20")] == [
        "A",
        "%zz",
        "%4",
        "Ã©",
        "é ",
    ]


def test_a_directory_above_the_base_is_not_read() -> None:
    assert parse_directory("/x=1/t/k=2", ["/x=1/t"]).columns == (("k", "2"),)
    assert partition_columns({"/x=1/t": parse_directory("/x=1/t", ["/x=1/t"])}) == ()


@pytest.mark.parametrize(
    ("text", "data_type", "value"),
    [
        ("1", "string", "1"),
        ("01", "string", "01"),
        ("1", "bigint", 1),
        ("1", "double", 1.0),
        ("1.5f", "double", 1.5),
        ("true", "boolean", True),
        ("TRUE", "boolean", True),
        ("300", "tinyint", 44),
        ("70000", "smallint", 4464),
        ("\uff11", "int", 1),
        ("2020-01-01", "date", datetime.date(2020, 1, 1)),
        ("2020", "date", datetime.date(2020, 1, 1)),
        ("2020-1-1", "date", datetime.date(2020, 1, 1)),
        ("2020-01-01", "timestamp", datetime.datetime(2020, 1, 1, tzinfo=UTC)),
        ("2020-01-01T10:00:00Z", "timestamp", datetime.datetime(2020, 1, 1, 10, tzinfo=UTC)),
        ("2020-01-01 10:00:00.123456", "timestamp", datetime.datetime(2020, 1, 1, 10, 0, 0, 123456, UTC)),
        ("2020-01-01 10:00:00", "timestamp_ntz", datetime.datetime(2020, 1, 1, 10)),
        ("2020-01-01 10%3A00%3A00", "timestamp", datetime.datetime(2020, 1, 1, 10, tzinfo=UTC)),
        ("10%3A00", "time", datetime.time(10, 0)),
        ("1.25", "decimal(3,1)", Decimal("1.3")),
        ("1.5", "decimal(3,1)", Decimal("1.5")),
        ("99.9", "decimal(3,1)", Decimal("99.9")),
        ("99.95", "decimal(3,1)", None),
        ("100.5", "decimal(3,1)", None),
        ("a%20c", "binary", b"a%20c"),
    ],
)
def test_values_as_spark_casts_them(text: str, data_type: str, value: object) -> None:
    assert partition_value(text, t.DataType.fromDDL(data_type), "k") == value


def test_no_value_is_null_of_any_type() -> None:
    assert partition_value(None, t.IntegerType(), "k") is None
    assert partition_value("1", t.NullType(), "k") is None
    assert math.isnan(partition_value("NaN", t.DoubleType(), "k"))


def test_timestamps_without_a_zone_are_in_the_session_s() -> None:
    found = partition_value("2020-07-01 10:00:00", t.TimestampType(), "k", "Europe/Berlin")
    assert found == datetime.datetime(2020, 7, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "data_type"),
    [
        ("x", "int"), ("1.5", "int"), (" 1", "int"), ("1e2", "int"), ("99999999999", "int"), ("x", "double"),
        ("1", "boolean"), ("yes", "boolean"), (" true", "boolean"), ("x", "date"), ("x", "timestamp"),
        ("now", "timestamp"), ("%31", "int"), ("x", "decimal(3,1)"), ("1", "array<int>"), ("2020-13-01", "date"),
    ],
)  # fmt: skip
def test_values_that_spark_refuses(text: str, data_type: str) -> None:
    with pytest.raises(SparkRuntimeException) as caught:
        partition_value(text, t.DataType.fromDDL(data_type), "k")
    assert (caught.value.getCondition(), caught.value.getSqlState()) == ("INVALID_PARTITION_VALUE", "42846")
    assert caught.value.getMessageParameters()["columnName"] == "`k`"
