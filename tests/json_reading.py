"""Reading JSON in tests: one file or several, by the exact reader or through DuckDB as a query does."""

from __future__ import annotations

import base64
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from lightstream.plan import types as t
from lightstream.plan.required import Required
from lightstream.sources.contract import Scan
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.json.scan import Experience, scan_json
from lightstream.sources.listing import FileEntry
from lightstream.sources.paths import to_uri
from lightstream.sources.two_ways import RecordRead

sys.path.append(str(Path(__file__).parent.parent / "parity_tests"))


def schema_of(ddl: str) -> t.StructType:
    """Return the schema that a DDL list stands for."""
    schema = t.DataType.fromDDL(ddl)
    assert isinstance(schema, t.StructType)
    return schema


def entry(path: Path, partition_values: dict[str, str | None] | None = None) -> FileEntry:
    """Return a file as a listing gives it."""
    status = path.stat()
    return FileEntry(
        str(path), to_uri(str(path)), status.st_size, status.st_mtime_ns // 1_000_000, partition_values or {}
    )


class JsonQuery:
    """Runs scans as the batch executor does, and counts how often one had to be replaced."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.experience = Experience()
        self.replaced = 0
        self.scan: Scan | None = None

    def read(
        self,
        paths: Sequence[Path] | Sequence[FileEntry],
        schema: t.StructType,
        options: JsonOptions,
        columns: Sequence[str],
        *,
        partitions: t.StructType | None = None,
        where: str = "true",
    ) -> pa.Table:
        """Return the rows of some columns (`_metadata.x` for the file's)."""
        required = tuple(
            Required(tuple(name.split(".")) if name.startswith("_metadata.") else (name,), f"c{i}")
            for i, name in enumerate(columns)
        )
        files = [path if isinstance(path, FileEntry) else entry(path) for path in paths]
        read = RecordRead(files, schema, partitions or t.StructType(), required, options)
        scan = scan_json(read, self.connection, self.experience)
        for _ in range(20):
            error: Exception | None = None
            table = None
            for name, frame in scan.frames.items():
                self.connection.register(name, frame)
            try:
                table = self.connection.sql(f"SELECT * FROM {scan.sql} WHERE {where}").to_arrow_table()
            except duckdb.Error as failed:
                error = failed
            if table is not None and (scan.verified is None or scan.verified()):
                self.scan = scan
                return table
            assert scan.exact is not None, error
            scan = scan.exact(self.connection, error)
            self.replaced += 1
        raise AssertionError("the scan was replaced over and over")

    @property
    def used_duckdb(self) -> bool:
        """Whether DuckDB read any of the files last time."""
        return self.scan is not None and "read_json" in self.scan.sql


def rows_of(table: pa.Table, schema: t.StructType) -> list[list[Any]]:
    """Return the rows in the notation of `golden/json_rows.json`."""
    columns = [
        [_plain(value, field.dataType) for value in _numbers(column, field.dataType)]
        for column, field in zip(table.columns, schema.fields, strict=True)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def _numbers(column: pa.ChunkedArray, data_type: t.DataType) -> list[Any]:
    if isinstance(data_type, t.TimestampType | t.TimestampNTZType):
        column = column.cast(pa.int64())
    if isinstance(data_type, t.DateType):
        column = column.cast(pa.int32())
    return column.to_pylist()  # type: ignore[no-any-return]


def _plain(value: Any, data_type: t.DataType) -> Any:
    if value is None:
        return None
    if isinstance(data_type, t.StructType):
        return [_plain(value[field.name], field.dataType) for field in data_type.fields]
    if isinstance(data_type, t.ArrayType):
        return [_plain(item, data_type.elementType) for item in value]
    if isinstance(data_type, t.MapType):
        return {"m": [[key, _plain(item, data_type.valueType)] for key, item in value]}
    if isinstance(data_type, t.FloatType | t.DoubleType):
        return {"f": "nan" if math.isnan(value) else repr(float(value))}
    if isinstance(data_type, t.DecimalType):
        return {"d": format(value, "f")}
    if isinstance(data_type, t.BinaryType):
        return {"b": base64.b64encode(value).decode()}
    return value
