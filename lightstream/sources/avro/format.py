"""Avro as a file format: fastavro reads the files, record by record."""

from __future__ import annotations

import datetime
import itertools
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.conf import Conf
from lightstream.errors import PySparkException, unsupported
from lightstream.plan import types as t
from lightstream.sources.arrow_values import Rebuild, arrow_type
from lightstream.sources.avro.schema import avro_module, parsed_schema, spark_schema
from lightstream.sources.contract import Required, Scan
from lightstream.sources.file_bytes import damaged_file, missing_file, read_failed
from lightstream.sources.file_columns import METADATA, scan_tables, unsupported_column
from lightstream.sources.file_options import flag
from lightstream.sources.listing import FileEntry

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from lightstream.sources.file_reader import FileInput

_ROWS_AT_ONCE = 50_000
# Logical types of which fastavro makes something else than Spark.
_NOT_AS_SPARK = ('"uuid"', '"time-millis"', '"time-micros"')
_OLD_CALENDAR = "org.apache.spark.legacyDateTime"
_FIXED = {
    "mode": "FAILFAST", "datetimerebasemode": "CORRECTED", "positionalfieldmatching": "false",
    "enablestableidentifiersforuniontype": "false",
}  # fmt: skip


NOT_IN_AVRO = (t.CalendarIntervalType, t.VariantType)
"""The types of which Spark has no Avro."""


