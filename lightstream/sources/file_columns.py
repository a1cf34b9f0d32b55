"""Columns that a read takes from the file itself: values of its directories' names, and `_metadata`."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.errors import AnalysisException
from lightstream.functions.spelling import duck_type, quote, text_sql
from lightstream.plan import types as t
from lightstream.plan.required import Required
from lightstream.sources.listing import FileEntry

if TYPE_CHECKING:
    from lightstream.sources.contract import Scan
    from lightstream.sources.file_reader import FileInput

METADATA = t.StructType(
    [
        t.StructField("file_path", t.StringType(), False),
        t.StructField("file_name", t.StringType(), False),
        t.StructField("file_size", t.LongType(), False),
        t.StructField("file_block_start", t.LongType(), False),
        t.StructField("file_block_length", t.LongType(), False),
        t.StructField("file_modification_time", t.TimestampType(), False),
    ]
)
_EPOCH = datetime.datetime(1970, 1, 1)
ROW_INDEX = "row_index"  # a field of `_metadata` that is no value of the file; Parquet has it


class FileColumns:
    """The columns of one read that are the same for all rows of a file.

    Args:
        columns: all columns that are needed.
        partitions: the columns of the directories' names.
        time_zone: of timestamps in names.
    """

    def __init__(self, columns: Sequence[Required], partitions: t.StructType, time_zone: str) -> None:
        names = set(partitions.names)
        self.columns = [
            c
            for c in columns
            if (len(c.path) > 1 and c.path[0] == "_metadata" and c.path[1] != ROW_INDEX) or c.path[0] in names
        ]
        self._partitions = partitions
        self._time_zone = time_zone

    def values(self, files: Sequence[FileEntry]) -> dict[str, list[str]]:
        """Return, by output name, the SQL constants of each column: one for each file."""
        return {c.output: [self._value(c, file) for file in files] for c in self.columns}

    def _value(self, column: Required, file: FileEntry) -> str:
        if len(column.path) > 1:
            return _metadata_value(column.path[1], file)
        from lightstream.functions.spelling import literal_sql
        from lightstream.plan.expressions import Literal
        from lightstream.sources.partitions import partition_value

        name = column.path[0]
        data_type = self._partitions[name].dataType
        values = file.partition_values.items()
        text = next((value for key, value in values if key.lower() == name.lower()), None)
        value = partition_value(text, data_type, name, self._time_zone)
        if isinstance(value, datetime.time):
            value = datetime.datetime.combine(_EPOCH, value)
        if isinstance(value, datetime.datetime):
            value = (value - _EPOCH.replace(tzinfo=value.tzinfo)) // datetime.timedelta(microseconds=1)
        return f"CAST({literal_sql(Literal(value, data_type))} AS {duck_type(data_type)})"


def chosen(values: list[str], index: str) -> str:
    """Return the SQL of a file's value, by the SQL of its number among the files, from 0."""
    return values[0] if len(set(values)) == 1 else f"([{', '.join(values)}])[CAST({index} AS BIGINT) + 1]"


def frame_sql(
    frame: str, needed: t.StructType, columns: Sequence[Required], values: dict[str, list[str]]
) -> str:
    """Return the columns of a registered Arrow table as SQL for FROM.

    The table has the columns `needed` as c0, c1, ... and `file`, the number of each row's file.
    """
    positions = {name: index for index, name in enumerate(needed.names)}
    items = []
    for column in columns:
        if column.output in values:
            value = chosen(values[column.output], "file")
        else:
            data_type = needed.fields[positions[column.path[0]]].dataType
            value = f"c{positions[column.path[0]]}"
            if isinstance(data_type, t.NullType):
                value = f"CAST({value} AS {duck_type(data_type)})"
        items.append(f"{value} AS {quote(column.output)}")
    return f"(SELECT {', '.join(items) or '1 AS one'} FROM {frame})"


def with_file_numbers(tables: Sequence[Any]) -> Any:
    """Return the Arrow tables of several files as one for `frame_sql`."""
    import pyarrow as pa

    numbered = []
    for index, table in enumerate(tables):
        named = table.rename_columns([f"c{i}" for i in range(table.num_columns)])
        numbered.append(named.append_column("file", pa.array([index] * table.num_rows, pa.int32())))
    return pa.concat_tables(numbered)


def scan_tables(
    source: FileInput,
    columns: Sequence[Required],
    files: Iterable[FileEntry],
    table_of: Callable[[FileEntry, t.StructType], Any],
) -> Scan:
    """Return the rows of files of which each is read as an Arrow table of the columns needed; None for no rows."""
    from lightstream.sources.contract import Scan

    of_file = FileColumns(columns, source.partitions, source.conf.time_zone)
    names = {c.path[0] for c in columns if c not in of_file.columns}
    needed = t.StructType([f for f in source.schema if f.name in names])
    found = [(file, table) for file in files if (table := table_of(file, needed)) is not None]
    if not found:
        return Scan(no_rows(columns, source.schema, source.partitions))
    table = with_file_numbers([table for _, table in found])
    frame = f"lightstream_rows_{id(table)}"
    values = of_file.values([file for file, _ in found])
    return Scan(frame_sql(frame, needed, columns, values), {frame: table}, rows=table.num_rows)


def no_rows(columns: Sequence[Required], schema: t.StructType, partitions: t.StructType) -> str:
    """Return SQL for FROM that has the columns of a read, and no rows."""
    types = {f.name: f.dataType for f in (*schema.fields, *partitions.fields)}
    items = []
    for column in columns:
        data_type = _metadata_type(column.path[1]) if len(column.path) > 1 else types[column.path[0]]
        items.append(f"CAST(NULL AS {duck_type(data_type)}) AS {quote(column.output)}")
    return f"(SELECT {', '.join(items) or '1 AS one'} WHERE false)"


def _metadata_type(name: str) -> t.DataType:
    return t.LongType() if name == ROW_INDEX else METADATA[name].dataType


def _metadata_value(name: str, file: FileEntry) -> str:
    # Spark writes `file:/dir` here, where it writes `file:///dir` to its logs.
    path = file.uri.replace("file:///", "file:/", 1)
    values = {
        "file_path": text_sql(path),
        "file_name": text_sql(path.rsplit("/", 1)[-1]),
        "file_size": f"CAST({file.size} AS BIGINT)",
        # Spark: depends on how it splits the file among its cores; here a file is never split.
        "file_block_start": "CAST(0 AS BIGINT)",
        "file_block_length": f"CAST({file.size} AS BIGINT)",
        "file_modification_time": f"make_timestamptz(CAST({file.mtime_ms * 1000} AS BIGINT))",
    }
    return values[name]


def unsupported_column(format_name: str, field: t.StructField) -> AnalysisException:
    """Return Spark's error for a column of a type that a format does not have."""
    kind = f'"{field.dataType.sql()}"'
    return AnalysisException(
        "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE",
        f"The {format_name} datasource doesn't support the column `{field.name}` of the type {kind}.",
        sqlstate="0A000",
        parameters={
            "format": format_name,
            "columnName": f"`{field.name}`",
            "columnType": kind,
        },
    )
