"""Reading Parquet: a table of files, written by Arrow or DuckDB, and how they are read."""

# ruff: noqa: E501
from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from file_cases import FileCase, case


def arrow(table: pa.Table | dict[str, Any], **options: Any) -> Callable[[Path], None]:
    """Return what writes a table by Arrow."""
    made = table if isinstance(table, pa.Table) else pa.table(table)
    return lambda path: pq.write_table(made, path, **options)


def by_duckdb(sql: str) -> Callable[[Path], None]:
    """Return what writes a query's rows by DuckDB."""
    return lambda path: duckdb.sql(f"COPY ({sql}) TO '{path}' (FORMAT parquet)") and None


def _p(name: str, files: Any, **more: Any) -> FileCase:
    return case(name, "parquet", files, **more)


def _one(name: str, values: list[Any], kind: pa.DataType, **options: Any) -> FileCase:
    """Return a case of one column `c`, whose schema comes from the file."""
    return _p(name, arrow(pa.table({"c": pa.array(values, kind)}), **options))


_MOMENT = dt.datetime(2025, 3, 9, 2, 30, 1, 123456)
_OLD = dt.datetime(1500, 1, 1, 0, 0, 0)
_TYPES: dict[str, tuple[list[Any], pa.DataType]] = {
    "boolean": ([True, None, False], pa.bool_()),
    "int8": ([1, None, -128], pa.int8()),
    "int16": ([1, None, -32768], pa.int16()),
    "int32": ([1, None, -(2**31)], pa.int32()),
    "int64": ([1, None, -(2**63)], pa.int64()),
    "uint8": ([1, None, 255], pa.uint8()),
    "uint16": ([1, None, 65535], pa.uint16()),
    "uint32": ([1, None, 2**32 - 1], pa.uint32()),
    "uint64": ([1, None, 2**64 - 1], pa.uint64()),
    "float": ([1.5, None, float("nan"), float("-inf")], pa.float32()),
    "double": ([1.5, None, -0.0, 1e300], pa.float64()),
    "string": (["a", None, "é", ""], pa.string()),
    "binary": ([b"a", None, b"\xff", b""], pa.binary()),
    "fixed": ([b"ab", None, b"\xff\0"], pa.binary(2)),
    "date": ([dt.date(2025, 1, 1), None, dt.date(1, 1, 1)], pa.date32()),
    "micros utc": ([_MOMENT, None, _OLD], pa.timestamp("us", "UTC")),
    "micros local": ([_MOMENT, None, _OLD], pa.timestamp("us")),
    "millis utc": ([_MOMENT.replace(microsecond=123000), None], pa.timestamp("ms", "UTC")),
    "millis local": ([_MOMENT.replace(microsecond=123000), None], pa.timestamp("ms")),
    "nanos": ([_MOMENT, None], pa.timestamp("ns")),
    "time": ([dt.time(1, 2, 3), None], pa.time64("us")),
    "decimal 5": ([Decimal("1.25"), None, Decimal("-999.99")], pa.decimal128(5, 2)),
    "decimal 12": ([Decimal("1.25"), None, Decimal("-9999999999.99")], pa.decimal128(12, 2)),
    "decimal 38": ([Decimal("1.25"), None, Decimal("-" + "9" * 36 + ".99")], pa.decimal128(38, 2)),
    "null": ([None, None], pa.null()),
    "list": ([[1, None], None, []], pa.list_(pa.int32())),
    "list of lists": ([[["a"], None], None, []], pa.list_(pa.list_(pa.string()))),
    "map": ([[("a", 1), ("b", None)], None, []], pa.map_(pa.string(), pa.int64())),
    "struct": ([{"x": 1, "y": "a"}, None, {"x": None, "y": None}],
               pa.struct([("x", pa.int32()), ("y", pa.string())])),
    "list of structs": ([[{"x": 1}], None, [None]], pa.list_(pa.struct([("x", pa.int32())]))),
    "dictionary": (["a", "b", "a"], pa.dictionary(pa.int32(), pa.string())),
    "large string": (["a", None], pa.large_string()),
}  # fmt: skip
# What each type can be read as; the rest fails.
_READ_AS: dict[str, tuple[str, ...]] = {
    "boolean": ("boolean",),
    "int8": (
        "tinyint",
        "smallint",
        "int",
        "bigint",
        "double",
        "date",
        "decimal(12,0)",
        "decimal(20,0)",
        "decimal(38,3)",
    ),
    "int32": (
        "tinyint",
        "smallint",
        "int",
        "bigint",
        "double",
        "date",
        "decimal(12,0)",
        "decimal(20,0)",
        "decimal(38,3)",
    ),
    "int64": ("bigint", "decimal(20,0)", "decimal(38,3)", "interval day to second"),
    "uint8": ("tinyint", "smallint", "int", "bigint", "double", "date"),
    "uint32": ("bigint",),
    "uint64": ("decimal(20,0)",),
    "float": ("float", "double"),
    "double": ("double",),
    "string": ("string", "binary"),
    "binary": ("string", "binary"),
    "fixed": ("binary",),
    "date": ("tinyint", "smallint", "int", "bigint", "double", "date", "timestamp_ntz"),
    "micros utc": ("bigint", "timestamp", "timestamp_ntz", "interval day to second"),
    "micros local": ("bigint", "timestamp", "timestamp_ntz", "interval day to second"),
    "millis utc": ("bigint", "timestamp", "timestamp_ntz", "interval day to second"),
    "millis local": ("bigint", "timestamp", "timestamp_ntz", "interval day to second"),
    "decimal 5": ("decimal(10,2)", "decimal(38,3)"),
    "decimal 12": ("decimal(38,3)",),
    "list": ("array<int>", "array<bigint>"),
    "map": ("map<string,bigint>",),
    "struct": ("struct<x:bigint>", "struct<y:string,z:int,x:int>"),
}
_FAILS_AS = {
    "boolean": "struct<x:bigint>", "int8": "boolean", "int32": "decimal(10,2)", "int64": "int", "uint8": "decimal(12,0)",
    "float": "int", "double": "float", "string": "int", "binary": "timestamp", "fixed": "string", "date": "timestamp",
    "micros utc": "date", "decimal 5": "decimal(4,2)", "decimal 12": "double", "list": "int", "map": "array<int>",
    "struct": "string", "int16": "array<int>", "uint32": "float",
}  # fmt: skip


