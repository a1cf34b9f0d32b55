"""The exact reader: one file, record by record, by the rules of Spark's JSON source."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lightstream.errors import SparkRuntimeException, unsupported
from lightstream.plan import types as t
from lightstream.sources.arrow_values import arrow_type
from lightstream.sources.corrupt_records import check_corrupt_column
from lightstream.sources.file_bytes import codec_of, read_failed, read_file
from lightstream.sources.json.characters import shown_text
from lightstream.sources.json.convert import PartialRows, PartialValue, make_root
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.json.quick import make_quick
from lightstream.sources.json.record_reader import BadValue
from lightstream.sources.json.records import split_records
from lightstream.sources.json.tokens import Tokenizer
from lightstream.sources.record_options import DROPMALFORMED, FAILFAST

if TYPE_CHECKING:
    import pyarrow as pa

Row = list[Any]


def read_exact(path: str, schema: t.StructType, options: JsonOptions) -> pa.Table:
    """Return the rows of one file as an Arrow table with the schema's columns, in its order.

    Args:
        path: the file; compression by its name.
        schema: the columns that the query needs; Spark judges a record by these alone. May include the
            corrupt-record column, which gets the text of bad records.
        options: how to read.

    Raises:
        QueryExecutionException: `FAILED_READ_FILE`; with FAILFAST, caused by `MALFORMED_RECORD_IN_PARSING`.
        AnalysisException: the corrupt-record column is no string.
        UnsupportedOperationException: a type or option that is not supported here.
    """
    data = read_file(
        path, ignore_missing=options.ignore_missing_files, ignore_corrupt=options.ignore_corrupt_files
    )
    rows = _Reader(schema, options, raw_text=not options.multi_line or codec_of(path) is None)
    out: list[Row] = []
    if data:
        for record in split_records(data, options):
            try:
                out.extend(rows.of(record))
            except SparkRuntimeException as error:
                raise read_failed(path, f"Caused by: {error}") from error
    return to_arrow(out, schema)


class _Reader:
    """Turns records into rows under one schema and mode."""

    def __init__(self, schema: t.StructType, options: JsonOptions, *, raw_text: bool) -> None:
        self.options = options
        corrupt = [i for i, field in enumerate(schema.fields) if field.name == options.corrupt_column]
        self.corrupt_index = corrupt[0] if corrupt else None
        if corrupt:
            check_corrupt_column(schema.fields[corrupt[0]].dataType.simpleString(), options.corrupt_column)
        fields = [field for field in schema.fields if field.name != options.corrupt_column]
        actual = t.StructType(fields)
        self.width = len(fields)
        self.quick = make_quick(actual, options)
        self.tokens = make_tokenizer(options, raw_text)
        self.root = make_root(actual, options)

    def of(self, record: bytes) -> list[Row]:
        """Return the rows of one record.

        Raises:
            SparkRuntimeException: `MALFORMED_RECORD_IN_PARSING`, with mode FAILFAST.
        """
        if self.quick is not None:
            row = self.quick(record)
            if row is not None:
                return [self._with_corrupt(row, None)]
        try:
            tokens = self.tokens(record)
            if tokens.next_token() is None:
                return []
            return [self._with_corrupt(row or self._nothing(), None) for row in self.root(tokens)]
        except PartialValue as partial:
            return self._bad(record, [partial.kept])
        except PartialRows as partial_rows:
            return self._bad(record, [row or self._nothing() for row in partial_rows.rows])
        except BadValue:
            return self._bad(record, [])

    def _nothing(self) -> Row:
        return [None] * self.width

    def _bad(self, record: bytes, kept: list[Row]) -> list[Row]:
        mode = self.options.mode
        text = shown_text(record)  # whatever the encoding is, as in Spark
        if mode == FAILFAST:
            raise SparkRuntimeException(
                "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION",
                f"A record is malformed: {text[:200]}. "
                "The mode is FAILFAST; with the mode PERMISSIVE its fields would become null.",
                sqlstate="22023",
                parameters={"badRecord": text[:200], "failFastMode": FAILFAST},
            )
        if mode == DROPMALFORMED:
            return []
        return [self._with_corrupt(row, text) for row in kept or [self._nothing()]]

    def _with_corrupt(self, row: Row, text: str | None) -> Row:
        if self.corrupt_index is not None:
            row = list(row)
            row.insert(self.corrupt_index, text)
        return row


def make_tokenizer(options: JsonOptions, raw_text: bool) -> Callable[[bytes], Tokenizer]:
    """Return the function from a record to its tokens; `raw_text`: the text of values can be copied as written."""
    tolerance = options.tolerance
    plain = Tokenizer
    if options.encoding is not None or not raw_text:
        from lightstream.sources.json.rewritten import RewritingTokenizer, make_character_tokenizer

        if options.encoding is not None:
            return make_character_tokenizer(options.encoding, tolerance)
        plain = RewritingTokenizer

    def tokenizer(record: bytes) -> Tokenizer:
        if b"\0" in record[:4] or record[:2] in (b"\xff\xfe", b"\xfe\xff"):
            from lightstream.sources.json.rewritten import detect_encoding, make_detected_tokenizer

            encoding = detect_encoding(record)
            if encoding is not None:
                return make_detected_tokenizer(record, encoding, options, raw_text)
        return plain(record, tolerance)

    return tokenizer


def to_arrow(rows: list[Row], schema: t.StructType) -> pa.Table:
    """Return rows (in the converters' values) as an Arrow table."""
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema.fields)
    arrays = [_array(column, field.dataType) for column, field in zip(columns, schema.fields, strict=False)]
    if not schema.fields:
        # Arrow has no way to say how many rows a table without columns has.
        return pa.table({"": pa.nulls(len(rows))})
    return pa.Table.from_arrays(arrays, names=[field.name for field in schema.fields])


def _array(values: Any, data_type: t.DataType) -> pa.Array:
    import pyarrow as pa

    if isinstance(data_type, t.StructType):
        mask = pa.array([value is None for value in values], pa.bool_())
        children = [
            _array([None if value is None else value[index] for value in values], field.dataType)
            for index, field in enumerate(data_type.fields)
        ]
        fields = [
            pa.field(field.name, child.type) for field, child in zip(data_type.fields, children, strict=True)
        ]
        if not fields:
            return pa.array([None if value is None else {} for value in values], pa.struct([]))
        return pa.StructArray.from_arrays(children, fields=fields, mask=mask)
    if isinstance(data_type, t.ArrayType | t.MapType):
        offsets: list[int | None] = []
        flat: list[Any] = []
        for value in values:
            offsets.append(None if value is None else len(flat))
            flat.extend(value or ())
        offsets.append(len(flat))
        starts = pa.array(offsets, pa.int32())
        if isinstance(data_type, t.ArrayType):
            return pa.ListArray.from_arrays(starts, _array(flat, data_type.elementType))
        _check_unique_keys(values)
        return pa.MapArray.from_arrays(
            starts,
            _array([pair[0] for pair in flat], data_type.keyType),
            _array([pair[1] for pair in flat], data_type.valueType),
        )
    if isinstance(data_type, t.VariantType):
        return pa.array(values, pa.struct([("value", pa.binary()), ("metadata", pa.binary())]))
    return pa.array(values, arrow_type(data_type))


def _check_unique_keys(values: Any) -> None:
    for value in values:
        if value is not None and len({pair[0] for pair in value}) != len(value):
            raise unsupported(
                "A JSON object with a key twice, read as a map", "Spark would keep both entries."
            )
