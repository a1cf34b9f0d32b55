"""The exact reader: one file, record by record, by the rules of Spark's CSV source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lightstream.errors import IllegalArgumentException, QueryExecutionException, SparkRuntimeException
from lightstream.plan import types as t
from lightstream.sources.csv.convert import make_converter
from lightstream.sources.csv.options import NONE, CsvOptions
from lightstream.sources.csv.tokenizer import Cells, TokenError, first_record, make_tokenizer, records
from lightstream.sources.file_bytes import read_failed, read_file
from lightstream.sources.json.characters import shown_text
from lightstream.sources.json.exact import to_arrow
from lightstream.sources.json.record_reader import BadValue
from lightstream.sources.json.records import split_lines
from lightstream.sources.record_options import DROPMALFORMED, FAILFAST

if TYPE_CHECKING:
    import pyarrow as pa

_BLANKS = "".join(map(chr, range(0x21)))
Row = list[Any]


def read_exact(
    path: str, schema: t.StructType, needed: t.StructType, options: CsvOptions, *, case_sensitive: bool
) -> pa.Table:
    """Return the rows of one file as an Arrow table with the columns `needed`, in their order.

    Args:
        path: the file; compression by its name.
        schema: all columns of the file, without the corrupt-record column.
        needed: the columns that the query needs; may include the corrupt-record column.
        options: how to read.
        case_sensitive: how `enforceSchema=false` compares names.

    Raises:
        QueryExecutionException: `FAILED_READ_FILE`; with FAILFAST, caused by `MALFORMED_RECORD_IN_PARSING`.
        UnsupportedOperationException: a type or option that is not supported here.
    """
    data = read_file(
        path, ignore_missing=options.ignore_missing_files, ignore_corrupt=options.ignore_corrupt_files
    )
    reader = RowReader(schema, needed, options)
    out: list[Row] = []
    if data:
        try:
            for text, cells in cells_of(
                data, options, lambda header: _check(header, schema, options, case_sensitive)
            ):
                row = reader.row(text, cells)
                if row is not None:
                    out.append(row)
        except (SparkRuntimeException, TokenError, IllegalArgumentException) as error:
            raise _failed(path, error) from error
    return to_arrow(out, needed)


def _failed(path: str, error: Exception) -> QueryExecutionException:
    return read_failed(path, f"Caused by: {error}")


def decoded(data: bytes, encoding: str) -> str:
    """Return bytes as text; what is not in the encoding is U+FFFD, as Java has it."""
    return shown_text(data) if encoding == "utf-8" else data.decode(encoding, "replace")


def lines_of(data: bytes, options: CsvOptions) -> Iterator[str]:
    """Return the lines of a file's content that are not blank."""
    separator = options.line_separator
    for line in split_lines(data, None if separator is None else separator.encode(options.encoding)):
        text = decoded(line, options.encoding)
        if text.strip(_BLANKS):
            yield text


def cells_of(
    data: bytes, options: CsvOptions, check_header: Callable[[Cells], None] | None = None
) -> Iterator[tuple[str, Callable[[], Cells | None]]]:
    """Return, for each record of a file's content but the header, its text and what takes it apart.

    Raises:
        TokenError: with `multiLine`, a record that cannot be read.
    """
    if options.multi_line:
        found = records(decoded(data, options.encoding), options)
        if options.header and found:
            if check_header is not None:
                check_header(found[0][1])
            found = found[1:]
        for text, cells in found:
            yield text, lambda cells=cells: cells  # type: ignore[misc]
        return
    tokenizer = make_tokenizer(options)
    comment = options.comment
    lines = lines_of(data, options)
    if options.header:
        for line in lines:
            if comment == NONE or not line.strip(_BLANKS).startswith(comment):
                header = tokenizer(line)
                if check_header is not None and header is not None:
                    check_header(header)
                break
    for line in lines:
        if comment != NONE and line.startswith(comment):
            continue
        if "\n" in line:  # the line separator is another, but this ends a record too
            text, record = first_record(line, options)
            yield text, lambda record=record: record  # type: ignore[misc]
        else:
            yield line, lambda line=line: tokenizer(line)  # type: ignore[misc]


