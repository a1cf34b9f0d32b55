"""Parquet as a file format: DuckDB reads the files, each column by the conversion that Spark's reader has for it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.conf import Conf
from lightstream.errors import QueryExecutionException, unsupported
from lightstream.functions.spelling import ERROR_MARK, quote, text_sql
from lightstream.plan import types as t
from lightstream.plan.type_texts import from_json_text
from lightstream.sources.contract import Required, Scan
from lightstream.sources.file_bytes import damaged_file, escape_glob, footer_failed
from lightstream.sources.file_columns import (
    METADATA,
    ROW_INDEX,
    FileColumns,
    chosen,
    no_rows,
    unsupported_column,
)
from lightstream.sources.file_options import flag
from lightstream.sources.listing import FileEntry
from lightstream.sources.merge import merged
from lightstream.sources.parquet.columns import Columns
from lightstream.sources.parquet.schema import Node, read_nodes, spark_schema

if TYPE_CHECKING:
    import duckdb

    from lightstream.sources.file_reader import FileInput

_SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"
_SPARK_VERSION = b"org.apache.spark.version"
_OLD_CALENDAR = (b"org.apache.spark.legacyDateTime", b"org.apache.spark.legacyINT96")
_SUMMARIES = ("_metadata", "_common_metadata")
# Columns that DuckDB adds to those of the files.
_FILE_NUMBER, _ROW_NUMBER = "file_index", "file_row_number"


class ParquetFormat:
    """Parquet files."""

    name = "parquet"
    metadata = t.StructType([*METADATA, t.StructField(ROW_INDEX, t.LongType(), False)])
    default_schema: t.StructType | None = None
    empty_schema: t.StructType | None = None

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], Node] = {}

    def check(self, schema: t.StructType, options: Mapping[str, str], conf: Conf) -> None:
        """Refuse options and types that are not supported.

        Raises:
            UnsupportedOperationException: an option, or a column's type.
        """
        modes = {
            "datetimeRebaseMode": options.get("datetimerebasemode", "CORRECTED"),
            "int96RebaseMode": options.get("int96rebasemode", "CORRECTED"),
        }
        for name, mode in modes.items():
            if mode.upper() != "CORRECTED":
                raise unsupported(
                    f"The Parquet option {name} with the value {mode}", "It is always CORRECTED."
                )
        for field in schema:
            if t.holds(field.dataType, t.CalendarIntervalType):
                raise unsupported_column("Parquet", field)
            if t.holds(field.dataType, t.VariantType, t.TimeType):
                raise unsupported(f"Reading Parquet into a column of type {field.dataType.simpleString()}")

    def infer(self, source: FileInput, cursor: duckdb.DuckDBPyConnection) -> t.StructType | None:
        """Return the schema of the first file by path, or of all with `mergeSchema`; None without files.

        Raises:
            QueryExecutionException: FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER.
            AnalysisException: a type that Spark does not read.
            QueryExecutionException: CANNOT_MERGE_SCHEMAS.
        """
        _refuse_summaries(source.files)
        files = sorted(source.files, key=lambda file: file.uri)
        merges = flag(source.options, "mergeSchema", source.conf.boolean("spark.sql.parquet.mergeSchema"))
        looked_at = files if merges or source.ignores("Corrupt") else files[:1]
        roots = self._nodes(looked_at, source, cursor, footer_failed)
        found: t.StructType | None = None
        for file in files:
            if file.path not in roots:
                continue
            schema = _written_schema(file.path, cursor) or spark_schema(roots[file.path])
            found = schema if found is None else merged(found, schema, source.conf.case_sensitive)
            if not merges:
                break
        return found

    def scan(
        self, source: FileInput, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the rows of the files.

        Raises:
            QueryExecutionException: FAILED_READ_FILE.
            UnsupportedOperationException: files in the old calendar, or a conversion that is not supported.
        """
        files = list(source.files)
        if source.ignores("Missing"):
            files = [file for file in files if os.path.exists(file.path)]
        of_file = FileColumns(columns, source.partitions, source.conf.time_zone)
        data = [c for c in columns if c not in of_file.columns]
        names = {c.path[0] for c in data if len(c.path) == 1}
        parts: list[str] = []
        if names or source.ignores("Corrupt"):
            roots = self._nodes(files, source, cursor, damaged_file)
            if any(t.holds(source.schema[name].dataType, t.DateType, t.TimestampType) for name in names):
                _refuse_old_calendar(files, cursor)
            groups: dict[int, list[FileEntry]] = {}
            for file in files:
                if file.path in roots:
                    groups.setdefault(id(roots[file.path]), []).append(file)
            for group in groups.values():
                try:
                    parts += _group_sql(source, group, roots[group[0].path], columns, of_file)
                except QueryExecutionException:
                    if _row_count(group, cursor):
                        raise
                    # Spark notices a type that does not fit when it reads the first row.
        elif files:
            parts = [_read_sql(files, columns, {}, of_file)]
        if not parts:
            return Scan(no_rows(columns, source.schema, source.partitions))
        sql = parts[0] if len(parts) == 1 else f"({' UNION ALL '.join(f'SELECT * FROM {p}' for p in parts)})"
        rows = _row_count(files, cursor) if source.counted else None

        def failed(cursor: duckdb.DuckDBPyConnection, error: Exception | None) -> Scan:
            raise _reason(files, cursor, error)

        return Scan(sql, exact=failed, rows=rows)

    def _nodes(
        self,
        files: Sequence[FileEntry],
        source: FileInput,
        cursor: duckdb.DuckDBPyConnection,
        refused: Callable[[str, str, Exception], Exception],
    ) -> dict[str, Node]:
        """Return the columns of each file, by path; `refused` makes the error for one without a footer."""
        import duckdb

        keys = {file.path: (file.path, file.mtime_ms, file.size) for file in files}
        new = [path for path, key in keys.items() if key not in self._known]
        if new:
            try:
                found = read_nodes(new, cursor)
            except duckdb.Error:
                found = {}
                for path in new:
                    try:
                        found |= read_nodes([path], cursor)
                    except duckdb.Error as error:
                        if not source.ignores("Corrupt"):
                            raise refused(path, "Parquet", error) from error
            self._known |= {keys[path]: root for path, root in found.items()}
        # No more than the files at hand: a stream does not come back to those of its earlier batches.
        self._known = {key: self._known[key] for key in keys.values() if key in self._known}
        return {path: self._known[key] for path, key in keys.items() if key in self._known}


