"""Text as a file format: a row for each line, or for each file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, IllegalArgumentException
from lightstream.plan import types as t
from lightstream.sources.contract import Required, Scan
from lightstream.sources.file_bytes import read_file
from lightstream.sources.file_columns import (
    METADATA,
    FileColumns,
    frame_sql,
    no_rows,
    unsupported_column,
    with_file_numbers,
)
from lightstream.sources.file_options import codec_name, flag

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from lightstream.sources.file_reader import FileInput

_BOM = b"\xef\xbb\xbf"


class TextFormat:
    """Text files."""

    name = "text"
    metadata = METADATA
    default_schema: t.StructType | None = t.StructType([t.StructField("value", t.StringType(), True)])
    empty_schema: t.StructType | None = None

    def check(self, schema: t.StructType, options: Mapping[str, str], conf: Conf) -> None:
        """Refuse columns that text cannot have.

        Raises:
            AnalysisException: a column that is no string.
        """
        for field in schema:
            if not isinstance(field.dataType, t.StringType):
                raise unsupported_column("Text", field)

    def infer(self, source: FileInput, cursor: duckdb.DuckDBPyConnection) -> t.StructType | None:
        """Return the one column that text has."""
        return self.default_schema

    def scan(
        self, source: FileInput, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the rows of the files.

        Raises:
            QueryExecutionException: `FAILED_READ_FILE`.
            IllegalArgumentException: a value that an option cannot have.
        """
        options = _options(source)
        files = [f for f in source.files if not options.ignore_missing_files or os.path.exists(f.path)]
        of_file = FileColumns(columns, source.partitions, source.conf.time_zone)
        names = {c.path[0] for c in columns if c not in of_file.columns}
        if len(names) > 1:
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_1290",
                f"Text data source supports only a single column, and you have {len(names)} columns.",
            )
        if not files:
            return Scan(no_rows(columns, source.schema, source.partitions))
        needed = t.StructType([f for f in source.schema if f.name in names])
        table = with_file_numbers([_rows(file.path, options, bool(names)) for file in files])
        frame = f"lightstream_text_{id(table)}"
        return Scan(
            frame_sql(frame, needed, columns, of_file.values(files)), {frame: table}, rows=table.num_rows
        )


@dataclass(frozen=True, slots=True)
class _TextOptions:
    whole_text: bool
    separator: bytes | None
    ignore_missing_files: bool
    ignore_corrupt_files: bool


def _options(source: FileInput) -> _TextOptions:
    options = source.options
    separator = options.get("linesep")
    if separator == "":
        raise IllegalArgumentException(None, "requirement failed: 'lineSep' cannot be an empty string.")
    return _TextOptions(
        whole_text=flag(options, "wholetext", False),
        separator=None
        if separator is None
        else separator.encode(codec_name(options.get("encoding", "UTF-8"))),
        ignore_missing_files=source.ignores("Missing"),
        ignore_corrupt_files=source.ignores("Corrupt"),
    )


def _rows(path: str, options: _TextOptions, wanted: bool) -> pa.Table:
    """Return the rows of a file: one column, or none where only their number counts."""
    import pyarrow as pa

    data = read_file(
        path, ignore_missing=options.ignore_missing_files, ignore_corrupt=options.ignore_corrupt_files
    )
    if data is None:
        values = pa.array([], pa.binary())
    elif options.whole_text:
        values = pa.array([data], pa.large_binary())
    else:
        values = _lines(data, options.separator)
    if not wanted:
        return pa.table({"": pa.nulls(len(values))})
    return pa.table({"value": _text(values)})


def _lines(data: bytes, separator: bytes | None) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if data.startswith(_BOM):
        data = data[len(_BOM) :]
    if separator is None:
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        separator = b"\n"
    if not data:
        return pa.array([], pa.large_binary())
    lines = pc.split_pattern(pa.array([data], pa.large_binary()), pattern=separator).values
    return lines if len(lines[-1].as_buffer()) else lines[:-1]


def _text(values: Any) -> Any:
    """Return bytes as strings. Spark keeps what is no UTF-8, and shows it as U+FFFD, which it is here."""
    import pyarrow as pa

    try:
        return values.cast(pa.large_string())
    except pa.ArrowInvalid:
        from lightstream.sources.json.characters import shown_text

        return pa.array([shown_text(value) for value in values.to_pylist()], pa.large_string())
