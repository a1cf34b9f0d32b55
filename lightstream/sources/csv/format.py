"""CSV as a file format: what the file reader asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lightstream.conf import Conf
from lightstream.plan import types as t
from lightstream.sources.contract import Required, Scan
from lightstream.sources.csv.options import CsvOptions, parse_options
from lightstream.sources.file_columns import METADATA

if TYPE_CHECKING:
    import duckdb

    from lightstream.sources.file_reader import FileInput


class CsvFormat:
    """CSV files."""

    name = "csv"
    metadata = METADATA
    default_schema: t.StructType | None = None
    empty_schema: t.StructType | None = t.StructType()

    def check(self, schema: t.StructType, options: Mapping[str, str], conf: Conf) -> None:
        """Refuse options and types that are not supported.

        Raises:
            AnalysisException: a type that CSV does not have.
            IllegalArgumentException: a value that an option cannot have.
            UnsupportedOperationException: an option or a column's type that is not supported.
        """
        from lightstream.sources.csv.convert import make_converter
        from lightstream.sources.file_columns import unsupported_column

        parsed = csv_options(options, conf)
        for field in schema:
            if isinstance(field.dataType, t.StructType | t.ArrayType | t.MapType | t.NullType):
                raise unsupported_column("CSV", field)
            make_converter(field.dataType, parsed)

    def infer(self, source: FileInput, cursor: duckdb.DuckDBPyConnection) -> t.StructType | None:
        """Return the schema of the files, None when there are none."""
        from lightstream.sources.csv.infer import infer_schema

        options = csv_options(source.options, source.conf)
        return infer_schema(source.files, options, case_sensitive=source.conf.case_sensitive)

    def scan(
        self, source: FileInput, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the rows of the files.

        Raises:
            AnalysisException: a misuse of the corrupt-record column.
            QueryExecutionException: `FAILED_READ_FILE`.
        """
        from lightstream.sources.csv.scan import scan_csv
        from lightstream.sources.two_ways import RecordRead

        options = csv_options(source.options, source.conf)
        return scan_csv(
            RecordRead(
                source.files, source.schema, source.partitions, columns, options, source.conf.case_sensitive
            )
        )


def csv_options(options: Mapping[str, str], conf: Conf) -> CsvOptions:
    """Return the options of a read under the session's settings."""
    return parse_options(
        options,
        time_zone=conf.time_zone,
        corrupt_column=conf.get("spark.sql.columnNameOfCorruptRecord") or "_corrupt_record",
        ignore_corrupt_files=conf.boolean("spark.sql.files.ignoreCorruptFiles"),
        ignore_missing_files=conf.boolean("spark.sql.files.ignoreMissingFiles"),
    )
