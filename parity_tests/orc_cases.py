"""Reading ORC: files written by Arrow, and how they are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from file_cases import FileCase, case
from pyarrow import orc


def arrow(table: pa.Table | dict[str, Any], **options: Any) -> Callable[[Path], None]:
    """Return what writes a table by Arrow."""
    made = table if isinstance(table, pa.Table) else pa.table(table)

    def write(path: Path) -> None:
        with pa.OSFile(str(path), "wb") as file:
            orc.write_table(made, file, **options)

    return write


def _o(name: str, files: Any, **more: Any) -> FileCase:
    return case(name, "orc", files, **more)


_MOMENT = dt.datetime(2025, 3, 9, 2, 30, 1, 123456)
_NTZ = pa.field("ntz", pa.int64(), metadata={"spark.sql.catalyst.type": "timestamp_ntz"})
_COLUMNS: dict[str, tuple[list[Any], pa.DataType]] = {
    "flag": ([True, None], pa.bool_()),
    "i8": ([-128, None], pa.int8()),
    "i16": ([-32768, None], pa.int16()),
    "i32": ([-(2**31), None], pa.int32()),
    "i64": ([-(2**63), None], pa.int64()),
    "f32": ([float("nan"), None], pa.float32()),
    "f64": ([-0.0, None], pa.float64()),
    "text": (["é", None], pa.string()),
    "bytes": ([b"\xff\0", None], pa.binary()),
    "day": ([dt.date(1582, 10, 15), None], pa.date32()),
    "local": ([_MOMENT, None], pa.timestamp("us")),
    "old": ([dt.datetime(1950, 1, 1), None], pa.timestamp("us")),
    "instant": ([_MOMENT, None], pa.timestamp("us", "UTC")),
    "d5": ([Decimal("-999.99"), None], pa.decimal128(5, 2)),
    "d38": ([Decimal("-" + "9" * 36 + ".99"), None], pa.decimal128(38, 2)),
    "list": ([[1, None], None], pa.list_(pa.int32())),
    "map": ([[("a", 1), ("b", None)], None], pa.map_(pa.string(), pa.int64())),
    "struct": ([{"x": 1, "y": "a"}, None], pa.struct([("x", pa.int32()), ("y", pa.string())])),
    "structs": ([[{"x": 1}, None], []], pa.list_(pa.struct([("x", pa.timestamp("us"))]))),
}
_COLUMNS["structs"][0][0][0]["x"] = _MOMENT
_ALL = pa.table({name: pa.array(values, kind) for name, (values, kind) in _COLUMNS.items()})
_ALL = _ALL.append_column(_NTZ, pa.array([1593659045123456, None]))
_A1 = arrow({"a": [1, 2], "b": ["x", "y"]})
_ABC = arrow({"a": [4], "b": ["z"], "c": [1.5]})
_UPPER = arrow({"A": [5], "B": ["w"]})
_TWO_CASES = arrow(pa.table([pa.array([1]), pa.array([2])], names=["a", "A"]))
_BAD = b"this is no ORC file\n"

ORC_CASES: tuple[FileCase, ...] = (
    _o("all types", arrow(_ALL)),
    _o(
        "other types and fields",
        arrow(_ALL),
        schema="i8 bigint, i32 bigint, d5 decimal(38,3), list array<bigint>, map map<string,bigint>, "
        "struct struct<Y:string,z:timestamp,x:int>, structs array<struct<n:array<int>,x:timestamp>>, missing int, "
        "TEXT string",
    ),
    _o("merged", {"a": _A1, "b": _ABC}, mergeSchema="true"),
    _o("merged by a setting", {"a": _A1, "b": _ABC}, settings={"spark.sql.orc.mergeSchema": "true"}),
    _o("merged types that differ", {"a": _A1, "b": arrow({"a": ["x"]})}, mergeSchema="true"),
    _o("another case that matters", {"a": _A1, "b": _UPPER}, schema="A bigint, b string",
       settings={"spark.sql.caseSensitive": "true"}),
    _o("two columns of a name", _TWO_CASES),
    _o("two columns of a name, by schema", _TWO_CASES, schema="a bigint"),
    _o("numbered columns", arrow({"_col0": [1], "_col1": ["x"]}), schema="n bigint, s string, z int"),
    _o("names with points", arrow({"a.b": [1], "a": [{"b": 2, "c": 3}]}), columns=("a", "`a.b`")),
    _o("partitions and where rows come from", {"p=1/a": _A1, "p=2/b": _UPPER},
       columns=("a", "p", "_metadata.file_name", "_metadata.file_size")),
    _o("counted", {"a": _A1, "b": _ABC}, columns=()),
    _o("no ORC file", _BAD),
    _o("no ORC file, by schema", {"a": _A1, "b": _BAD}, schema="a bigint"),
    _o("no ORC file, passed over", {"a": _A1, "b": _BAD}, ignoreCorruptFiles="true"),
    _o("an empty file", {"a": b"", "b": _A1}),
    _o("only empty files", {"a": b""}),
    _o("no rows", arrow({"a": pa.array([], pa.int64())})),
    _o("a type that ORC has not", _A1, schema="a interval"),
    _o("a column without a type", _A1, schema="a void"),
    _o("a bad flag", _A1, mergeSchema="x"),
    _o("codecs", {c: arrow({"a": [1] * 100}, compression=c) for c in ("snappy", "zlib", "zstd", "lz4", "uncompressed")},
       columns=("sum(a)",)),
)  # fmt: skip
