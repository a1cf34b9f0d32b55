"""A read of CSV files as one relation: the fast path where it is certain, the exact reader for the other files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from lightstream.dataclass import dataclass
from lightstream.plan import types as t
from lightstream.sources.contract import Required, Scan
from lightstream.sources.corrupt_records import check_corrupt_use
from lightstream.sources.csv.check import find_suspects
from lightstream.sources.csv.fast import failure, fast_sql, judges_width
from lightstream.sources.csv.options import CsvOptions
from lightstream.sources.file_columns import no_rows
from lightstream.sources.listing import FileEntry
from lightstream.sources.two_ways import Failure, PendingCheck, TwoWayRead


@dataclass(frozen=True, slots=True)
class CsvRead:
    """One read: files with their partition values, the columns in them, the columns that are needed."""

    files: Sequence[FileEntry]
    schema: t.StructType
    partitions: t.StructType
    columns: tuple[Required, ...]
    options: CsvOptions
    case_sensitive: bool


def scan_csv(read: CsvRead) -> Scan:
    """Return the rows of a read.

    Raises:
        AnalysisException: the corrupt-record column is no string, or the only column that is needed.
        QueryExecutionException: `FAILED_READ_FILE`.
    """
    check_corrupt_use(read.options.corrupt_column, read.schema, read.partitions, read.columns)
    files = read.files
    if read.options.ignore_missing_files:
        files = [file for file in files if os.path.exists(file.path)]
    if not files:
        return Scan(no_rows(read.columns, read.schema, read.partitions))
    return _CsvScan(read, files).first()


class _CsvScan(TwoWayRead):
    def __init__(self, read: CsvRead, files: Sequence[FileEntry]) -> None:
        options = read.options
        super().__init__(
            "csv", files, read.schema, read.partitions, read.columns, options.time_zone,
            ignore_missing=options.ignore_missing_files,
        )  # fmt: skip
        self.options = options
        self.case_sensitive = read.case_sensitive
        self.in_files = t.StructType([f for f in read.schema.fields if f.name != options.corrupt_column])

    def first(self) -> Scan:
        """Return the scan to try first."""
        if self.fast_sql([self.files[0]]) is None:
            return self.start_exact()
        paths = [file.path for file in self.files]
        width = len(self.in_files.fields) if judges_width(self.options, self.names, self.in_files) else None
        find = partial(find_suspects, paths, self.options, width)
        return self.start(PendingCheck(find, sum(file.size for file in self.files)))

    def fast_sql(self, files: Sequence[FileEntry]) -> str | None:
        return fast_sql(
            [file.path for file in files],
            self.schema,
            self.columns,
            self.options,
            file_values=self.of_file.values(files),
        )

    def exact_rows(self, path: str) -> Any:
        from lightstream.sources.csv.exact import read_exact

        return read_exact(path, self.in_files, self.needed, self.options, case_sensitive=self.case_sensitive)

    def failure(self, error: str) -> Failure | None:
        return failure(error)
