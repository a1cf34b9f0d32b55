"""The schema of CSV files: names from the first line, types from all cells where they are asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lightstream.errors import IllegalArgumentException, SparkRuntimeException
from lightstream.plan import types as t
from lightstream.sources.csv.exact import cells_of, lines_of
from lightstream.sources.csv.options import NONE, CsvOptions
from lightstream.sources.csv.tokenizer import Cells, TokenError, make_tokenizer
from lightstream.sources.file_bytes import codec_of, read_failed, read_file
from lightstream.sources.java_text import java_double
from lightstream.sources.json.characters import is_basic
from lightstream.sources.json.numbers import parse_decimal
from lightstream.sources.json.record_reader import BadValue
from lightstream.sources.json.temporal import timestamp_ntz_parser, timestamp_parser
from lightstream.sources.listing import FileEntry

_BLANKS = "".join(map(chr, range(0x21)))
_INTEGER = re.compile(r"[+-]?\d+\Z")
_MAX_SPLIT_BYTES, _OPEN_BYTES = 128 << 20, 4 << 20


def infer_schema(
    files: Sequence[FileEntry], options: CsvOptions, *, case_sensitive: bool
) -> t.StructType | None:
    """Return the schema of some files, None when there are no files.

    Spark: with `samplingRatio` it looks at a random part of the records; here at all of them, always.

    Raises:
        IllegalArgumentException: the option samplingRatio is not positive.
        QueryExecutionException: `FAILED_READ_FILE`.
        SparkRuntimeException: `MALFORMED_CSV_RECORD`.
    """
    if not files:
        return None
    if not options.sampling_ratio > 0:
        raise IllegalArgumentException(
            None, f"requirement failed: samplingRatio ({options.sampling_ratio}) should be greater than 0"
        )
    ordered = list(files) if options.multi_line else _in_read_order(files)
    first: Cells | None = None
    first_line: str | None = None
    inference: TypeInference | None = None
    for file in ordered:
        data = read_file(
            file.path,
            ignore_missing=options.ignore_missing_files,
            ignore_corrupt=options.ignore_corrupt_files,
        )
        if not data:
            continue
        with _naming(file, options):
            if first is None:
                first_line, first = _first_record(data, options)
                if first is None:
                    if first_line is not None:
                        return t.StructType([])
                    continue
                inference = TypeInference(safe_header(first, options, case_sensitive), options)
            if not options.infer_schema:
                break
            assert inference is not None
            for text, cells in cells_of(data, options, None):
                if options.multi_line or not options.header or text != first_line:
                    inference.add(cells() or [])
    return t.StructType([]) if inference is None else inference.schema()


@contextmanager
def _naming(file: FileEntry, options: CsvOptions) -> Iterator[None]:
    """Give a record that the parser gives up on Spark's error, with the file's name."""
    try:
        yield
    except TokenError as error:
        message = (
            f"A CSV record of {file.uri} is malformed: {error}. Mend it, or change the options of the parser, such as "
            "maxColumns, maxCharsPerColumn and unescapedQuoteHandling."
        )
        if options.multi_line:  # Spark takes whole files apart where it reads them
            raise read_failed(file.path, message) from error
        raise SparkRuntimeException(
            "MALFORMED_CSV_RECORD",
            message,
            sqlstate="KD000",
            parameters={"badRecord": str(error)},
        ) from error


def _in_read_order(files: Sequence[FileEntry]) -> list[FileEntry]:
    """Return files in the order in which Spark reads them: those with the largest first piece first."""
    cores = os.cpu_count() or 1
    spread = sum(file.size + _OPEN_BYTES for file in files) // cores
    piece = min(_MAX_SPLIT_BYTES, max(_OPEN_BYTES, spread))

    def first_piece(file: FileEntry) -> int:
        return file.size if codec_of(file.path) not in (None, "bzip2") else min(file.size, piece)

    return sorted(files, key=first_piece, reverse=True)


def _first_record(data: bytes, options: CsvOptions) -> tuple[str | None, Cells | None]:
    if options.multi_line:
        from dataclasses import replace

        for text, cells in cells_of(data, replace(options, header=False)):
            return text, cells()
        return None, None
    for line in lines_of(data, options):
        if options.comment == NONE or not line.startswith(options.comment):
            return line, make_tokenizer(options)(line)
    return None, None


def safe_header(cells: Cells, options: CsvOptions, case_sensitive: bool) -> list[str]:
    """Return the names of columns: those of a first record, with numbers where they are missing or repeated."""
    if not options.header:
        return [f"_c{index}" for index in range(len(cells))]

    def key(name: str) -> str:
        return name if case_sensitive else name.lower()

    keys = [key(name) for name in cells if name is not None]
    names = []
    for index, name in enumerate(cells):
        if name is None or name == "" or name == options.null_value:
            names.append(f"_c{index}")
        elif keys.count(key(name)) > 1:
            names.append(f"{name}{index}")
        else:
            names.append(name)
    return names


class TypeInference:
    """The types of columns, as they widen from record to record."""

    def __init__(self, names: Sequence[str], options: CsvOptions) -> None:
        self.names = names
        self.options = options
        self.types: list[t.DataType] = [t.NullType() for _ in names]
        self.special = (options.nan, options.negative_inf, options.positive_inf)
        self.timestamp = timestamp_parser(options, with_fallback=False)
        self.timestamp_ntz = timestamp_ntz_parser(options)
        self.date = _strict_date(options)
        sample = options.date_format or "yyyy-MM-dd"
        for letters, digits in (("yyyy", "1970"), ("MM", "01"), ("dd", "01")):
            sample = sample.replace(letters, digits)
        self.dates_are_timestamps = options.timestamp_format is None and self.timestamp(sample) is not None

    def add(self, cells: Cells) -> None:
        """Take a record into account."""
        for index, text in enumerate(cells[: len(self.types)]):
            if text and text != self.options.null_value:
                self.types[index] = self._with(self.types[index], text)

    def schema(self) -> t.StructType:
        """Return the schema so far."""
        found = [t.StringType() if isinstance(kind, t.NullType) else kind for kind in self.types]
        if not self.options.infer_schema:
            found = [t.StringType() for _ in self.names]
        return t.StructType([t.StructField(n, kind, True) for n, kind in zip(self.names, found, strict=True)])

    def _with(self, so_far: t.DataType, text: str) -> t.DataType:
        if isinstance(so_far, t.StringType):
            return so_far
        order = [
            self._integral, self._decimal, self._double, self._date, self._local_timestamp, self._timestamp,
            self._boolean,
        ]  # fmt: skip
        start = next(
            i for i, kinds in enumerate(_STARTS) if isinstance(so_far, kinds)
        )  # what is known to be a double cannot become an integer again
        if isinstance(so_far, t.LongType):
            found = self._long(text)
            attempts = order[1:]
        else:
            found, attempts = None, order[start:]
        for attempt in attempts:
            if found is not None:
                break
            found = attempt(text)
        return self._compatible(so_far, found or t.StringType())

    def _integral(self, text: str) -> t.DataType | None:
        value = _whole(text)
        if value is None or not -(2**63) <= value < 2**63:
            return None
        return t.IntegerType() if -(2**31) <= value < 2**31 else t.LongType()

    def _long(self, text: str) -> t.DataType | None:
        value = _whole(text)
        return t.LongType() if value is not None and -(2**63) <= value < 2**63 else None

    def _decimal(self, text: str) -> t.DataType | None:
        try:
            _, digits, exponent = parse_decimal(text).as_tuple()
        except BadValue:
            return None
        assert isinstance(exponent, int)
        if exponent < 0:
            return None
        precision = max(len("".join(map(str, digits)).lstrip("0")), 1)
        # A scale below zero is no type.
        return t.DecimalType(precision, 0) if exponent == 0 and precision <= 38 else None

    def _double(self, text: str) -> t.DataType | None:
        return t.DoubleType() if text in self.special or java_double(text) is not None else None

    def _date(self, text: str) -> t.DataType | None:
        return t.DateType() if self.options.prefer_date and self.date(text) is not None else None

    def _local_timestamp(self, text: str) -> t.DataType | None:
        # Of a session where TIMESTAMP is one with a zone, that is what a local one becomes too.
        return t.TimestampType() if self.timestamp_ntz(text) is not None else None

    def _timestamp(self, text: str) -> t.DataType | None:
        return t.TimestampType() if self.timestamp(text) is not None else None

    def _compatible(self, left: t.DataType, right: t.DataType) -> t.DataType:
        if {type(left), type(right)} == {t.DateType, t.TimestampType} and self.dates_are_timestamps:
            return t.TimestampType()
        return compatible(left, right) or t.StringType()

    def _boolean(self, text: str) -> t.DataType | None:
        return t.BooleanType() if text.lower() in ("true", "false") else None


# The first attempt at the type of a cell, by the type of those before it.
_STARTS: tuple[tuple[type[t.DataType], ...], ...] = (
    (t.NullType, t.IntegerType, t.LongType), (t.DecimalType,), (t.DoubleType,), (t.DateType,), (),
    (t.TimestampType,), (t.BooleanType,),
)  # fmt: skip


def _whole(text: str) -> int | None:
    return int(text) if _INTEGER.match(text) and is_basic(text) else None


def _strict_date(options: CsvOptions) -> Callable[[str], int | None]:
    """Return the reader of dates for inference: Spark has a pattern there, also where none was given."""
    from lightstream.sources.json.patterns import compile_pattern

    return compile_pattern(options.date_format or "yyyy-MM-dd").date


_FOR_TYPE: dict[type[t.DataType], t.DataType] = {
    t.IntegerType: t.DecimalType(10, 0),
    t.LongType: t.DecimalType(20, 0),
}


def compatible(left: t.DataType, right: t.DataType) -> t.DataType | None:
    """Return the type of a column with values of both; None where there is none."""
    if left == right or isinstance(right, t.NullType):
        return left
    if isinstance(left, t.NullType):
        return right
    kinds = {type(left), type(right)}
    if kinds == {t.IntegerType, t.LongType}:
        return t.LongType()
    if t.StringType in kinds or kinds == {t.DateType, t.TimestampType}:
        return t.StringType()
    if t.DoubleType in kinds and kinds <= {t.DoubleType, t.IntegerType, t.LongType, t.DecimalType}:
        return t.DoubleType()
    if kinds <= {t.IntegerType, t.LongType, t.DecimalType}:
        one, other = (_FOR_TYPE.get(type(kind), kind) for kind in (left, right))
        assert isinstance(one, t.DecimalType)
        assert isinstance(other, t.DecimalType)
        precision = max(one.precision, other.precision)
        return t.DoubleType() if precision > 38 else t.DecimalType(precision, 0)
    return None