_SMALL: dict[str, list[Any]] = {
    "int8": [1, None, -128],
    "int32": [1, None, 300],
    "int64": [1, None, 5],
    "uint8": [1, None, 255],
    "uint32": [1, None, 5],
    "uint64": [1, None, 5],
    "binary": [b"a", None, b""],
    "date": [dt.date(2025, 1, 1), None],
    "micros utc": [_MOMENT, None],
    "micros local": [_MOMENT, None],
}


def _column(name: str) -> pa.Array:
    return pa.array(_SMALL.get(name, _TYPES[name][0]), _TYPES[name][1])


_A1 = arrow({"a": [1, 2], "b": ["x", "y"]})
_BA = arrow({"b": ["z"], "a": [3]})
_AC = arrow({"a": [4], "c": [1.5]})
_UPPER = arrow({"A": [5], "B": ["w"]})
_NESTED = arrow({"s": [{"x": 1, "y": {"z": "q"}}], "l": [[{"x": 1, "y": 2}]]})
_TWO_CASES = arrow(pa.table([pa.array([1]), pa.array([2])], names=["a", "A"]))
_MORE = arrow({"a": [1, 2, 3]}, row_group_size=1)


def _damaged(path: Path) -> None:
    """Write a file whose footer is well, and its data not."""
    pq.write_table(pa.table({"a": [f"text {i}" for i in range(1000)]}), path, use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[40:2000] = b"\xff" * 1960
    path.write_bytes(bytes(content))


PARQUET_CASES: tuple[FileCase, ...] = (
    *(_one(f"type {name}", values, kind) for name, (values, kind) in _TYPES.items()),
    _one("type int96", [_MOMENT, None, dt.datetime(1950, 1, 1)], pa.timestamp("us"), use_deprecated_int96_timestamps=True),
    _one("type decimal as integer", [Decimal("1.25"), None], pa.decimal128(5, 2), store_decimal_as_integer=True),
    _p("types of duckdb", by_duckdb(
        "select 1::hugeint h, 1::tinyint t, 'a'::enum('a','b') e, uuid '00000000-0000-0000-0000-000000000001' u")),
    _p("json of duckdb", by_duckdb("select '{\"a\":1}'::json j, time '01:02:03' t")),
    _p("nested by duckdb", by_duckdb(
        "select {a: 1, b: [1, 2]} s, map {'k': 1} m, [{x: 1}] l, timestamptz '2025-01-01 00:00:00Z' t")),
    *(_p(f"{name} as others", arrow(pa.table({f"c{i}": _column(name) for i in range(len(others))})),
         schema=", ".join(f"c{i} {kind}" for i, kind in enumerate(others)))
      for name, others in _READ_AS.items()),
    *(_p(f"{name} as {kind}", arrow(pa.table({"c": _column(name)})), schema=f"c {kind}") for name, kind in _FAILS_AS.items()),
    _p("int96 as ntz", arrow(pa.table({"c": pa.array([_MOMENT], pa.timestamp("us"))}), use_deprecated_int96_timestamps=True),
       schema="c timestamp_ntz"),
    _p("bytes that are no text", arrow(pa.table({"c": pa.array([b"\xff"], pa.binary())})), schema="c string",
       columns=("length(c)",)),
    _p("required columns", arrow(pa.table([pa.array([1])], schema=pa.schema([pa.field("a", pa.int64(), False)])))),
    _p("columns by name", {"a": _A1, "b": _BA}),
    _p("columns of the first file", {"a": _A1, "b": _AC}),
    _p("columns of the first file, which has others", {"a": _AC, "b": _A1}),
    _p("merged", {"a": _A1, "b": _BA, "c": _AC}, mergeSchema="true"),
    _p("merged by a setting", {"a": _A1, "c": _AC}, settings={"spark.sql.parquet.mergeSchema": "true"}),
    _p("merged in another case", {"a": _A1, "b": _UPPER}, mergeSchema="true"),
    _p("merged structs", {"a": _NESTED, "b": arrow({"s": [{"w": 1.5}], "l": [[{"z": "t"}]]})}, mergeSchema="true"),
    _p("merged decimals", {"a": arrow({"d": [Decimal("1.25")]}), "b": arrow({"d": [Decimal("1234.25")]})}, mergeSchema="true"),
    _p("merged types that differ", {"a": _A1, "b": arrow({"a": ["x"]})}, mergeSchema="true"),
    _p("merged integers of two sizes", {"a": _A1, "b": arrow(pa.table({"a": pa.array([1], pa.int32())}))}, mergeSchema="true"),
    _p("types that differ", {"a": _A1, "b": arrow({"a": ["x"]})}),
    _p("types that differ, not asked for", {"a": _A1, "b": arrow({"a": ["x"], "b": ["q"]})}, columns=("b",)),
    _p("types that differ, counted", {"a": _A1, "b": arrow({"a": ["x"]})}, columns=()),
    _p("another case", {"a": _A1, "b": _UPPER}, schema="A bigint, B string"),
    _p("another case that matters", {"a": _A1, "b": _UPPER}, schema="A bigint, b string",
       settings={"spark.sql.caseSensitive": "true"}),
    _p("two columns of a name", _TWO_CASES),
    _p("two columns of a name, by schema", _TWO_CASES, schema="a bigint"),
    _p("missing columns", _A1, schema="z int, b string, y array<int>, x struct<q:int>"),
    _p("only missing columns", _A1, schema="z int, y string"),
    _p("missing fields", _NESTED, schema="s struct<y:struct<z:string,w:int>,q:int>, l array<struct<y:bigint,n:string>>"),
    _p("only missing fields", _NESTED, schema="s struct<q:int>, l array<struct<n:string>>"),
    _p("fields in another order and case", _NESTED, schema="s struct<Y:struct<Z:string>,X:bigint>"),
    _p("a field of a struct", _NESTED, columns=("s.y.z", "l[0].x")),
    _p("a struct as a number", _NESTED, schema="s int"),
    _p("a number as a struct", _A1, schema="a struct<x:int>"),
    _p("columns of no rows", arrow(pa.table({"a": pa.array([], pa.int64())}))),
    _p("other types, and no rows", arrow(pa.table({"a": pa.array([], pa.int64())})), schema="a string"),
    _p("partitions", {"p=1/a.parquet": _A1, "p=2/b.parquet": _BA}),
    _p("a partition that is in the files", {"a=7/x.parquet": _A1, "a=8/y.parquet": _BA}),
    _p("a partition that is in the schema", {"p=1/x.parquet": _A1}, schema="p string, b string"),
    _p("partitions alone", {"p=1/a.parquet": _A1, "p=2/b.parquet": _BA}, columns=("p",)),
    _p("where rows come from", {"a.parquet": _A1, "b.parquet": _BA},
       columns=("a", "_metadata.file_name", "_metadata.row_index", "_metadata.file_block_start")),
    _p("number of each row", _MORE, columns=("_metadata.row_index",)),
    _p("all about a file", _A1, columns=("a", "_metadata.file_path", "_metadata")),
    _p("columns of names that DuckDB adds", {"a": arrow({"file_index": [1], "filename": ["x"]}),
                                              "b": arrow({"file_index": [2], "filename": ["y"]})},
       columns=("*", "_metadata.file_name")),
    _p("counted", {"a": _A1, "b": _BA}, columns=()),
    _p("counted with a filter", {"a": _A1, "b": _BA}, columns=("count(*) over ()", "a")),
    _p("no Parquet file", b"abc\n"),
    _p("no Parquet file, by schema", {"a": _A1, "b": b"abc\n"}, schema="a bigint"),
    _p("no Parquet file, counted", {"a": _A1, "b": b"abc\n"}, columns=(), schema="a bigint"),
    _p("no Parquet file, passed over", {"a": _A1, "b": b"abc\n"}, ignoreCorruptFiles="true"),
    _p("damaged data", {"a": _damaged}),
    _p("an empty file", {"a": b"", "b": _A1}),
    _p("only empty files", {"a": b""}),
    _p("names that are left out", {"_a": b"abc", ".b": b"abc", "c": _A1}),
    _p("a type that Parquet has not", _A1, schema="a interval"),
    _p("a column without a type", _A1, schema="a void"),
    _p("rebased dates", _A1, datetimeRebaseMode="EXCEPTION"),
    _p("codecs", {c: arrow({"a": [1] * 100}, compression=c) for c in ("snappy", "gzip", "brotli", "zstd", "lz4", "none")},
       columns=("sum(a)",)),
)  # fmt: skip