class AvroFormat:
    """Avro files."""

    name = "avro"
    metadata = METADATA
    default_schema: t.StructType | None = None
    empty_schema: t.StructType | None = None

    def check(self, schema: t.StructType, options: Mapping[str, str], conf: Conf) -> None:
        """Refuse options and types that cannot be read.

        Raises:
            AnalysisException: UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE.
            PySparkImportError: PACKAGE_NOT_INSTALLED.
            UnsupportedOperationException: an option.
        """
        avro_module()
        for name, value in _FIXED.items():
            if options.get(name, value).lower() != value.lower():
                raise unsupported(f"The Avro option {name} with the value {options[name]}", f"It is {value}.")
        for field in schema:
            if t.holds(field.dataType, *NOT_IN_AVRO):
                raise unsupported_column("Avro", field)

    def infer(self, source: FileInput, cursor: duckdb.DuckDBPyConnection) -> t.StructType | None:
        """Return the schema of the option `avroSchema`, or of the first file by path.

        Raises:
            QueryExecutionException: FAILED_READ_FILE.
            UnsupportedOperationException: a type that is not read here.
        """
        given = source.options.get("avroschema")
        if given is not None:
            return spark_schema(parsed_schema(given, "avroSchema"))
        for file in sorted(_files(source), key=lambda file: file.uri):
            found: t.StructType | None = _of_file(
                file, source, lambda reader, _: spark_schema(reader.writer_schema)
            )
            if found is not None:
                return found
        return None

    def scan(
        self, source: FileInput, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the rows of the files.

        Raises:
            QueryExecutionException: FAILED_READ_FILE.
            UnsupportedOperationException: a conversion, or values, that are not supported.
        """
        return scan_tables(
            source,
            columns,
            _files(source),
            lambda file, needed: _of_file(
                file, source, lambda reader, path: _table(reader, path, source, needed), needed.names
            ),
        )


def _files(source: FileInput) -> list[FileEntry]:
    every = flag(source.options, "ignoreExtension", True)
    return [file for file in source.files if every or file.uri.endswith(".avro")]


def _of_file(
    file: FileEntry,
    source: FileInput,
    read: Callable[[Any, str], Any],
    names: Sequence[str] | None = None,
) -> Any:
    """Return what is read from a file's records, of which `names` are needed; None for a file that is passed over."""
    try:
        with open(file.path, "rb") as content:
            return read(_records(content, file.path, source, names), file.path)
    except PySparkException:
        raise
    except FileNotFoundError as error:
        if source.ignores("Missing"):
            return None
        raise missing_file(file.path) from error
    except OverflowError as error:
        raise unsupported(f"Reading times of {file.path} after the year 9999 or before the year 1") from error
    except Exception as error:  # fastavro fails in many ways
        if source.ignores("Corrupt"):
            return None
        raise damaged_file(file.path, "Avro", error) from error


def _records(content: Any, path: str, source: FileInput, names: Sequence[str] | None) -> Any:
    """Return fastavro's reader of a file, which passes over the columns that are not needed."""
    fastavro = avro_module()
    given = source.options.get("avroschema")
    reader_schema = None if given is None else parsed_schema(given, "avroSchema")
    reader = fastavro.reader(content, reader_schema)
    if _OLD_CALENDAR in reader.metadata:
        raise unsupported(f"Reading {path}, whose times are in the calendar of Spark 2,")
    if names is None or given is not None or reader.writer_schema["type"] != "record":
        return reader
    wanted = {name.lower() for name in names}
    fields = [field for field in reader.writer_schema["fields"] if field["name"].lower() in wanted]
    content.seek(0)
    try:
        return fastavro.reader(content, {**reader.writer_schema, "fields": fields})
    except fastavro.schema.UnknownType:  # a type is named in a column that is not needed
        content.seek(0)
        return fastavro.reader(content)


def _table(reader: Any, path: str, source: FileInput, needed: t.StructType) -> pa.Table:
    """Return the records as an Arrow table with the columns `needed`."""
    import pyarrow as pa

    found = spark_schema(reader.reader_schema or reader.writer_schema)
    rebuild = _rebuild(path, source.conf.case_sensitive)
    places = [[field for field in found if rebuild.same(field.name, wanted.name)] for wanted in needed.fields]
    for wanted, matches in zip(needed, places, strict=True):
        if len(matches) > 1:
            raise read_failed(path, f"Found duplicate field(s) {wanted.name} in case-insensitive mode.")
    schema = pa.schema([pa.field(f"c{i}", arrow_type(f.dataType, True)) for i, f in enumerate(needed)])
    odd = any(kind in json.dumps(reader.writer_schema) for kind in _NOT_AS_SPARK)
    parts = []
    for records in _chunks(reader):
        arrays = []
        for wanted, matches in zip(needed, places, strict=True):
            if not matches:
                arrays.append(pa.nulls(len(records), arrow_type(wanted.dataType, True)))
                continue
            (field,) = matches
            values = [record[field.name] for record in records]
            if odd:
                values = [_plain(value) for value in values]
            array = pa.array(values, arrow_type(field.dataType, True))
            arrays.append(rebuild.column(array, field.dataType, wanted.dataType))
        if not needed.fields:
            parts.append(pa.table({"": pa.nulls(len(records))}))
        else:
            parts.append(pa.Table.from_arrays(arrays, schema=schema))
    if not parts and not needed.fields:
        return pa.table({"": pa.nulls(0)})
    return pa.concat_tables(parts) if parts else schema.empty_table()


def _chunks(reader: Any) -> Iterator[list[Any]]:
    while records := list(itertools.islice(reader, _ROWS_AT_ONCE)):
        yield records


def _rebuild(path: str, case_sensitive: bool) -> Rebuild:
    def refused(found: t.DataType, wanted: t.DataType) -> PySparkException:
        return unsupported(
            f"Reading the Avro type {found.simpleString()} of {path} as {wanted.simpleString()}",
            "Read it as what it is, and cast it.",
        )

    def leaf(array: pa.Array, found: t.DataType, wanted: t.DataType) -> pa.Array:
        if isinstance(found, t.NullType):
            import pyarrow as pa

            return pa.nulls(len(array), arrow_type(wanted, True))
        same = type(found) is type(wanted) and (found == wanted or isinstance(found, t.AnsiIntervalType))
        if not same:
            raise refused(found, wanted)
        return array

    return Rebuild(leaf, case_sensitive, refused)


def _plain(value: Any) -> Any:
    match value:
        case uuid.UUID():
            return str(value)
        case datetime.time():
            raise unsupported("Reading Avro's times of day")
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
    return value
