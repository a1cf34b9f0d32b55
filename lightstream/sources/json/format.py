"""JSON as a file format: what the file reader asks for."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, IllegalArgumentException
from lightstream.plan import types as t
from lightstream.sources.contract import Required, Scan
from lightstream.sources.file_columns import METADATA
from lightstream.sources.json.options import JsonOptions, parse_options

if TYPE_CHECKING:
    import duckdb

    from lightstream.sources.file_reader import FileInput
    from lightstream.sources.json.scan import Experience


class JsonFormat:
    """JSON files, a record a line (or a document a file with multiLine)."""

    name = "json"
    metadata = METADATA
    default_schema: t.StructType | None = None
    empty_schema: t.StructType | None = t.StructType()

    def __init__(self) -> None:
        self._experience: Experience | None = None

    def check(self, schema: t.StructType, options: Mapping[str, str], conf: Conf) -> None:
        """Refuse options and types that are not supported.

        Spark: a value that an option cannot have is found when files are read.

        Raises:
            UnsupportedOperationException: an option or a column's type that is not supported.
        """
        from lightstream.sources.json.convert import make_converter

        with contextlib.suppress(IllegalArgumentException):
            parsed = _options(options, conf)
            _check_variant_column(schema, parsed)
            make_converter(schema, parsed)

    def infer(self, source: FileInput, cursor: duckdb.DuckDBPyConnection) -> t.StructType | None:
        """Return the schema of all records, None when there are no files.

        Raises:
            AnalysisException: two keys that differ in case only.
        """
        from lightstream.sources.json.infer import infer_schema

        options = _options(source.options, source.conf)
        if options.variant_column is not None:
            return t.StructType([t.StructField(options.variant_column, t.VariantType())])
        return infer_schema(source.files, options, case_sensitive=source.conf.case_sensitive)

    def scan(
        self, source: FileInput, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the rows of the files.

        Raises:
            AnalysisException: a misuse of the corrupt-record column.
            QueryExecutionException: `FAILED_READ_FILE`.
        """
        from lightstream.sources.json.scan import Experience, scan_json
        from lightstream.sources.two_ways import RecordRead

        if self._experience is None:
            self._experience = Experience()
        options = _options(source.options, source.conf)
        read = RecordRead(source.files, source.schema, source.partitions, columns, options)
        return scan_json(read, cursor, self._experience)


def _check_variant_column(schema: t.StructType, options: JsonOptions) -> None:
    """Refuse other columns beside that of whole records, and perhaps that of bad ones."""
    if options.variant_column is None:
        return
    others = [field for field in schema if field.name != options.corrupt_column]
    if len(others) != 1 or not isinstance(others[0].dataType, t.VariantType):
        raise AnalysisException(
            "INVALID_SINGLE_VARIANT_COLUMN",
            f'The schema "{schema.sql()}" is invalid when the `singleVariantColumn` option is enabled. The schema must '
            "either be a variant field, or a variant field plus a corrupt column field.",
            sqlstate="42613",
            parameters={"schema": f'"{schema.sql()}"'},
        )


def _options(options: Mapping[str, str], conf: Conf) -> JsonOptions:
    return parse_options(
        options,
        time_zone=conf.time_zone,
        corrupt_column=conf.get("spark.sql.columnNameOfCorruptRecord") or "_corrupt_record",
        ignore_corrupt_files=conf.boolean("spark.sql.files.ignoreCorruptFiles"),
        ignore_missing_files=conf.boolean("spark.sql.files.ignoreMissingFiles"),
    )