# ---- SQL ------------------------------------------------------------------------------------------------------


def _group_sql(
    source: FileInput,
    files: Sequence[FileEntry],
    root: Node,
    columns: Sequence[Required],
    of_file: FileColumns,
) -> list[str]:
    """Return the SQL of files with the same columns: one scan, where their numbers can be told apart."""
    reader = Columns(files[0].path, source.conf.case_sensitive)
    values = {}
    for column in columns:
        if column.path == ("_metadata", ROW_INDEX):
            values[column.output] = f"CAST({_ROW_NUMBER} AS BIGINT)"
        elif column not in of_file.columns:
            name = column.path[0]
            values[column.output] = reader.column_sql(root, name, source.schema[name].dataType)
    own = {child.name.lower() for child in root.children}
    if _ROW_NUMBER in own and any(c.path == ("_metadata", ROW_INDEX) for c in columns):
        raise unsupported(f"The row_index of Parquet files with a column {_ROW_NUMBER}")
    if _FILE_NUMBER in own and of_file.columns:
        return [_read_sql([file], columns, values, of_file) for file in files]
    return [_read_sql(files, columns, values, of_file)]


def _read_sql(
    files: Sequence[FileEntry], columns: Sequence[Required], values: dict[str, str], of_file: FileColumns
) -> str:
    paths = ", ".join(text_sql(escape_glob(file.path)) for file in files)
    fixed = of_file.values(files)
    items = []
    for column in columns:
        output = column.output
        value = chosen(fixed[output], _FILE_NUMBER) if output in fixed else values.get(output)
        if value is None:  # without columns of the files only `_metadata.row_index` is left
            value = f"CAST({_ROW_NUMBER} AS BIGINT)"
        items.append(f"{value} AS {quote(output)}")
    options = "hive_partitioning=false"
    if any(column.path == ("_metadata", ROW_INDEX) for column in columns):
        options += ", file_row_number=true"
    return f"(SELECT {', '.join(items) or '1 AS one'} FROM read_parquet([{paths}], {options}))"


