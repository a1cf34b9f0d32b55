"""ORC as a file format: Arrow reads the files, and what it reads otherwise than Spark is refused."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.plan import types as t
from lightstream.sources.arrow_values import Rebuild, arrow_type
from lightstream.sources.contract import Required, Scan
from lightstream.sources.file_bytes import damaged_file, footer_failed, missing_file, read_failed
from lightstream.sources.file_columns import METADATA, scan_tables, unsupported_column
from lightstream.sources.file_options import flag
from lightstream.sources.listing import FileEntry
from lightstream.sources.merge import merged
from lightstream.sources.orc.schema import spark_schema
from lightstream.sources.orc.values import reading

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from pyarrow.orc import ORCFile

    from lightstream.sources.file_reader import FileInput


NOT_IN_ORC = (t.CalendarIntervalType, t.VariantType, t.NullType, t.TimeType)
"""The types of which Spark has no ORC."""


class OrcFormat:
    """ORC files."""

    name = "orc"
    metadata = METADATA
    default_schema: t.StructType | None = None
    empty_schema: t.StructType | None = None

    def check(self, schema: t.StructType, options: Mapping[str, str], conf: Conf) -> None:
        """Refuse types that ORC does not have.

        Raises:
            AnalysisException: UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE.
        """
        for field in schema:
            if t.holds(field.dataType, *NOT_IN_ORC):
                raise unsupported_column("ORC", field)

    def infer(self, source: FileInput, cursor: duckdb.DuckDBPyConnection) -> t.StructType | None:
        """Return the schema of the first file by path that has one, or of all with `mergeSchema`.

        Raises:
            QueryExecutionException: FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER, CANNOT_MERGE_SCHEMAS.
            UnsupportedOperationException: a type that is not read here.
        """
        merges = flag(source.options, "mergeSchema", source.conf.boolean("spark.sql.orc.mergeSchema"))
        found: t.StructType | None = None
        for file in sorted(source.files, key=lambda file: file.uri):
            try:
                opened = _opened(file.path)
            except (OSError, ValueError) as error:
                if source.ignores("Corrupt"):
                    continue
                raise footer_failed(file.path, "ORC", error) from error
            if opened is None or not len(opened.schema):
                continue
            schema = spark_schema(opened.schema)
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
            UnsupportedOperationException: a conversion, or values, that are not supported.
        """
        return scan_tables(source, columns, source.files, lambda file, needed: _rows(file, source, needed))


def _opened(path: str) -> ORCFile | None:
    """Return a file; None for one without a byte, which has no rows."""
    from pyarrow.orc import ORCFile

    return ORCFile(path) if os.path.getsize(path) else None


def _rows(file: FileEntry, source: FileInput, needed: t.StructType) -> pa.Table | None:
    """Return the rows of a file with the columns `needed`; None for a file that is passed over."""
    import pyarrow as pa

    try:
        opened = _opened(file.path)
        if opened is None:
            return None
        if not needed.fields:
            return pa.table({"": pa.nulls(opened.nrows)})
        return _columns(opened, file.path, source, needed)
    except FileNotFoundError as error:
        if source.ignores("Missing"):
            return None
        raise missing_file(file.path) from error
    except (OSError, ValueError) as error:  # of the latter kind are Arrow's
        if "out of range for nanosecond" in str(error):
            raise unsupported(
                f"Reading times before 1677-09-22 or after 2262-04-11 from {file.path}",
                "Leave the column out.",
            ) from error
        if source.ignores("Corrupt"):
            return None
        raise damaged_file(file.path, "ORC", error) from error


def _columns(opened: ORCFile, path: str, source: FileInput, needed: t.StructType) -> pa.Table:
    import pyarrow as pa

    schema = spark_schema(opened.schema)
    rebuild = reading(path, source.conf.case_sensitive)
    found = {field.name: _find(schema, field.name, source, rebuild, path) for field in needed}
    wanted = sorted({position for position in found.values() if position is not None})
    names = [schema.names[position] for position in wanted]
    # Arrow takes a name with a point for a field of a struct.
    whole = any("." in name for name in schema.names)
    table = opened.read() if whole else opened.read(names) if names else None
    count = opened.nrows
    arrays = []
    for field in needed:
        position = found[field.name]
        if position is None:
            arrays.append(pa.nulls(count, arrow_type(field.dataType, True)))
            continue
        assert table is not None
        column = table.column(position if whole else names.index(schema.names[position]))
        parts = [
            rebuild.column(chunk, schema.fields[position].dataType, field.dataType) for chunk in column.chunks
        ]
        arrays.append(pa.chunked_array(parts, arrow_type(field.dataType, True)))
    return pa.table(arrays, names=needed.names)


def _find(schema: t.StructType, name: str, source: FileInput, rebuild: Rebuild, path: str) -> int | None:
    """Return the place of a column in a file. Columns that Hive numbered (`_col0`) are found by their place."""
    if schema.names and all(column.startswith("_col") for column in schema.names):
        place = source.schema.names.index(name)
        return place if place < len(schema.names) else None
    found = [place for place, column in enumerate(schema.names) if rebuild.same(column, name)]
    if len(found) > 1:
        names: Sequence[str] = [schema.names[place] for place in found]
        raise read_failed(
            path, f'Found duplicate field(s) "{name}": [{", ".join(names)}] in case-insensitive mode.'
        )
    return found[0] if found else None
