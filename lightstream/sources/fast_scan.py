"""The fast path of a text format: columns of files as DuckDB reads them, each under a check."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lightstream.functions.spelling import quote
from lightstream.plan import types as t
from lightstream.plan.required import Required
from lightstream.sources.file_bytes import codec_of, duckdb_reads
from lightstream.sources.file_columns import chosen
from lightstream.sources.record_options import PERMISSIVE
from lightstream.sources.two_ways import Marked, NotFastError

_SURROGATE = re.compile("[\ud800-\udfff]")

# From the SQL of what DuckDB reads to the SQL of Spark's value.
Convert = Callable[[str], str]


class FastScan:
    """The SELECT of one read.

    Args:
        mark: what the errors of its own begin with.
        paths: the files, not empty.
        fields: the columns in them.
        columns: the columns that are needed and their output names; of `fields`, or of `file_values`.
        options: those of the format, of which `mode` and `corrupt_column` matter here.
        file_values: the columns that depend on the file alone, by output name: one SQL constant for each file.
        names_file: whether DuckDB's own columns for the file can be used.

    Raises:
        NotFastError: the exact reader has to read the files.
    """

    def __init__(
        self,
        mark: str,
        paths: Sequence[str],
        fields: Sequence[t.StructField],
        columns: Sequence[Required],
        options: Any,
        file_values: Mapping[str, list[str]],
        *,
        names_file: bool,
    ) -> None:
        # Names that are no UTF-8 cannot be written in SQL text.
        if not all(duckdb_reads(codec_of(path)) for path in paths) or any(map(_SURROGATE.search, paths)):
            raise NotFastError
        self.paths = paths
        self.fields = {field.name: (index, field.dataType) for index, field in enumerate(fields)}
        self.columns = columns
        self.file_values = file_values
        self.names_file = names_file
        self.marked = Marked(mark, paths, names_file=names_file)
        self.column = 0
        self._corrupt_column = options.corrupt_column
        corrupt = any(column.path == (options.corrupt_column,) for column in columns)
        # A value of the wrong type makes the record bad, in a way that shows.
        self.strict = options.mode != PERMISSIVE or corrupt

    def items(self, value: Callable[[str, t.DataType], str]) -> tuple[list[str], list[int]]:
        """Return what is selected, and which places of it are the corrupt-record column's: see `never_corrupt`.

        Args:
            value: returns the SQL of a column of the files, by its name and type; `self.column` is its number.
        """
        items: list[str] = []
        corrupt: list[int] = []
        for column in self.columns:
            output = quote(column.output)
            name = column.path[0]
            if column.output in self.file_values:
                items.append(f"{self._of_file(self.file_values[column.output])} AS {output}")
            elif name == self._corrupt_column:
                corrupt.append(len(items))
                items.append(output)
            else:
                self.column, data_type = self.fields[name]
                items.append(f"{value(name, data_type)} AS {output}")
        return items, corrupt

    def never_corrupt(self, items: list[str], corrupt: Sequence[int], every: str) -> None:
        """Put NULL for the corrupt-record column, as nothing that DuckDB knows: no filter on it saves the reading.

        Args:
            items: what is selected.
            corrupt: the places.
            every: a hash of all that is read.
        """
        for position in corrupt:
            items[position] = (
                f"CASE WHEN {every} IS NULL THEN CAST({every} AS VARCHAR) END AS {items[position]}"
            )

    def failed(self, kind: str = "exact") -> str:
        """Return the SQL that fails the statement because of the column at hand."""
        return self.marked.sql(kind, self.column)

    def _of_file(self, values: list[str]) -> str:
        if not self.names_file and len(set(values)) > 1:
            raise NotFastError
        return chosen(values, "file_index")