def _row_count(files: Sequence[FileEntry], cursor: duckdb.DuckDBPyConnection) -> int:
    paths = [escape_glob(file.path) for file in files]
    counted: Any = cursor.execute("SELECT sum(num_rows) FROM parquet_file_metadata(?)", [paths]).fetchone()
    return int(counted[0] or 0)


# ---- what footers say besides ---------------------------------------------------------------------------------


def _written_schema(path: str, cursor: duckdb.DuckDBPyConnection) -> t.StructType | None:
    """Return the schema that Spark wrote into a file, where it did."""
    found = cursor.execute(
        "SELECT value FROM parquet_kv_metadata(?) WHERE key = ?", [[escape_glob(path)], _SPARK_SCHEMA]
    ).fetchone()
    if found is None:
        return None
    schema = from_json_text(bytes(found[0]).decode())
    assert isinstance(schema, t.StructType)
    return schema


def _refuse_old_calendar(files: Sequence[FileEntry], cursor: duckdb.DuckDBPyConnection) -> None:
    rows = cursor.execute(
        "SELECT file_name, key, value FROM parquet_kv_metadata(?) WHERE key IN (?, ?, ?)",
        [[escape_glob(file.path) for file in files], _SPARK_VERSION, *_OLD_CALENDAR],
    ).fetchall()
    for path, key, value in rows:
        if bytes(key) in _OLD_CALENDAR or _version(value) < (3, 1):
            raise unsupported(
                f"Reading dates and times of {path}, which were written in the calendar of Spark 2,",
                "Write the file again with Spark 3 or later.",
            )


def _version(value: bytes) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(rb"\d+", value)[:2])


def _refuse_summaries(files: Sequence[FileEntry]) -> None:
    for directory in {os.path.dirname(file.path) for file in files}:
        for name in _SUMMARIES:
            if os.path.exists(os.path.join(directory, name)):
                raise unsupported(
                    f"Inferring the schema of Parquet files with a summary file ({directory}/{name})",
                    "Give the schema with .schema(...), or remove the summary file.",
                )


# ---- errors ---------------------------------------------------------------------------------------------------


def _reason(
    files: Sequence[FileEntry], cursor: duckdb.DuckDBPyConnection, error: Exception | None
) -> Exception:
    """Return Spark's error for the file that a statement failed at; the error itself when it is none of these."""
    import duckdb

    assert error is not None
    if not isinstance(error, duckdb.Error) or ERROR_MARK in str(error):
        return error
    probe = cursor.cursor()
    for file in files:
        try:
            probe.execute("SELECT count(*) FROM parquet_schema(?)", [escape_glob(file.path)]).fetchall()
        except duckdb.Error as found:
            return damaged_file(file.path, "Parquet", found)
    if isinstance(error, duckdb.BinderException):
        return _variants(files, probe) or error
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        return error
    for file in files:
        source = f"read_parquet({text_sql(escape_glob(file.path))}, hive_partitioning=false)"
        try:
            probe.execute(f"SELECT max(hash(COLUMNS(*))) FROM {source}").fetchall()
        except duckdb.Error as found:
            return damaged_file(file.path, "Parquet", found)
    return error


def _variants(files: Sequence[FileEntry], cursor: duckdb.DuckDBPyConnection) -> Exception | None:
    """Return the refusal of a column of variants, which the footer shows as a struct of two texts of bytes."""
    for file in files:
        source = f"read_parquet({text_sql(escape_glob(file.path))}, hive_partitioning=false)"
        for name, kind, *_ in cursor.execute(f"DESCRIBE SELECT * FROM {source}").fetchall():
            if re.search(r"\bVARIANT\b", kind):
                return unsupported(f"Reading the variants of the Parquet column {name} as structs")
    return None