class RowReader:
    """Turns cells into rows under one schema and mode.

    Args:
        schema: all columns of a record, without the corrupt-record column.
        needed: the columns of a row, in their order; may include the corrupt-record column.
        options: how to read.
    """

    def __init__(self, schema: t.StructType, needed: t.StructType, options: CsvOptions) -> None:
        self.options = options
        names = [field.name for field in needed]
        self.corrupt = names.index(options.corrupt_column) if options.corrupt_column in names else None
        fields = [field for field in needed if field.name != options.corrupt_column]
        self.converters = [make_converter(field.dataType, options) for field in fields]
        self.positions = [schema.names.index(field.name) for field in fields]
        # Spark takes only the cells that are needed out of a record, and then does not notice how many there are.
        self.prunes = options.column_pruning
        self.width = len(schema.fields)
        self.judges_width = not self.prunes or len(fields) == self.width

    def row(self, text: str, cells_of: Callable[[], Cells | None]) -> Row | None:
        """Return the row of a record; None when it is dropped.

        Raises:
            SparkRuntimeException: `MALFORMED_RECORD_IN_PARSING`, with mode FAILFAST.
            TokenError: the parser gives up on it.
        """
        if self.prunes and not self.positions:
            return []
        cells = cells_of()
        if cells is None:
            return self._bad(text, [None] * len(self.positions))
        bad = self.judges_width and len(cells) != self.width
        row: Row = []
        for position, convert in zip(self.positions, self.converters, strict=True):
            if position >= len(cells):
                row.append(None)
                continue
            try:
                row.append(convert(cells[position]))
            except BadValue:
                bad = True
                row.append(None)
        return self._bad(text, row) if bad else self._with_corrupt(row, None)

    def _bad(self, text: str, row: Row) -> Row | None:
        mode = self.options.mode
        if mode == FAILFAST:
            raise malformed(text)
        return None if mode == DROPMALFORMED else self._with_corrupt(row, _without_line_end(text))

    def _with_corrupt(self, row: Row, text: str | None) -> Row:
        if self.corrupt is not None:
            row.insert(self.corrupt, text)
        return row


def _without_line_end(text: str) -> str:
    if text.endswith("\n"):
        return text[:-1].removesuffix("\r")
    return text.removesuffix("\r")


def malformed(text: str) -> SparkRuntimeException:
    """Return Spark's error for a bad record in the mode FAILFAST."""
    return SparkRuntimeException(
        "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION",
        f"A record is malformed: {text[:200]}. "
        "The mode is FAILFAST; with the mode PERMISSIVE its fields would become null.",
        sqlstate="22023",
        parameters={"badRecord": text[:200], "failFastMode": FAILFAST},
    )


def _check(header: Cells, schema: t.StructType, options: CsvOptions, case_sensitive: bool) -> None:
    """Compare a header with the schema, unless the schema is enforced.

    Raises:
        IllegalArgumentException: they differ.
    """
    if options.enforce_schema:
        return
    names = schema.names
    if len(header) != len(names):
        raise IllegalArgumentException(
            "_LEGACY_ERROR_TEMP_3241",
            "Number of column in CSV header is not equal to number of fields in the schema:\n "
            f"Header length: {len(header)}, schema size: {len(names)}",
        )
    for name, field in zip(header, names, strict=True):
        same = name == field or (not case_sensitive and (name or "").lower() == field.lower())
        if not same:
            raise IllegalArgumentException(
                "_LEGACY_ERROR_TEMP_3241",
                f"CSV header does not conform to the schema.\n Header: {', '.join(map(str, header))}\n "
                f"Schema: {', '.join(names)}\nExpected: {field} but found: {name}",
            )
