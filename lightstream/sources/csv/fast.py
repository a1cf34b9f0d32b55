"""The fast path: DuckDB splits the lines, and every cell is cast under a check, so that it is Spark's or the statement
fails.

Cells are read as text. That lines and cells are where Spark sees them is `check`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from lightstream.functions.spelling import duck_type, text_sql
from lightstream.plan import types as t
from lightstream.plan.required import Required
from lightstream.sources.csv.options import NONE, CsvOptions
from lightstream.sources.fast_scan import Convert, FastScan
from lightstream.sources.fast_times import DATE_SHAPE, in_zone, timestamp_shapes
from lightstream.sources.file_bytes import escape_glob
from lightstream.sources.record_options import PERMISSIVE
from lightstream.sources.two_ways import Failure, NotFastError, read_marked

FAILED_MARK = "lightstream-csv|"

_MIN_CELLS = 1000  # lines that have room for more cells than Spark takes are looked for by their length

_ASCII = "[ -~]*"
_NUMBER = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?"
_READ_ERRORS = (
    "No files found that match the pattern", "CSV", "Invalid unicode", "Invalid Input Error", "IO Error",
    "Could not read", "GZIP", "gzip", "ZSTD", "zstd", "TimeZone", "codec can't decode",
)  # fmt: skip


def fast_sql(
    paths: Sequence[str],
    schema: t.StructType,
    columns: Sequence[Required],
    options: CsvOptions,
    *,
    file_values: Mapping[str, list[str]],
) -> str | None:
    """Return the rows of some files as SQL text for FROM, or None when it has to be the exact reader.

    The statement fails where a value cannot be given with certainty: with an error of DuckDB's reader, or with one
    that begins with FAILED_MARK (see `failure`).

    Args:
        paths: the files, not empty.
        schema: the files' columns.
        columns: the columns that are needed and their output names; of `schema`, or of `file_values`.
        options: how to read.
        file_values: the columns that depend on the file alone, by output name: one SQL constant for each file.
    """
    try:
        return _Scan(paths, schema, columns, options, file_values).sql()
    except NotFastError:
        return None


def failure(error: str) -> Failure | None:
    """Return what an error says about the fast path; None when it is about something else."""
    marked = read_marked(FAILED_MARK, error)
    if marked is not None:
        return Failure(marked[2])
    found = re.search(r"CSV Error on Line: .*?^\s*file(?:name)? ?= ?(.*?)$", error, re.DOTALL | re.MULTILINE)
    if found is not None:
        return Failure(found[1].strip())
    return Failure(None) if any(part in error for part in _READ_ERRORS) else None


def is_plain(options: CsvOptions) -> bool:
    """Return whether the way records are found and taken apart is one that DuckDB can have."""
    return (
        not options.multi_line
        and options.line_separator in (None, "\n")
        and options.encoding == "utf-8"
        and len(options.separator) == 1
        and options.separator not in "\r\n\0 \\"
        and options.separator.isascii()
        and options.quote != NONE
        and options.quote.isascii()
        and options.quote not in "\r\n \\"
        and options.quote != options.separator
        and options.comment == NONE
        and not options.trim_left
        and not options.trim_right
        and options.max_chars < 0
        and options.max_columns >= _MIN_CELLS
        and (options.enforce_schema or not options.header)
    )


def judges_width(options: CsvOptions, needed: Collection[str], in_files: t.StructType) -> bool:
    """Return whether a record with too few or too many cells is bad, in a way that shows."""
    names = [name for name in needed if name != options.corrupt_column]
    if options.mode == PERMISSIVE and len(names) == len(needed):
        return False
    return not options.column_pruning or len(names) == len(in_files.fields)


class _Scan(FastScan):
    def __init__(
        self,
        paths: Sequence[str],
        schema: t.StructType,
        columns: Sequence[Required],
        options: CsvOptions,
        file_values: Mapping[str, list[str]],
    ) -> None:
        fields = [field for field in schema if field.name != options.corrupt_column]
        if not is_plain(options) or not fields or len(fields) > options.max_columns:
            raise NotFastError
        if options.null_value and options.null_value[0] <= " ":
            raise NotFastError  # a blank line could not be told from one with a NULL
        super().__init__(FAILED_MARK, paths, fields, columns, options, file_values, names_file=True)
        self.options = options
        self.width = len(fields)
        needed = {column.path[0] for column in columns if column.output not in file_values}
        self.judges_width = judges_width(options, needed, t.StructType(fields))

    def sql(self) -> str:
        checks: list[str] = [self._blank_lines()]
        guarded: list[str] = []

        def value(name: str, data_type: t.DataType) -> str:
            raw = f"c{self.column}"
            make = _SCALARS.get(type(data_type))
            if make is None:
                raise NotFastError
            converted = make(self, data_type)(raw)
            if converted != raw:
                guarded.append(converted)
            return converted

        items, corrupt = self.items(value)
        self.never_corrupt(items, corrupt, f"hash({', '.join(guarded) or 'c0'})")
        if guarded and self.strict:
            # Keeps DuckDB from leaving out columns that nothing else uses, and with them their checks.
            checks.append(f"hash({', '.join(guarded)}) IS NOT NULL")
        selected = ", ".join(items) or "1 AS one"
        return f"(SELECT {selected} FROM {self._source()} WHERE {' AND '.join(checks)})"

    def _blank_lines(self) -> str:
        """Return the check that no line is blank: Spark leaves those out, DuckDB the empty ones at most."""
        blank = "c0 < '!'"
        if self.width == 1 or self.options.separator <= " ":
            blank += " OR c0 IS NULL"
        return f"CASE WHEN {blank} THEN {self.failed()} ELSE true END"

    def _source(self) -> str:
        options = self.options
        files = ", ".join(text_sql(escape_glob(path)) for path in self.paths)
        columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(self.width))
        nulls = sorted({"", options.null_value})
        return (
            f"read_csv([{files}], columns={{{columns}}}, auto_detect=false, header={str(options.header).lower()}, "
            f"delim={text_sql(options.separator)}, quote={text_sql(options.quote)}, escape={text_sql(options.quote)}, "
            f"nullstr=[{', '.join(map(text_sql, nulls))}], allow_quoted_nulls=true, "
            # What a line has too many of is left out, what it lacks is NULL.
            f"null_padding={str(not self.judges_width).lower()}, strict_mode={str(self.judges_width).lower()}, "
            "hive_partitioning=false)"
        )

    def _otherwise(self, cell: str) -> str:
        """Return what stands for a text that is no such value: NULL, or a failure where that makes the record bad."""
        if self.strict:
            return f"CASE WHEN {cell} IS NOT NULL THEN {self.failed()} END"
        # Java takes digits of other scripts.
        return f"CASE WHEN {cell} IS NOT NULL AND NOT regexp_full_match({cell}, '{_ASCII}') THEN {self.failed()} END"

    # ---- one method a kind of type

    def _string(self, data_type: t.DataType) -> Convert:
        return lambda cell: cell

    def _integer(self, data_type: t.DataType) -> Convert:
        kind = duck_type(data_type)

        def convert(cell: str) -> str:
            number = f"TRY_CAST({cell} AS {kind})"
            return (
                f"CASE WHEN CAST({number} AS VARCHAR) = {cell} THEN {number} "
                f"WHEN regexp_full_match({cell}, '[+-]?[0-9]{{1,30}}') "
                f"THEN coalesce({number}, {self._otherwise(cell)}) ELSE {self._otherwise(cell)} END"
            )

        return convert

    def _double(self, data_type: t.DataType) -> Convert:
        options = self.options
        words = {options.nan: "NaN", options.positive_inf: "Infinity", options.negative_inf: "-Infinity"}

        def convert(cell: str) -> str:
            special = " ".join(
                f"WHEN {cell} = {text_sql(text)} THEN CAST('{value}' AS DOUBLE)"
                for text, value in words.items()
            )
            # Words, hexadecimal digits and suffixes are Java's business; so is what is too large for both.
            return (
                f"CASE WHEN regexp_full_match({cell}, '{_NUMBER}') "
                f"THEN coalesce(TRY_CAST({cell} AS DOUBLE), {self.failed()}) {special} "
                f"WHEN {cell} IS NOT NULL THEN {self.failed()} END"
            )

        return convert

    def _boolean(self, data_type: t.DataType) -> Convert:
        return lambda cell: (
            f"CASE WHEN lower({cell}) = 'true' THEN true WHEN lower({cell}) = 'false' THEN false "
            f"ELSE {self._otherwise(cell)} END"
        )

    def _decimal(self, data_type: t.DataType) -> Convert:
        kind = duck_type(data_type)
        return lambda cell: (
            f"CASE WHEN regexp_full_match({cell}, '[+-]?[0-9]{{1,38}}([.][0-9]{{1,38}})?') "
            f"THEN coalesce(TRY_CAST({cell} AS {kind}), {self._otherwise(cell)}) "
            f"WHEN {cell} IS NOT NULL THEN {self.failed()} END"
        )

    def _date(self, data_type: t.DataType) -> Convert:
        if self.options.date_format not in (None, "yyyy-MM-dd"):
            raise NotFastError
        return self._shaped("DATE", DATE_SHAPE)

    def _timestamp_ntz(self, data_type: t.DataType) -> Convert:
        _, local = timestamp_shapes(self.options.timestamp_ntz_format)
        if local is None or local.endswith("Z"):
            raise NotFastError
        return self._shaped("TIMESTAMP", local)

    def _shaped(self, kind: str, shape: str) -> Convert:
        return lambda cell: (
            f"CASE WHEN regexp_full_match({cell}, '{shape}') "
            f"THEN coalesce(TRY_CAST({cell} AS {kind}), {self.failed()}) "
            f"WHEN {cell} IS NOT NULL THEN {self.failed()} END"
        )

    def _timestamp(self, data_type: t.DataType) -> Convert:
        zoned, local = timestamp_shapes(self.options.timestamp_format)

        def convert(cell: str) -> str:
            cases = []
            if zoned is not None:
                cases.append((zoned, f"TRY_CAST({cell} AS TIMESTAMPTZ)"))
            if local is not None:
                cut = f"rtrim({cell}, 'Z')" if local.endswith("Z") else cell
                cases.append((local, in_zone(cut, self.options.time_zone)))
            parsed = " ".join(
                f"WHEN regexp_full_match({cell}, '{shape}') THEN coalesce({value}, {self.failed()})"
                for shape, value in cases
            )
            return f"CASE {parsed} WHEN {cell} IS NOT NULL THEN {self.failed()} END"

        return convert


_SCALARS: dict[type[t.DataType], Callable[[_Scan, t.DataType], Convert]] = {
    t.StringType: _Scan._string,
    t.ByteType: _Scan._integer,
    t.ShortType: _Scan._integer,
    t.IntegerType: _Scan._integer,
    t.LongType: _Scan._integer,
    t.DoubleType: _Scan._double,
    t.BooleanType: _Scan._boolean,
    t.DecimalType: _Scan._decimal,
    t.DateType: _Scan._date,
    t.TimestampType: _Scan._timestamp,
    t.TimestampNTZType: _Scan._timestamp_ntz,
}
