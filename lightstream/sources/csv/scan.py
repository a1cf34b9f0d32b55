"""A read of CSV files as one relation: the fast path where it is certain, the exact reader for the other files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from lightstream.plan import types as t
from lightstream.sources.contract import Scan
from lightstream.sources.csv.check import find_suspects
from lightstream.sources.csv.fast import failure, fast_sql, judges_width
from lightstream.sources.csv.options import CsvOptions
from lightstream.sources.listing import FileEntry
from lightstream.sources.two_ways import Failure, PendingCheck, RecordRead, TwoWayRead, scan_records


def scan_csv(read: RecordRead) -> Scan:
    """Return the rows of a read, whose options are `CsvOptions`.

    Raises:
        AnalysisException: the corrupt-record column is no string, or the only column that is needed.
        QueryExecutionException: `FAILED_READ_FILE`.
    """
    return scan_records(read, lambda files: _CsvScan(read, files).first())


class _CsvScan(TwoWayRead):
    def __init__(self, read: RecordRead, files: Sequence[FileEntry]) -> None:
        super().__init__("csv", read, files)
        self.options: CsvOptions = read.options
        self.case_sensitive = read.case_sensitive
        self.in_files = t.StructType([f for f in read.schema.fields if f.name != self.options.corrupt_column])

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
